"""What a target may be, where its secret is, and which changes it is told of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from schemas.profile import SegmentChange, encode
from sinks.activation.message import Record, made_up_change, read_change, why_not
from sinks.activation.service import lag
from sinks.activation.targets import (
    BadTarget,
    CsvSettings,
    EmailSettings,
    Settings,
    Target,
    WebhookSettings,
    check,
    read_secret,
)
from sinks.postgres.targets import Failed
from tests.unit.test_webhook import AN, CHANGE

HOOK = WebhookSettings(url="https://crm.example/hook", secret="env:HOOK_SECRET")
MAIL = EmailSettings(host="smtp.example", sender="Cửa hàng <shop@example.com>", subject="s", text="t")
FILES = CsvSettings(directory="/srv/crm")


@pytest.mark.parametrize("settings", [HOOK, MAIL, FILES], ids=["webhook", "email", "csv"])
def test_good_settings_are_good(settings: Settings) -> None:
    check("crm-1", settings)


@pytest.mark.parametrize("name", ["", "CRM", "crm_1", "-crm", "crm/../x", "x" * 64, "crm\n"])
def test_a_name_is_fit_for_files_and_metrics(name: str) -> None:
    with pytest.raises(BadTarget, match="is no name"):
        check(name, FILES)


@pytest.mark.parametrize(
    ("settings", "changed", "said"),
    [
        (HOOK, {"url": "crm.example"}, "no http: or https: address"),
        (HOOK, {"url": "file:///etc/passwd"}, "no http: or https: address"),
        (HOOK, {"secret": "whsec_abc"}, "env:NAME or file:PATH"),
        (HOOK, {"max_attempts": 0}, "try once at least"),
        (HOOK, {"timeout": 0}, "timeout"),
        (MAIL, {"sender": "nobody"}, "no e-mail address"),
        (MAIL, {"sender": "A\r\nBcc: b@c.example <a@b.example>"}, "no e-mail address|no header may have"),
        (MAIL, {"sender": "đ@b.example"}, "must be ASCII"),
        (MAIL, {"reply_to": "nobody"}, "no e-mail address"),
        (MAIL, {"user": "shop"}, "a user and a password"),
        (MAIL, {"user": "shop", "password": "secret"}, "env:NAME or file:PATH"),
        (MAIL, {"unsubscribe": "thoi@example.com"}, "neither mailto"),
        (MAIL, {"unsubscribe": "https://x.example/>, <mailto:b@c.example"}, "neither mailto"),
        (FILES, {"directory": "crm"}, "from the root"),
        (FILES, {"every_minutes": 0}, "more than 0"),
        (FILES, {"keep": 0}, "one file at least"),
    ],
)
def test_what_cannot_work_is_said_before_it_is_added(settings: Settings, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(BadTarget, match=said):
        check("crm", msgspec.structs.replace(settings, **changed))


def test_a_secret_is_read_from_where_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_abc\n")
    assert read_secret("env:HOOK_SECRET", {"HOOK_SECRET": " whsec_abc "}) == "whsec_abc"
    assert read_secret(f"file:{tmp_path}/secret", {}) == "whsec_abc"


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("env:HOOK_SECRET", "HOOK_SECRET is not set; set it where"),
        ("file:/nowhere/secret", "/nowhere/secret cannot be read"),
    ],
)
def test_a_secret_that_is_missing_is_named(where: str, said: str) -> None:
    with pytest.raises(BadTarget, match=said):
        read_secret(where, {"HOOK_SECRET": ""})


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(BadTarget, match="is empty"):
        read_secret(f"file:{tmp_path}/secret", {})


@pytest.mark.parametrize(
    ("followed", "changed", "why"),
    [
        ({}, {}, None),
        ({"segments": ("birthday_soon",)}, {}, None),
        ({"segments": ("moments",)}, {}, None),
        ({"segments": ("lifecycle", "vip")}, {}, "segment"),
        ({"actions": ("entered",)}, {"action": "left"}, "action"),
        ({}, {"backfill": True}, "backfill"),
        ({"backfill": True}, {"backfill": True}, None),
    ],
)
def test_a_target_is_told_of_what_it_follows(
    followed: dict[str, Any], changed: dict[str, Any], why: str | None
) -> None:
    assert why_not(Target(1, "crm", HOOK, **followed), msgspec.structs.replace(CHANGE, **changed)) == why


def test_a_record_is_read() -> None:
    assert read_change(Record(0, 7, AN.encode(), encode(CHANGE))) == CHANGE


@pytest.mark.parametrize(
    ("key", "value", "customer", "reason"),
    [
        (None, None, "", "truncated"),
        (b"an", b"\xff\xfe", "an", "malformed|invalid"),
        (b"\xff\x00", b"{}", "��", "change_id"),
        (b"an", encode(msgspec.structs.replace(CHANGE, change_id="a\r\nb")), "an", "visible ASCII"),
        (b"an", encode(msgspec.structs.replace(CHANGE, change_id="đ/1")), "an", "visible ASCII"),
    ],
)
def test_what_is_no_change_is_a_dead_letter_that_says_where_it_stood(
    key: bytes | None, value: bytes | None, customer: str, reason: str
) -> None:
    failed = read_change(Record(3, 7, key, value))
    assert isinstance(failed, Failed)
    assert (failed.change, failed.customer, failed.message) == ("segment-changes/3/7", customer, value or b"")
    assert any(word in failed.reason for word in reason.split("|"))


@pytest.mark.parametrize(
    ("actions", "before", "after"), [(("entered", "left"), (), ("vip",)), (("left",), ("vip",), ())]
)
def test_a_change_that_is_made_up_is_one_that_the_target_would_be_told_of(
    actions: tuple[str, ...], before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    target = Target(1, "crm", HOOK, segments=("vip",), actions=actions)
    change = made_up_change(target, UUID(int=1), datetime(2026, 11, 26, tzinfo=UTC))
    assert isinstance(change, SegmentChange)
    assert why_not(target, change) is None
    assert (change.action, change.segment, change.before, change.after) == (actions[0], "vip", before, after)
    assert change.change_id.startswith("test/")


@pytest.mark.parametrize(
    ("positions", "waiting"),
    [
        ({0: 20, 1: 5}, 0),
        ({0: 12, 1: 5}, 8),
        ({0: 2, 1: 5}, 10),  # what is before 10 is not there any more
        ({0: 20}, 5),  # a partition that was added is read from its beginning
        ({0: 25, 1: 5}, 0),
    ],
)
def test_the_lag_is_what_is_there_and_was_not_told(positions: dict[int, int], waiting: int) -> None:
    assert lag({0: (10, 20), 1: (0, 5)}, positions) == waiting
