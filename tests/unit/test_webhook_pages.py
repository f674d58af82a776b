"""docs/channels/facebook.md and zalo.md: their tables say what the translations do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from producers.webhooks.meta import META
from producers.webhooks.notice import LeftOut
from producers.webhooks.zalo import ZALO
from tests.system.command import ROOT
from tests.unit import test_webhook_meta as meta
from tests.unit import test_webhook_zalo as zalo


def rows(page: str) -> list[list[str]]:
    """The cells of the table of what becomes of what."""
    text = (ROOT / "docs/channels" / page).read_text("utf-8")
    table = re.search(r"^\|.*?\n(?!\|)", text[text.index("## What becomes of what") :], re.MULTILINE | re.DOTALL)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].strip().split("\n")[2:]]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


MESSAGES: dict[str, dict[str, Any]] = {
    "message": {"message": {"mid": "m"}},
    "message.deleted": {"message": {"mid": "m", "is_deleted": True}},
    "reaction": {"reaction": {"action": "react", "mid": "m"}},
}


def by_meta(name: str) -> Any:
    field, *more = name.split(".")
    if field in ("message", "reaction", "postback", "read", "referral", "optin", "delivery"):
        told = meta.message(**MESSAGES.get(name, {field: {"mid": "m"}}))
        return META.translate(meta.notice(meta.posted(told, name="messaging")))[0].made
    value = {"from": {"id": meta.LAN}, **dict(zip(("item", "verb"), more, strict=False))}
    return META.translate(meta.notice(meta.posted({"field": field, "value": value})))[0].made


def by_zalo(name: str) -> Any:
    said = zalo.told(name, sender={"id": "1"}, recipient={"id": "2"}, message={"msg_id": "m"})
    return ZALO.translate(zalo.notice(json.dumps(said).encode()))[0].made


@pytest.mark.parametrize(("page", "translated"), [("facebook.md", by_meta), ("zalo.md", by_zalo)])
def test_everything_that_the_page_names_becomes_what_it_says(page: str, translated: Any) -> None:
    seen = set()
    for named, event, _ in rows(page):
        for name in code(named):
            made, told = translated(name), code(event)
            seen.add(event)
            if not told:
                assert isinstance(made, LeftOut), name
                continue
            data = made["data"]
            assert made["type"] == told[0], name
            assert data.get("action") == (told[1] if len(told) > 1 else None), name
            assert "action" in data or data["event"] == name
    assert len(seen) >= 6
