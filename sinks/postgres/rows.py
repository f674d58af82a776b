"""Values as PostgreSQL reads them: rows in COPY's binary format, arrays and times as literals.

Binary, for what is copied for every event: nothing needs escaping, numbers and times are not written out only to be parsed, and
JSON goes through as the bytes that it is. Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from struct import Struct
from struct import error as StructError
from typing import NamedTuple

from psycopg2.extensions import cursor

from schemas import clean
from schemas import portrait as portraits
from schemas.clean import CleanEvent
from schemas.identifiers import Link
from schemas.portrait import Move, Portrait, Segments, Summary
from sinks.store import Changes, Refused

_EPOCH = datetime(1970, 1, 1)
_TO_2000_MS = 946_684_800_000
"""PostgreSQL's binary timestamps count µs from 2000-01-01 on."""

_COPY_BEGIN, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_length = Struct(">i").pack
_integer = Struct(">iq").pack
_uuid = Struct(">i16s").pack
_smallint = Struct(">ih").pack
_boolean = Struct(">i?").pack
_TEXT_OID = 25


def timestamp(milliseconds: int) -> str:
    """Unix ms as a timestamptz literal, UTC."""
    return f"{_EPOCH + timedelta(0, 0, 0, milliseconds)}+00"


def array(values: Iterable[str]) -> str:
    """`values` as PostgreSQL's array literal: one parameter, whatever they contain."""
    listed = list(values)
    joined = '","'.join(listed)
    if "\\" in joined or joined.count('"') > 2 * len(listed) - 2:
        joined = '","'.join([value.replace("\\", "\\\\").replace('"', '\\"') for value in listed])
    return f'{{"{joined}"}}' if listed else "{}"


def text(value: str | None) -> bytes:
    """A text as a field of a binary row; None is NULL."""
    if value is None:
        return _NULL
    encoded = value.encode()
    return _length(len(encoded)) + encoded


_common = lru_cache(maxsize=4096)(text)
"""For texts of which there are few, over and over."""


EVENT_COLUMNS = "key, node, time, received_at, type, channel, source, id, order_id, origin, body"

_event_begin = Struct(">hi16si16siqiq").pack
_nobodys_event_begin = Struct(">hi16siiqiq").pack


def event_row(event: CleanEvent, node: str | None) -> bytes:
    """One row of portrait.events, in the order of EVENT_COLUMNS."""
    purchase = event.purchase
    key = bytes.fromhex(event.key)
    time, received = (event.time - _TO_2000_MS) * 1000, (event.received - _TO_2000_MS) * 1000
    if node is None:
        begin = _nobodys_event_begin(11, 16, key, -1, 8, time, 8, received)
    else:
        begin = _event_begin(11, 16, key, 16, bytes.fromhex(node), 8, time, 8, received)
    body = clean.encode(event)
    return b"".join(
        (
            begin,
            _common(event.type),
            _common(event.channel),
            _common(event.source),
            text(event.id),
            text(purchase.order_id) if purchase is not None and purchase.amount >= 0 else _NULL,
            text(event.origin),
            _length(len(body)),
            body,
        )
    )


_RANKS = ("year_revenue", "recency_score", "frequency_score", "monetary_score", "top_percent", "vital")
CUSTOMER_COLUMNS = ", ".join(
    ("id", "updated", "lifecycle", "segments", "due", *Summary._fields, *_RANKS, "state", "anchor")
)

_TRAITS, _INTEGERS = Summary._fields.index("acquisition_channel"), Summary._fields.index("first_seen")
_NO_VALUES, _NO_TRAITS = (None,) * _TRAITS, (_NULL * _TRAITS,)
_customer_begin = Struct(">hi16siq").pack
_four_integers = Struct(">iqiqiqiq").pack
_COUNT = CUSTOMER_COLUMNS.count(",") + 1


def customer_row(
    customer: str, portrait: Portrait, summary: Summary, segments: Segments, now: int, anchor: str | None = None
) -> bytes:
    """One row of `incoming`, in the order of CUSTOMER_COLUMNS. Times stay Unix ms; what is not text or a number is text.

    `anchor`: of a new customer, the node that it began with.
    """
    due, first, last = segments.due, summary.first_order, summary.last_order
    state = portraits.encode(portrait)
    return b"".join(
        (
            _customer_begin(_COUNT, 16, bytes.fromhex(customer.replace("-", "")), 8, now),
            _common(segments.lifecycle),
            _texts(segments.names),
            _NULL if due is None else _integer(8, due),
            *(_NO_TRAITS if summary[:_TRAITS] == _NO_VALUES else _traits(summary)),
            *map(_common, summary[_TRAITS:_INTEGERS]),
            _four_integers(8, summary.first_seen, 8, summary.last_seen, 8, summary.events, 8, summary.orders),
            text(summary.revenue),
            _common(summary.currency),
            text(summary.revenue_by_currency),
            _NULL if first is None else _integer(8, first),
            _NULL if last is None else _integer(8, last),
            _integer(8, summary.points),
            _integer(8, segments.ranked.year_revenue),
            _scores(segments.ranked[1:]),
            _length(len(state)),
            state,
            _NULL if anchor is None else _uuid(16, bytes.fromhex(anchor)),
        )
    )


@lru_cache(maxsize=4096)
def _scores(scores: tuple[int | bool | None, ...]) -> bytes:
    """Fields that are small numbers, and the last one a truth."""
    *numbers, last = scores
    return b"".join([_NULL if each is None else _smallint(2, each) for each in numbers]) + (
        _NULL if last is None else _boolean(1, last)
    )


def _traits(summary: Summary) -> Iterator[bytes]:
    yield text(summary.full_name)
    yield text(summary.email)
    yield text(summary.phone)
    yield text(summary.birthday)
    yield from map(_common, summary[4:_TRAITS])


@lru_cache(maxsize=4096)
def _texts(values: tuple[str, ...]) -> bytes:
    """A field that is an array of texts: dimensions, whether there are NULLs, type; length and first index; elements."""
    begin = Struct(">iii").pack(1 if values else 0, 0, _TEXT_OID)
    inside = begin + (Struct(">ii").pack(len(values), 1) + b"".join(map(text, values)) if values else b"")
    return _length(len(inside)) + inside


def uuid(value: str | None) -> bytes:
    """A UUID as a field of a binary row; None is NULL."""
    return _NULL if value is None else _uuid(16, bytes.fromhex(value.replace("-", "")))


def bigint(value: int) -> bytes:
    """A 64-bit integer as a field of a binary row."""
    return _integer(8, value)


def fields(*values: bytes) -> bytes:
    """A binary row of these fields."""
    return len(values).to_bytes(2) + b"".join(values)


class _Copied:
    """Binary rows as the file that COPY reads from, some at a time: their bytes are never whole in memory a second time."""

    def __init__(self, rows: Iterable[bytes]) -> None:
        self._parts = chain((_COPY_BEGIN,), rows, (_COPY_END,))

    def read(self, size: int) -> bytes:
        """About `size` bytes; nothing when there are no more."""
        chunk, length = [], 0
        for part in self._parts:
            chunk.append(part)
            length += len(part)
            if length >= size:
                break
        return b"".join(chunk)


def copy_rows(at: cursor, table: str, columns: str, rows: Iterable[bytes]) -> None:
    """Copy binary rows of these columns into a table. Much at a time: each piece has to wait for threads that compute."""
    at.copy_expert(f"copy {table} ({columns}) from stdin (format binary)", _Copied(rows), size=1 << 19)  # type: ignore[arg-type]


class Packed(NamedTuple):
    """What a batch writes, ready to be sent: rows for COPY, and parameters of statements (None where there is nothing to do)."""

    at: str
    events: Sequence[bytes]
    customers: Sequence[bytes]
    merged: Mapping[str, str] | None
    turns: Mapping[str, str] | None
    links: Mapping[str, str] | None
    moves: Mapping[str, str] | None
    unsettled: str | None
    evaluation: bool


def pack(changes: Changes) -> Packed:
    """Make `changes` ready. Raises Refused when some value of them fits into no column."""
    portraits, summaries, segments, now = changes.portraits, changes.summaries, changes.segments, changes.now
    anchors = changes.created
    try:
        return Packed(
            at=timestamp(now),
            events=[event_row(event, node) for event, node in changes.events],
            customers=[
                customer_row(each, portraits[each], summaries[each], segments[each], now, anchors.get(each))
                for each in sorted(portraits)
            ],
            merged={"ended": array(changes.merged), "survivors": array(changes.merged.values())}
            if changes.merged
            else None,
            turns=_turns(changes.merged) if changes.merged else None,
            links=_links(changes.links) if changes.links else None,
            moves=_moves(changes.moves) if changes.moves else None,
            unsettled=array(map(str, sorted(changes.unsettled))) if changes.unsettled else None,
            evaluation=changes.evaluation,
        )
    except (StructError, UnicodeEncodeError) as error:
        raise Refused(type(error).__name__) from error


def _turns(merged: Mapping[str, str]) -> dict[str, str]:
    return {
        "actions": array(["merged"] * len(merged)),
        "customers": array(merged),
        "others": array(merged.values()),
        "reasons": array(["an event named identifiers of both"] * len(merged)),
    }


def moved_turns(moved: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Ids that led to a customer which became part of another one, each with that: where they lead is told of each, so that it
    stays known when the two are divided again."""
    return {
        "actions": array(["moved"] * len(moved)),
        "customers": array([alias for alias, _ in moved]),
        "others": array([survivor for _, survivor in moved]),
        "reasons": array(["the customer that it led to became part of this one"] * len(moved)),
    }


def _links(links: Sequence[Link]) -> dict[str, str]:
    return {
        "a": array([f"{kind}:{value}" for (kind, value), *_ in links]),
        "b": array([f"{kind}:{value}" for _, (kind, value), *_ in links]),
        "times": array([str(link.time) for link in links]),
        "keys": array([link.key for link in links]),
        "rules": array([link.rule for link in links]),
        "lasts": array([str(link.last) for link in links]),
    }


def _moves(moves: Sequence[Move]) -> dict[str, str]:
    customers, segments, families, actions, reasons, versions, backfills = zip(*moves, strict=True)
    return {
        "customers": array(customers),
        "segments": array(segments),
        "families": array(families),
        "actions": array(actions),
        "reasons": array(reasons),
        "versions": array(map(str, versions)),
        "backfills": array(map(str, backfills)),
    }
