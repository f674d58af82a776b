"""`portrait demo`, and what a person then does: the tests run in this order, on one stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.demo.expected import expected
from ops.demo_run import anchor_of
from ops.local.home import Home
from ops.local.records import wait_until
from tests.system.command import Portrait, form

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    """A home in which the demo has run once."""
    portrait = Portrait(tmp_path_factory.mktemp("demo") / "home")
    said = portrait.run("demo", seconds=600)
    assert "39,386 events in, 1,300 customers out" in said
    assert "figures are those that the story was told with" in said
    yield portrait
    portrait.run("down")


def rejected_once(shop: Portrait) -> int:
    return sum(expected(anchor_of(Home.at(shop.home))).rejected.values())


def verified(shop: Portrait) -> dict[str, Any]:
    """What `verify` says, when everybody was evaluated by the rules in force."""
    assert wait_until(lambda: shop.ask("verify")["segments"], 60)
    verdict: dict[str, Any] = shop.ask("verify")
    return verdict


def test_everything_that_was_sent_is_accounted_for_and_the_store_is_what_its_events_say(shop: Portrait) -> None:
    books = expected(anchor_of(Home.at(shop.home)))
    told = shop.wait_caught_up(books.sent)
    assert told["balance"] == {
        "received": books.sent,
        "stored": books.stored,
        "duplicate": books.repeated,
        "rejected": rejected_once(shop),
        "suppressed": 0,
        "balanced": True,
    }
    verdict = verified(shop)
    hash_ = verdict.pop("hash")
    assert verdict == {"equal": True, "customers": books.customers, "events": books.stored, "segments": True}
    assert len(hash_) == 32


def test_the_demo_once_more_counts_nothing_twice(shop: Portrait) -> None:
    before = verified(shop)
    said = shop.run("demo", seconds=600)
    assert "is up already" in said
    assert "nothing was counted twice" in said
    assert verified(shop) == before
    balance = shop.ask("status")["balance"]
    assert (balance["balanced"], balance["stored"]) == (True, before["events"])
    assert balance["rejected"] == 2 * rejected_once(shop)


def test_a_customer_is_found_by_everything_that_names_it(shop: Portrait) -> None:
    by_card = shop.ask("customer", "card_no:844")
    assert by_card["full_name"]
    assert by_card["lifecycle"] in [each["segment"] for each in by_card["segments"]]
    names = [each["identifier"] for each in by_card["identifiers"]]
    assert "card_no:844" in names
    for name in (*names, names[0].partition(":")[2], by_card["customer_id"]):
        assert shop.ask("customer", name)["customer_id"] == by_card["customer_id"]
    phone = next(name.removeprefix("phone:+84") for name in names if name.startswith("phone:"))
    assert shop.ask("customer", f"0{phone[:3]} {phone[3:]}")["customer_id"] == by_card["customer_id"]
    readable = shop.run("customer", by_card["customer_id"])
    assert by_card["full_name"] in readable
    assert "What was stated last" in readable


def test_an_id_that_a_customer_had_before_still_finds_it(shop: Portrait) -> None:
    before = shop.ask("status")["balance"]["received"]
    shop.send(form(1, email="first@example.com"), form(2, phone="0912345600"))
    shop.wait_caught_up(before + 2)
    apart = {shop.ask("customer", known)["customer_id"] for known in ("first@example.com", "0912345600")}
    assert len(apart) == 2
    shop.send(form(3, email="first@example.com", phone="0912345600"))
    shop.wait_caught_up(before + 3)

    together = [shop.ask("customer", known) for known in (*apart, "first@example.com", "0912345600")]
    assert len({each["customer_id"] for each in together}) == 1
    assert {each["id"] for each in together[0]["aliases"]} == apart - {together[0]["customer_id"]}
    assert together[0]["events"] == 3


def test_a_letter_is_shown_repaired_and_counted_once(shop: Portrait, tmp_path: Path) -> None:
    letters = shop.ask("rejected", "ls", "--reason", "invalid_value", "--limit", "1000")
    spoilt = next(each for each in letters if each["path"] == "$.data.basket.total.currency")
    origin = spoilt["origin"]
    shown = shop.run("rejected", "show", origin)
    assert '▶         "currency": "usd"' in shown
    payload = shop.ask("rejected", "show", origin)["payload"]
    before = shop.ask("status")["balance"]

    assert shop.ask("rejected", "replay", origin, code=1)[0]["outcome"] == "is refused again"
    mended = tmp_path / "mended.json"
    mended.write_text(payload.replace('"usd"', '"USD"'))
    dry = shop.ask("rejected", "replay", origin, "--file", str(mended), "--dry-run")
    assert dry == [{"origin": origin, "outcome": "would be sent", "detail": "events.loyalty", "stored_before": False}]
    (sent,) = shop.ask("rejected", "replay", origin, "--file", str(mended))
    assert (sent["origin"], sent["outcome"]) == (origin, "sent")
    (again,) = shop.ask("rejected", "replay", origin, "--file", str(mended))
    assert (again["outcome"], again["detail"]) == ("was sent before", sent["detail"])

    told = shop.wait_caught_up(before["received"] + 1)
    assert told["balance"] == {**before, "received": before["received"] + 1, "stored": before["stored"] + 1}
    assert shop.ask("rejected", "show", origin)["replayed_as"] == sent["detail"]
    assert shop.ask("verify")["equal"] is True


def test_letters_can_be_repaired_in_an_editor(shop: Portrait) -> None:
    letters = shop.ask("rejected", "ls", "--reason", "wrong_type", "--limit", "1000")
    origin = letters[0]["origin"]
    editing = Portrait(shop.home, {**shop.given, "VISUAL": "", "EDITOR": "sed -i s/12,50/12.50/"})
    assert editing.ask("rejected", "replay", origin, "--edit")[0]["outcome"] == "sent"
    idle = Portrait(shop.home, {**shop.given, "VISUAL": "true"})
    idle.run("rejected", "replay", letters[1]["origin"], "--edit", code=1)


def test_a_rebuild_changes_nothing_that_is_right(shop: Portrait) -> None:
    before = shop.ask("verify")
    done = shop.ask("rebuild", "--yes")
    assert (done["customers"], done["events"], done["changed"]) == (before["customers"], before["events"], 0)
    assert shop.ask("verify") == before


def test_a_file_is_imported_once_however_often_it_is_sent(shop: Portrait, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "registered_at,full_name,phone\n"
        "2026-11-01,Trần Thị Bé,0912 345 671\n"
        "2026-13-01,Nobody's Birthday,0912345672\n"
        "2026-11-03,Lê Văn Tám,0912345673\n"
    )
    before = shop.ask("status")["balance"]
    report = shop.ask("import", "contacts", str(people), code=1)
    assert {name: report[name] for name in ("rows", "sent", "rejected")} == {"rows": 3, "sent": 2, "rejected": 1}
    shop.run("import", "contacts", str(people), "--again", code=1)
    told = shop.wait_caught_up(before["received"] + 4)
    assert told["balance"]["stored"] == before["stored"] + 2
    assert told["balance"]["duplicate"] == before["duplicate"] + 2
    assert shop.ask("customer", "0912345671")["full_name"] == "Trần Thị Bé"
