"""The stream on real servers, with real workers that can be killed, frozen and started again.

`servers` starts a Kafka and a PostgreSQL, `stream` makes the topics and a database anew and starts workers on them.
`Stream.until` plays the supervisor while it waits: what died is started again.
"""

from __future__ import annotations

import gc
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, MemberToRemove, OffsetSpec
from kafka.errors import KafkaError, UnknownTopicOrPartitionError
from kafka.structs import OffsetAndMetadata

from ops.local.child import Child, Process, tail
from ops.local.home import Home
from ops.local.kafka import KafkaServer
from ops.local.postgres import PostgresServer
from ops.local.stack import start_kafka, start_postgres
from ops.topics import create_topics
from schemas.topics import BY_NAME, RAW_NAMES, REJECTED, VALID
from sinks.postgres.migrate import migrate

ROOT = Path(__file__).parents[2]
NOW = 1_795_000_000_000
"""The time that all workers of a stream agree on, Unix ms."""

LAG_SECONDS = 60.0
"""Within which all lag is gone after any fault, as is promised."""

Place = tuple[str, int]
"""A partition: topic, number."""


@dataclass
class Servers:
    """A Kafka and a PostgreSQL of our own: processes, and their addresses."""

    home: Home
    kafka: Child
    postgres: Child
    kafka_address: str
    postgres_url: str

    def new_database(self, tables: Path | None = None) -> str:
        """The URL of an empty, migrated database; its tables are in the directory `tables`, when one is given."""
        name = f"crash_{uuid.uuid4().hex[:10]}"
        with closing(psycopg2.connect(self.postgres_url)) as opened, opened.cursor() as at:
            opened.autocommit = True
            if tables is not None:
                at.execute(f"create tablespace {name} location %s", [str(tables)])
            at.execute(f"create database {name}" + ("" if tables is None else f" tablespace {name}"))
        url = urlsplit(self.postgres_url)._replace(path=f"/{name}").geturl()
        migrate(url)
        return url

    def drop_database(self, url: str) -> None:
        """Forget what `new_database` made, tablespace and all."""
        name = urlsplit(url).path.strip("/")
        with closing(psycopg2.connect(self.postgres_url)) as opened, opened.cursor() as at:
            opened.autocommit = True
            at.execute(f"drop database {name} with (force)")
            at.execute(f"drop tablespace {name}")
            at.execute("checkpoint")


@contextmanager
def servers(home: Path) -> Iterator[Servers]:
    """Both servers, for as long as the block."""
    at = Home.open(home)
    with start_kafka(at, say=lambda _: None) as kafka, start_postgres(at, say=lambda _: None) as postgres:
        yield Servers(at, kafka, postgres, KafkaServer.at(at).address, PostgresServer.at(at).url)
    with warnings.catch_warnings():  # kafka-python leaves sockets of a Kafka that went away to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def asking(address: str) -> Iterator[KafkaAdminClient]:
    """An admin client that asks no longer than ten seconds."""
    admin = KafkaAdminClient(bootstrap_servers=address, request_timeout_ms=10_000, bootstrap_timeout_ms=10_000)
    try:
        yield admin
    finally:
        admin.close()


def fresh_topics(address: str, partitions: int) -> None:
    """Make all our topics anew, empty."""
    with asking(address) as admin:
        present = sorted(set(admin.list_topics()) & set(BY_NAME))
        if present:
            admin.delete_topics(present)
        deadline = time.monotonic() + 20
        while set(admin.list_topics()) & set(BY_NAME):
            assert time.monotonic() < deadline, "topics were not deleted"
            time.sleep(0.05)
    create_topics(address, partitions)


def offsets(admin: KafkaAdminClient, topics: tuple[str, ...], spec: OffsetSpec) -> dict[Place, int]:
    """The first or the next offset of every partition of `topics`."""
    found = admin.describe_topics(list(topics))
    parts = [TopicPartition(each["name"], part["partition_index"]) for each in found for part in each["partitions"]]
    told = admin.list_partition_offsets(dict.fromkeys(parts, spec))
    return {(part.topic, part.partition): told[part].offset for part in parts}


@dataclass
class Post:
    """A process under supervision. `codes` says how it ended, each time."""

    child: Child
    supervised: bool = True
    codes: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return self.child.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL; it stays dead until it is supervised again."""
        self.supervised = False
        self.child.kill()

    def end(self) -> None:
        """SIGTERM, and wait; it does not come back."""
        self.supervised = False
        self.child.stop()


class Stream:
    """One stream: its topics, its database, its consumer group, its processes."""

    def __init__(self, servers: Servers, url: str, partitions: int, stack: ExitStack) -> None:
        self.servers = servers
        self.kafka = servers.kafka_address
        self.url = url
        self.partitions = partitions
        self.group = f"group-{uuid.uuid4().hex[:10]}"
        self.posts: list[Post] = []
        self._stack = stack

    def worker(self, crash_at: str = "", module: str = "processors.app", *arguments: str, **settings: str) -> Post:
        """Start a worker. `crash_at` is NAME:N, for its first start; `settings` are of its environment, for every one."""
        return self._start("worker", (module, *arguments), crash_at, settings)

    def relay(self, crash_at: str = "") -> Post:
        """Start a relay."""
        return self._start("relay", ("sinks.relay",), crash_at, {})

    def collector(self, keys: Path, port: int, **settings: str) -> Post:
        """Start a collector; `settings` are of its environment."""
        return self._start(
            "collector",
            ("producers.collector",),
            "",
            {"PORTRAIT_KEYS": str(keys), "PORTRAIT_COLLECTOR_PORT": str(port), **settings},
        )

    def _start(self, kind: str, argv: tuple[str, ...], crash_at: str, settings: Mapping[str, str]) -> Post:
        environ = {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PORTRAIT_KAFKA": self.kafka,
            "PORTRAIT_DATABASE_URL": self.url,
            "PORTRAIT_WORKER_URL": self.url,
            "PORTRAIT_GROUP": self.group,
            "PORTRAIT_NOW_MS": str(NOW),
            "PORTRAIT_SESSION_TIMEOUT": "6",
            "PORTRAIT_COMMIT_INTERVAL": "0.2",
            "PORTRAIT_HOME": str(self.servers.home.path),
            "PORTRAIT_CRASH_AT": "",
            **settings,
        }
        name = f"{kind}-{len(self.posts)}-{uuid.uuid4().hex[:6]}"
        process = Process(name, (sys.executable, "-m", *argv), env=environ, grace=5.0)
        armed = Process(name, process.argv, env=environ | {"PORTRAIT_CRASH_AT": crash_at}, grace=5.0)
        post = Post(Child(self.servers.home, armed))
        self._stack.callback(_put_away, post.child)
        post.child.start()
        post.child.process = process
        self.posts.append(post)
        return post

    def until(
        self, condition: Callable[[], Any], seconds: float = LAG_SECONDS, *, what: str | Callable[[], str] = ""
    ) -> float:
        """Wait until `condition` holds, and start again what has died meanwhile. The seconds that it took.

        Raises AssertionError with the ends of all logs when it takes longer than `seconds`.
        """
        begun = time.monotonic()
        while True:
            self.look_after()
            try:
                if condition():
                    return time.monotonic() - begun
            except (KafkaError, psycopg2.OperationalError):
                pass  # a server is away
            if time.monotonic() - begun > seconds:
                logs = "\n".join(
                    f"--- {post.child.log.name} {post.codes}\n{tail(post.child.log, 40)}" for post in self.posts
                )
                wanted = what() if callable(what) else what or condition.__name__
                raise AssertionError(f"{wanted} did not come true in {seconds:.0f} s\n{logs}")
            time.sleep(0.05)

    def look_after(self) -> None:
        """One look at every process, as the supervisor's: those that died are started again."""
        for post in self.posts:
            if post.supervised and not post.child.alive():
                post.codes.append(post.child.ending())
                post.child.start()

    def tend(self, seconds: float) -> None:
        """Play the supervisor for some seconds."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, seconds + 5)

    def expel_the_dead(self) -> None:
        """Have Kafka forget the group's members, all of which are dead, as it would when their sessions end."""
        with asking(self.kafka) as admin:
            members = [each["member_id"] for each in admin.describe_groups([self.group])[self.group]["members"]]
            if members:
                admin.remove_group_members(self.group, [MemberToRemove(member_id=each) for each in members])

    def drain(self, seconds: float = LAG_SECONDS) -> float:
        """Wait until everything that is in the raw topics is in the store, and settled; the seconds that it took."""
        with ExitStack() as stack:
            admin = stack.enter_context(asking(self.kafka))
            took = self.until(lambda: not self.lag(admin), seconds, what=lambda: f"no lag ({self.lag(admin)})")
        print(f"\nno lag after {took:.1f} s", end=" ")
        return took

    def lag(self, admin: KafkaAdminClient) -> dict[str, int]:
        """How many records of which partitions are not yet prepared, or not yet applied; when all are, how many identifiers are
        not yet settled."""
        raw, stored = offsets(admin, RAW_NAMES, OffsetSpec.LATEST), self.positions()
        committed = self.committed(admin)
        behind = {f"{topic}/{n}": end - committed.get((topic, n), 0) for (topic, n), end in raw.items()}
        if not any(each > 0 for each in behind.values()):
            ends = offsets(admin, (VALID, REJECTED), OffsetSpec.LATEST)
            behind = {f"{topic}/{n}": end - stored.get((topic, n), 0) for (topic, n), end in ends.items()}
            if not any(behind.values()):
                behind = {"to be settled": self.unsettled()}
        return {place: each for place, each in behind.items() if each > 0}

    def unsettled(self) -> int:
        """How many marks wait to be settled."""
        return int(self.rows("select count(*) from portrait.unsettled")[0][0])

    def committed(self, admin: KafkaAdminClient) -> dict[Place, int]:
        """Kafka's own committed offsets of the group."""
        try:
            told = admin.list_group_offsets(self.group)[self.group]
        except UnknownTopicOrPartitionError:
            return {}
        return {(part.topic, part.partition): each.offset for part, each in told.items()}

    def commit(self, admin: KafkaAdminClient, places: Mapping[Place, int]) -> None:
        """Set Kafka's committed offsets of the group, which must have no members."""
        admin.alter_group_offsets(
            self.group, {TopicPartition(*place): OffsetAndMetadata(at, "", -1) for place, at in places.items()}
        )

    def positions(self) -> dict[Place, int]:
        """The stored positions."""
        return {
            (topic, number): at
            for topic, number, at in self.rows("select topic, partition, next_offset from portrait.positions")
        }

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on the stream's database."""
        with closing(psycopg2.connect(self.url)) as opened, opened, opened.cursor() as at:
            at.execute(statement, parameters)
            return at.fetchall()


@contextmanager
def stream(servers: Servers, partitions: int = 4, tables: Path | None = None) -> Iterator[Stream]:
    """A stream of its own, with nothing in it and no worker yet. Whatever it started ends with the block.

    With `tables`, its tables are in that directory, and gone afterwards: PostgreSQL would look for it at its next start.
    """
    url = servers.new_database(tables)
    try:
        with ExitStack() as stack:
            fresh_topics(servers.kafka_address, partitions)
            yield Stream(servers, url, partitions, stack)
    finally:
        if tables is not None:
            servers.drop_database(url)


def _put_away(child: Child) -> None:
    if child.alive():
        child.thaw()
        child.kill()
    child.close()
