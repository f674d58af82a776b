"""Where one event is: in a spool, on its way through Kafka, rejected, or stored; and what could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
from kafka.errors import KafkaError

from ops.in_time import Clock, begun
from ops.local.home import COLLECTOR_URL, DATABASE_URL, KAFKA, TRACE_KEY, Home
from ops.spool import CollectorSilent, collectors_of, read_spool, search_collector
from ops.sql import reading, rows
from ops.trace_kafka import Passing, search
from ops.whereabouts import RECEIVED, State, Step, Trace
from producers.broker.named import letter_id
from producers.spool.search import Searched
from producers.spool.search import search as search_spool
from schemas.ids import event_key
from schemas.topics import REJECTED, VALID

MOST_RECORDS = 20_000
SECONDS = 2.0
"""Within which it answers, whoever else does not."""

_SPOOLS, _KAFKA, _STORE = 0.5, 0.75, 1.0
"""Shares of that time after which nobody waits for spools, for Kafka, for the store."""
_CLOSING_SECONDS = 0.15
_MOST_SOURCES, _MOST_ROWS, _MOST_COUNTED = 20_000, 100, 10_000

Positions = Mapping[tuple[str, int], int]
Row = tuple[Any, ...]


class _Stored(NamedTuple):
    sources: int
    events: list[Row]
    repeated: list[Row]
    letters: list[Row]
    nameless: int


def trace(
    settings: Mapping[str, str],
    home: Home,
    event_id: str,
    source: str | None,
    *,
    most: int = MOST_RECORDS,
    seconds: float = SECONDS,
    addresses: bool = True,
) -> Trace:
    """Look for an event everywhere, for so long. Never raises because a server does not answer: that is told in the result, with
    addresses and what exactly is wrong, or without.

    In the order in which events go, so that one that moves on meanwhile is found in one place at least.
    """
    told = Trace(event_id, addresses)
    if not all(map(_is_text, (event_id, source or ""))):
        told.unasked.append("dead letters that name no id, as one with such a character in it: `portrait rejected ls`")
        return told
    clock = Clock(seconds)
    url = settings.get(DATABASE_URL, "")
    positions = begun(lambda: _positions(url, seconds))
    _ask_spools(told, settings, home, source, clock)
    _ask_kafka(told, settings, positions, source, most, clock)
    _ask_store(told, url, source, clock)
    for found in told.events:
        found.settle()
    told.events.sort(key=lambda found: (-found.rank, found.source or ""))
    return told


def spool_of(settings: Mapping[str, str], home: Home) -> Path | None:
    """The directory of the collector's spool, if it is on this machine."""
    given, keys = settings.get("PORTRAIT_SPOOL"), settings.get("PORTRAIT_KEYS")
    if given:
        return Path(given) if given != "off" and _is_there(Path(given)) else None
    beside_keys = [Path(keys).parent / "spool"] if keys else []
    return next((each for each in (*beside_keys, home.path / "spool") if _is_there(each)), None)


def _is_text(name: str) -> bool:
    """Whether an event that is no dead letter can have this in its name."""
    return "\0" not in name and name.encode(errors="replace").decode() == name


def _is_there(directory: Path) -> bool:
    try:
        return directory.is_dir()
    except PermissionError:
        return False  # of somebody else


def _ask_spools(told: Trace, settings: Mapping[str, str], home: Home, source: str | None, clock: Clock) -> None:
    urls, key = collectors_of(settings), settings.get(TRACE_KEY)
    asked = [begun(partial(_collector, url, key, told.id, source, clock)) for url in urls]
    directory = spool_of(settings, home)
    if directory is not None:
        what = f"the spool {directory}" if told.addresses else "the spool"
        try:
            looked = search_spool(directory, told.id, source, clock.left(_SPOOLS))
        except OSError as error:
            told.not_asked(what, error.strerror or str(error))
        else:
            _add_spooled(told, looked, what, str(directory) if told.addresses else what)
            told.searched.append(f"{what}: {looked.segments} files")
    elif not asked:
        told.unasked.append(f"a spool: no collector is known ({COLLECTOR_URL}), and none keeps one here")
    for number, (url, answer) in enumerate(zip(urls, asked, strict=True), 1):
        which = f"collector {number}" if len(urls) > 1 and not told.addresses else "the collector"
        _add_collector(told, answer, url, f"the spool of {which}", clock, alone=directory is None or len(urls) > 1)


def _collector(
    url: str, key: str | None, event_id: str, source: str | None, clock: Clock
) -> tuple[str, Searched | None, bool]:
    """What its spool holds, in words; what was found there; whether somebody with a key should look."""
    spool = read_spool(url)
    if spool is None or not (spool.records or spool.aside_files):
        return "it has none" if spool is None else "it is empty", None, False
    if not key:
        return f"which holds {spool.records} records: give a key that traces in {TRACE_KEY}", None, True
    # It needs some of the time for its answer.
    looked = search_collector(url, key, event_id, source, 0.7 * clock.left(_SPOOLS))
    return f"{spool.records} records", looked, False


def _add_collector(
    told: Trace, asked: Future[tuple[str, Searched | None, bool]], url: str, called: str, clock: Clock, *, alone: bool
) -> None:
    """`alone`: the spool that was read here is not this one, as far as is known, so what it does not say is not known."""
    what = f"{called}{told.at(url)}"
    try:
        held, looked, unsearched = asked.result(clock.left(_SPOOLS))
    except (CollectorSilent, TimeoutError) as error:
        if alone:
            told.not_asked(what, str(error) or "no answer in time")
        return
    if unsearched:
        told.unasked += [f"{what}, {held}"] if alone else []
        return
    if looked is not None:
        _add_spooled(told, looked, what, f"collector {url}" if told.addresses else what)
    told.searched.append(f"{what}: {held}")


def _add_spooled(told: Trace, looked: Searched, what: str, place: str) -> None:
    if looked.left:
        told.unasked.append(f"{looked.left} files of {what}: not readable, or no time for them")
    for each in looked.found:
        event = told.of(each.source)
        at = datetime.fromtimestamp(each.received_ms / 1000, UTC)
        how = f"received with the key of {each.sender}" + (f", and refused: {each.reason}" if each.reason else "")
        state = State.SET_ASIDE if each.refused else State.REJECTED if each.reason else State.SPOOLED
        step = Step(at, f"{how}; kept in the spool", place)
        # The collector that was asked may be the one whose directory was read.
        if not any((each.at, each.what) == (step.at, step.what) for each in event.steps):
            event.came(state, step)


def _positions(url: str, seconds: float) -> Positions | None:
    if not url:
        return None
    try:
        with reading(url, seconds) as at:
            return {(topic, number): following for topic, number, _, following in rows(at, "positions")}
    except psycopg2.Error:
        return None  # `_ask_store` says so


def _ask_kafka(
    told: Trace,
    settings: Mapping[str, str],
    positions: Future[Positions | None],
    source: str | None,
    most: int,
    clock: Clock,
) -> None:
    bootstrap = settings.get(KAFKA, "")
    if not bootstrap:
        told.unasked.append(f"Kafka: none is known; set {KAFKA}")
        return
    group, what = settings.get("PORTRAIT_GROUP", "portrait"), f"Kafka{told.at(bootstrap)}"
    try:
        stored = positions.result(clock.left(_SPOOLS))
    except TimeoutError:
        stored = None
    until = clock.until(_KAFKA) - _CLOSING_SECONDS
    asked = begun(lambda: search(bootstrap, group, stored, told.id, source, most=most, until=until))
    try:
        looked = asked.result(clock.left(_KAFKA))
    except (KafkaError, OSError) as error:  # of these is TimeoutError
        told.not_asked(what, str(error) or "no answer in time")
        return
    told.searched.append(f"{what}: {looked.records:,} records that the workers have not applied yet")
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


def _ask_store(told: Trace, url: str, source: str | None, clock: Clock) -> None:
    if not url:
        told.unasked.append(f"the store: no database is known; set {DATABASE_URL}")
        return
    asked = begun(lambda: _stored(url, told.id, source, clock.left(_STORE)))
    try:
        found = asked.result(clock.left(_STORE))
    except (psycopg2.Error, TimeoutError) as error:
        told.not_asked("the store", " ".join(str(error).split()) or "no answer in time")
        return
    told.searched.append(f"the store: events of {found.sources:,} sources, and dead letters")
    if source is None and found.sources == _MOST_SOURCES:
        told.unasked.append(f"sources beyond the first {_MOST_SOURCES:,}: name the --source")
    if found.nameless and not (found.events or found.letters or told.events):
        more = " or more" if found.nameless == _MOST_COUNTED else ""
        told.unasked.append(f"{found.nameless:,}{more} dead letters that name no id: `portrait rejected ls`")
    _add_stored(told, found.events, found.repeated)
    _add_letters(told, found.letters)


def _stored(url: str, event_id: str, source: str | None, seconds: float) -> _Stored:
    with reading(url, seconds) as at:
        sources = [source] if source is not None else [row[0] for row in rows(at, "trace_sources", limit=_MOST_SOURCES)]
        events = rows(at, "trace_events", keys=[event_key(each, event_id) for each in sources])
        repeated = rows(at, "trace_duplicates", keys=[row[0] for row in events], limit=_MOST_ROWS)
        letters = rows(at, "trace_letters", id=letter_id(event_id), source=source, limit=_MOST_ROWS)
        ((nameless,),) = rows(at, "nameless_letters", limit=_MOST_COUNTED)
    return _Stored(len(sources), events, repeated, letters, nameless)


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
