"""(d): each stage alone, on one thread: what an event costs there when nothing else is in its way."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from ops.bench.fill import prepared, reference
from ops.bench.results import Stage
from ops.bench.stack import BenchStack
from ops.bench.workload import KINDS, Workload
from ops.offsets import Reader
from processors.apply import Rules, Slice, apply
from processors.identify import Asked, identify
from processors.identity_rules import identity_rules
from processors.portray import fold, summarise
from processors.segment import segment
from processors.segments.catalogue import shipped_catalogue
from producers.admit import admit
from producers.broker.publisher import Publisher
from producers.request.batch import split_array
from schemas import clean, portrait
from schemas.clean import CleanEvent
from schemas.codec import read_event, read_json
from schemas.ids import new_customer_id
from schemas.portrait import Portrait
from schemas.topics import PROFILES, RAW_NAMES, SEGMENT_CHANGES, raw_topic
from sinks.memory import MemoryStore
from sinks.postgres.outbox import Outbox
from sinks.postgres.rows import customer_row, event_row
from sinks.postgres.store import PostgresStore
from sinks.relay import Relay
from sinks.relay_producer import RelayProducer
from sinks.store import Partition, Span, Store

REQUEST = 200
BATCH = 5_000
_ROUNDS = 3
_LOG = Partition("bench", 0)


class Stages:
    """Measures one stage after the other and keeps what it finds."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self.found: list[Stage] = []
        self.progress = progress

    def time(
        self, name: str, events: int, run: Callable[[], object], *, rounds: int = _ROUNDS, unit: str = "event"
    ) -> None:
        """The best of several runs: what the stage takes, and not what else the machine has to do."""
        self.progress(name)
        with _no_garbage():
            taken = [_timed(run) for _ in range(rounds)]
        self.keep(name, events, min(wall for wall, _ in taken), min(cpu for _, cpu in taken), unit)

    def keep(self, name: str, events: int, wall: float, cpu: float, unit: str = "event") -> None:
        """One finding, of seconds for all events together."""
        self.found.append(Stage(name, unit, events, 1e6 * wall / max(events, 1), 1e6 * cpu / max(events, 1)))


def measure_stages(stack: BenchStack, workload: Workload, progress: Callable[[str], None]) -> tuple[Stage, ...]:
    """Every stage in the order of the data. Only the servers of `stack` run."""
    stages = Stages(progress)
    payloads = workload.payloads(0, workload.events)
    _door(stages, payloads)
    _publish(stages, stack, workload, payloads)
    asyncio.run(_fetch(stages, stack.kafka, len(payloads)))
    events = _prepare(stages, workload, payloads)
    _clean(stages, events)
    _core(stages, events, int(workload.anchor.timestamp() * 1000))
    _stores(stages, stack, events, int(workload.anchor.timestamp() * 1000))
    _relay(stages, stack)
    return tuple(stages.found)


def _door(stages: Stages, payloads: Sequence[bytes]) -> None:
    documents = [read_json(payload) for payload in payloads]
    bodies = [b"[" + b",".join(batch) + b"]" for batch in _batches(payloads, REQUEST)]
    stages.time("codec: JSON", len(payloads), lambda: [read_json(payload) for payload in payloads])
    stages.time("codec: types", len(payloads), lambda: [read_event(document) for document in documents])
    stages.time(
        f"collector: split and admit, {REQUEST} a request",
        len(payloads),
        lambda: [
            admit(split_array(body, 5_000) or (), may_send=lambda _: True, request="bench", now_ms=0) for body in bodies
        ],
    )


def _publish(stages: Stages, stack: BenchStack, workload: Workload, payloads: Sequence[bytes]) -> None:
    admitted = admit(payloads, may_send=lambda _: True, request="bench", now_ms=0)
    publisher = Publisher(stack.kafka, topics=RAW_NAMES, timeout=30.0)
    try:
        publisher.wait_connected(30.0)

        def send() -> None:
            for result in [publisher.publish(batch) for batch in _batches(admitted.records, REQUEST)]:
                result.result()

        stages.time("publish: kafka-python, acks=all, lz4", workload.events, send, rounds=1)
    finally:
        publisher.close()


async def _fetch(stages: Stages, kafka: str, events: int) -> None:
    """As Faust's transport fetches, without Faust."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        *RAW_NAMES, bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with consumer:
        await consumer.getmany(timeout_ms=2_000, max_records=1)
        seen = 1
        wall, cpu = time.perf_counter(), time.process_time()
        while seen < events:
            fetched = await consumer.getmany(timeout_ms=5_000, max_records=2_000)
            seen += sum(map(len, fetched.values()))
            if not fetched:
                break
        stages.keep("fetch: aiokafka", seen, time.perf_counter() - wall, time.process_time() - cpu)


def _prepare(stages: Stages, workload: Workload, payloads: Sequence[bytes]) -> list[CleanEvent]:
    received = int(workload.anchor.timestamp() * 1000)
    reference()
    for kind in dict.fromkeys(KINDS):
        own = [payload for number, payload in enumerate(payloads) if KINDS[number % len(KINDS)] == kind]
        # Once: what is looked up again and again is in caches then, as in a worker new people are not.
        stages.time(f"prepare: {kind}", len(own), _preparing(own, received), rounds=1)
    return [
        prepared(payload, f"{raw_topic(workload.type_of(number))}/0/{number}", received)
        for number, payload in enumerate(payloads)
    ]


def _preparing(payloads: Sequence[bytes], received: int) -> Callable[[], object]:
    return lambda: [prepared(payload, "events.web/0/1", received) for payload in payloads]


def _clean(stages: Stages, events: Sequence[CleanEvent]) -> None:
    values = [clean.encode(event) for event in events]
    stages.time("clean event: encode", len(events), lambda: [clean.encode(event) for event in events])
    stages.time("clean event: key", len(events), lambda: [clean.partition_key(event) for event in events])
    stages.time("clean event: decode", len(events), lambda: [clean.decode(value) for value in values])


def _core(stages: Stages, events: Sequence[CleanEvent], now: int) -> None:
    batches = list(_batches(events, BATCH))
    alone = Asked(lambda _: {}, lambda _: {})
    identity = identify({}, events, identity_rules(), alone, new_customer_id)
    customers = identity.customers
    known = dict(identity.assigned)
    stages.time(
        f"identify: {BATCH} known",
        len(events),
        lambda: [identify(known, batch, identity_rules(), alone, new_customer_id) for batch in batches],
    )
    stages.time(
        f"identify: {BATCH} new",
        len(events),
        lambda: [identify({}, batch, identity_rules(), alone, new_customer_id) for batch in batches],
    )

    def folded() -> dict[str, Portrait]:
        portraits: dict[str, Portrait] = {}
        for event in events:
            customer = customers[event.key]
            portrait = portraits.get(customer)
            if portrait is None:
                portrait = portraits[customer] = Portrait()
            fold(portrait, event, new_order=True)
        return portraits

    portraits = folded()
    rules = shipped_catalogue()
    told = {customer: summarise(each, "VND") for customer, each in portraits.items()}
    segments = {customer: segment(each, rules, now) for customer, each in portraits.items()}
    states = [portrait.encode(each) for each in portraits.values()]
    owned = [(event, identity.nodes[event.key]) for event in events]
    stages.time("portray: fold", len(events), folded)
    stages.time("portrait: decode", len(states), lambda: [portrait.decode(state) for state in states], unit="customer")
    stages.time(
        "portray: summarise",
        len(told),
        lambda: [summarise(each, "VND") for each in portraits.values()],
        unit="customer",
    )
    stages.time(
        "segment", len(told), lambda: [segment(each, rules, now) for each in portraits.values()], unit="customer"
    )
    stages.time("rows: events", len(events), lambda: [event_row(event, node) for event, node in owned])
    stages.time(
        "rows: customers",
        len(told),
        lambda: [customer_row(name, each, told[name], segments[name], now) for name, each in portraits.items()],
        unit="customer",
    )


def _stores(stages: Stages, stack: BenchStack, events: Sequence[CleanEvent], now: int) -> None:
    stages.time(
        f"apply: in memory, batches of {BATCH}", len(events), lambda: _applied(MemoryStore(), events, now), rounds=1
    )
    with closing(PostgresStore(stack.worker_database, application_name="portrait-bench")) as store:
        store.positions([])
        before = stack.meter.read().cpu["postgres"]
        stages.time(
            f"apply: PostgreSQL, batches of {BATCH}", len(events), lambda: _applied(store, events, now), rounds=1
        )
        spent = stack.meter.read().cpu["postgres"] - before
        stages.keep("  of this, CPU of PostgreSQL", len(events), spent, spent)


def _applied(store: Store, events: Sequence[CleanEvent], now: int) -> None:
    rules = Rules("VND", shipped_catalogue(), identity_rules())
    for first in range(0, len(events), BATCH):
        numbered = list(enumerate(events[first : first + BATCH], first))
        apply(store, [Slice(_LOG, Span(first, first + len(numbered)), numbered)], rules, now)


def _relay(stages: Stages, stack: BenchStack) -> None:
    """Everything that `apply` left in the outbox."""
    with closing(Outbox(stack.worker_database)) as outbox, closing(RelayProducer(stack.kafka)) as producer:
        relay = Relay(outbox, producer)
        outbox.lead()
        producer.publish(())  # connects
        published = _published(stack.kafka)

        def drain() -> None:
            while relay.round():
                pass

        stages.progress("relay")
        wall, cpu = _timed(drain)
        stages.keep("relay: outbox into Kafka", _published(stack.kafka) - published, wall, cpu, unit="record")


def _published(kafka: str) -> int:
    """How many records downstream can read."""
    with Reader(kafka) as reader:
        return sum(log.end for log in reader.logs(reader.partitions((PROFILES, SEGMENT_CHANGES))).values())


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


@contextmanager
def _no_garbage() -> Iterator[None]:
    """The workers look for garbage so rarely that it does not count."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _batches(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[first : first + size] for first in range(0, len(values), size))
