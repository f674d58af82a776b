"""A submission becomes an event, as its mapping says. What cannot be read is left out of the part it was for, and kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from producers.files.cells import Unreadable
from producers.files.mapping import TimeOf
from producers.forms.mapping import FormMapping
from producers.forms.submission import Columns, Submission, plain, unread


class Arrival(NamedTuple):
    """`source` is the name of the sender in the file of keys; `fallback` the event's id where the service tells none."""

    source: str
    received: datetime
    fallback: str


class FormEvent(NamedTuple):
    """The event, as JSON has it, without `id` or `time` when it names them and they cannot be read. `unread` are the questions
    that the mapping reads nothing of, by the name that people read; `wrong` says (column, why) of what it could not read."""

    event: dict[str, Any]
    unread: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]


def form_event(submitted: Submission, mapping: FormMapping, arrival: Arrival) -> FormEvent:
    """The event of a submission. Raises nothing: whether the event is one, `judge` says."""
    wrong = [(name, _AMBIGUOUS) for name in sorted(mapping.read_columns) if submitted.doubts(name)]
    event: dict[str, Any] = {
        "specversion": "1.0",
        "source": mapping.source or f"/forms/{arrival.source}",
        "type": mapping.type,
    }
    event_id = _noted(wrong, lambda: _id(submitted.columns, mapping, arrival))
    time = _noted(wrong, lambda: _time(submitted.columns, mapping, arrival))
    event |= {name: value for name, value in (("id", event_id), ("time", time)) if value is not None}
    data = _data(submitted.columns, mapping, wrong)
    if isinstance(data.get("page"), dict):
        data["page"] = _fitting(data["page"])
    kept = unread(submitted, mapping.read_columns - {plain(column) for column, _ in wrong})
    if kept:
        data["answers"] = kept | (data.get("answers") or {})
    if mapping.type == "survey.answered.v1":
        data["survey"] = {"id": arrival.source} | (data.get("survey") or {})
    else:
        data["form"] = {"id": arrival.source, "kind": "contact"} | (data.get("form") or {})
    return FormEvent(event | {"data": data}, tuple(kept), tuple(wrong))


_AMBIGUOUS = "more than one question is called so; name the one that is meant by its id"


_LONGEST = {"url": 2_000, "referrer": 2_000} | dict.fromkeys(("source", "medium", "campaign", "term", "content"), 200)


def _fitting(page: dict[str, Any]) -> dict[str, Any]:
    """Cut to what an event takes: what advertisers put into an address must not cost the customer who came by it."""
    return {
        name: _fitting(part)
        if isinstance(part, dict)
        else part[: _LONGEST.get(name)]
        if isinstance(part, str)
        else part
        for name, part in page.items()
    }


def _noted(wrong: list[tuple[str, str]], read: Any) -> Any:
    try:
        return read()
    except Unreadable as error:
        wrong.append((error.column, error.message))
        return None


def _id(columns: Columns, mapping: FormMapping, arrival: Arrival) -> str:
    told = mapping.id_of(columns)
    if told is None and mapping.service.id is not None:
        told = columns.get(mapping.service.id, "").strip()
    return told or arrival.fallback


def _time(columns: Columns, mapping: FormMapping, arrival: Arrival) -> str:
    if mapping.time is not None:
        return mapping.time.read(columns)
    if mapping.service.time is not None and columns.get(mapping.service.time, "").strip():
        return TimeOf(column=mapping.service.time, timezone="UTC").read(columns)
    return arrival.received.isoformat().replace("+00:00", "Z")


def _data(columns: Columns, mapping: FormMapping, wrong: list[tuple[str, str]]) -> dict[str, Any]:
    """The data, made without the columns that cannot be read."""
    while True:
        try:
            return mapping.data_of(columns)
        except Unreadable as error:
            wrong.append((error.column, error.message))
            columns = columns.without(error.column)  # one fewer each time: what is not there can be read (see Cell)
