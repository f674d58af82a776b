"""Activation between a real PostgreSQL and a real Kafka: targets, changes, and the service that brings them together."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from schemas.profile import SegmentChange, encode
from schemas.topics import SEGMENT_CHANGES
from sinks.activation.feed import Feed
from sinks.activation.service import Service
from sinks.activation.targets import CsvSettings, EmailSettings, WebhookSettings
from sinks.postgres.targets import StoredTarget, Targets
from sinks.relay_messages import Message
from sinks.relay_producer import RelayProducer
from tests.in_thread import in_thread
from tests.integration.shop import Shop, login
from tests.receiver import SECRET

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
KINDS = {WebhookSettings: "webhook", EmailSettings: "email", CsvSettings: "csv"}


def change(number: int, customer: str | None = None, **changed: Any) -> SegmentChange:
    """A change of a customer of its own, unless one is named."""
    customer = customer or str(uuid4())
    made = SegmentChange(
        change_id=f"{customer}/moments/{number}",
        customer_id=customer,
        segment="birthday_soon",
        family="moments",
        action="entered",
        at=NOON,
        reason="sinh nhật trong 7 ngày",
        rule_version=1,
        after=("birthday_soon",),
    )
    return msgspec.structs.replace(made, **changed)


def publish(kafka: str, changes: Iterable[SegmentChange | bytes]) -> None:
    """Put records on the topic, as the relay does."""
    producer = RelayProducer(kafka)
    try:
        made = [
            (b"?", each) if isinstance(each, bytes) else (each.customer_id.encode(), encode(each)) for each in changes
        ]
        assert producer.publish([Message(SEGMENT_CHANGES, key, value, ()) for key, value in made]) == {}
    finally:
        producer.close()


def ends(kafka: str) -> dict[int, int]:
    """Where the topic ends now."""
    feed = Feed(kafka)
    try:
        return {number: end for number, (_, end) in feed.ends().items()}
    finally:
        feed.close()
        del feed
        collect()


def collect() -> None:
    """Have sockets closed that kafka-python leaves to the garbage collector, while nobody minds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Activated(NamedTuple):
    """A shop whose changes others are told of."""

    shop: Shop
    kafka: str

    def add(
        self,
        name: str,
        settings: WebhookSettings | EmailSettings | CsvSettings,
        *,
        segments: tuple[str, ...] = (),
        actions: tuple[str, ...] = ("entered", "left"),
        backfill: bool = False,
    ) -> None:
        """Add a target that begins now."""
        kind = KINDS[type(settings)]
        told = {"segments": segments, "actions": actions, "backfill": backfill}
        with targets(self.shop) as store:
            assert store.add(
                name,
                kind,
                msgspec.json.encode(settings),
                by="a test",
                positions=ends(self.kafka),
                **told,  # type: ignore[arg-type]
            )

    def webhook(self, name: str, url: str, **settings: Any) -> None:
        """Add a webhook whose secret is that of the receiver."""
        followed = {key: settings.pop(key) for key in ("segments", "actions", "backfill") if key in settings}
        self.add(name, WebhookSettings(url=url, secret="env:HOOK_SECRET", **settings), **followed)

    def target(self, name: str) -> StoredTarget:
        """How a target stands."""
        with targets(self.shop) as store:
            return next(each for each in store.all() if each.name == name)

    def lag(self, name: str) -> int:
        """How many records a target has yet to settle."""
        with targets(self.shop) as store:
            at = store.positions(self.target(name).id)
        return sum(end - at[number] for number, end in ends(self.kafka).items())

    @contextmanager
    def running(self) -> Iterator[None]:
        """The service in a thread of its own, as the worker role."""
        url = login(self.shop.url, "portrait_worker")
        with in_thread(Service(self.kafka, url, {"HOOK_SECRET": SECRET}).run, collect):
            yield

    def start(self, **environ: str) -> subprocess.Popen[str]:
        """`python -m sinks.activation` as the worker role."""
        url = login(self.shop.url, "portrait_worker")
        told = {"PORTRAIT_KAFKA": self.kafka, "PORTRAIT_WORKER_URL": url, "HOOK_SECRET": SECRET}
        return subprocess.Popen(
            [sys.executable, "-m", "sinks.activation"],
            cwd=ROOT,
            env={**os.environ, **told, **environ},
            stderr=subprocess.PIPE,
            text=True,
        )


@contextmanager
def targets(shop: Shop) -> Iterator[Targets]:
    """The targets of the shop, as the worker role."""
    store = Targets(login(shop.url, "portrait_worker"), application_name="test")
    try:
        yield store
    finally:
        store.close()
