"""What a worker is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class BadSetting(ValueError):
    """An environment variable is missing or cannot be read; the message says which, and what it should be."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """kafka: `host:port[,host:port…]`. database_url: of the worker role. group: the consumer group.

    fetch_records: the most records in one fetch. batch_events: the most events in one transaction.
    metrics_host, metrics_port: where Prometheus metrics are served, None for nowhere. segments: a directory of segments besides
    those that ship.
    """

    kafka: str
    database_url: str
    group: str = "portrait"
    fetch_records: int = 2_000
    batch_events: int = 4_000
    session_timeout: float = 30.0
    commit_interval: float = 1.0
    stall_seconds: float = 120.0
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    segments: Path | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> WorkerSettings:
        """Read the environment. Raises BadSetting."""
        return cls(
            kafka=_needed(environ, "PORTRAIT_KAFKA", "the address of Kafka, host:port"),
            database_url=environ.get("PORTRAIT_WORKER_URL")
            or _needed(
                environ, "PORTRAIT_DATABASE_URL", "the address of PostgreSQL, postgresql://user:password@host/name"
            ),
            group=environ.get("PORTRAIT_GROUP", "portrait"),
            fetch_records=int(_number(environ, "PORTRAIT_FETCH_RECORDS", 2_000)),
            batch_events=int(_number(environ, "PORTRAIT_BATCH_EVENTS", 4_000)),
            session_timeout=_number(environ, "PORTRAIT_SESSION_TIMEOUT", 30.0),
            commit_interval=_number(environ, "PORTRAIT_COMMIT_INTERVAL", 1.0),
            stall_seconds=_number(environ, "PORTRAIT_STALL_SECONDS", 120.0),
            metrics_host=environ.get("PORTRAIT_METRICS_HOST") or "127.0.0.1",
            metrics_port=int(_number(environ, "PORTRAIT_METRICS_PORT", 0)) or None,
            segments=Path(own) if (own := environ.get("PORTRAIT_SEGMENTS", "").strip()) else None,
        )


def _needed(environ: Mapping[str, str], name: str, what: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise BadSetting(f"set {name} to {what}")
    return value


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise BadSetting(f"{name}={text!r} is not a number") from None
    if value <= 0 or value != value:
        raise BadSetting(f"{name}={text!r} must be greater than 0")
    return value
