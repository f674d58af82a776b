"""Where one event is: in a spool, on its way through Kafka, rejected, or stored; and what could not be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
from kafka.errors import KafkaError

from ops.local.home import COLLECTOR_URL, DATABASE_URL, KAFKA, Home
from ops.spool import CollectorSilent, read_spool, search_collector
from ops.sql import reading, rows
from ops.trace_kafka import Passing, search
from ops.whereabouts import RECEIVED, State, Step, Trace
from producers.spool_search import Spooled
from producers.spool_search import search as search_spool
from schemas.ids import event_key
from schemas.topics import REJECTED, VALID

TRACE_KEY = "PORTRAIT_TRACE_KEY"
"""An access key with `traces: true`, for the spool of a collector on another machine."""

MOST_RECORDS = 20_000
_KAFKA_SECONDS, _SPOOL_SECONDS = 1.0, 0.5
_MOST_SOURCES, _MOST_ROWS = 20_000, 100


def trace(
    settings: Mapping[str, str], home: Home, event_id: str, source: str | None, *, most: int = MOST_RECORDS
) -> Trace:
    """Look for an event everywhere. Never raises because a server does not answer: that is told in the result.

    In the order in which events go, so that one that moves on meanwhile is found in one place at least.
    """
    told = Trace(event_id)
    _ask_spools(told, settings, home, source)
    url = settings.get(DATABASE_URL, "")
    _ask_kafka(told, settings, _positions(url), source, most)
    _ask_store(told, url, source)
    for found in told.events:
        found.settle()
    told.events.sort(key=lambda found: (-found.rank, found.source or ""))
    return told


def spool_of(settings: Mapping[str, str], home: Home) -> Path | None:
    """The directory of the collector's spool, if it is on this machine."""
    given, keys = settings.get("PORTRAIT_SPOOL"), settings.get("PORTRAIT_KEYS")
    if given:
        return Path(given) if given != "off" and Path(given).is_dir() else None
    beside_keys = [Path(keys).parent / "spool"] if keys else []
    return next((each for each in (*beside_keys, home.path / "spool") if each.is_dir()), None)


def _ask_spools(told: Trace, settings: Mapping[str, str], home: Home, source: str | None) -> None:
    directory = spool_of(settings, home)
    if directory is not None:
        try:
            looked = search_spool(directory, told.id, source, _SPOOL_SECONDS)
        except OSError as error:
            told.unasked.append(f"the spool {directory}: {error.strerror}")
        else:
            _add_spooled(told, looked.found, str(directory))
            told.searched.append(f"the spool {directory}: {looked.segments} files")
            if looked.left:
                told.unasked.append(f"{looked.left} files of the spool {directory}: not readable, or no time for them")
    url = settings.get(COLLECTOR_URL, "")
    if url:
        _ask_collector(told, url, settings.get(TRACE_KEY), source, searched=directory is not None)
    elif directory is None:
        told.unasked.append(f"a spool: no collector is known ({COLLECTOR_URL}), and none keeps one here")


def _ask_collector(told: Trace, url: str, key: str | None, source: str | None, *, searched: bool) -> None:
    what = f"the spool of the collector at {url}"
    try:
        spool = read_spool(url)
        if spool is None or not (spool.records or spool.aside_files):
            told.searched.append(f"{what}: {'it has none' if spool is None else 'it is empty'}")
        elif key:
            looked = search_collector(url, key, told.id, source)
            _add_spooled(told, looked.found, f"collector {url}")
            told.searched.append(f"{what}: {spool.records} records")
            if looked.left:
                told.unasked.append(f"{looked.left} files of {what}: not readable, or no time for them")
        elif not searched:
            told.unasked.append(f"{what}, which holds {spool.records} records: give a key that traces in {TRACE_KEY}")
    except CollectorSilent as error:
        if not searched:
            told.unasked.append(f"{what}: {error}")


def _add_spooled(told: Trace, found: Iterable[Spooled], place: str) -> None:
    for each in found:
        event = told.of(each.source)
        at = datetime.fromtimestamp(each.received_ms / 1000, UTC)
        what = f"received with the key of {each.sender}" + (f", and refused: {each.reason}" if each.reason else "")
        state = State.SET_ASIDE if each.refused else State.REJECTED if each.reason else State.SPOOLED
        step = Step(at, f"{what}; kept in the spool", place)
        if step not in event.steps:
            event.came(state, step)


def _positions(url: str) -> dict[tuple[str, int], int] | None:
    if not url:
        return None
    try:
        with reading(url) as at:
            return {(topic, number): following for topic, number, _, following in rows(at, "positions")}
    except psycopg2.Error:
        return None  # `_ask_store` says so


def _ask_kafka(
    told: Trace,
    settings: Mapping[str, str],
    positions: Mapping[tuple[str, int], int] | None,
    source: str | None,
    most: int,
) -> None:
    bootstrap = settings.get(KAFKA, "")
    if not bootstrap:
        told.unasked.append(f"Kafka: none is known; set {KAFKA}")
        return
    group = settings.get("PORTRAIT_GROUP", "portrait")
    try:
        looked = search(bootstrap, group, positions, told.id, source, most=most, seconds=_KAFKA_SECONDS)
    except (KafkaError, OSError) as error:
        told.unasked.append(f"Kafka at {bootstrap}: {str(error) or type(error).__name__}")
        return
    told.searched.append(f"Kafka at {bootstrap}: {looked.records:,} records that the workers have not applied yet")
    for (topic, number), (start, end) in sorted(looked.left.items()):
        told.unasked.append(f"{topic}/{number}, offsets {start:,} to {end - 1:,}: more than was looked through")
    for each in looked.found:
        _add_passing(told, each)


def _add_passing(told: Trace, record: Passing) -> None:
    event = told.of(record.source)
    if record.topic == REJECTED:
        event.came(State.REJECTED, Step(record.at, f"rejected: {record.why}", record.place))
        event.ended.add(record.origin or "")
    elif record.topic == VALID:
        event.came(State.PREPARED, Step(record.at, f"prepared from {record.origin}", record.place))
    else:
        event.came(State.PUBLISHED, Step(record.at, RECEIVED, record.place))


def _ask_store(told: Trace, url: str, source: str | None) -> None:
    if not url:
        told.unasked.append(f"the store: no database is known; set {DATABASE_URL}")
        return
    try:
        with reading(url) as at:
            sources = (
                [source] if source is not None else [row[0] for row in rows(at, "trace_sources", limit=_MOST_SOURCES)]
            )
            keys = {event_key(each, told.id): each for each in sources}
            stored = rows(at, "trace_events", keys=list(keys))
            repeated = rows(at, "trace_duplicates", keys=[row[0] for row in stored], limit=_MOST_ROWS)
            letters = rows(at, "trace_letters", id=told.id[:256], source=source, limit=_MOST_ROWS)
            ((nameless,),) = rows(at, "nameless_letters")
    except psycopg2.Error as error:
        told.unasked.append(f"the store: {' '.join(str(error).split()) or type(error).__name__}")
        return
    told.searched.append(f"the store: events of {len(sources):,} sources, and dead letters")
    if source is None and len(sources) == _MOST_SOURCES:
        told.unasked.append(f"sources beyond the first {_MOST_SOURCES:,}: name the --source")
    if nameless and not (stored or letters or told.events):
        told.unasked.append(f"{nameless:,} dead letters that name no id: `portrait rejected ls`")
    _add_stored(told, stored, repeated)
    _add_letters(told, letters)


def _add_stored(told: Trace, stored: list[tuple[Any, ...]], repeated: list[tuple[Any, ...]]) -> None:
    for key, source, kind, happened, received, stored_at, origin, customer, unsettled in stored:
        event = told.of(source)
        event.type, event.happened_at, event.customer, event.open = kind, happened, customer, unsettled
        event.came(State.STORED, Step(stored_at, f"stored, from {origin}", "portrait.events"))
        if not any(step.place == origin for step in event.steps):
            event.came(State.STORED, Step(received, RECEIVED, origin))
        for of, place, seen, times in repeated:
            if of == key:
                event.duplicates = times
                event.came(State.STORED, Step(seen, f"received once more: a duplicate of {origin}", place))


def _add_letters(told: Trace, letters: list[tuple[Any, ...]]) -> None:
    for source, origin, reason, path, message, at, topic, replayed_at, replayed_as in letters:
        event = told.of(source)
        event.came(State.REJECTED, Step(at, f"rejected: {reason} at {path}: {message}", origin))
        event.ended.add(origin)
        if replayed_at is not None:
            event.came(State.REJECTED, Step(replayed_at, f"sent again to {topic or 'its topic'}", replayed_as))
