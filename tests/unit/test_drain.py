"""The drain, with a Kafka that takes what the test says: a source that fails holds nobody up, and nothing is sent twice."""

import asyncio
import errno
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import producers.spool.drain
from producers.broker.publisher import Publisher, Refused, Unfit
from producers.intake.delivery import Delivery
from producers.intake.turns import Turns
from producers.record import Record
from producers.request.problems import Problem
from producers.spool.drain import Drain
from producers.spool.keep import Spool

MB = 1024 * 1024


class Kafka(Publisher):
    """Takes everything, but what `fails` or `waits` by its topic; notes what it was sent, and what it took."""

    def __init__(self) -> None:
        self.fails: dict[str, Exception] = {}
        self.waits: set[str] = set()
        self.waiting: list[tuple[list[str], Future[None]]] = []
        self.sent: Counter[str] = Counter()
        self.took: list[str] = []
        self._one = threading.Lock()

    @property
    def connected(self) -> bool:
        return True

    def wait_connected(self, seconds: float) -> None:
        pass

    def publish(self, records: Sequence[Record]) -> Future[None]:
        result: Future[None] = Future()
        values = [record.value.decode() for record in records]
        with self._one:
            self.sent.update(values)
            topics = {record.topic for record in records}
            if error := next((self.fails[topic] for topic in topics if topic in self.fails), None):
                result.set_exception(error)
            elif topics & self.waits:
                self.waiting.append((values, result))
            else:
                self.took += values
                result.set_result(None)
        return result

    def take_what_waits(self) -> None:
        self.waits.clear()
        for values, result in self.waiting:
            self.took += values
            result.set_result(None)


@contextmanager
def draining(path: Path, kafka: Kafka, *entries: tuple[str, str, str]) -> Iterator[tuple[Spool, Counter[str]]]:
    """A spool that has `entries` (source, topic, value) from the beginning."""
    spool, counted = Spool(path, 8 * MB), Counter[str]()
    for result in [keep(spool, *each) for each in entries]:
        result.result(timeout=10)
    drain = Drain(spool, kafka, lambda records: counted.update(records=records))
    try:
        yield spool, counted
    finally:
        drain.close()
        spool.close()


def keep(spool: Spool, source: str, topic: str, value: str) -> Future[None]:
    return spool.append(source, [Record(topic, b"k", value.encode())], 1_795_000_000_000)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_LOOK", 0.02), ("_PATIENCE", 0.1), ("_AGAIN", 0.05), ("_AT_MOST", 0.1)):
        monkeypatch.setattr(producers.spool.drain, f"{name}_SECONDS", seconds)


def test_a_source_that_kafka_does_not_take_is_held_alone_and_tried_again_with_one_entry(tmp_path: Path) -> None:
    kafka = Kafka()
    kafka.fails["bad"] = Refused("not this topic")
    mixed = [(s, "bad" if s == "b" else "good", f"{s}{n}") for n in range(300) for s in "abc"]
    with draining(tmp_path, kafka, *mixed) as (spool, counted):
        until(lambda: not spool.holds("a") and not spool.holds("c"))
        keep(spool, "b", "bad", "b300")
        for number in range(300, 310):
            keep(spool, "a", "good", f"a{number}").result(timeout=10)
            until(lambda: not spool.holds("a"))
        until(lambda: kafka.sent["b0"] > 3)
        assert (spool.holds("b"), spool.state().records, counted["records"]) == (True, 301, 610)
        kafka.fails.clear()
        until(lambda: not spool.holds("b"))
        until(lambda: (spool.state().records, counted["records"]) == (0, 911))
        until(lambda: list(tmp_path.glob("*.seg")) == [])
    by_source = {s: [value for value in kafka.took if value[0] == s] for s in "abc"}
    assert by_source == {s: [f"{s}{n}" for n in range({"a": 310, "b": 301, "c": 300}[s])] for s in "abc"}
    assert {value for value, times in kafka.sent.items() if times > 1} <= {f"b{n}" for n in range(300)}
    assert max(times for value, times in kafka.sent.items() if value != "b0") == 2


def test_what_is_acknowledged_late_is_not_sent_again(tmp_path: Path) -> None:
    kafka = Kafka()
    kafka.waits.add("slow")
    with draining(tmp_path, kafka, ("s", "slow", "s1"), ("s", "slow", "s2"), ("a", "good", "a1")) as (spool, _):
        until(lambda: not spool.holds("a"))
        keep(spool, "a", "good", "a2").result(timeout=10)
        keep(spool, "s", "good", "s3").result(timeout=10)
        until(lambda: not spool.holds("a"))
        assert kafka.took == ["a1", "a2"]
        kafka.take_what_waits()
        until(lambda: not spool.holds("s"))
    assert kafka.took == ["a1", "a2", "s1", "s2", "s3"]
    assert set(kafka.sent.values()) == {1}


def test_what_was_taken_behind_one_that_failed_is_not_sent_again(tmp_path: Path) -> None:
    kafka = Kafka()
    kafka.fails["bad"] = Refused("not this topic")
    with draining(tmp_path, kafka, *((("s"), "bad" if n == 3 else "good", f"{n}") for n in range(9))) as (spool, _):
        until(lambda: kafka.sent["3"] > 2)
        assert spool.state().records == 1
        kafka.fails.clear()
        until(lambda: not spool.holds("s"))
    assert kafka.took == ["0", "1", "2", "4", "5", "6", "7", "8", "3"]
    assert {times for value, times in kafka.sent.items() if value != "3"} == {1}


def test_sources_fail_recover_and_fail_again_and_each_entry_comes_once_in_order(tmp_path: Path) -> None:
    kafka = Kafka()
    entries = [(f"{n % 5}", f"topic-{n % 5}", f"{n % 5} {n:04}" + "x" * 20_000) for n in range(200)]
    with draining(tmp_path, kafka) as (spool, counted):
        for number, each in enumerate(entries):
            if number % 17 == 0:
                kafka.fails = {f"topic-{(number // 17) % 5}": Refused("for now")}
            keep(spool, *each).result(timeout=10)
        kafka.fails = {}
        until(lambda: spool.state().records == 0)
        until(lambda: counted["records"] == 200)
        until(lambda: list(tmp_path.glob("*.seg")) == [])
    assert {s: [v for v in kafka.took if v[0] == s] for s in "01234"} == {
        s: [value for source, _, value in entries if source == s] for s in "01234"
    }


@pytest.mark.parametrize("error", [Refused("not allowed"), Unfit("too large")])
def test_what_kafka_refuses_is_kept_whether_or_not_something_waits_already(tmp_path: Path, error: Refused) -> None:
    kafka, spool = Kafka(), Spool(tmp_path, 8 * MB)
    kafka.fails["bad"] = error
    with closing(Turns()) as turns:

        def delivered(spool: Spool | None, topic: str) -> bool:
            record = Record(topic, b"k", topic.encode())
            return asyncio.run(Delivery(kafka, spool, turns).deliver("s", [record]))

        assert [delivered(spool, topic) for topic in ("good", "bad", "bad")] == [False, True, True]
        with pytest.raises(Problem, match="Kafka refuses this for now") as without:
            delivered(None, "bad")
        assert without.value.status == 503
    assert [kept.entry.records[0].topic for kept in spool.read(MB)] == ["bad", "bad"]
    spool.close()


def test_what_kafka_will_never_take_is_set_aside_and_its_source_goes_on(tmp_path: Path) -> None:
    kafka = Kafka()
    kafka.fails["never"] = Unfit("too large")
    with draining(tmp_path, kafka, ("s", "good", "1"), ("s", "never", "2"), ("s", "good", "3")) as (spool, _):
        until(lambda: not spool.holds("s"))
        assert (kafka.took, spool.state().aside_files) == (["1", "3"], 1)


def test_what_cannot_be_set_aside_yet_waits_and_holds_nobody_else_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    kafka = Kafka()
    kafka.fails["never"] = Unfit("too large")
    with monkeypatch.context() as patched:
        patched.setattr("producers.spool.files.Directory.set_aside", full)
        with draining(tmp_path, kafka, ("s", "never", "1"), ("s", "good", "2"), ("a", "good", "3")) as (spool, _):
            until(lambda: kafka.sent["1"] > 4)
            assert (spool.holds("s"), spool.holds("a"), spool.state().aside_files) == (True, False, 0)
            patched.undo()
            until(lambda: not spool.holds("s"))
            assert (sorted(kafka.took), spool.state().aside_files) == (["2", "3"], 1)
