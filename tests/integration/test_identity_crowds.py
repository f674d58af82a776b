"""What many share, at the sizes at which it hurts: nobody is taken for somebody else, and the work stays bounded.

The largest times, the speed and the memory are in the report's properties, and are printed with `-s`. PORTRAIT_CROWDS=full takes
ten times as many.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import pytest

from ops.verify import verify
from processors.apply import apply
from processors.settle import settle
from schemas.clean import CleanEvent, Purchase
from schemas.identifiers import Identifier, Standing
from schemas.ids import event_key
from sinks.postgres.migrate import migrate
from sinks.postgres.settling import PostgresSettling
from sinks.postgres.store import PostgresStore
from tests.stories import DAY, NOW, RULES, expected_hash, part

pytestmark = pytest.mark.integration

SIZE = 10 if os.environ.get("PORTRAIT_CROWDS") == "full" else 1
BATCH = 100

Who = frozenset[str]
"""KIND:VALUE of all identifiers of one customer."""


class Work(NamedTuple):
    """What one transaction read: identifiers looked at, links, and events."""

    identifiers: int
    links: int
    events: int


class Counted(PostgresStore):
    """Counts the work of each transaction that settles."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.work: list[Work] = []

    @contextmanager
    def transaction(self) -> Iterator[PostgresSettling]:
        with super().transaction() as tx:
            counting = _Counting(tx._at)
            yield counting
        if counting.settles:
            self.work.append(Work(counting.identifiers, counting.links, counting.events))


class _Counting(PostgresSettling):
    def __init__(self, at: Any) -> None:
        super().__init__(at)
        self.settles = False
        self.identifiers = self.links = self.events = 0

    def members(self, identifiers: Any) -> Any:
        self.settles = True
        self.identifiers += len(identifiers)
        return super().members(identifiers)

    def links_at(self, identifiers: Any) -> Any:
        found = super().links_at(identifiers)
        self.links += len(found)
        return found

    def events_at(self, nodes: Any, known: Any = ()) -> Any:
        for each in super().events_at(nodes, known):
            self.events += 1
            yield each


class Crowd(NamedTuple):
    """Events in the order in which they come, and which customers there are then, each by all its identifiers."""

    events: Sequence[CleanEvent]
    customers: frozenset[Who]


def told(number: int, *names: str, days: int = 10) -> CleanEvent:
    """An event of `days` ago that names these."""
    return CleanEvent(
        key=event_key("/c", str(number)),
        source="/c",
        id=str(number),
        type="web.form_submitted.v1",
        channel="web",
        time=NOW - days * DAY,
        received=NOW,
        identifiers=tuple(sorted(Identifier(*name.split(":", 1)) for name in names)),
        purchase=Purchase(1000, "VND", 1000, order_id=f"o{number}") if number % 4 == 0 else None,
        origin=f"c/0/{number}",
    )


def crowd(said: Sequence[tuple[str, ...]], customers: Sequence[Sequence[str]], days: Sequence[int] = ()) -> Crowd:
    when = days or [10] * len(said)
    events = [told(number, *names, days=when[number]) for number, names in enumerate(said)]
    return Crowd(events, frozenset(map(frozenset, customers)))


def plain() -> Crowd:
    """Everybody has a card and a phone of their own: what the others are compared with."""
    many = 2_000 * SIZE
    return crowd(
        [(f"card_no:C{n}", f"phone:+84{n}") for n in range(many)],
        [[f"card_no:C{n}", f"phone:+84{n}"] for n in range(many)],
    )


def a_tablet() -> Crowd:
    """In a shop, customers sign in on one tablet, each twice."""
    many = 150 if SIZE == 1 else 100 * SIZE
    said = [(f"card_no:C{n % many}", "device_id:tablet") for n in range(2 * many)]
    return crowd(said, [[f"card_no:C{n}"] for n in range(many)])


def a_phone_that_forms_are_filled_with() -> Crowd:
    """A thousand people give the same number; later a thousand browsers do."""
    many = 1_000 * SIZE
    said = [("phone:+84900000000", f"email:kh{n}@example.vn") for n in range(many)]
    said += [("phone:+84900000000", f"anonymous_id:cookie-{n}") for n in range(many)]
    return crowd(
        said,
        [[f"email:kh{n}@example.vn"] for n in range(many)] + [[f"anonymous_id:cookie-{n}"] for n in range(many)],
    )


def cards_passed_on() -> Crowd:
    """Two people with numbers of their own use one card, one after the other."""
    many = 100 * SIZE
    said = [(f"card_no:C{n}", f"customer_no:{whose}{n}", f"zalo_id:{whose}{n}") for whose in "ab" for n in range(many)]
    return crowd(
        said,
        [[f"card_no:C{n}", f"customer_no:a{n}", f"zalo_id:a{n}"] for n in range(many)]
        + [[f"customer_no:b{n}", f"zalo_id:b{n}"] for n in range(many)],
        [20] * many + [10] * many,
    )


def phones_given_out_again() -> Crowd:
    """Of three years, the first owner was seen in the first one, the second one in the last."""
    many = 100 * SIZE
    said = [(f"card_no:{whose}{n}", f"phone:+84{n}") for whose in "ab" for n in range(many)]
    said += [(f"phone:+84{n}",) for n in range(many)] * 2
    return crowd(
        said,
        [[f"card_no:a{n}", f"phone:+84{n}"] for n in range(many)]
        + [[f"card_no:b{n}", f"phone:+84{n}"] for n in range(many)],
        [1_000] * many + [100] * many + [1_000] * many + [50] * many,
    )


def two_cards_on_a_phone() -> Crowd:
    """A couple with one phone, a card each."""
    many = 200 * SIZE
    said = [(f"card_no:{whose}{n}", f"phone:+84{n}") for whose in "ab" for n in range(many)]
    return crowd(
        said,
        [[f"card_no:a{n}", f"phone:+84{n}"] for n in range(many)] + [[f"card_no:b{n}"] for n in range(many)],
        [20] * many + [10] * many,
    )


def families_with_one_address() -> Crowd:
    """Four cards to one e-mail address."""
    many = 100 * SIZE
    said = [(f"card_no:{whose}{n}", f"email:family{n}@example.vn") for whose in "abcd" for n in range(many)]
    return crowd(
        said,
        [[f"card_no:a{n}", f"email:family{n}@example.vn"] for n in range(many)]
        + [[f"card_no:{whose}{n}"] for whose in "bcd" for n in range(many)],
        [40] * many + [30] * many + [20] * many + [10] * many,
    )


def a_card_of_the_till() -> Crowd:
    """Who has no card pays with the one at the till, and gives a phone number and an address."""
    many = 200 * SIZE
    said = [("card_no:till", f"phone:+84{n}", f"email:kh{n}@example.vn") for n in range(many)]
    said += [(f"phone:+84{n}", f"email:kh{n}@example.vn") for n in range(many)]
    return crowd(said, [[f"phone:+84{n}", f"email:kh{n}@example.vn"] for n in range(many)])


def phones_behind_a_card_of_the_till() -> Crowd:
    """Where the card at the till was used, browsers and some phones were named; then these phones turn out to be everybody's."""
    many, phones = 4 * SIZE, [f"phone:+8491{n}" for n in range(25)]
    said = [("card_no:till", f"phone:+84{n}") for n in range(20)]
    said += [("card_no:till", phone, f"anonymous_id:{phone[6:]}-{n}") for phone in phones for n in range(many)]
    said += [(phone, f"email:{phone[6:]}-{n}@example.vn") for n in range(12) for phone in phones]
    return crowd(
        said,
        [[f"phone:+84{n}"] for n in range(20)]
        + [[f"anonymous_id:{phone[6:]}-{n}"] for phone in phones for n in range(many)]
        + [[f"email:{phone[6:]}-{n}@example.vn"] for n in range(12) for phone in phones],
    )


CROWDS = (
    plain,
    a_tablet,
    a_phone_that_forms_are_filled_with,
    cards_passed_on,
    phones_given_out_again,
    two_cards_on_a_phone,
    families_with_one_address,
    a_card_of_the_till,
    phones_behind_a_card_of_the_till,
)


@pytest.mark.parametrize("make", CROWDS, ids=lambda make: make.__name__)
def test_what_many_share_makes_nobody_somebody_else(
    new_database: Callable[[], str], record_property: Callable[[str, object], None], make: Callable[[], Crowd]
) -> None:
    events, customers = make()
    url = new_database()
    migrate(url)
    with closing(Counted(url)) as store:
        applying, settling = [0.0], [0.0]
        for at in range(0, len(events), BATCH):
            batch = part(events[at : at + BATCH], at)
            applying.append(timed(lambda batch=batch: apply(store, [batch], RULES, NOW)))  # type: ignore[misc]
            settling.append(timed(lambda: settled(store)))
        verdict = verify(store)
        held: dict[str, set[str]] = {}
        with store.snapshot() as snapshot:
            for member in snapshot.members():
                if member.customer is not None:
                    held.setdefault(member.customer, set()).add(str(member.identifier))
        found = {frozenset(names) for names in held.values()}
    took = sum(applying) + sum(settling)
    work = [max(column) for column in zip(*store.work, strict=True)] or [0, 0, 0]
    read = [sum(column) for column in zip(*store.work, strict=True)] or [0, 0, 0]
    figures = {
        "events": len(events),
        "events_per_second": round(len(events) / took),
        "longest_apply_ms": round(1000 * max(applying)),
        "longest_settle_ms": round(1000 * max(settling)),
        "settling_share": round(sum(settling) / took, 2),
        "settlings": len(store.work),
        "most_identifiers": work[0],
        "most_links": work[1],
        "most_events": work[2],
        "identifiers_read": read[0],
        "events_read": read[2],
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(make.__name__, figures)
    for name, value in figures.items():
        record_property(name, value)
    assert verdict.equal, verdict.differences
    assert verdict.hash == expected_hash(events)
    assert work[0] <= 2 * (RULES.identity.largest + BATCH)  # looked at before and after locking
    assert read[0] <= 20 * len(events)
    assert read[2] <= 2 * len(events)
    assert found == customers, (sorted(map(sorted, found - customers))[:3], sorted(map(sorted, customers - found))[:3])


def test_many_families_that_are_marked_at_once_are_settled_in_a_few_turns(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    many, at_once = 600, 500
    assert 5 * at_once > RULES.identity.largest
    said = [(f"card_no:{whose}{n}", f"email:family{n}@example.vn") for whose in "abcd" for n in range(many)]
    events = crowd(said, ()).events
    with closing(Counted(url)) as store:
        apply(store, [part(events, 0)], RULES, NOW)
        while settle(store, RULES, NOW, limit=at_once):
            pass
        assert sum(each.identifiers for each in store.work) < 20 * 5 * many
        verdict = verify(store)
    assert verdict.equal, verdict.differences
    assert verdict.hash == expected_hash(events)


def test_a_made_up_number_on_thousands_of_forms_at_once_is_quarantined_and_parks_nobody(
    new_database: Callable[[], str],
) -> None:
    url = new_database()
    migrate(url)
    many = RULES.identity.largest + 500
    said = [("phone:+84911222333", f"email:kh{n}@example.vn") for n in range(many)]
    events = crowd(said, ()).events
    with closing(Counted(url)) as store:
        apply(store, [part(events, 0)], RULES, NOW)
        settled(store)
        verdict = verify(store)
        with store.snapshot() as snapshot:
            standing = Counter(member.standing for member in snapshot.members())
        assert sum(each.identifiers for each in store.work) < 20 * many
    assert standing == {Standing.QUARANTINED: 1, Standing.PLAIN: many}
    assert verdict.equal, verdict.differences
    assert verdict.hash == expected_hash(events)


def settled(store: PostgresStore) -> None:
    while settle(store, RULES, NOW):
        pass


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
