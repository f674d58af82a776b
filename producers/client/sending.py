"""A client of the collector for channel systems: hand events over, and they arrive, once each.

    with Client("https://collector.example", key=KEY, source="/web/shop") as portrait:
        portrait.send({"type": "web.form_submitted.v1", "data": {…}})

Events are sent in batches by a thread in the background. A batch that is not answered with 200 is sent again, with the
same event ids, until it is: behind the collector each id counts once. What waits is kept in memory only; `close` (or
the end of the `with` block) delivers it.
"""

from __future__ import annotations

import gzip
import itertools
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple

import httpx
from pydantic import BaseModel, ValidationError

from producers.client.answers import Answer, problem_code, retry_after
from producers.client.outgoing import encode_event

log = logging.getLogger(__name__)

_FIRST_WAIT = 0.2
_LONGEST_WAIT = 30.0
_REJECTED_KEPT = 1_000


class QueueFull(Exception):
    """So many events wait that this one was not taken. It is not sent; wait, or drop it knowingly."""


class NotDelivered(Exception):
    """Some events did not arrive, or nobody knows. `events` are their JSON, for another try with the same ids."""

    def __init__(self, message: str, events: Sequence[bytes]) -> None:
        super().__init__(message)
        self.events = tuple(events)


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """An event that the collector refuses however often it comes. `event` is its JSON; `code`, `path` say why."""

    event: bytes
    id: str
    code: str
    path: str
    message: str


class _Waiting(NamedTuple):
    id: str
    payload: bytes
    since: float


class Client:
    """See the module. Safe to share between threads; not between processes.

    `source` is the default for events without one. A batch leaves when it has `batch_events` events or `batch_bytes`
    bytes, or when its oldest event is `max_age` seconds old. At most `queue_events` events wait: then `send` blocks
    (`when_full="block"`) or raises QueueFull (`"raise"`). `on_rejected` is called from the background thread for every
    event that the collector refuses; the last thousand are in `rejected`, too. `timeout` is seconds for one request.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        source: str | None = None,
        batch_events: int = 500,
        batch_bytes: int = 1_000_000,
        max_age: float = 0.5,
        queue_events: int = 20_000,
        when_full: Literal["block", "raise"] = "block",
        on_rejected: Callable[[RejectedEvent], None] | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}", "User-Agent": "portrait-client"}, timeout=timeout
        )
        self._source = source
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._max_age = max_age
        self._queue_events = queue_events
        self._when_full = when_full
        self._on_rejected = on_rejected
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._queue_bytes = 0
        self._sending: list[_Waiting] = []
        self._flushing = 0
        self._closed = False
        self._broken: str | None = None
        self._hindered = ""  # by what the last try failed
        self.accepted = 0
        self.rejected: deque[RejectedEvent] = deque(maxlen=_REJECTED_KEPT)
        self.rejected_count = 0
        self._thread = threading.Thread(target=self._work, name="portrait-client", daemon=True)
        self._thread.start()

    def send(self, event: Mapping[str, Any] | BaseModel, *, timeout: float | None = None) -> str:
        """Hand over one event and return its id; `specversion`, `id`, `source` and `time` are filled in when missing.

        Waits for room in the queue, at most `timeout` seconds, then raises QueueFull. Raises TypeError or ValueError
        for an event that cannot be encoded exactly (`encode_event` says what that is), NotDelivered when the collector
        does not accept this client, RuntimeError when it was closed.
        """
        event_id, payload = encode_event(event, source=self._source)
        self.send_encoded(event_id, payload, timeout=timeout)
        return event_id

    def send_encoded(self, event_id: str, payload: bytes, *, timeout: float | None = None) -> None:
        """Hand over an event that is JSON already, as `send` does; it is sent as it is."""
        with self._changed:
            if self._when_full == "raise":
                timeout = 0
            if not self._changed.wait_for(self._has_room, timeout):
                raise QueueFull(f"{len(self._queue)} events wait for the collector")
            if self._closed:
                raise RuntimeError("the client is closed")
            if self._broken:
                raise NotDelivered(self._broken, [payload])
            self._queue.append(_Waiting(event_id, payload, time.monotonic()))
            self._queue_bytes += len(payload)
            if len(self._queue) == 1 or self._is_due():
                self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> None:
        """Return when everything handed over is answered. Raises NotDelivered after `timeout` seconds."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._broken or not (self._queue or self._sending), timeout)
            self._flushing -= 1
            if self._broken or not done:
                left = [waiting.payload for waiting in (*self._sending, *self._queue)]
                if left or not done:
                    told = f"{len(left)} events are not answered yet"
                    raise NotDelivered(self._broken or (f"{told}: {self._hindered}" if self._hindered else told), left)

    def close(self, timeout: float | None = 30.0) -> None:
        """Deliver what waits, for at most `timeout` seconds, and end. Raises NotDelivered with what is left."""
        try:
            if self._thread.is_alive():
                self.flush(timeout)
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
            self._thread.join(timeout=1)
            self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _has_room(self) -> bool:
        return self._closed or self._broken is not None or len(self._queue) < self._queue_events

    def _is_due(self) -> bool:
        full = len(self._queue) >= self._batch_events or self._queue_bytes >= self._batch_bytes
        return bool(self._queue) and (full or self._flushing > 0 or self._age() >= self._max_age)

    def _age(self) -> float:
        return time.monotonic() - self._queue[0].since

    def _work(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                if not self._deliver(batch):
                    return
                with self._changed:
                    self._sending, self._hindered = [], ""
                    self._changed.notify_all()
        except Exception as error:
            log.exception("the client cannot go on")
            self._break(f"{type(error).__name__}: {error}")

    def _next_batch(self) -> list[_Waiting] | None:
        with self._changed:
            while not self._is_due():
                if self._closed or self._broken:
                    return None
                self._changed.wait(max(0.001, self._max_age - self._age()) if self._queue else None)
            if self._closed or self._broken:
                return None
            batch: list[_Waiting] = []
            size = 0
            while self._queue and len(batch) < self._batch_events:
                size += len(self._queue[0].payload)
                if batch and size > self._batch_bytes:
                    break
                batch.append(self._queue.popleft())
                self._queue_bytes -= len(batch[-1].payload)
            self._sending = batch
            self._changed.notify_all()
            return batch

    def _deliver(self, batch: list[_Waiting]) -> bool:
        """Send until it is answered for good. False when that will not be: refused as a whole, or closed meanwhile."""
        body = gzip.compress(b"[" + b",".join(waiting.payload for waiting in batch) + b"]", compresslevel=1)
        headers = {"Content-Type": "application/cloudevents-batch+json", "Content-Encoding": "gzip"}
        for attempt in itertools.count():
            wait = 0.0
            try:
                answer = self._http.post("/v1/events", content=body, headers=headers)
            except httpx.HTTPError as error:
                why = f"{type(error).__name__}: {error}"
            else:
                why = f"the collector answers {answer.status_code} {problem_code(answer)}"
                if answer.status_code == 200 and self._note(batch, answer):
                    return True
                if answer.status_code == 413 and len(batch) > 1:
                    half = len(batch) // 2
                    return self._deliver(batch[:half]) and self._deliver(batch[half:])
                if answer.status_code == 413:
                    self._reject(RejectedEvent(batch[0].payload, batch[0].id, "too_large", "$", why))
                    return True
                if answer.status_code not in (200, 408, 425, 429) and answer.status_code < 500:
                    self._break(why)
                    return False
                wait = retry_after(answer)
            # Full jitter: clients that failed together do not come back together.
            backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(attempt, 10))
            wait = max(wait, random.uniform(backoff / 10, backoff))  # noqa: S311
            log.warning("events were not taken (%s); again in %.1f s", why, wait)
            with self._changed:
                self._hindered = f"{why}, at {self._http.base_url.netloc.decode()}"
                if self._changed.wait_for(lambda: self._closed, wait):
                    return False
        return False

    def _note(self, batch: list[_Waiting], answer: httpx.Response) -> bool:
        """False when the answer is not the collector's: something between answers 200 for it."""
        try:
            shown = Answer.model_validate_json(answer.content)
        except ValidationError:
            return False
        if shown.accepted + len(shown.rejected) != len(batch):
            return False
        self.accepted += shown.accepted
        for entry in shown.rejected:
            waiting = batch[entry.index]
            self._reject(RejectedEvent(waiting.payload, waiting.id, entry.code, entry.path, entry.message))
        return True

    def _reject(self, rejected: RejectedEvent) -> None:
        self.rejected.append(rejected)
        self.rejected_count += 1
        if self._on_rejected is not None:
            try:
                self._on_rejected(rejected)
            except Exception:
                log.exception("on_rejected failed")

    def _break(self, why: str) -> None:
        log.error("%s; nothing more is sent", why)
        with self._changed:
            self._broken = why
            self._changed.notify_all()
