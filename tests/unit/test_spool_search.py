"""Looking for an event in a spool that a collector uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from producers.admit import refuse
from producers.record import Record
from producers.spool.keep import Spool
from producers.spool.search import Searched, Spooled, search
from schemas.rejected import Reason, Rejected
from schemas.topics import REJECTED
from tests.unit.test_spool import MB, NOW, spooling


def event(id_: str, source: str = "/web", *, ascii_only: bool = False, **more: Any) -> Record:
    text = json.dumps({"source": source, "id": id_, "type": "web.form_submitted.v1", **more}, ensure_ascii=ascii_only)
    return Record("events.web", b"k", text.encode())


def keep(spool: Spool, *records: Record, sender: str = "shop") -> None:
    spool.append(sender, records, NOW).result(timeout=10)


def places(path: Path, event_id: str, source: str | None = None) -> list[tuple[str, str | None]]:
    return [(each.sender, each.source) for each in search(path, event_id, source, 5).found]


@pytest.mark.parametrize("id_", ["form-1041", "a/b", "đơn hàng 7", 'say "x"', "tab\t", "ảnh"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_an_event_is_found_by_its_id_however_it_is_written(tmp_path: Path, id_: str, ascii_only: bool) -> None:
    with spooling(tmp_path) as spool:
        keep(spool, event("other"), event(id_, ascii_only=ascii_only))
        keep(spool, event(id_ + "0"), event("0" + id_), event("x", note=id_))
        found = Spooled("shop", NOW, "events.web", "/web", None, False)
        assert search(tmp_path, id_, None, 5) == Searched((found,), 1, 0)


def test_an_id_with_every_letter_escaped_is_found_all_the_same(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        keep(spool, Record("events.web", b"k", rb'{"id": "\u0066orm-1", "source": "/web"}'))
        assert places(tmp_path, "form-1") == [("shop", "/web")]


def test_a_source_tells_two_events_of_one_id_apart(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        keep(spool, event("e", "/web"))
        keep(spool, event("e", "/till"), sender="till")
        assert places(tmp_path, "e") == [("shop", "/web"), ("till", "/till")]
        assert places(tmp_path, "e", "/till") == [("till", "/till")]
        assert places(tmp_path, "e", "/app") == []


def test_a_dead_letter_is_found_with_its_reason(tmp_path: Path) -> None:
    rejected = Rejected(Reason.UNKNOWN_TYPE, "$.type", "no", "e" * 300, "/web")
    with spooling(tmp_path) as spool:
        keep(spool, refuse(0, rejected, b"{}", None, request="r", now_ms=NOW).letter)
        (found,) = search(tmp_path, "e" * 300, "/web", 5).found
    assert found == Spooled("shop", NOW, REJECTED, "/web", "unknown_type", False)


def test_what_was_drained_is_not_found_and_what_kafka_refused_is(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        for id_ in ("drained", "refused", "waiting"):
            keep(spool, event(id_))
        spool.drained(spool.read(1))
        second = spool.read(10)
        assert [places(tmp_path, id_) for id_ in ("drained", "refused")] == [[], [("shop", "/web")]]
        spool.refuse(second[0], 0)
        spool.drained(second[:1])
        (found,) = search(tmp_path, "refused", None, 5).found
        assert found.refused
        assert places(tmp_path, "waiting") == [("shop", "/web")]


def test_what_there_was_no_time_for_or_nobody_can_read_is_counted(tmp_path: Path) -> None:
    with spooling(tmp_path, 8 * MB) as spool:
        keep(spool, event("e"))
        assert search(tmp_path, "e", None, -1) == Searched((), 0, 1)
        (tmp_path / "set-aside" / "000000000001-0011223344556677.seg.0-9.damaged").write_bytes(b"?")
        assert search(tmp_path, "none", None, 5) == Searched((), 1, 1)
