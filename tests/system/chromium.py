"""A real Chromium, driven over its own debugging protocol through a pipe: no driver to install.

https://chromedevtools.github.io/devtools-protocol/: with `--remote-debugging-pipe` it reads JSON from file descriptor 3 and
writes to 4, each message ended by a zero byte.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.system.segment_stack import CHROMIUM

_SECONDS = 60.0
"""Its first answer took more than 20 on a machine of two cores that was busy with other tests."""


class Tab:
    """One tab. What the page says to its console, and errors that nobody caught, are in `said` and `errors`."""

    def __init__(self, browser: Browser, target: str) -> None:
        self._browser = browser
        self.target = target
        self._session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.ask(method, session=self._session, **parameters)

    def go(self, url: str) -> None:
        """Returns when the page has loaded."""
        seen = len(self._events("Page.loadEventFired"))
        self.ask("Page.navigate", url=url)
        self._browser.until(lambda: len(self._events("Page.loadEventFired")) > seen)

    def follow(self, url: str) -> None:
        """The same, as by a link on the page."""
        seen = len(self._events("Page.loadEventFired"))
        self.run(f"location.href = {json.dumps(url)}; 0")
        self._browser.until(lambda: len(self._events("Page.loadEventFired")) > seen)

    def run(self, expression: str) -> Any:
        """The value of JavaScript in the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Returns when the expression is true in the page."""
        self._browser.until(lambda: self.run(expression))

    def cookies(self) -> list[dict[str, Any]]:
        return list(self.ask("Network.getCookies")["cookies"])

    def until_cookies(self, count: int) -> list[dict[str, Any]]:
        """Returns when there are so many: what a script does to cookies comes to be a moment after it has run."""
        self._browser.until(lambda: len(self.cookies()) == count)
        return self.cookies()

    def show(self) -> None:
        """As a person turns to this tab, and away from the one before."""
        self.ask("Page.bringToFront")

    def requests(self) -> list[dict[str, Any]]:
        """Everything that the page has asked of the network, as the protocol has it."""
        self._browser.look(0.0)
        return [each["request"] for each in self._events("Network.requestWillBeSent")]

    def errors(self) -> list[str]:
        """What nobody has caught in the page."""
        self._browser.look(0.0)
        return [each["exceptionDetails"]["text"] for each in self._events("Runtime.exceptionThrown")]

    def close(self) -> None:
        """As a person closes it: the page is told that it goes."""
        self.ask("Page.close")

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [
            each["params"]
            for each in self._browser.events
            if each["method"] == method and each.get("sessionId") == self._session
        ]


class Browser:
    """The process. `events` are all that it has told so far."""

    def __init__(self, to: int, since: int) -> None:
        self._to, self._since = to, since
        self._number, self._rest = 0, b""
        self._answers: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def tab(self) -> Tab:
        return Tab(self, self.ask("Target.createTarget", url="about:blank")["targetId"])

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """What a method of the protocol answers."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        self.until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not condition():
            assert time.monotonic() < deadline, "Chromium did not come to it in time"
            self.look(0.05)

    def look(self, seconds: float) -> None:
        """Read what it tells, and wait for so long if that is nothing."""
        while select.select([self._since], [], [], seconds)[0]:
            seconds = 0.0
            read = os.read(self._since, 1 << 20)
            assert read, "Chromium has ended"
            *whole, self._rest = (self._rest + read).split(b"\0")
            for each in map(json.loads, whole):
                if "id" in each:
                    self._answers[each["id"]] = each
                else:
                    self.events.append(each)


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A new one, with a profile of its own. Skips the test, loudly, where there is none."""
    if not CHROMIUM:
        pytest.skip("NOT TRIED IN A REAL BROWSER: there is no Chromium on this machine")
    profile = tempfile.mkdtemp(prefix="portrait-chromium-")
    to_read, to = os.pipe()
    since, since_write = os.pipe()

    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    command += [f"--user-data-dir={profile}", "--no-first-run", "--disable-background-networking"]
    command += ["--disable-dev-shm-usage", *arguments]
    # It wants 3 and 4, which may be taken here: a shell puts them there.
    shell = f'exec "$@" 3<&{to_read} 4>&{since_write}'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", *command, "about:blank"],
        pass_fds=(to_read, since_write),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(to_read)
    os.close(since_write)
    browser = Browser(to, since)
    try:
        yield browser
    finally:
        try:
            browser.ask("Browser.close")
            process.wait(timeout=10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        os.close(to)
        os.close(since)
        shutil.rmtree(profile, ignore_errors=True)


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def site(directory: Path) -> Iterator[str]:
    """The address of the files of a directory."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(directory))) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()
