"""Apache Kafka on this machine: one node that is broker and controller (KRaft), on loopback, replication 1."""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.local.child import Process
from ops.local.home import LOOPBACK, Home, LocalStackError, require_free_port
from ops.local.jars import Java, find_java, kafka_classpath

_METADATA_API, _METADATA_VERSION = 3, 1
_LOCALE = {"LC_ALL": "C.UTF-8"}  # so that Java can open a path with letters beyond ASCII


@dataclass(frozen=True)
class KafkaServer:
    """The Kafka of one home. `prepare` once, then start `process()`; data outlives kill -9."""

    home: Home
    port: int
    controller_port: int

    @classmethod
    def at(cls, home: Home, port: int | None = None) -> "KafkaServer":
        """The server of `home`, on `port` if given, else on the port the home remembers or now chooses."""
        return cls(home, home.port("kafka", port), home.port("kafka-controller"))

    @property
    def address(self) -> str:
        """The bootstrap address, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self, say: Callable[[str], None]) -> None:
        """Gets the jars and formats the storage, each the first time only. Raises LocalStackError."""
        classpath = kafka_classpath(say)
        self._write_properties(self._properties_file, self._storage)
        if self._storage.exists():
            return
        # Formatted elsewhere and then moved: a storage directory is formatted whole or not there.
        unformatted = self.home.kafka / "storage.new"
        shutil.rmtree(unformatted, ignore_errors=True)
        properties = self.home.kafka / "format.properties"
        self._write_properties(properties, unformatted)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        tool = [*_java_argv(find_java(), "-Xmx128m", "-XX:TieredStopAtLevel=1"), "-cp", classpath]
        formatted = subprocess.run(
            [*tool, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(properties)],
            env={**os.environ, **_LOCALE},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if formatted.returncode != 0:
            raise LocalStackError(f"Kafka could not format {self.home.kafka}:\n{formatted.stdout}{formatted.stderr}")
        unformatted.rename(self._storage)
        properties.unlink()

    def process(self) -> Process:
        """How to run it. Stops within a second of SIGTERM when idle."""
        classpath = kafka_classpath(lambda _: None)
        # The thorough compiler (C2) costs as much as the broker itself in its first minutes, and here there are seldom more.
        options = ("-Xms128m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "-XX:TieredStopAtLevel=1")
        log = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
        when = "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS"
        return Process(
            name="kafka",
            argv=(
                *_java_argv(find_java(), *options, *log, when),
                *("-cp", classpath, "kafka.Kafka", str(self._properties_file)),
            ),
            env=_LOCALE,
            ready=self.ready,
            before=self._before,
            grace=20.0,
        )

    def ready(self) -> bool:
        """Whether the broker answers and has joined its own cluster; never blocks for more than two seconds a step."""
        try:
            return _brokers_known(LOOPBACK, self.port) > 0
        except (OSError, struct.error):
            return False

    @property
    def _storage(self) -> Path:
        return self.home.kafka / "storage"

    @property
    def _properties_file(self) -> Path:
        return self.home.kafka / "server.properties"

    def _before(self) -> None:
        require_free_port(self.port, "Kafka")
        require_free_port(self.controller_port, "Kafka's controller")

    def _write_properties(self, file: Path, storage: Path) -> None:
        properties = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            "listeners": f"CLIENT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"CLIENT://{self.address}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": storage,
            # Topics are declared by Portrait, which says how each is kept; these are for those that say nothing.
            "auto.create.topics.enable": "false",
            "default.replication.factor": 1,
            "log.retention.hours": 24 * 365,
            "log.segment.bytes": 256 * 1024 * 1024,
            # What the index of such a segment can need (an entry of 8 bytes, or of 12, every 4,096 bytes): each segment begun
            # reserves two, and the reading ahead of the system fills them with zeros, at 10 MB each by default.
            "log.index.size.max.bytes": 1024 * 1024,
            # One node is the whole cluster.
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # A consumer group that starts does not wait for others to come.
            "group.initial.rebalance.delay.ms": 0,
            # After kill -9 the broker is refused until the session of the dead one has run out: 9 s by default.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # Two cores and a heap of 512 MB, shared with the workers and the database.
            "num.network.threads": 2,
            "num.io.threads": 4,
            "num.recovery.threads.per.data.dir": 2,
            "background.threads": 2,
            "log.cleaner.threads": 1,
            "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,
        }
        # Java's escapes for backslashes and for what is not ASCII are those of JSON.
        file.write_text("".join(f"{key}={json.dumps(str(value))[1:-1]}\n" for key, value in properties.items()))


def _java_argv(java: Java, *options: str) -> tuple[str, ...]:
    quiet = ("--sun-misc-unsafe-memory-access=allow",) if java.major >= 23 else ()
    native = ("--enable-native-access=ALL-UNNAMED",) if java.major >= 22 else ()
    return (str(java.executable), "-XX:+UseSerialGC", "-Djava.awt.headless=true", *quiet, *native, *options)


def _brokers_known(host: str, port: int) -> int:
    """How many brokers the broker here knows of, by a Metadata request for no topic; OSError when it is silent."""
    client = b"portrait"
    header = struct.pack(">hhih", _METADATA_API, _METADATA_VERSION, 0, len(client)) + client
    request = header + struct.pack(">i", 0)
    with socket.create_connection((host, port), timeout=2) as connection, connection.makefile("rb") as answer:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", answer.read(4))
        _, brokers = struct.unpack(">ii", answer.read(size)[:8])
    return int(brokers)
