"""The stream, in the order of the data: raw events are prepared, clean events become customers.

    events.web ─────┐
    events.loyalty ─┼─▶ prepare ─▶ events.valid ─▶ customers ─▶ the profile store
    events.social ──┤       └────▶ events.rejected ─▶ letters ──▶
    events.service ─┘

Run it with `python -m processors.app`; any number of workers share the work. See docs/operating.md for what a worker promises.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import msgspec

from processors import counters
from processors.apply import Rules
from processors.decode import clean_slice, letter_slice, origin, partition, span
from processors.guard import EXIT_GAP, EXIT_STALLED, fail_stop
from processors.identity_rules import identity_rules
from processors.prepare import prepare
from processors.publish import publish
from processors.reference import BadReference, Reference, load_reference
from processors.segments.own import OwnSegments
from processors.segments.rules import BadSegments
from processors.settings import BadSetting, WorkerSettings
from processors.succession import Fetched, Succession, within
from processors.transport import TP, App, Assignor, fetches
from processors.writer import Writer
from schemas import clean
from schemas.rejected import Rejected, dead_letter
from schemas.topics import RAW_NAMES, REJECTED, VALID
from sinks.crash import crash_point
from sinks.postgres.store import PostgresStore
from sinks.store import Partition

logger = logging.getLogger(__name__)

letter_encoder = msgspec.json.Encoder()

LETTER_PAYLOAD_BYTES, LETTER_KEY_BYTES = 2 * 1024 * 1024, 256 * 1024
"""What a dead letter keeps of a record: in base64 both fit into a record of `schemas.topics.MAX_MESSAGE_BYTES`, as a record
of that size itself, which anybody can send, would not. An event has at most 1 MB, so a longer one is no event anyway."""

RECORDS_AT_A_TIME = 200
"""Raw records prepared before the event loop sees to its other tasks: some 15 ms."""

STORED_TOPICS = (VALID, REJECTED)
"""Topics whose position is kept in the store, in the transaction that applies them."""


def make_app(settings: WorkerSettings, reference: Reference) -> App:
    """Put the stream together. Connects to nothing yet. Raises BadSegments."""
    app = App(
        settings.group,
        broker=";".join(f"kafka://{address}" for address in settings.kafka.split(",")),
        store="memory://",
        datadir=os.path.join(os.environ.get("PORTRAIT_HOME", "/tmp"), "faust"),  # noqa: S108 - never written to
        web_enabled=False,
        PartitionAssignor=Assignor,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=settings.fetch_records,
        broker_commit_interval=settings.commit_interval,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.session_timeout / 10,
        broker_request_timeout=max(40.0, settings.session_timeout + 10),
        stream_buffer_maxsize=4,
        stream_wait_empty=False,
        producer_acks=-1,
        producer_compression_type="lz4",
        producer_linger=0.0,
        producer_max_request_size=4 * 1024 * 1024,
        producer_max_batch_size=512 * 1024,
    )
    # As long as Kafka waits for a silent worker before another one takes over, PostgreSQL waits with its locks.
    store = PostgresStore(
        settings.database_url, application_name="portrait-worker", silent_seconds=settings.session_timeout
    )
    own = OwnSegments(reference.timezone, settings.segments, time.thread_time, time.perf_counter)
    rules = Rules(reference.base_currency, own.read(), identity_rules())
    writer = Writer(store, rules, batch_events=settings.batch_events, clock=now_ms, fresh=own.fresh)
    succession = Succession()
    prepared: dict[Partition, int] = {}

    @app.agent(fetches(app, *RAW_NAMES), name="prepare")
    async def prepare_agent(stream: Any) -> None:
        """Raw records become clean events or dead letters; the next fetch is read when Kafka has acknowledged all of them."""
        async for records in stream:
            crash_point("fetched")
            place = partition(records)
            following = succession.take(place, span(records))
            if following is None:
                continue
            try:
                made = await _prepared(within(records, following), reference)
                await publish(await app.maybe_start_producer(), made)
            except asyncio.CancelledError:
                raise
            except Exception:
                fail_stop("clean events could not be sent on")
            crash_point("sent")
            prepared[place] = max(following.end, prepared.get(place, 0))

    @app.agent(fetches(app, VALID), name="customers")
    async def customers_agent(stream: Any) -> None:
        """Clean events are taken into the next batch."""
        async for records in stream:
            crash_point("taken")
            await writer.add(Fetched(partition(records), span(records), records, clean_slice))

    @app.agent(fetches(app, REJECTED), name="letters")
    async def letters_agent(stream: Any) -> None:
        """Dead letters, too: they are stored where they can be listed, repaired and sent again."""
        async for records in stream:
            await writer.add(Fetched(partition(records), span(records), records, letter_slice))

    @app.task
    async def write() -> None:
        """The batches go into the store, one after the other."""
        try:
            await or_end(writer.run())
        finally:
            writer.stop()

    @app.task
    async def keep_current() -> None:
        """Customers whose time has come move from segment to segment, with or without events."""
        await or_end(writer.keep_current())

    @app.task
    async def keep_settled() -> None:
        """Customers of very many events that were found to be others are folded anew beside the stream."""
        await or_end(writer.keep_settled())

    async def begin(consumer: Any, assigned: set[TP], committed: Mapping[TP, int]) -> dict[TP, int]:
        """Where to read from: the stored position, or Kafka's for raw topics; the first time, the beginning of the log."""
        earliest = await consumer.earliest_offsets(*assigned)
        ends = await consumer.highwaters(*assigned)
        positions: dict[TP, int] = {}
        known = await writer.in_thread(store.positions, [Partition(*tp) for tp in assigned])
        crash_point("assignment")
        for tp in sorted(assigned):
            place, first = Partition(*tp), earliest.get(tp) or 0
            if place not in known:
                await writer.in_thread(store.begin, place, first)
            kept = known.get(place) if tp.topic in STORED_TOPICS else committed.get(tp)
            at = positions[tp] = first if kept is None or kept < 0 else kept
            if not first <= at <= ends.get(tp, at):
                fail_stop(
                    f"{tp.topic}/{tp.partition}: reading stood at offset {at}, the log has {first} to {ends.get(tp)}: "
                    "records have expired or the topic was made anew; see docs/operating.md, 'a gap in the log'",
                    EXIT_GAP,
                )
        stored = {Partition(*tp): at for tp, at in positions.items() if tp.topic in STORED_TOPICS}
        raw = {Partition(*tp): at for tp, at in positions.items() if tp.topic not in STORED_TOPICS}
        await writer.begin(stored)
        succession.begin(raw)
        prepared.update(raw)
        logger.info("reading %d partitions", len(assigned))
        return positions

    def done(tp: TP) -> int | None:
        return (writer.applied if tp.topic in STORED_TOPICS else prepared).get(Partition(*tp))

    app.begin, app.done = begin, done

    @app.timer(10.0)
    async def watch() -> None:
        """A partition that lags and does not advance ends the process: another worker, or this one anew, will read it."""
        assigned = [TP(*tp) for tp in app.consumer.assignment()]
        if not assigned:
            return
        app.consumer.commit_again()
        ends = await app.consumer.highwaters(*assigned)
        for tp in assigned:
            place, at, end = Partition(*tp), done(tp), ends.get(tp) or 0
            lag = max(0, end - (at or 0))
            counters.LAG.labels(*map(str, place)).set(lag)
            if stalled.seconds(place, at, lag) > settings.stall_seconds:
                fail_stop(
                    f"{place}: {lag} records wait and none was applied for {settings.stall_seconds:.0f} s", EXIT_STALLED
                )

    stalled = Progress()
    return app


async def or_end(running: Awaitable[None]) -> None:
    """Faust would log an error in a task, and go on without it."""
    try:
        await running
    except asyncio.CancelledError:
        raise
    except Exception:
        fail_stop("the writer failed")


class Progress:
    """Since when each partition has been standing still with records waiting."""

    def __init__(self) -> None:
        self._since: dict[Partition, tuple[int | None, float]] = {}

    def seconds(self, place: Partition, at: int | None, lag: int) -> float:
        """How long `place` has been at `at` with a lag; 0 when it moved or has none."""
        now = time.monotonic()
        before = self._since.get(place)
        if lag == 0 or before is None or before[0] != at:
            self._since[place] = (at, now)
            return 0.0
        return now - before[1]


async def _prepared(records: Sequence[Any], reference: Reference) -> list[tuple[str, bytes, bytes]]:
    """What a fetch of raw records becomes: (topic, key, value), one for each record.

    Lets others run now and then: the customers of this worker are not to wait for thousands of raw events.
    """
    made = []
    valid = 0
    for number, record in enumerate(records, 1):
        if number % RECORDS_AT_A_TIME == 0:
            await asyncio.sleep(0)
        outcome = prepare(record.value, origin=origin(record), received_ms=record.timestamp, reference=reference)
        if isinstance(outcome, Rejected):
            letter = dead_letter(
                outcome,
                origin=origin(record),
                payload=(record.value or b"")[:LETTER_PAYLOAD_BYTES],
                key=None if record.key is None else record.key[:LETTER_KEY_BYTES],
                topic=record.topic,
                now_ms=record.timestamp,
            )
            counters.REJECTED.labels(letter.reason).inc()
            made.append((REJECTED, letter.origin.encode(), letter_encoder.encode(letter)))
        else:
            valid += 1
            for _, code in outcome.problems:
                counters.PROBLEMS.labels(code).inc()
            made.append((VALID, clean.partition_key(outcome), clean.encode(outcome)))
    counters.RECEIVED.labels(records[0].topic).inc(len(records))
    counters.PREPARED.labels(records[0].topic).inc(valid)
    return made


def now_ms() -> int:
    """The time, Unix ms. PORTRAIT_NOW_MS fixes it, for tests."""
    return int(os.environ.get("PORTRAIT_NOW_MS") or time.time_ns() // 1_000_000)


def main() -> None:
    """Run a worker until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings, reference = WorkerSettings.read(os.environ), load_reference(os.environ)
        app = make_app(settings, reference)
    except (BadSetting, BadReference, BadSegments) as error:
        sys.exit(f"worker: {error}")
    if settings.metrics_port is not None:
        from prometheus_client import start_http_server

        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    import faust

    gc.freeze()
    # The thread that writes mostly waits for PostgreSQL: it is not to wait long for the one that decides as well.
    sys.setswitchinterval(0.001)
    gc.disable()  # the stream makes no cycles; to look took a fifth of its time (see `Writer.keep_current`)
    faust.Worker(app, loglevel="INFO", redirect_stdouts=False, override_logging=False).execute_from_commandline()


if __name__ == "__main__":
    main()
