"""The doors of a collector that senders use at once: our own events, calls of the Segment API, notices of Zalo.

All three are about the same few persons, so that who is who is put together from what came through different doors. Whatever
is sent says itself what it is called and when it happened: sent again, it is the same.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from producers.keys.changes import add_source
from producers.webhooks.__main__ import add_webhook
from tests.crash.load import deliveries, identifiers_of, readable
from tests.integration.test_collector_webhooks import APP, ZALO_SECRET, encoded, written, zalo_signature

PEOPLE = 40
BATCH = 10
SECONDS = 2.0
"""Over which the requests of each door are spread when nothing holds them up."""

_RETRY_SECONDS = 0.1


class Request(NamedTuple):
    """What is posted until it is answered with 200. `holds`: the events, calls or notices in it."""

    path: str
    body: bytes
    holds: Sequence[bytes]
    headers: dict[str, str]


class Door:
    """Sends its requests one after the other, each again and again until the collector answers for it.

    `spooled`: how many were answered for by the spool. `refused`: the codes of all answers 503. `last_third`: set when it may
    send that, too, so that no fault comes too late.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.sent = 0
        self.spooled = 0
        self.refused: list[str] = []
        self.last_third = threading.Event()

    def part_way(self) -> bool:
        """Whether a third has come through."""
        return self.sent > len(self.requests) / 3

    def done(self) -> bool:
        """Whether the collector has answered for all of it."""
        return self.sent == len(self.requests)

    def send(self, url: str, stopping: threading.Event) -> None:
        with httpx.Client(base_url=url, timeout=20) as http:
            for request in self.requests:
                if self.sent >= len(self.requests) * 2 / 3:
                    self.last_third.wait()
                while not self._taken(http, request):
                    if stopping.wait(_RETRY_SECONDS):
                        return
                self.sent += 1
                if stopping.wait(SECONDS / len(self.requests)):
                    return

    def _taken(self, http: httpx.Client, request: Request) -> bool:
        answered = http.post(request.path, content=request.body, headers=request.headers)
        answer = answered.json()
        assert answered.status_code in (200, 503), answered.text
        if answered.status_code == 503:
            self.refused.append(answer["code"])
            return False
        assert answer["accepted"] + len(answer["rejected"]) == len(request.holds), answered.text
        self.spooled += bool(answer.get("spooled"))
        return True


class Doors(NamedTuple):
    """Doors that are being sent through."""

    each: Sequence[Door]
    sending: Sequence[Future[None]]

    def held(self) -> set[bytes]:
        """All events, calls and notices, each once."""
        return {each for door in self.each for request in door.requests for each in request.holds}

    def all(self, told: Callable[[Door], object]) -> bool:
        """Whether it is so at every door. Raises what ended the sending at one of them."""
        for sending in self.sending:
            if sending.done():
                sending.result()
        return all(map(told, self.each))


@contextmanager
def sent_through(url: str, doors: Sequence[Door]) -> Iterator[Doors]:
    """Send through all of `doors` at once while the block does its worst. It waits for them itself: the sending ends with it."""
    stopping = threading.Event()
    with ThreadPoolExecutor(len(doors)) as pool:
        try:
            yield Doors(doors, [pool.submit(door.send, url, stopping) for door in doors])
        finally:
            stopping.set()
            for door in doors:
                door.last_third.set()


def doors_with(keys: Path) -> list[Door]:
    """A door of each kind, with the same to send each time; the senders are entered in the file `keys`."""
    own, segment = add_source(keys, "crash"), add_source(keys, "site")
    add_webhook(keys, "zalo-oa", "zalo", ZALO_SECRET, APP)
    return [Door(_events(own)), Door(_calls(segment)), Door(_notices())]


def _events(key: str) -> list[Request]:
    log = [each.value for each in readable(deliveries(PEOPLE * 10, seed=9))]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}
    return [Request("/v1/events", b"[%s]" % b",".join(part), part, headers) for part in _parts(log)]


def _calls(key: str) -> list[Request]:
    """A quarter of the calls come twice, and of one in ten only its time tells it from another: its id is made of what it says.

    None says when it was sent: the time of an event would be corrected by how long it took to arrive.
    """
    chance = random.Random(11)
    once = [encoded(_call(chance, number)) for number in range(PEOPLE * 8)]
    calls = once + [each for each in once if chance.random() < 0.25]
    chance.shuffle(calls)
    body, headers = b'{"writeKey":"%s","batch":[%s]}', {"Content-Type": "application/json"}
    return [Request("/v1/batch", body % (key.encode(), b",".join(part)), part, headers) for part in _parts(calls)]


def _call(chance: random.Random, number: int) -> dict[str, Any]:
    person = chance.randrange(PEOPLE)
    ours = identifiers_of(person)
    kind = chance.choices(["track", "page", "identify", "bad"], [8, 4, 4, 1])[0]
    told: dict[str, Any] = {
        "type": kind,
        "anonymousId": ours["anonymous_id"],
        "timestamp": f"2026-05-{chance.randint(1, 28):02}T{chance.randrange(24):02}:30:00.{number:03}Z",
    }
    if chance.random() < 0.9:
        told["messageId"] = f"m-{number}"
    if kind == "identify":
        told["userId"] = f"u-{person}"
        told["traits"] = {name: ours[name] for name in ("email", "phone") if chance.random() < 0.5}
    elif kind == "page":
        told["properties"] = {"url": f"https://shop.example.vn/{chance.choice(['ao', 'dep'])}"}
    elif kind == "track":
        paid = {"order_id": f"o-{number // 2}", "total": 1000 * chance.randint(1, 500), "currency": "VND"}
        told |= {"event": "Order Completed", "properties": paid}
    else:
        told |= {"type": "track", "event": "Order Completed", "properties": {"total": 5}}
    return told


def _notices() -> list[Request]:
    """Zalo sends each of them twice, in whatever order. Some have no id of their own."""
    chance = random.Random(13)
    once = [_notice(chance, number) for number in range(PEOPLE)]
    bodies = once * 2
    chance.shuffle(bodies)
    return [
        Request("/v1/hooks/zalo-oa", body, [body], {"Content-Type": "application/json"} | zalo_signature(body))
        for body in bodies
    ]


def _notice(chance: random.Random, number: int) -> bytes:
    person = chance.randrange(PEOPLE)
    user = f"48122093317755{person:05}"
    moment = {"timestamp": str(1_777_600_000_000 + 60_000 * number)}
    kind = chance.choice(["message", "follow", "submit"])
    if kind == "message":
        return written(f"z-{number}", user, **moment)
    if kind == "follow":
        return written("", user, name="follow", follower={"id": user}, **moment)
    info = {"name": f"Khách {person}", "phone": identifiers_of(person)["phone"]}
    return written("", user, name="user_submit_info", info=info, **moment)


def _parts(whole: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [whole[at : at + BATCH] for at in range(0, len(whole), BATCH)]
