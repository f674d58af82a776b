"""Values as PostgreSQL's COPY reads them (text format)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from schemas import clean
from schemas import portrait as portraits
from schemas.clean import CleanEvent
from schemas.portrait import Portrait, Segments, Summary

NULL = "\\N"
_EPOCH = datetime(1970, 1, 1)


def timestamp(milliseconds: int) -> str:
    """Unix ms as a timestamptz literal, UTC."""
    return f"{_EPOCH + timedelta(0, 0, 0, milliseconds)}+00"


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


def event_rows(events: Iterable[tuple[CleanEvent, str | None]]) -> Iterator[str]:
    """The rows of portrait.events, in the order of EVENT_COLUMNS."""
    for event, customer in events:
        purchase = event.purchase
        order = purchase.order_id if purchase is not None and purchase.amount >= 0 else None
        body = clean.encode(event).decode()
        if "\\" in body:
            body = body.replace("\\", "\\\\")
        yield (
            f"{event.key}\t{customer or NULL}\t{timestamp(event.time)}\t{timestamp(event.received)}\t{text(event.type)}\t"
            f"{text(event.channel)}\t{text(event.source)}\t{text(event.id)}\t{text(order)}\t{text(event.origin)}\t{body}\n"
        )


class RowReader:
    """Rows as the file that COPY reads from, some at a time: a batch's text is never whole in memory."""

    def __init__(self, rows: Iterable[str]) -> None:
        self._rows = iter(rows)

    def read(self, size: int) -> str:
        """Whole rows of about `size` characters together; nothing when there are no more."""
        chunk: list[str] = []
        length = 0
        for row in self._rows:
            chunk.append(row)
            length += len(row)
            if length >= size:
                break
        return "".join(chunk)


CUSTOMER_COLUMNS = ", ".join(("id", "updated", "lifecycle", "segments", "due", *Summary._fields, "state"))


_TEXTS = Summary._fields.index("first_seen")


def customer_row(customer: str, portrait: Portrait, summary: Summary, segments: Segments, now: int) -> str:
    """One row of `incoming`, in the order of CUSTOMER_COLUMNS. Times stay Unix ms: PostgreSQL converts them faster."""
    stated: tuple[str | None, ...] = summary[:_TEXTS]  # type: ignore[assignment]
    texts = "\t".join([NULL if value is None else value if value.isalnum() else text(value) for value in stated])
    first_seen, last_seen, events, orders, revenue, currency, by_currency, first, last, points = summary[_TEXTS:]
    state = portraits.encode(portrait).decode()
    if "\\" in state:
        state = state.replace("\\", "\\\\")
    return (
        f"{customer}\t{now}\t{segments.lifecycle}\t{{{','.join(segments.names)}}}\t"
        f"{NULL if segments.due is None else segments.due}\t{texts}\t{first_seen}\t{last_seen}\t{events}\t{orders}\t"
        f"{revenue}\t{currency}\t{by_currency}\t{NULL if first is None else first}\t{NULL if last is None else last}\t"
        f"{points}\t{state}\n"
    )
