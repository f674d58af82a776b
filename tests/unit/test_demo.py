"""The demo's story: what it promises is what it tells."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import phonenumbers
import pytest

from ops.demo.baskets import read_baskets
from ops.demo.events import LATE, demo_events, story
from ops.demo.expected import Expected, expected
from ops.demo.faults import FAULTS
from ops.demo.people import PROSPECTS, people
from processors.identify import Asked, identify
from processors.identity_rules import identity_rules
from processors.prepare import prepare
from processors.reference import load_reference
from schemas.clean import CleanEvent
from schemas.codec import read_event, read_json
from schemas.events import IDENTIFIER_FIELDS
from schemas.rejected import Rejected

ANCHOR = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)


@cache
def deliveries() -> tuple[dict[str, Any], ...]:
    return tuple(demo_events(ANCHOR))


@cache
def books() -> Expected:
    return expected(ANCHOR)


@cache
def refusals() -> tuple[Rejected | None, ...]:
    """For each delivery, why the codec refuses it; None when it does not."""
    read = (read_event(read_json(json.dumps(event).encode())) for event in deliveries())
    return tuple(outcome if isinstance(outcome, Rejected) else None for outcome in read)


def test_the_extract_is_the_one_that_the_readme_describes() -> None:
    baskets = read_baskets()
    facts = (
        len(baskets),
        len({basket.basket_id for basket in baskets}),
        len({basket.card_no for basket in baskets}),
        sum(len(basket.lines) for basket in baskets),
        sum(basket.amount for basket in baskets),
    )
    assert facts == (22_630, 22_630, 900, 36_650, 11_571_536)


def test_the_same_anchor_tells_the_same_story() -> None:
    again = list(demo_events(ANCHOR))
    assert [json.dumps(event) for event in again] == [json.dumps(event) for event in deliveries()]


def test_another_anchor_moves_the_times_and_keeps_the_ids() -> None:
    later = list(demo_events(ANCHOR + timedelta(days=100)))

    def names(events: Any) -> Counter[Any]:
        return Counter((event["source"], event.get("id")) for event in events)

    assert names(later) == names(deliveries())
    scans = [event["time"] for event in later if event.get("id", "").startswith("scan-3")]
    assert scans != [event["time"] for event in deliveries() if event.get("id", "").startswith("scan-3")]


def test_everything_happened_before_the_anchor_and_the_last_basket_yesterday() -> None:
    times = [datetime.fromisoformat(event["time"]) for event in deliveries() if event["time"][-6:] == "+07:00"]
    assert max(times) < ANCHOR
    scans = [event["time"] for event in deliveries() if event.get("type") == "loyalty.card_scanned.v1"]
    assert max(scans)[:10] == "2026-11-22"


def test_an_anchor_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        next(demo_events(datetime(2026, 11, 23)))
    with pytest.raises(ValueError, match="time zone"):
        expected(datetime(2026, 11, 23))


def test_the_codec_refuses_exactly_the_faults_that_are_expected() -> None:
    refused: Counter[tuple[str, str]] = Counter()
    for refusal in refusals():
        if refusal is not None:
            refused[refusal.reason.value, refusal.path] += 1
    assert refused == {(fault.reason.value, fault.path): fault.count for fault in FAULTS if fault.reason}
    assert sum(refused.values()) == sum(books().rejected.values())


def test_the_books_balance_with_what_is_delivered() -> None:
    stored = {
        (event["source"], event["id"]): event
        for event, refusal in zip(deliveries(), refusals(), strict=True)
        if refusal is None
    }
    revenue = sum(
        round(float((event["data"].get("basket") or event["data"]["order"])["total"]["amount"]) * 100)
        for event in stored.values()
        if "basket" in event["data"] or "order" in event["data"]
    )
    found = (len(deliveries()), len(stored), dict(Counter(event["type"] for event in stored.values())), revenue)
    assert found == (books().sent, books().stored, dict(books().stored_by_type), books().revenue_cents)
    assert books().sent == books().stored + books().repeated + sum(books().rejected.values())
    assert books().baskets == len(read_baskets())
    assert 35_000 <= len(deliveries()) <= 45_000


def test_the_identifiers_of_the_stored_events_join_into_exactly_the_expected_customers() -> None:
    good, _ = story(ANCHOR)
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    persons: dict[tuple[str, str], int] = {}
    for told in good:
        identifiers = [
            (kind, normal(kind, value))
            for kind, value in told.event["data"]["customer"].items()
            if kind in IDENTIFIER_FIELDS
        ]
        assert identifiers, told.event
        for identifier in identifiers:
            assert persons.setdefault(identifier, told.person) == told.person, "two persons share an identifier"
            parent[root(identifier)] = root(identifiers[0])
    assert (
        len({root(identifier) for identifier in list(parent)}) == books().customers == len(people(date(2026, 11, 23)))
    )
    assert books().with_purchase == books().customers - PROSPECTS


def normal(kind: str, value: str) -> str:
    """A second opinion on normalising, for the ways in which the demo varies identifiers."""
    if kind == "phone":
        return phonenumbers.format_number(phonenumbers.parse(value, "VN"), phonenumbers.PhoneNumberFormat.E164)
    return value.lower()


def test_the_first_stages_come_to_the_expected_books() -> None:
    reference, received = load_reference({"PORTRAIT_CURRENCY": "USD"}), int(ANCHOR.timestamp() * 1000)
    clean: dict[str, CleanEvent] = {}
    rejected: Counter[str] = Counter()
    for offset, event in enumerate(deliveries()):
        outcome = prepare(
            json.dumps(event).encode(), origin=f"events.demo/0/{offset}", received_ms=received, reference=reference
        )
        if isinstance(outcome, Rejected):
            rejected[outcome.reason.value] += 1
        else:
            clean[outcome.key] = outcome
    identity = identify(
        {}, clean.values(), identity_rules(), Asked(lambda _: {}, lambda _: {}), iter(map(str, range(10_000))).__next__
    )
    purchases = [event.purchase for event in clean.values() if event.purchase]
    found = (
        len(clean),
        dict(rejected),
        dict(Counter(code for event in clean.values() for _, code in event.problems)),
        sum(not event.identifiers for event in clean.values()),
        len(identity.created),
        len({purchase.order_id for purchase in purchases}),
        sum(purchase.base or 0 for purchase in purchases),
        sum(event.points for event in clean.values()),
    )
    told = books()
    assert found == (
        told.stored,
        told.rejected,
        told.problems,
        told.unidentified,
        told.customers,
        told.orders,
        told.revenue_cents,
        told.points,
    )


def test_every_telephone_number_is_a_valid_vietnamese_mobile() -> None:
    for person in people(date(2026, 11, 23)):
        if person.phone:
            number = phonenumbers.parse(person.phone)
            assert (number.country_code, phonenumbers.is_valid_number(number)) == (84, True), person.phone
            assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE, person.phone


def test_stated_age_bands_agree_with_birthdays() -> None:
    today = date(2026, 11, 23)
    for person in people(today):
        if person.household is None or not person.household.age:
            continue
        had_birthday = (today.month, today.day) >= (person.birthday.month, person.birthday.day)
        age = today.year - person.birthday.year - (not had_birthday)
        low, _, high = person.household.age.rstrip("+").partition("-")
        assert int(low) <= age <= int(high or 200), (person.number, age, person.household.age)


def test_some_events_are_late() -> None:
    latest, behind = "", 0
    for event in deliveries():
        behind += event["time"][:19] < latest
        latest = max(latest, event["time"][:19])
    assert behind > LATE
