"""Values as PostgreSQL's COPY reads them (text format)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from schemas import clean
from schemas import portrait as portraits
from schemas.clean import CleanEvent
from schemas.portrait import Portrait, Segments, Summary

NULL = "\\N"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 24 * 60 * 60 * 1000


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).date().isoformat()


def timestamp(milliseconds: int) -> str:
    """Unix ms as `YYYY-MM-DD HH:MM:SS.mmm+00`."""
    day, rest = divmod(milliseconds, _DAY_MS)
    seconds, fraction = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day(day)} {hour:02}:{minute:02}:{second:02}.{fraction:03}+00"


def text(value: str | None) -> str:
    """`value` with what COPY would misread escaped; None is NULL."""
    if value is None:
        return NULL
    if value.isalnum():
        return value
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if value.isprintable():
        return value
    return value.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def array(values: Iterable[str]) -> str:
    """`values` as PostgreSQL's array literal: one parameter, whatever they contain."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


EVENT_COLUMNS = "key, customer_id, time, received_at, type, channel, source, id, order_id, origin, body"


def event_rows(events: Iterable[tuple[CleanEvent, str | None]]) -> str:
    """The rows of portrait.events, in the order of EVENT_COLUMNS."""
    lines = []
    for event, customer in events:
        purchase = event.purchase
        order = purchase.order_id if purchase is not None and purchase.amount >= 0 else None
        body = clean.encode(event).decode().replace("\\", "\\\\")
        lines.append(
            f"{event.key}\t{customer or NULL}\t{timestamp(event.time)}\t{timestamp(event.received)}\t{text(event.type)}\t"
            f"{text(event.channel)}\t{text(event.source)}\t{text(event.id)}\t{text(order)}\t{text(event.origin)}\t{body}\n"
        )
    return "".join(lines)


CUSTOMER_COLUMNS = (
    "id, version, updated_at, lifecycle, segments, due_at, "
    "full_name, email, phone, birthday, age_band, gender, province, area, income_band, language, "
    "acquisition_channel, preferred_channel, preferred_store, first_seen_at, last_seen_at, events, orders, revenue, "
    "currency, revenue_by_currency, first_order_at, last_order_at, points, state"
)


def customer_row(customer: str, portrait: Portrait, summary: Summary, segments: Segments, updated_at: str) -> str:
    """One row of portrait.customers, in the order of CUSTOMER_COLUMNS; the version of a new customer is 1."""
    names = ",".join(f'"{membership.segment}"' for membership in segments.memberships)
    due = NULL if segments.due is None else timestamp(segments.due)
    first_order = NULL if summary.first_order is None else timestamp(summary.first_order)
    last_order = NULL if summary.last_order is None else timestamp(summary.last_order)
    told = "\t".join([NULL if value is None else text(value) for value in summary[:_TOLD]])
    state = portraits.encode(portrait).decode().replace("\\", "\\\\")
    return (
        f"{customer}\t1\t{updated_at}\t{segments.lifecycle}\t{{{names}}}\t{due}\t{told}\t"
        f"{timestamp(summary.first_seen)}\t{timestamp(summary.last_seen)}\t{summary.events}\t{summary.orders}\t"
        f"{summary.revenue}\t{summary.currency}\t{summary.revenue_by_currency}\t{first_order}\t{last_order}\t"
        f"{summary.points}\t{state}\n"
    )


_TOLD = Summary._fields.index("first_seen")
