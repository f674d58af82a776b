"""A collector as a process of its own, as it runs in production."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from producers.keys.changes import add_source


@dataclass(frozen=True)
class RunningCollector:
    """Its process, its address (`http://…`), and an access key that may send everything."""

    process: subprocess.Popen[bytes]
    url: str
    key: str
    keys: Path
    log: Path

    def http(self, timeout: float = 20.0) -> httpx.Client:
        """A client that shows the key."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=timeout)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@contextmanager
def running_collector(
    kafka: str, home: Path, *, connected: bool = True, key: str = "", port: int = 0, **settings: str
) -> Iterator[RunningCollector]:
    """Starts one, on a free port when none is given. With `connected`, waits until Kafka answers it, else only until it
    serves. `key` is that of a collector that ran in this home before.
    """
    keys = home / "keys.yaml"
    key = key or add_source(keys, "tests")
    port = port or free_port()
    environ = os.environ | {
        "PORTRAIT_KAFKA": kafka,
        "PORTRAIT_KEYS": str(keys),
        "PORTRAIT_COLLECTOR_PORT": str(port),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    log = home / "collector.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "producers.collector"],
            env=environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    collector = RunningCollector(process, f"http://127.0.0.1:{port}", key, keys, log)
    try:
        wait_for(collector, "/ready" if connected else "/health")
        yield collector
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(collector: RunningCollector, path: str, seconds: float = 20.0) -> None:
    """Until GET `path` is answered with 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert collector.process.poll() is None, collector.log.read_text()
        try:
            if httpx.get(collector.url + path, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{path} was not answered with 200 within {seconds} s:\n{collector.log.read_text()}")


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
