"""Keys change while the collector runs: another key, the old one good for a while, shut out, let in again; no field is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from producers.keys import KeyFile, KeysError, Source, hash_key, read_sources
from producers.keys.changes import add_source, disable, rotate
from producers.keys.webhook import Webhook
from producers.request.access import authenticate, recognise, recognise_tracer
from producers.request.problems import Problem
from producers.webhooks.form import FORM, KEY_HEADER
from producers.webhooks.meta import META
from producers.webhooks.notice import Notice


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "portrait" / "keys.yaml"


def opens(file: Path, key: str) -> bool:
    return KeyFile(file).find(key) is not None


def test_a_source_is_added_with_what_it_may_and_its_key_is_nowhere_in_the_file(file: Path) -> None:
    first = add_source(file, "till", ["/shops/*"], events_per_second=50)
    second = add_source(file, "web", public=True)
    assert read_sources(file) == (
        Source("till", hash_key(first), ("/shops/*",), events_per_second=50),
        Source("web", hash_key(second), public=True),
    )
    assert first not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_name_is_given_once_and_a_bad_one_leaves_the_file_as_it_was(file: Path) -> None:
    add_source(file, "till")
    before = file.read_bytes()
    with pytest.raises(KeysError, match="there is a source 'till' already"):
        add_source(file, "till")
    with pytest.raises(KeysError, match=r"keys.yaml: sources.1.name"):
        add_source(file, "a till")
    for change in (lambda: rotate(file, "none"), lambda: disable(file, "none", True)):
        with pytest.raises(KeysError, match="there is no source 'none'"):
            change()
    assert file.read_bytes() == before
    assert not file.with_name("keys.yaml.new").exists()


def test_after_a_rotation_the_old_key_is_good_for_nothing(file: Path) -> None:
    old = add_source(file, "till")
    new = rotate(file, "till")
    assert (opens(file, old), opens(file, new)) == (False, True)


def test_or_for_as_long_as_was_said(file: Path) -> None:
    old = add_source(file, "till")
    new = rotate(file, "till", timedelta(days=1))
    assert (opens(file, old), opens(file, new)) == (True, True)
    (source,) = read_sources(file)
    assert source.old_key_until is not None
    assert timedelta(hours=23) < source.old_key_until - datetime.now(UTC) <= timedelta(days=1)
    newest = rotate(file, "till", timedelta(days=1))
    assert [opens(file, key) for key in (old, new, newest)] == [False, True, True]
    document = yaml.safe_load(file.read_text())
    document["sources"][0]["old_key_until"] = "2026-01-01T00:00:00Z"
    file.write_text(yaml.safe_dump(document))
    assert [opens(file, key) for key in (new, newest)] == [False, True]


def test_every_door_knows_both_keys_after_a_rotation(file: Path) -> None:
    def opened(name: str, key: str) -> list[bool]:
        """Whether the key is good as the verify token of Meta, in the header of a form service, in the address of a form."""
        known = KeyFile(file)
        source = known.named(name)
        assert source is not None
        asked = {"hub.mode": "subscribe", "hub.verify_token": key, "hub.challenge": "7"}
        webhook = source.webhook or Webhook(platform="form", mapping="form.yaml")
        notice = Notice(b"{}", {KEY_HEADER: key}, source, webhook, (), datetime.now(UTC))
        challenge = META.challenge and META.challenge(asked, source)
        return [challenge == "7", FORM.signed(notice), known.find(key) == source]

    doors: dict[str, dict[str, object]] = {
        "page": {"webhook": {"platform": "meta", "secret_file": "meta.secret"}},
        "survey": {"webhook": {"platform": "form", "mapping": "form.yaml"}},
        "contact": {"form": {"thanks": "https://shop.example/thanks"}},
    }
    old = {name: add_source(file, name, **setting) for name, setting in doors.items()}
    kept = {name: rotate(file, name, timedelta(days=1)) for name in doors}
    expected = {"page": [True, True, False], "survey": [True, True, False], "contact": [True, True, True]}
    for keys in (old, kept):
        assert {name: opened(name, key) for name, key in keys.items()} == expected
    last = {name: rotate(file, name) for name in doors}
    assert {name: opened(name, key) for name, key in last.items()} == expected
    for keys in (old, kept):
        assert {name: opened(name, key) for name, key in keys.items()} == dict.fromkeys(doors, [False] * 3)


def test_an_old_key_without_a_time_or_without_a_zone_is_no_key(file: Path) -> None:
    old = add_source(file, "till")
    rotate(file, "till", timedelta(days=1))
    text = file.read_text()
    lines = [line for line in text.splitlines() if "old_key_until" not in line]
    file.write_text("\n".join(lines))
    assert not opens(file, old)
    file.write_text("\n".join([*lines, "  old_key_until: 2099-01-01T00:00:00"]))
    with pytest.raises(KeysError, match="old_key_until"):
        read_sources(file)


def test_who_is_disabled_is_shut_out_with_both_keys_and_let_in_again(file: Path) -> None:
    old = add_source(file, "till")
    new = rotate(file, "till", timedelta(days=1))
    disable(file, "till", True)
    disable(file, "till", True)
    assert (opens(file, old), opens(file, new)) == (False, False)
    disable(file, "till", False)
    assert (opens(file, old), opens(file, new)) == (True, True)


def test_whatever_else_stands_in_the_file_stays_there(file: Path) -> None:
    add_source(file, "outlet")
    file.write_text(file.read_text() + "  user_id_prefix: outlet\n  events_per_second: 9\n")
    rotate(file, "outlet", timedelta(hours=1))
    disable(file, "outlet", True)
    add_source(file, "other")
    add_source(file, "third")
    kept = read_sources(file)
    assert (kept[0].user_id_prefix, kept[0].events_per_second, kept[0].disabled) == ("outlet", 9, True)
    assert kept[0].old_key_until is not None
    assert [source.name for source in kept] == ["outlet", "other", "third"]


def test_a_key_that_traces_sends_nothing_and_a_key_that_sends_traces_nothing(file: Path) -> None:
    tracing, sending = add_source(file, "support", traces=True), add_source(file, "till")
    keys = KeyFile(file)
    with pytest.raises(Problem) as caught:
        authenticate(f"Bearer {tracing}", keys)
    assert caught.value.status == 401
    assert recognise(f"Bearer {tracing}", keys) is None
    asking = recognise_tracer(f"Bearer {tracing}", keys)
    assert asking is not None
    assert (asking[0].name, asking[1]) == ("support", tracing)
    assert [recognise_tracer(header, keys) for header in (f"Bearer {sending}", "Bearer", None, "")] == [None] * 4
    disable(file, "support", True)
    assert recognise_tracer(f"Bearer {tracing}", KeyFile(file)) is None


@pytest.mark.parametrize(
    "also", ["public: true", "webhook: {platform: meta, secret_file: s}", "form: {thanks: 'https://shop.example/'}"]
)
def test_what_traces_stands_in_no_page_and_sends_by_no_door(file: Path, also: str) -> None:
    add_source(file, "support", traces=True)
    file.write_text(file.read_text() + f"  {also}\n")
    with pytest.raises(KeysError, match="what traces sends nothing"):
        read_sources(file)


def test_several_who_change_it_at_once_do_not_undo_each_other(file: Path) -> None:
    with ThreadPoolExecutor(8) as adding:
        keys = list(adding.map(lambda number: add_source(file, f"source-{number}"), range(24)))
    assert len(read_sources(file)) == 24
    assert all(opens(file, key) for key in keys)
