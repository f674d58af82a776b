"""Raw events as channels send them: many about a few people, some invalid, about a quarter of them delivered again."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
from kafka import KafkaProducer

from schemas.topics import raw_topic

_WEB, _SCAN, _ENROLLED = "web.form_submitted.v1", "loyalty.card_scanned.v1", "loyalty.card_enrolled.v1"
_SOCIAL = "social.interacted.v1"
_ASSIGNED, _UNASSIGNED = "crm.account_assigned.v1", "crm.account_unassigned.v1"
_OPENED, _RESOLVED, _SURVEY = "service.complaint_opened.v1", "service.complaint_resolved.v1", "survey.answered.v1"
_KINDS = {
    _WEB: 4,
    _SCAN: 8,
    _ENROLLED: 1,
    _SOCIAL: 3,
    _ASSIGNED: 1,
    _UNASSIGNED: 1,
    _OPENED: 1,
    _RESOLVED: 1,
    _SURVEY: 1,
}


class Raw(NamedTuple):
    """One delivery into a raw topic."""

    topic: str
    key: bytes
    value: bytes


def deliveries(events: int, seed: int = 1) -> list[Raw]:
    """`events` events, about 3 % of them invalid, in an order of no meaning; with the repeated ones, a quarter more.

    There is one person to ten events. An event names one or two of a person's five identifiers, so that persons are put
    together bit by bit. In one event in sixty somebody with a card of their own uses another one's phone, and one in forty
    comes from a tablet of a shop: so there is always something that links seem to join, and rules keep apart.
    """
    chance = random.Random(seed)
    people = max(3, events // 10)
    once = [_delivery(chance, number, people) for number in range(events)]
    log = once + [each for each in once if chance.random() < 0.25]
    chance.shuffle(log)
    return log


def _delivery(chance: random.Random, number: int, people: int) -> Raw:
    person = chance.randrange(people)
    kind = chance.choices([*_KINDS], [*_KINDS.values()])[0]
    ours = identifiers_of(person)
    customer = dict(chance.sample(sorted(ours.items()), chance.choice([1, 1, 2])))
    if chance.random() < 1 / 60:
        customer |= {"phone": ours["phone"], "card_no": identifiers_of(chance.randrange(people))["card_no"]}
    if chance.random() < 1 / 40:
        customer["device_id"] = f"tablet-{chance.randrange(2)}"
    name, value = min(customer.items())
    event = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": f"/crash/{kind.partition('.')[0]}",
        "type": kind,
        "time": f"2026-{chance.randint(1, 10):02}-{chance.randint(1, 28):02}T{chance.randint(8, 21):02}:30:00+07:00",
        "data": {"customer": customer, **_told(chance, kind, number)},
    }
    payload = json.dumps(event, ensure_ascii=False).encode()
    if chance.random() < 0.03:
        payload = chance.choice([payload[:-9], b'{"id": "x"}', payload.replace(b'"1.0"', b'"0.9"'), b"\xff", b""])
    return Raw(raw_topic(kind), f"{name}:{value}".encode(), payload)


def identifiers_of(person: int) -> dict[str, str]:
    """The five identifiers of a person, by kind."""
    return {
        "card_no": f"VN{person:08}",
        "email": f"khach{person}@example.vn",
        "phone": f"09{person:08}",
        "zalo_id": f"zalo-{person}",
        "anonymous_id": f"browser-{person}",
    }


def _told(chance: random.Random, kind: str, number: int) -> dict[str, Any]:
    if kind == _SOCIAL:
        return {"platform": "zalo", "action": chance.choice(["follow", "react", "comment", "unfollow"])}
    if kind == _ENROLLED:
        return {"store_id": "hcm-01", "tier": chance.choice(["gold", "silver"])}
    if kind == _WEB:
        return {"form": {"id": "f-1", "kind": chance.choice(["survey", "contact"])}, "answers": {"taste": "cà phê"}}
    if kind in (_ASSIGNED, _UNASSIGNED):
        return {"relation": chance.choice(["key_account", "partner"])}
    if kind in (_OPENED, _RESOLVED):
        return {"complaint": {"id": f"k-{chance.randrange(9)}"}}
    if kind == _SURVEY:
        return {"survey": {"id": "q"}, "score": {"kind": "nps", "value": chance.randint(0, 10)}}
    amount = 1000 * chance.randint(1, 500)
    basket = {"items": [], "total": {"amount": amount, "currency": "VND"}}
    if chance.random() < 0.8:
        basket["id"] = f"b-{number // 2}"  # told of twice, now and then by two customers
    return {"store_id": chance.choice(["hcm-01", "hn-02"]), "basket": basket, "points": {"earned": amount // 1000}}


def send(kafka: str, log: Sequence[Raw]) -> None:
    """Put `log` into the raw topics; all of it is acknowledged on return."""
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5, metrics_enabled=False)
    try:
        sent = [producer.send(topic, value=value, key=key) for topic, key, value in log]
        for each in sent:
            each.get(timeout=30)
    finally:
        producer.close(timeout=5)


class Load:
    """Deliveries on their way, slice by slice, in a thread of their own. `refused`: how many the collector refused."""

    def __init__(self, log: Sequence[Raw], seconds: float) -> None:
        self.log = log
        self.sent = 0
        self.refused = 0
        self._slices = max(1, int(seconds / 0.05))
        self._pause = seconds / self._slices
        self.stopping = threading.Event()
        self._error: BaseException | None = None

    def slices(self) -> Iterator[Sequence[Raw]]:
        """The log in slices, one when its time has come."""
        size = -(-len(self.log) // self._slices)
        for at in range(0, len(self.log), size):
            yield self.log[at : at + size]
            self.sent = min(at + size, len(self.log))
            if self.stopping.wait(self._pause):
                return

    @contextmanager
    def running(self, deliver: Any) -> Iterator[Load]:
        """`deliver(self)` in a thread for as long as the block; an error of it is raised at the end."""

        def run() -> None:
            try:
                deliver(self)
            except BaseException as error:
                self._error = error

        thread = threading.Thread(target=run, name="load")
        thread.start()
        try:
            yield self
        except BaseException:
            self.stopping.set()
            raise
        finally:
            thread.join(120)
        if self._error is not None:
            raise self._error

    def post(self, http: httpx.Client, part: Sequence[Raw]) -> bool:
        """Whether the collector answered for `part`."""
        try:
            answered = http.post("/v1/events", content=b"[" + b",".join(each.value for each in part) + b"]")
        except httpx.TransportError:
            return False
        assert answered.status_code in (200, 503), answered.text
        if answered.status_code == 200:
            self.refused += len(answered.json()["rejected"])
        return answered.status_code == 200

    @property
    def done(self) -> bool:
        """Whether all of it was delivered."""
        if self._error is not None:
            raise self._error
        return self.sent == len(self.log)


@contextmanager
def load(kafka: str, log: Sequence[Raw], seconds: float) -> Iterator[Load]:
    """`log` straight into the raw topics, evenly spread over `seconds`, while the block does its worst."""

    def deliver(running: Load) -> None:
        producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5, metrics_enabled=False)
        try:
            for part in running.slices():
                sent = [producer.send(topic, value=value, key=key) for topic, key, value in part]
                for each in sent:
                    each.get(timeout=30)
        finally:
            producer.close(timeout=5)

    with Load(log, seconds).running(deliver) as running:
        yield running


@contextmanager
def posted(url: str, key: str, log: Sequence[Raw], seconds: float) -> Iterator[Load]:
    """`log` through the collector, in batches; what was not answered with 200 is sent again, with the same ids.

    Deliveries that are not JSON are left out: they would spoil a batch.
    """

    def deliver(running: Load) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}
        with httpx.Client(base_url=url, headers=headers, timeout=10) as http:
            for part in running.slices():
                while not running.post(http, part) and not running.stopping.wait(0.1):
                    pass

    with Load(readable(log), seconds).running(deliver) as running:
        yield running


def readable(log: Sequence[Raw]) -> list[Raw]:
    """The deliveries that are JSON."""
    return [each for each in log if _is_json(each.value)]


def _is_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def linking() -> tuple[list[Raw], list[Raw]]:
    """One event that names all identifiers of a person, and then a hundred scans that name one of them each."""
    chance = random.Random(7)
    identifiers = identifiers_of(0)

    def scan(number: int, customer: dict[str, str]) -> Raw:
        event = {
            "specversion": "1.0",
            "id": f"scan-{number}",
            "source": "/crash/linking",
            "type": _SCAN,
            "time": "2026-05-01T09:30:00+07:00",
            "data": {"customer": customer, **_told(chance, _SCAN, number)},
        }
        kind, value = min(customer.items())
        return Raw(raw_topic(_SCAN), f"{kind}:{value}".encode(), json.dumps(event, ensure_ascii=False).encode())

    return [scan(0, identifiers)], [
        scan(number, dict([chance.choice(sorted(identifiers.items()))])) for number in range(1, 101)
    ]
