"""The publisher against a real Kafka, also when it is away, frozen, killed and back."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from uuid import uuid4

import pytest

from ops.local.child import Child
from producers.broker.publisher import Publisher, Refused, Unavailable
from producers.record import Record
from schemas.topics import MAX_MESSAGE_BYTES
from tests.topic_reader import records

pytestmark = pytest.mark.integration


@contextmanager
def publishing(bootstrap: str, timeout: float = 1.5) -> Iterator[Publisher]:
    publisher = Publisher(bootstrap, timeout=timeout)
    try:
        yield publisher
    finally:
        publisher.close()


def web(*values: str) -> list[Record]:
    return [Record("events.web", b"email:%d" % number, value.encode()) for number, value in enumerate(values)]


def outcome(result: Future[None]) -> Exception | None:
    try:
        result.result(timeout=10)
    except (Unavailable, Refused) as error:
        return error
    return None


def values_in(bootstrap: str) -> set[str]:
    return {record.value.decode() for record in records(bootstrap, "events.web")}


def test_what_is_acknowledged_is_in_kafka_with_its_key(kafka: str) -> None:
    mark = uuid4().hex
    with publishing(kafka) as publisher:
        publisher.wait_connected(10)
        publisher.ping()
        sent = [Record("events.social", f"zalo_id:{mark}".encode(), f"{mark} {n} Nguyễn".encode()) for n in range(50)]
        assert outcome(publisher.publish(sent)) is None
    assert [
        (record.topic, record.key, record.value)
        for record in records(kafka, "events.social")
        if mark.encode() in record.value
    ] == [tuple(record) for record in sent]


def test_whoever_gives_up_waiting_disturbs_no_acknowledgement(kafka: str) -> None:
    with publishing(kafka) as publisher:
        publisher.wait_connected(10)
        given_up = publisher.publish(web(uuid4().hex))
        assert not given_up.cancel()
        assert outcome(given_up) is None


def test_an_error_that_nobody_expected_is_in_the_result(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with publishing(kafka) as publisher:
        publisher.wait_connected(10)
        with monkeypatch.context() as patched:
            patched.setattr("kafka.KafkaProducer.send", lambda *_, **__: 1 / 0)
            assert isinstance(outcome(publisher.publish(web("a"))), Unavailable)
        publisher.wait_connected(10)
        assert outcome(publisher.publish(web("b"))) is None


def test_nothing_to_publish_is_done_at_once(kafka: str) -> None:
    with publishing(kafka) as publisher:
        assert outcome(publisher.publish([])) is None


def test_a_record_too_large_is_refused_and_the_next_one_taken(kafka: str) -> None:
    with publishing(kafka) as publisher:
        publisher.wait_connected(10)
        assert isinstance(outcome(publisher.publish(web("x" * MAX_MESSAGE_BYTES))), Refused)
        assert publisher.connected
        assert outcome(publisher.publish(web(uuid4().hex))) is None


def test_many_threads_publish_at_once(kafka: str) -> None:
    mark = uuid4().hex
    with publishing(kafka, timeout=5) as publisher:
        publisher.wait_connected(10)
        failed: list[Exception] = []

        def send(thread: int) -> None:
            for round_ in range(20):
                problem = outcome(publisher.publish(web(*(f"{mark}-{thread}-{round_}-{n}" for n in range(10)))))
                if problem:
                    failed.append(problem)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    mine = [record.value for record in records(kafka, "events.web") if mark.encode() in record.value]
    assert (len(mine), len(set(mine))) == (800, 800)


def test_without_a_broker_it_fails_at_once_and_says_why() -> None:
    with publishing("127.0.0.1:1") as publisher:
        with pytest.raises(Unavailable, match=r"no connection to Kafka at 127\.0\.0\.1:1"):
            publisher.wait_connected(0.3)
        begun = time.monotonic()
        assert isinstance(outcome(publisher.publish(web("lost"))), Unavailable)
        assert time.monotonic() - begun < 0.5


def test_a_missing_topic_is_named(kafka: str) -> None:
    publisher = Publisher(kafka, topics=("events.nowhere",))
    try:
        with pytest.raises(Unavailable, match=r"events\.nowhere"):
            publisher.wait_connected(4)
    finally:
        publisher.close()


@pytest.mark.crash
@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_it_reports_a_silent_broker_in_time_and_goes_on_when_it_is_back(
    breakable_kafka: tuple[Child, str], fault: str
) -> None:
    broker, address = breakable_kafka
    acknowledged: set[str] = set()
    with publishing(address) as publisher:
        publisher.wait_connected(10)
        for round_ in range(3):
            before = f"{fault}-{round_}-before"
            assert outcome(publisher.publish(web(before))) is None
            acknowledged.add(before)
            getattr(broker, fault)()
            for attempt in range(3):
                begun = time.monotonic()
                assert isinstance(
                    outcome(publisher.publish(web(*(f"{fault}-{n}-{attempt}" for n in "abcd")))), Unavailable
                )
                assert time.monotonic() - begun < 2.5
            with pytest.raises(Unavailable, match="does not answer"):
                publisher.ping()
            if fault == "freeze":
                broker.thaw()
            else:
                broker.start()
                broker.wait_ready()
            publisher.wait_connected(15)
    assert acknowledged <= values_in(address)


def test_closing_waits_for_what_is_on_its_way(kafka: str) -> None:
    mark = uuid4().hex
    publisher = Publisher(kafka)
    publisher.wait_connected(10)
    results = [publisher.publish(web(f"{mark}-{n}")) for n in range(200)]
    publisher.close()
    assert [outcome(result) for result in results] == [None] * 200
    assert isinstance(outcome(publisher.publish(web("late"))), Unavailable)
