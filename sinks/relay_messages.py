"""What the relay publishes, made of what the outbox read: records of `profiles`, `segment-changes` and `identity-changes`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from schemas import portrait
from schemas.money import to_major
from schemas.profile import AccountHeld, IdentityChange, Profile, SegmentChange, SegmentHeld, Totals, encode
from schemas.topics import IDENTITY_CHANGES, PROFILES, SEGMENT_CHANGES
from sinks.postgres.outbox import Entry, Reading, StoredChange, StoredCustomer, StoredMembership, StoredTurn

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Message(NamedTuple):
    """A record to publish, and the outbox entries that it stands for. A value of None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    entries: Sequence[int]


class Made(NamedTuple):
    """The records of a reading, in order; and the entries of which none could be made, with the name of the error."""

    messages: Sequence[Message]
    unpublishable: Mapping[int, str]


def make_messages(reading: Reading) -> Made:
    """One record a change of segments or of identity; one a customer whose profile is to be told, however many entries ask for
    it.

    An entry that no record can be made of is told apart and holds up no other.
    """
    messages: list[Message] = []
    unpublishable: dict[int, str] = {}
    asked: dict[str, list[int]] = {}
    moves: dict[str, list[Entry]] = {}
    for entry in reading.entries:
        if entry.turn is not None:
            turn = reading.turns.get(entry.turn)
            if turn is None:
                unpublishable[entry.id] = "NoSuchChange"
            else:
                value = encode(_identity_change(turn))
                messages.append(Message(IDENTITY_CHANGES, turn.customer.encode(), value, (entry.id,)))
        elif entry.change is None:
            asked.setdefault(entry.customer, []).append(entry.id)
        else:
            moves.setdefault(entry.customer, []).append(entry)
    told = _told(moves, reading.history)
    found = {entry for asking in told.values() for entry in asking}
    unpublishable |= {each.id: "NoSuchChange" for entries in moves.values() for each in entries if each.id not in found}
    for change, before, after in _sides(reading.history):
        asking = told.get(change.id)
        if asking is None:
            continue
        try:
            value = encode(_segment_change(change, before, after))
        except Exception as error:  # whatever is wrong with this one is no reason to hold up the others
            unpublishable.update(dict.fromkeys(asking, type(error).__name__))
        else:
            messages.append(Message(SEGMENT_CHANGES, change.customer.encode(), value, asking))
    for customer, wanting in asked.items():
        stored = reading.customers.get(customer)
        try:
            value_or_none = None if stored is None else encode(_profile(stored, reading))
        except Exception as error:
            unpublishable.update(dict.fromkeys(wanting, type(error).__name__))
        else:
            messages.append(Message(PROFILES, customer.encode(), value_or_none, wanting))
    return Made(messages, unpublishable)


def _profile(stored: StoredCustomer, reading: Reading) -> Profile:
    state = portrait.decode(stored.state)
    currency = stored.currency
    return Profile(
        customer_id=stored.id,
        version=stored.version,
        updated_at=stored.updated_at,
        lifecycle=stored.lifecycle,
        first_seen=_moment(state.first_seen),
        last_seen=_moment(state.last_seen),
        events=state.events,
        identifiers=_by_kind(_own(stored.id, state.identifiers, reading.owners)),
        aliases=tuple(reading.aliases.get(stored.id, ())),
        traits={name: fact[0] for name, fact in state.traits.items()},
        statuses={name: fact[0] for name, fact in state.statuses.items()},
        segments=tuple(_held(each) for each in reading.memberships.get(stored.id, ())),
        accounts=tuple(_account(*each) for each in sorted(state.accounts.items()) if each[1][0] is not None),
        acquisition_channel=stored.acquisition_channel,
        preferred_channel=stored.preferred_channel,
        preferred_store=stored.preferred_store,
        totals=Totals(
            orders=state.orders,
            returns=state.returns,
            revenue=to_major(state.revenue, currency),
            discount=to_major(state.discount, currency),
            currency=currency,
            revenue_by_currency={each: to_major(paid, each) for each, paid in state.revenue_by_currency.items()},
            first_order=None if state.first_order is None else _moment(state.first_order),
            last_order=None if state.last_order is None else _moment(state.last_order),
            points=state.points,
        ),
    )


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(0, 0, 0, milliseconds)


def _own(customer: str, names: Iterable[str], owners: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Those of the identifiers in a customer's events that are the customer's."""
    for name in names:
        if name not in owners or customer in owners[name]:
            yield name


def _identity_change(turn: StoredTurn) -> IdentityChange:
    return IdentityChange(
        change_id=f"{turn.customer}/identity/{turn.id}",
        number=turn.id,
        action=cast(Any, turn.action),
        customer_id=turn.customer,
        other_customer_id=turn.other,
        at=turn.at,
        reason=turn.reason,
    )


def _by_kind(identifiers: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`KIND:VALUE`s as kind → sorted values."""
    found: dict[str, tuple[str, ...]] = {}
    for identifier in sorted(identifiers):
        kind, _, value = identifier.partition(":")
        found[kind] = (*found.get(kind, ()), value)
    return found


def _held(membership: StoredMembership) -> SegmentHeld:
    _, segment, family, since, reason, rule_version = membership
    return SegmentHeld(segment=segment, family=family, since=since, reason=reason, rule_version=rule_version)


def _account(relation: str, fact: portrait.Fact) -> AccountHeld:
    since = fact[0]["since"]
    return AccountHeld(relation, fact[0]["owner"], None if since is None else _moment(since))


def _segment_change(change: StoredChange, before: Iterable[str], after: Iterable[str]) -> SegmentChange:
    return SegmentChange(
        change_id=f"{change.customer}/{change.family}/{change.id}",
        customer_id=change.customer,
        segment=change.segment,
        family=change.family,
        action=cast(Any, change.action),
        at=change.at,
        reason=change.reason,
        rule_version=change.rule_version,
        before=tuple(sorted(before)),
        after=tuple(sorted(after)),
        backfill=change.backfill,
    )


def _told(moves: Mapping[str, Sequence[Entry]], history: Iterable[StoredChange]) -> dict[int, list[int]]:
    """The entries that ask for each change."""
    ids: dict[str, list[int]] = {}
    for change in history:
        ids.setdefault(change.customer, []).append(change.id)
    told: dict[int, list[int]] = {}
    for customer, entries in moves.items():
        mine = ids.get(customer, [])
        for entry in entries:
            begin, end = bisect_left(mine, cast(int, entry.first)), bisect_right(mine, cast(int, entry.change))
            for change_id in mine[begin:end]:
                told.setdefault(change_id, []).append(entry.id)
    return told


def _sides(history: Iterable[StoredChange]) -> Iterator[tuple[StoredChange, set[str], set[str]]]:
    """Each change with the segments of its customer before and after the instant at which it was decided."""
    decisions: dict[tuple[str, datetime], list[StoredChange]] = {}
    for change in history:
        decisions.setdefault((change.customer, change.at), []).append(change)
    held: dict[str, set[str]] = {}
    for (customer, _), changes in decisions.items():
        left = {change.segment for change in changes if change.action == "left"}
        before = held.get(customer, set()) | left
        after = held[customer] = before - left | {change.segment for change in changes if change.action == "entered"}
        for change in changes:
            yield change, before, after
