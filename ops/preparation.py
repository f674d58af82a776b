"""What has to be there before the parts of a stack start: tables, logins, topics, and first access keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ops.local.home import DATABASE_URL, KAFKA, LocalStackError
from ops.logins import Login
from ops.topics import create_topics
from producers.keys import KeysError, hash_key, read_sources
from producers.keys.changes import add_source

DEMO, DEMO_TRACE = "demo", "demo-trace"
"""The first two sources: one that sends, one that asks where events are."""


@dataclass
class Preparation:
    """Makes tables, logins and topics, each once in the life of this object. Raises LocalStackError."""

    kafka: str
    database: str
    logins: tuple[Login, ...]
    partitions: int
    _done: set[str] = field(default_factory=set)

    def topics(self) -> None:
        """Makes the topics that are missing."""
        from kafka.errors import KafkaError

        if "topics" not in self._done:
            try:
                create_topics(self.kafka, self.partitions, timeout=10.0)
            except (KafkaError, OSError) as error:
                raise LocalStackError(f"no topics in the Kafka at {self.kafka} ({KAFKA}): {error}") from error
            self._done.add("topics")

    def tables(self) -> None:
        """Brings the database to this version, and makes the logins."""
        from sinks.postgres.migrate import ensure_login, migrate
        from sinks.store import Fatal, Retryable

        if "tables" not in self._done:
            try:
                migrate(self.database)
                for login in self.logins:
                    ensure_login(self.database, login.user, login.role, login.password)
            except (Retryable, Fatal) as error:
                raise LocalStackError(f"no tables in the database ({DATABASE_URL}): {error}") from error
            self._done.add("tables")


def first_key(keys: Path, name: str, remembered: str, *, traces: bool = False) -> str:
    """The key of a first source, made when the one that is remembered is not in the file of keys. One that somebody has disabled
    stays disabled. Raises LocalStackError.
    """
    try:
        sources = read_sources(keys) if keys.exists() else ()
        digest = hash_key(remembered)
        if any(each.opened_by(digest) and each.traces == traces for each in sources):
            return remembered
        names = {source.name for source in sources}
        free = (other for number in range(1, len(names) + 2) if (other := f"{name}-{number}") not in names)
        return add_source(keys, name if name not in names else next(free), traces=traces)
    except KeysError as error:
        raise LocalStackError(f"{error}; mend or delete that file") from error
