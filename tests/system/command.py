"""The command `portrait` as a person runs it: a program of its own, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ops.local.home import COLLECTOR_URL, SOURCE_KEY, read_env
from ops.local.records import wait_until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Portrait:
    """Runs commands in one home. `given`: `PORTRAIT_…` variables of the environment; others are taken out of it."""

    home: Path
    given: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The environment of the commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTRAIT_")}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return {**kept, "PYTHONPATH": path, "COLUMNS": "160", "PORTRAIT_HOME": str(self.home), **self.given}

    def argv(self, *arguments: str) -> list[str]:
        """The command line for `arguments`."""
        return [sys.executable, "-m", "ops.cli", *arguments]

    def run(self, *arguments: str, code: int = 0, seconds: float = 300) -> str:
        """What a command prints on standard output. Fails unless it ends with `code`, and in time."""
        done = self._done(arguments, seconds)
        assert done.returncode == code, f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """What a command says, in one line, that ends with exit code 1 and prints nothing on standard output."""
        done = self._done(arguments, 300)
        assert (done.returncode, done.stdout) == (1, "")
        return " ".join(done.stderr.split())

    def _done(self, arguments: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.argv(*arguments),
            env=self.environment(),
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert "Traceback" not in done.stderr
        return done

    def ask(self, *arguments: str, code: int = 0) -> Any:
        """What a command with --json prints, decoded."""
        return json.loads(self.run(*arguments, "--json", code=code))

    @property
    def settings(self) -> dict[str, str]:
        """What `portrait.env` says."""
        return read_env(self.home / "portrait.env")

    def send(self, *events: Mapping[str, Any]) -> httpx.Response:
        """Post events to the collector with the key of the source `demo`."""
        settings = self.settings
        return httpx.post(
            f"{settings[COLLECTOR_URL]}/v1/events",
            json=list(events),
            headers={"Authorization": f"Bearer {settings[SOURCE_KEY]}"},
            timeout=10,
        )

    def wait_caught_up(self, received: int, seconds: float = 180) -> dict[str, Any]:
        """The status once `received` events are accounted for and nothing waits."""
        told: dict[str, Any] = {}

        def done() -> bool:
            told.update(self.ask("status"))
            return told["caught_up"] is True and told["balance"]["received"] >= received

        assert wait_until(done, seconds, every=0.3), told
        return told


def scan(number: int, card: str = "7") -> dict[str, Any]:
    """A valid scan of a loyalty card: 1.50 USD."""
    return {
        "specversion": "1.0",
        "id": f"scan-{number}",
        "source": "/test/till",
        "type": "loyalty.card_scanned.v1",
        "time": "2026-11-01T10:00:00Z",
        "data": {
            "customer": {"card_no": card},
            "store_id": "S1",
            "basket": {"id": f"b{number}", "total": {"amount": "1.50", "currency": "USD"}},
        },
    }


def form(number: int, **known: str) -> dict[str, Any]:
    """A valid form of somebody who is `known` by these."""
    return {
        "specversion": "1.0",
        "id": f"form-{number}",
        "source": "/test/web",
        "type": "web.form_submitted.v1",
        "time": "2026-11-01T10:00:00Z",
        "data": {"form": {"id": "f", "kind": "newsletter"}, "customer": known},
    }
