"""Look for one event among the records of Kafka that are on their way: those that nobody has read yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from ops.offsets import Place, Reader
from producers.broker.connection import ClosableClient
from producers.broker.named import named
from schemas.topics import RAW_NAMES, REJECTED, VALID

_ON_THE_WAY = (*RAW_NAMES, VALID, REJECTED)


class Passing(NamedTuple):
    """A record that names the event. `source` is None of a dead letter that names none; `why` is that of a dead letter.
    `origin` is where the raw record stands, as far as this record tells.
    """

    topic: str
    place: str
    at: datetime
    source: str | None
    origin: str | None
    why: str | None


class Looked(NamedTuple):
    """What was found, how many records were looked at, and what was not: place → (from, to) offsets."""

    found: tuple[Passing, ...]
    records: int
    left: Mapping[Place, tuple[int, int]]


def search(
    bootstrap: str,
    group: str,
    stored: Mapping[Place, int] | None,
    event_id: str,
    source: str | None,
    *,
    most: int,
    until: float,
) -> Looked:
    """Look through what is beyond the workers' progress: what the group has committed of raw topics, and the positions `stored`
    of the others (None: not known, and then what the group has committed). At most `most` records, the newest of each partition,
    until `time.monotonic` is that. Raises KafkaError and OSError.
    """
    with Reader(bootstrap) as reader:
        places = reader.partitions(_ON_THE_WAY)
        # Before the ends: what is prepared by then, and so passed over in its raw topic, is before the end of the other one.
        committed = reader.committed(group)
        logs = reader.logs(places)
    begin = {place: max(_progress(place, committed, stored), logs[place].first) for place in places}
    lagging = {place: (start, logs[place].end) for place, start in begin.items() if start < logs[place].end}
    share = max(1, most // max(1, len(lagging)))
    wanted = {place: (max(start, end - share), end) for place, (start, end) in lagging.items()}
    left = {place: (start, wanted[place][0]) for place, (start, _) in lagging.items() if start < wanted[place][0]}
    found: list[Passing] = []
    looked = 0
    reached = {place: start for place, (start, _) in wanted.items()}
    with _reading(bootstrap, reached) as records:
        for record in records(wanted, reached, until):
            looked += 1
            found += _named_so(record, event_id, source)
    for place, (_, end) in wanted.items():
        if reached[place] < end:
            left[place] = (left.get(place, (reached[place], end))[0], end)
    return Looked(tuple(found), looked, left)


def _progress(place: Place, committed: Mapping[Place, int], stored: Mapping[Place, int] | None) -> int:
    if place[0] in RAW_NAMES or stored is None:
        return committed.get(place, 0)
    return stored.get(place, 0)


@contextmanager
def _reading(bootstrap: str, starts: Mapping[Place, int]) -> Iterator[Any]:
    if not starts:
        yield lambda *_: iter(())
        return
    client = ClosableClient()
    try:
        consumer = KafkaConsumer(
            kafka_client=client.make,
            bootstrap_servers=bootstrap.split(","),
            client_id="portrait-trace",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            check_crcs=False,
            bootstrap_timeout_ms=3000,
            request_timeout_ms=3000,
        )
    except BaseException:
        client.close()
        raise

    def records(wanted: Mapping[Place, tuple[int, int]], reached: dict[Place, int], until: float) -> Iterator[Any]:
        while any(reached[place] < end for place, (_, end) in wanted.items()) and time.monotonic() < until:
            for tp, some in consumer.poll(timeout_ms=100).items():
                place = (tp.topic, tp.partition)
                yield from (each for each in some if each.offset < wanted[place][1])
            for place in reached:
                # Not the offset of a record: what is behind the last one may be no record.
                reached[place] = consumer.position(TopicPartition(*place))

    try:
        consumer.assign([TopicPartition(*place) for place in starts])
        for place, offset in starts.items():
            consumer.seek(TopicPartition(*place), offset)
        yield records
    finally:
        consumer.close()


def _named_so(record: Any, event_id: str, source: str | None) -> Iterator[Passing]:
    told = named(record.topic, record.value or b"", event_id, source)
    if told is None:
        return
    place = f"{record.topic}/{record.partition}/{record.offset}"
    origin = told.origin if isinstance(told.origin, str) and record.topic not in RAW_NAMES else place
    why = f"{told.reason} at {told.path}: {told.message}" if record.topic == REJECTED else None
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    yield Passing(record.topic, place, at, told.source if isinstance(told.source, str) else None, origin, why)
