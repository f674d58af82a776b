"""What nobody should send: each record of it becomes one dead letter, its neighbours and the worker go on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas import clean
from schemas.clean import CleanEvent
from schemas.codec import MAX_EVENT_BYTES
from schemas.ids import event_key
from schemas.topics import REJECTED, VALID
from tests.crash.load import deliveries, send
from tests.crash.oracle import audit, check
from tests.crash.stream import NOW, Servers, Stream, stream
from tests.payloads import encoded, event

pytestmark = pytest.mark.integration

WEB = "events.web"
GOOD = deliveries(60)


def replaced(old: bytes, new: bytes) -> bytes:
    """A valid event in which some bytes are others."""
    payload = encoded(event())
    assert payload.count(old) == 1
    return payload.replace(old, new)


def of_size(size: int) -> bytes:
    """An event that would be valid, of so many bytes."""
    payload = encoded(event(subject="x"))
    return payload.replace(b'"subject": "x"', b'"unknown": "' + b"x" * (size - len(payload)) + b'"')[:size].ljust(size)


AMOUNT = b'"amount": "45000", "currency"'
POISON: dict[str, tuple[bytes | None, str, str]] = {
    "invalid UTF-8": (replaced(b"An.Nguyen", b"An\xff"), "not_utf8", "$"),
    "UTF-16": (encoded(event()).decode().encode("utf-16"), "not_utf8", "$"),
    "half a surrogate pair": (replaced(b"An.Nguyen", rb"\ud83d"), "not_utf8", "$"),
    "U+0000": (replaced(b"An.Nguyen", rb"\u0000"), "nul_character", "$"),
    "a raw NUL byte": (replaced(b"An.Nguyen", b"\0"), "not_json", "$"),
    "NaN": (replaced(AMOUNT, b'"amount": NaN, "currency"'), "number_out_of_range", "$"),
    "infinity": (replaced(AMOUNT, b'"amount": -Infinity, "currency"'), "number_out_of_range", "$"),
    "1e400": (replaced(AMOUNT, b'"amount": 1e400, "currency"'), "number_out_of_range", "$"),
    "a million digits": (
        replaced(AMOUNT, b'"amount": ' + b"9" * 1_000_000 + b', "currency"'),
        "number_out_of_range",
        "$",
    ),
    "nested 10,000 deep": (replaced(rb'"id": "e-1"', b'"id": ' + b"[" * 10_000 + b"]" * 10_000), "too_deep", "$"),
    "nested and never closed": (b"[" * 500_000, "too_deep", "$"),
    "a name twice": (replaced(b'"id": "e-1"', b'"id": "e-1", "id": "e-2"'), "duplicate_key", "$"),
    "cut off": (encoded(event())[:-5], "not_json", "$"),
    "two documents": (encoded(event()) + encoded(event()), "not_json", "$"),
    "an array": (b"[" + encoded(event()) + b"]", "not_an_object", "$"),
    "null as text": (b"null", "not_an_object", "$"),
    "no value": (None, "empty", "$"),
    "nothing": (b"", "empty", "$"),
    "blanks": (b" \n\t", "empty", "$"),
    "no id": (encoded({name: value for name, value in event().items() if name != "id"}), "missing_field", "$.id"),
    "an id that is a number": (encoded(event(id=7)), "wrong_type", "$.id"),
    "data that is a text": (encoded(event(data="x")), "wrong_type", "$.data"),
    "an unknown type": (encoded(event(type="till.opened.v1")), "unknown_type", "$.type"),
    "no identifier": (
        encoded(event(data={"form": {"id": "f", "kind": "survey"}, "customer": {"full_name": "An"}})),
        "no_identifier",
        "$.data.customer",
    ),
    "1 MB and a byte": (of_size(MAX_EVENT_BYTES + 1), "too_large", "$"),
}


@pytest.fixture(scope="module")
def running(servers: Servers) -> Iterator[Stream]:
    with stream(servers, partitions=2) as made:
        made.worker()
        yield made


def put(running: Stream, topic: str, *values: bytes | None, key: bytes | None = None) -> list[str]:
    """Send records to partition 1 of `topic`; their origins."""
    producer = KafkaProducer(
        bootstrap_servers=running.kafka, metrics_enabled=False, max_request_size=8 * 1024 * 1024, compression_type="lz4"
    )
    try:
        sent = [producer.send(topic, value=value, key=key, partition=1) for value in values]
        return [f"{topic}/1/{each.get(timeout=30).offset}" for each in sent]
    finally:
        producer.close(timeout=5)


def letters(running: Stream, origins: list[str]) -> dict[str, tuple[Any, ...]]:
    """The dead letters of these origins: (reason, path, payload, key)."""
    rows = running.rows(
        "select origin, reason, path, payload, key from portrait.rejected where origin = any(%s)", origins
    )
    return {
        origin: (reason, path, bytes(payload), None if key is None else bytes(key))
        for origin, reason, path, payload, key in rows
    }


@pytest.mark.parametrize("key", [b"email:an@example.vn", None, b"\xff\0"])
def test_each_poisonous_record_becomes_one_dead_letter_with_its_bytes(running: Stream, key: bytes | None) -> None:
    send(running.kafka, GOOD[:20])
    # A client of Kafka sends no record that has neither key nor value.
    poison = [each for each in POISON.values() if key is not None or each[0] is not None]
    origins = put(running, WEB, *(value for value, _, _ in poison), key=key)
    send(running.kafka, GOOD[20:])
    running.drain()
    expected = [(reason, path, value or b"", key) for value, reason, path in poison]
    assert letters(running, origins) == dict(zip(origins, expected, strict=True))
    check(running, GOOD)
    assert running.posts[0].codes == []


def test_an_event_of_exactly_one_megabyte_is_stored(running: Stream) -> None:
    payload = of_size(MAX_EVENT_BYTES)
    (origin,) = put(running, WEB, payload)
    running.drain()
    assert running.rows("select origin from portrait.events where origin = %s", origin) == [(origin,)]


def test_a_record_that_is_too_large_even_for_a_dead_letter_keeps_its_beginning(running: Stream) -> None:
    payload = random.Random(1).randbytes(3_900_000)
    (origin,) = put(running, WEB, payload)
    running.drain()
    ((reason, path, kept, _),) = letters(running, [origin]).values()
    assert (reason, path) == ("too_large", "$")
    assert payload.startswith(kept)
    assert len(kept) >= 2 * MAX_EVENT_BYTES
    assert running.posts[0].codes == []


def clean_event(number: int, **changes: Any) -> bytes:
    """A record of `events.valid`, as only `prepare` should write it."""
    made = CleanEvent(
        key=event_key("/poison", str(number)),
        source="/poison",
        id=str(number),
        type="loyalty.card_scanned.v1",
        channel="loyalty",
        time=NOW,
        received=NOW,
        origin=f"poison/{number}",
    )
    return json.dumps(json.loads(clean.encode(made)) | changes).encode()


PURCHASE = {"amount": 1, "currency": "VND"}
NOT_CLEAN: dict[str, bytes | None] = {
    "nothing": None,
    "empty": b"",
    "not UTF-8": b"\xff",
    "a raw event": encoded(event()),
    "an empty object": b"{}",
    "a key that is none": clean_event(1, key="e-1"),
    "a key with a tab": clean_event(2, key="0" * 31 + "\t"),
    "a time beyond the calendar": clean_event(3, time=10**17),
    "a time before it": clean_event(4, received=-(10**17)),
    "an unknown kind of identifier": clean_event(5, identifiers=[["ssn", "1"]]),
    "an empty identifier": clean_event(6, identifiers=[["email", ""]]),
    "an identifier of a megabyte": clean_event(7, identifiers=[["email", "x" * 1_000_000]]),
    "U+0000 in a trait": clean_event(8, identifiers=[["email", "a@b.vn"]], traits={"full_name": "a\0b"}),
    "U+0000 in the id": clean_event(9, id="a\0b"),
    "half a surrogate pair": clean_event(10, identifiers=[["email", "a@b.vn"]], traits={"full_name": "\ud83d"}),
    "an unknown currency": clean_event(11, identifiers=[["email", "a@b.vn"]], purchase=PURCHASE | {"currency": "ABC"}),
    "an hour that is none": clean_event(12, identifiers=[["email", "a@b.vn"]], purchase=PURCHASE | {"hour": 24}),
    "a weekday that is none": clean_event(13, identifiers=[["email", "a@b.vn"]], purchase=PURCHASE | {"weekday": 7}),
    "a trait that is no text": clean_event(14, identifiers=[["email", "a@b.vn"]], traits={"full_name": {"a": 1}}),
    "a birthday that is none": clean_event(15, identifiers=[["email", "a@b.vn"]], traits={"birthday": "2026-02-30"}),
    "too many points": clean_event(16, identifiers=[["email", "a@b.vn"]], points=2**63),
    "points that no sum can hold": clean_event(17, identifiers=[["email", "rich@b.vn"]], points=1),
    "brackets without end": clean_event(18)[:-1] + b',"more":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
}


def letter(name: str, **changes: Any) -> bytes:
    """A record of `events.rejected`, as nobody should write it."""
    made = {
        "origin": f"poison/{name}",
        "reason": "r",
        "path": "$",
        "message": "m",
        "rejected_at": NOW,
        "payload": "eA==",
    }
    return json.dumps(made | changes).encode()


NO_LETTER: dict[str, bytes | None] = {
    "nothing": None,
    "empty": b"",
    "not UTF-8": b"\xff",
    "an empty object": b"{}",
    "a clean event": clean_event(1),
    "U+0000 in the message": letter("U+0000", message="a\0b"),
    "a time beyond the calendar": letter("beyond", rejected_at=10**17),
    "a payload that is no base64": letter("no base64", payload="?"),
    "a payload that is nearly base64": letter("nearly base64", payload="eA=!="),
    "a key that is no base64": letter("no key", key="???"),
    "half a surrogate pair": letter("half", message="\ud83d"),
    "brackets without end": letter("deep")[:-1] + b',"more":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
}


def stated_origin(value: bytes | None) -> str:
    """The origin that a clean event names; a text that is no origin when it names none."""
    try:
        return str(json.loads(value or b"")["origin"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "none"


@pytest.mark.parametrize(("topic", "poison"), [(VALID, NOT_CLEAN), (REJECTED, NO_LETTER)])
def test_what_others_write_into_our_own_topics_becomes_dead_letters_too(
    running: Stream, topic: str, poison: dict[str, bytes | None]
) -> None:
    send(running.kafka, GOOD[:20])
    put(running, VALID, clean_event(0, identifiers=[["email", "rich@b.vn"]], points=2**63 - 1))
    origins = put(running, topic, *poison.values(), key=b"somebody")
    send(running.kafka, GOOD[20:])
    running.drain(30)
    # What only the database can tell to be wrong is laid at the door of the raw record that the event says it was.
    places = {
        name: (origin, stated_origin(value)) for (name, value), origin in zip(poison.items(), origins, strict=True)
    }
    found = letters(running, [origin for both in places.values() for origin in both])
    letter_of = {name: found.get(record) or found.get(stated) for name, (record, stated) in places.items()}
    assert [name for name, each in letter_of.items() if each is None] == []
    assert {each[0] for each in letter_of.values() if each} <= {"wrong_type", "invalid_value"}
    assert running.posts[0].codes == []
    assert "what is served is the fold of what is stored" not in audit(running)[1]
