"""Refused events are repaired by a patch and get in, once, whatever happens to the command that does it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from kafka.admin import OffsetSpec

from schemas.topics import RAW_NAMES
from tests.crash.load import Raw, send
from tests.crash.stream import Servers, Stream, asking, offsets, stream
from tests.payloads import encoded
from tests.system.command import Portrait, form

pytestmark = pytest.mark.integration

MEND = '{"data": {"form": {"kind": "newsletter"}}}'


def broken(number: int, source: str = "/test/web", kind: Any = 7) -> dict[str, Any]:
    """A form whose kind is a number."""
    told = form(number, email=f"an{number}@example.vn") | {"source": source}
    told["data"]["form"]["kind"] = kind
    return told


class Desk:
    """A stream with a worker, and the command."""

    def __init__(self, running: Stream, home: Path) -> None:
        self.stream = running
        given = {"PORTRAIT_KAFKA": running.kafka, "PORTRAIT_DATABASE_URL": running.url}
        self.portrait = Portrait(home, given)

    def refuse(self, *events: dict[str, Any]) -> list[str]:
        """Send events that are refused; their origins, in the order of the log."""
        send(self.stream.kafka, [Raw("events.web", b"k", encoded(each)) for each in events])
        self.stream.drain()
        query = "select origin from portrait.rejected where event_id = %s"
        return [str(self.stream.rows(query, each["id"])[0][0]) for each in events]

    def fix(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        done: list[dict[str, Any]] = self.portrait.ask("rejected", "fix", *arguments, code=code)
        return done

    def stored(self) -> list[str]:
        self.stream.drain()
        return [id_ for (id_,) in self.stream.rows("select id from portrait.events order by id")]

    def duplicates(self) -> int:
        return int(self.stream.rows("select count(*) from portrait.duplicates")[0][0])

    def received(self) -> int:
        """How many records the raw topics have."""
        with asking(self.stream.kafka) as admin:
            return sum(offsets(admin, RAW_NAMES, OffsetSpec.LATEST).values())


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    with stream(servers, partitions=2) as running:
        running.worker()
        yield Desk(running, tmp_path / "home")


def outcomes(done: list[dict[str, Any]]) -> dict[str, str]:
    return {each["origin"]: each["outcome"] for each in done}


def test_a_dry_run_shows_before_and_after_and_what_would_come_of_it_and_does_nothing(desk: Desk) -> None:
    origin, hopeless = desk.refuse(broken(1), {**broken(2), "type": "web.unknown.v1"})
    received = desk.received()
    would, wont = desk.fix(origin, hopeless, "--patch", MEND, "--dry-run", code=1)
    assert (would["outcome"], would["detail"]) == ("would be sent", "events.web")
    assert '"kind": 7' in would["before"]
    assert '"kind":"newsletter"' in would["after"]
    assert wont["outcome"] == "is refused again"
    assert wont["detail"].startswith("unknown_type at $.type")
    shown = desk.portrait.run("rejected", "fix", origin, "--patch", MEND, "--dry-run")
    assert '-      "kind": 7' in shown
    assert '+      "kind": "newsletter"' in shown
    assert (desk.received(), desk.stored()) == (received, [])
    assert desk.portrait.ask("rejected", "show", origin)["attempts"] == []


def test_all_of_a_reason_and_source_are_repaired_and_the_same_command_again_sends_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    mine, yours = desk.refuse(broken(1), broken(2)), desk.refuse(broken(3, source="/test/other"))
    patch = tmp_path / "mend.json"
    patch.write_text('[{"op": "replace", "path": "/data/form/kind", "value": "newsletter"}]')
    command = ("--reason", "invalid_value", "--source", "/test/web", "--patch", str(patch), "--by", "lan")
    sent = desk.fix(*command)
    assert outcomes(sent) == dict.fromkeys(mine, "sent")
    assert desk.stored() == ["form-1", "form-2"]
    received = desk.received()
    assert desk.fix(*command) == []
    again = desk.fix(*mine, "--patch", str(patch))
    assert outcomes(again) == dict.fromkeys(mine, "was sent before")
    assert (desk.received(), desk.stored(), desk.duplicates()) == (received, ["form-1", "form-2"], 0)
    (tried,) = desk.portrait.ask("rejected", "show", mine[0])["attempts"]
    assert {name: tried[name] for name in ("by", "patch", "outcome", "detail")} == {
        "by": "lan",
        "patch": patch.read_text(),
        "outcome": "sent",
        "detail": next(each["detail"] for each in sent if each["origin"] == mine[0]),
    }
    assert desk.portrait.ask("rejected", "show", yours[0])["attempts"] == []


def test_letters_are_chosen_by_reason_and_source_and_time_by_each_command(desk: Desk) -> None:
    before = desk.refuse(broken(1), {**broken(2), "type": "web.unknown.v1"})
    desk.stream.rows("update portrait.rejected set rejected_at = rejected_at - interval '3 hours' returning origin")
    form_, unknown, elsewhere = desk.refuse(
        broken(3), {**broken(4), "type": "web.unknown.v1"}, broken(5, source="/test/other")
    )

    def chosen(*arguments: str) -> set[str]:
        patched = desk.fix(*arguments, "--patch", MEND, "--dry-run", code=1)
        sent = desk.portrait.ask("rejected", "replay", *arguments, "--dry-run", code=1)
        listed = desk.portrait.ask("rejected", "ls", *arguments)
        found = [{each["origin"] for each in each_} for each_ in (patched, sent, listed)]
        assert found[0] == found[1] == found[2]
        return found[0]

    assert chosen("--since", "2h") == {form_, unknown, elsewhere}
    assert chosen("--since", "1d", "--reason", "unknown_type") == {before[1], unknown}
    assert chosen("--source", "/test/web", "--since", "2h") == {form_, unknown}
    assert chosen("--source", "/test/web", "--since", "2h", "--reason", "unknown_type") == {unknown}
    sent = desk.fix("--source", "/test/web", "--since", "2h", "--patch", MEND, code=1)
    assert outcomes(sent) == {form_: "sent", unknown: "is refused again"}
    assert desk.stored() == ["form-3"]


def test_each_attempt_is_kept_with_what_came_of_it(desk: Desk) -> None:
    (origin,) = desk.refuse(broken(1))
    (first,) = desk.fix(origin, "--patch", '{"data": {"form": {"kind": "poem"}}}', code=1)
    desk.fix(origin, "--patch", '[{"op": "remove", "path": "/nothing"}]', "--by", "an", code=1)
    (second,) = desk.fix(origin, "--patch", MEND, "--by", "lan")
    tried = desk.portrait.ask("rejected", "show", origin)["attempts"]
    assert [(each["outcome"], each["detail"]) for each in tried] == [
        ("refused", first["detail"]),
        ("refused", "the patch does not fit it: can't remove nonexistent property (remove:0)"),
        ("sent", second["detail"]),
    ]
    assert [each["by"] for each in tried[1:]] == ["an", "lan"]
    shown = desk.portrait.run("rejected", "show", origin)
    assert f"sent by lan, patched with {MEND}: {second['detail']}" in " ".join(shown.split())


def test_a_patch_for_several_events_cannot_make_one_event_of_them(desk: Desk) -> None:
    one, other = desk.refuse(broken(1), broken(2))
    patch = '{"id": "form-0", "data": {"form": {"kind": "newsletter"}}}'
    refused = desk.fix(one, other, "--patch", patch, code=1)
    assert [each["detail"] for each in refused] == ["the patch gives it another id: name this ORIGIN alone"] * 2
    assert outcomes(desk.fix(one, "--patch", patch)) == {one: "sent"}
    assert desk.stored() == ["form-0"]


def test_what_is_stored_already_is_said_since_it_will_count_for_nothing(desk: Desk) -> None:
    origin, other = desk.refuse(broken(1), broken(3))
    send(
        desk.stream.kafka, [Raw("events.web", b"k", encoded(form(2, email="an@example.vn") | {"source": "/test/web"}))]
    )
    assert desk.stored() == ["form-2"]
    patch = '{"id": "form-2", "data": {"form": {"kind": "newsletter"}}}'
    (would,) = desk.fix(origin, "--patch", patch, "--dry-run")
    assert (would["outcome"], would["stored_before"]) == ("would be sent", True)
    shown = desk.portrait.run("rejected", "fix", origin, "--patch", patch)
    assert "an event of this source and id is stored already: this one counts for nothing" in " ".join(shown.split())
    assert (desk.stored(), desk.duplicates()) == (["form-2"], 1)
    (sent,) = desk.fix(other, "--patch", MEND)
    assert (sent["outcome"], sent["stored_before"]) == ("sent", False)


def test_nor_by_giving_two_events_of_one_id_the_same_source(desk: Desk) -> None:
    desk.refuse(broken(1, source="/shop/a"), broken(1, source="/shop/b"))
    patch = '{"source": "/shop", "data": {"form": {"kind": "newsletter"}}}'
    details = {
        each["outcome"]: each["detail"] for each in desk.fix("--reason", "invalid_value", "--patch", patch, code=1)
    }
    assert set(details) == {"sent", "is refused again"}
    assert details["is refused again"].startswith("with the patch it has the source and the id of another one")
    assert desk.stored() == ["form-1"]
    assert desk.duplicates() == 0


def test_a_command_that_is_killed_between_kafka_and_the_store_is_given_again_and_each_event_counts_once(
    desk: Desk,
) -> None:
    origins = desk.refuse(broken(1), broken(2))
    before = desk.received()
    command = desk.portrait.argv("rejected", "fix", "--reason", "invalid_value", "--patch", MEND)
    with closing(psycopg2.connect(desk.stream.url)) as other, other.cursor() as at:
        at.execute(
            "lock table portrait.rejected_attempts in share mode"
        )  # so that it waits where it notes what was sent
        killed = subprocess.Popen(
            command, env=desk.portrait.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        desk.stream.until(lambda: desk.received() == before + 2, 60, what="both events in Kafka")
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(10) == -signal.SIGKILL
    assert desk.stored() == ["form-1", "form-2"]
    assert [desk.portrait.ask("rejected", "show", each)["attempts"] for each in origins] == [[], []]
    desk.stream.until(
        lambda: desk.stream.rows("select from pg_stat_activity where application_name = 'portrait-command'") == [],
        what="the end of its transaction",
    )

    assert outcomes(desk.fix("--reason", "invalid_value", "--patch", MEND)) == dict.fromkeys(origins, "sent")
    assert desk.fix("--reason", "invalid_value", "--patch", MEND) == []
    assert (desk.stored(), desk.duplicates()) == (["form-1", "form-2"], 2)
    assert [len(desk.portrait.ask("rejected", "show", each)["attempts"]) for each in origins] == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--patch", MEND), "name the ORIGINs to repair, or say which: --reason, --source, --since"),
        (("x", "--reason", "empty", "--patch", MEND), "name the ORIGINs to repair, or say which"),
        (("--reason", "y", "--patch", MEND), "--reason y: reasons are not_json, not_utf8, "),
        (("x", "--source", "y", "--patch", MEND), "name the ORIGINs to repair, or say which"),
        (("x", "--since", "2h", "--patch", MEND), "name the ORIGINs to repair, or say which"),
        (("--since", "soon", "--patch", MEND), "--since soon: give 30m, 2h, 3d or 1w, or a date"),
        (("x", "--patch", "{nonsense"), "the patch cannot be read: not JSON: Expecting"),
        (
            ("x", "--patch", "nowhere.json"),
            "--patch nowhere.json: No such file or directory; give JSON, or a file of it",
        ),
        (("x", "--patch", "."), "--patch .: Is a directory; give JSON, or a file of it"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_asked(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert said in Portrait(tmp_path / "home").refused("rejected", "fix", *arguments)
