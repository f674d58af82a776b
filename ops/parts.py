"""The parts of a stack: with which command, settings and needs each of them runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ops.local.child import Process
from ops.local.home import TRACE_KEY, WORKER_URL, Home, require_free_port
from ops.local.ready import answers, listens
from ops.preparation import Preparation

KEYS = "PORTRAIT_KEYS"
SPOOL = "PORTRAIT_SPOOL"

_NICENESS = "10"
_GRACE_SECONDS = 15.0


@dataclass(frozen=True)
class Surroundings:
    """What the parts of one stack share. `env`: settings of them all. `local`: the names of the servers that run here."""

    home: Home
    env: Mapping[str, str]
    local: frozenset[str]
    preparation: Preparation


def collector(around: Surroundings, own: Mapping[str, str]) -> Process:
    """What takes events over HTTP. `own`: where its keys and its spool are."""
    port = around.home.port("collector")

    def before() -> None:
        require_free_port(port, "the collector")
        around.preparation.topics()

    return Process(
        name="collector",
        argv=_python("producers.collector"),
        env={**around.env, **own, WORKER_URL: "", "PORTRAIT_COLLECTOR_PORT": str(port)},
        needs=tuple(around.local & {"kafka"}),
        ready=lambda: answers(port, "/ready"),
        before=before,
        grace=_GRACE_SECONDS,
    )


def at_the_store(around: Surroundings, name: str, module: str, *, metrics: bool = True, nice: bool = False) -> Process:
    """A part that reads Kafka and PostgreSQL. `metrics`: it serves them. `nice`: what comes in goes before it."""
    port = around.home.port(f"{name}-metrics") if metrics else None

    def before() -> None:
        if port is not None:
            require_free_port(port, f"the metrics of {name}")
        around.preparation.topics()
        around.preparation.tables()

    return Process(
        name=name,
        argv=_python(module, nice=nice),
        env=around.env if port is None else {**around.env, "PORTRAIT_METRICS_PORT": str(port)},
        needs=tuple(sorted(around.local)),
        ready=None if port is None else lambda: listens(port),
        before=before,
        grace=_GRACE_SECONDS,
    )


def trace(around: Surroundings, own: Mapping[str, str]) -> Process:
    """What says over HTTP where events are. `own`: where keys, collector and database are. It starts without any server: what
    does not answer is part of its answers.
    """
    port = around.home.port("trace")
    return Process(
        name="trace",
        argv=_python("ops.trace_service", nice=True),
        # The spool is asked of the collector, with the key of whoever asks.
        env={**around.env, **own, WORKER_URL: "", SPOOL: "off", TRACE_KEY: "", "PORTRAIT_TRACE_PORT": str(port)},
        ready=lambda: answers(port, "/health"),
        before=lambda: require_free_port(port, "trace"),
        grace=_GRACE_SECONDS,
    )


def _python(module: str, *, nice: bool = False) -> tuple[str, ...]:
    return (*(("nice", "-n", _NICENESS) if nice else ()), sys.executable, "-m", module)
