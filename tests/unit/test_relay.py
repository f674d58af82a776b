"""What the relay makes of what it reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from schemas import portrait
from schemas.portrait import Portrait
from schemas.profile import (
    AccountHeld,
    IdentityChange,
    Profile,
    SegmentChange,
    SegmentHeld,
    Totals,
    decode_identity_change,
    decode_profile,
    decode_segment_change,
)
from sinks.postgres.outbox import Entry, Reading, StoredChange, StoredCustomer, StoredMembership, StoredTurn
from sinks.relay import Relay
from sinks.relay_messages import Message, make_messages

AN, BÌNH = "0190004d-0000-7000-8000-00000000004d", "0190004e-0000-7000-8000-00000000004e"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MS = 1_795_435_200_000  # the same
STATE = Portrait(
    events=3,
    first_seen=MS - 1_001,
    last_seen=MS,
    identifiers={"phone:+84901234567": (MS, MS), "email:b@x.vn": (MS, MS), "email:a@x.vn": (MS, MS)},
    stated={"e1": (MS, {"full_name": "Trần Thị An", "address": {"city": "Hà Nội"}})},
    statuses={"card:1": ("enrolled", MS, "e2")},
    orders=2,
    returns=1,
    revenue=-1_234_005,
    discount=7,
    revenue_by_currency={"USD": 1_050, "VND": 90_000},
    first_order=MS - 1_000,
    last_order=MS,
    points=12,
    accounts={
        "strategic": ({"owner": None, "since": None}, MS, "e3"),
        "key_account": ({"owner": "Hà", "since": MS - 1_000}, MS, "e3"),
        "partner": (None, MS, "e3"),
    },
)


def customer(id_: str, state: str | None = None) -> StoredCustomer:
    state = portrait.encode(STATE).decode() if state is None else state
    return StoredCustomer(id_, 4, NOON, "current", "USD", "web:google", "loyalty", "hcm-01", state)


def change(id_: int, action: str, segment: str, at: datetime = NOON, of: str = AN) -> StoredChange:
    return StoredChange(id_, of, segment, "lifecycle", action, at, "because", 1, False)


def reading(
    entries: Sequence[Entry],
    *customers: StoredCustomer,
    history: Sequence[StoredChange] = (),
    owners: Mapping[str, Collection[str]] | None = None,
    turns: Sequence[StoredTurn] = (),
) -> Reading:
    return Reading(
        entries,
        {each.id: each for each in customers},
        {AN: [BÌNH]},
        {AN: [StoredMembership(AN, "current", "lifecycle", NOON, "because", 1)]},
        history,
        owners or {},
        {each.id: each for each in turns},
    )


def profile_of(id_: int, customer: str) -> Entry:
    return Entry(id_, customer, None, None, None)


def move_of(id_: int, customer: str, change: int) -> Entry:
    return Entry(id_, customer, change, change, None)


def turn_of(id_: int, customer: str, turn: int) -> Entry:
    return Entry(id_, customer, None, None, turn)


def sides(history: Sequence[StoredChange], told: Sequence[int]) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """For each change told: its id in the store, the segments before and those after."""
    made = make_messages(reading([move_of(100 + each, AN, each) for each in told], history=history))
    read = [decode_segment_change(message.value or b"") for message in made.messages]
    return [(each.change_id.rpartition("/")[2], each.before, each.after) for each in read]


def test_a_profile_says_all_that_is_known() -> None:
    made = make_messages(reading([profile_of(1, AN)], customer(AN)))
    ((topic, key, value, entries),) = made.messages
    assert (topic, key, entries, made.unpublishable) == ("profiles", AN.encode(), [1], {})
    assert decode_profile(value or b"") == Profile(
        customer_id=AN,
        version=4,
        updated_at=NOON,
        lifecycle="current",
        first_seen=NOON - timedelta(milliseconds=1_001),
        last_seen=NOON,
        events=3,
        identifiers={"email": ("a@x.vn", "b@x.vn"), "phone": ("+84901234567",)},
        aliases=(BÌNH,),
        traits={"full_name": "Trần Thị An", "address": {"city": "Hà Nội"}},
        statuses={"card:1": "enrolled"},
        segments=(SegmentHeld("current", "lifecycle", NOON, "because", 1),),
        accounts=(AccountHeld("key_account", "Hà", NOON - timedelta(seconds=1)), AccountHeld("strategic")),
        acquisition_channel="web:google",
        preferred_channel="loyalty",
        preferred_store="hcm-01",
        totals=Totals(
            orders=2,
            returns=1,
            revenue="-12340.05",
            discount="0.07",
            currency="USD",
            revenue_by_currency={"USD": "10.50", "VND": "90000"},
            first_order=NOON - timedelta(seconds=1),
            last_order=NOON,
            points=12,
        ),
    )


def test_many_entries_of_a_customer_make_one_profile() -> None:
    entries = [profile_of(1, AN), profile_of(2, BÌNH), profile_of(5, AN), profile_of(9, AN)]
    made = make_messages(reading(entries, customer(AN), customer(BÌNH)))
    assert [(message.key.decode(), message.entries) for message in made.messages] == [(AN, [1, 5, 9]), (BÌNH, [2])]


def test_a_customer_who_lives_no_more_gets_a_tombstone() -> None:
    made = make_messages(reading([profile_of(1, BÌNH)]))
    assert made.messages == [Message("profiles", BÌNH.encode(), None, [1])]


def test_a_change_is_told_with_the_segments_on_both_sides_of_it() -> None:
    history = [
        change(1, "entered", "new", NOON - timedelta(days=9)),
        change(2, "left", "new"),
        change(3, "entered", "current"),
    ]
    made = make_messages(reading([move_of(7, AN, 2), move_of(8, AN, 3)], history=history))
    why, before, after = ("because", 1), ("new",), ("current",)
    assert [decode_segment_change(message.value or b"") for message in made.messages] == [
        SegmentChange(f"{AN}/lifecycle/2", AN, "new", "lifecycle", "left", NOON, *why, before, after),
        SegmentChange(f"{AN}/lifecycle/3", AN, "current", "lifecycle", "entered", NOON, *why, before, after),
    ]
    assert [message[:2] + message[3:] for message in made.messages] == [
        ("segment-changes", AN.encode(), [7]),
        ("segment-changes", AN.encode(), [8]),
    ]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([change(1, "entered", "a")], [("1", (), ("a",))]),
        ([change(1, "entered", "b"), change(2, "entered", "a")], [("1", (), ("a", "b")), ("2", (), ("a", "b"))]),
        ([change(1, "left", "a")], [("1", ("a",), ())]),  # how it was entered is not known any more
        ([change(1, "entered", "z", of=BÌNH), change(2, "entered", "a")], [("2", (), ("a",))]),
    ],
)
def test_the_sides_of_a_change_follow_from_the_history(
    history: Sequence[StoredChange], expected: list[tuple[str, tuple[str, ...], tuple[str, ...]]]
) -> None:
    assert sides(history, [int(number) for number, _, _ in expected]) == expected


def test_one_entry_tells_all_that_changed_at_once_of_its_customer_and_no_more() -> None:
    history = [
        *(change(1, "entered", "new"), change(2, "left", "new"), change(3, "entered", "a", of=BÌNH)),
        *(change(4, "entered", "current"), change(6, "entered", "loyal")),
    ]
    entries = [
        Entry(7, AN, 2, 4, None),
        Entry(8, BÌNH, 1, 9, None),
        Entry(9, AN, 4, 4, None),
        Entry(10, AN, 7, 9, None),
    ]
    made = make_messages(reading(entries, history=history))
    told = [(decode_segment_change(each.value or b"").change_id, each.entries) for each in made.messages]
    assert sorted(told) == [
        (f"{AN}/lifecycle/2", [7]),
        (f"{AN}/lifecycle/4", [7, 9]),
        (f"{BÌNH}/lifecycle/3", [8]),
    ]
    assert made.unpublishable == {10: "NoSuchChange"}


def test_a_change_that_is_told_again_is_told_in_the_same_bytes() -> None:
    history = [change(1, "entered", "a", NOON - timedelta(days=1)), change(2, "left", "a"), change(3, "entered", "b")]
    later = [*history, change(4, "left", "b", NOON + timedelta(days=1))]
    first = make_messages(reading([move_of(5, AN, 3)], history=history)).messages
    assert make_messages(reading([move_of(5, AN, 3)], history=later)).messages == first


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("{", "DecodeError"),
        ('{"events": "three"}', "ValidationError"),
        ('{"revenue_by_currency": {"ZZZ": 1}}', "KeyError"),
        ('{"first_seen": 99999999999999999}', "OverflowError"),
    ],
)
def test_what_cannot_be_made_into_a_record_is_told_apart_and_holds_up_nothing(state: str, error: str) -> None:
    entries = [profile_of(1, AN), profile_of(2, BÌNH), profile_of(3, AN), move_of(4, AN, 77)]
    made = make_messages(reading(entries, customer(AN, state), customer(BÌNH)))
    assert [(message.key.decode(), message.entries) for message in made.messages] == [(BÌNH, [2])]
    assert made.unpublishable == {1: error, 3: error, 4: "NoSuchChange"}


def test_a_change_of_identity_is_told_by_the_id_that_leads_elsewhere() -> None:
    turns = [
        StoredTurn(6, "merged", BÌNH, AN, NOON, "card_no and email: same_event"),
        StoredTurn(7, "split", BÌNH, AN, NOON, "card_no and phone: judgement 1 keeps them apart"),
        StoredTurn(9, "moved", BÌNH, AN, NOON, "no link holds them together any more"),
    ]
    made = make_messages(reading([turn_of(number, BÌNH, turn.id) for number, turn in enumerate(turns)], turns=turns))
    assert [message[:2] + message[3:] for message in made.messages] == [
        ("identity-changes", BÌNH.encode(), (0,)),
        ("identity-changes", BÌNH.encode(), (1,)),
        ("identity-changes", BÌNH.encode(), (2,)),
    ]
    assert [decode_identity_change(message.value or b"") for message in made.messages] == [
        IdentityChange(f"{BÌNH}/identity/{number}", number, action, BÌNH, AN, NOON, reason)  # type: ignore[arg-type]
        for number, action, _, _, _, reason in turns
    ]
    assert made.unpublishable == {}


def test_a_change_of_identity_whose_row_is_missing_is_set_aside_and_holds_up_nothing() -> None:
    entries = [turn_of(1, AN, 77), profile_of(2, BÌNH), turn_of(3, BÌNH, 6)]
    made = make_messages(reading(entries, customer(BÌNH), turns=[StoredTurn(6, "merged", BÌNH, AN, NOON, "because")]))
    assert [(message.topic, message.entries) for message in made.messages] == [
        ("identity-changes", (3,)),
        ("profiles", [2]),
    ]
    assert made.unpublishable == {1: "NoSuchChange"}


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ({}, {"email": ("a@x.vn", "b@x.vn"), "phone": ("+84901234567",)}),
        ({"email:a@x.vn": [AN], "email:b@x.vn": [BÌNH]}, {"email": ("a@x.vn",), "phone": ("+84901234567",)}),
        ({"phone:+84901234567": [BÌNH, AN]}, {"email": ("a@x.vn", "b@x.vn"), "phone": ("+84901234567",)}),
        ({"phone:+84901234567": [""], "email:a@x.vn": [BÌNH]}, {"email": ("b@x.vn",)}),
    ],
    ids=["all plain", "another's", "of both, one after the other", "nobody's and another's"],
)
def test_a_profile_shows_identifiers_that_are_the_customer_s_own_and_not_those_of_others_in_its_events(
    owners: dict[str, list[str]], expected: dict[str, tuple[str, ...]]
) -> None:
    ((_, _, value, _),) = make_messages(reading([profile_of(1, AN)], customer(AN), owners=owners)).messages
    assert decode_profile(value or b"").identifiers == expected


class Hours:
    """A clock that goes on while somebody waits, and an outbox into which a batch comes every `every` seconds, `until` then."""

    def __init__(self, every: float, until: float) -> None:
        self.now = 0.0
        self._every, self._until = every, until

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False

    def is_set(self) -> bool:
        return False

    def newest(self) -> int:
        return int(min(self.now, self._until) // self._every) + 1


@pytest.mark.parametrize("every", [0.1, 0.7, 1.4])
def test_a_relay_rests_while_batches_come_in_however_long_one_takes(every: float) -> None:
    hours = Hours(every, until=100)
    relay(hours).give_way(20, hours)  # type: ignore[arg-type]
    assert 20 <= hours.now < 21


def test_a_relay_works_without_rests_once_nothing_comes_in_any_more() -> None:
    hours = Hours(0.5, until=10)
    resting = relay(hours)
    resting.give_way(60, hours)  # type: ignore[arg-type]
    assert hours.now < 13
    ended = hours.now
    for _ in range(50):
        resting.give_way(60, hours)  # type: ignore[arg-type]
    assert hours.now == ended


def relay(hours: Hours) -> Relay:
    return Relay(hours, None, clock=lambda: hours.now)  # type: ignore[arg-type]
