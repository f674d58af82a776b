"""The collector's spool, with a real Kafka that is frozen and killed: what was answered for comes to Kafka, in order."""

import asyncio
import itertools
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from ops.local.child import Child
from ops.spool import Spool as Told
from ops.spool import read_spool
from producers.broker.publisher import Publisher, Refused, Unfit
from producers.intake.delivery import Delivery
from producers.intake.turns import Turns
from producers.keys.changes import add_source
from producers.record import Record
from producers.spool.drain import Drain
from producers.spool.keep import Spool
from schemas.rejected import DeadLetter
from schemas.topics import MAX_MESSAGE_BYTES, REJECTED
from tests.integration.running_collector import RunningCollector, free_port, running_collector, wait_for
from tests.small_disk import mounted_disk
from tests.topic_reader import records

pytestmark = pytest.mark.integration

AWAY = "127.0.0.1:1"
MB = 1024 * 1024


def event(id_: str, customer: str, size: int = 0) -> bytes:
    told = {
        "specversion": "1.0",
        "id": id_,
        "source": "/tests",
        "type": "web.form_submitted.v1",
        "time": "2026-11-23T09:30:00+07:00",
        "data": {"form": {"id": "f", "kind": "contact"}, "customer": {"anonymous_id": customer}},
    }
    return json.dumps(told).encode().replace(b"{", b"{" + b" " * size, 1)


def post(http: httpx.Client, *events: bytes) -> httpx.Response:
    return http.post(
        "/v1/events", content=b"[" + b",".join(events) + b"]", headers={"Content-Type": "application/json"}
    )


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def told(collector: RunningCollector) -> Told:
    found = read_spool(collector.url)
    assert found is not None, collector.log.read_text()
    return found


def ids_of(kafka: str, mark: str) -> list[str]:
    """The ids with `mark` in events.web, by partition, in order."""
    return [json.loads(record.value)["id"] for record in records(kafka, "events.web") if mark.encode() in record.value]


class Sender:
    """Sends numbered events of one source, five a request, each request once the one before is answered with 200."""

    def __init__(self, url: str, key: str, name: str) -> None:
        self.name = name
        self.answered = 0
        self.spooled = 0
        self.stopping = threading.Event()
        self.wrong: list[str] = []
        self._url, self._key = url, key
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, headers={"Authorization": f"Bearer {self._key}"}, timeout=20) as http:
            while not self.stopping.is_set():
                ids = [f"{self.name}-{self.answered + n}" for n in range(5)]
                while not self._taken(http, ids):
                    if self.stopping.wait(0.02):
                        return
                self.answered += 5

    def _taken(self, http: httpx.Client, ids: list[str]) -> bool:
        try:
            answer = post(http, *(event(id_, self.name) for id_ in ids))
        except httpx.TransportError:
            return False
        if answer.status_code != 200 or answer.json()["accepted"] != 5:
            self.wrong.append(answer.text)
            return False
        self.spooled += 5 if answer.json().get("spooled") else 0
        return True

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join()


@pytest.mark.crash
def test_what_was_answered_for_while_kafka_was_away_comes_to_kafka_in_order_though_the_collector_was_killed(
    breakable_kafka: tuple[Child, str], tmp_path: Path
) -> None:
    broker, address = breakable_kafka
    port = free_port()
    with ExitStack() as stack:
        collector = stack.enter_context(running_collector(address, tmp_path, port=port))
        keys = [add_source(collector.keys, f"source-{n}") for n in range(3)]
        senders = [Sender(collector.url, key, f"source-{n}") for n, key in enumerate(keys)]
        for sender in senders:
            stack.callback(sender.stop)

        def all_have(what: str, more: int) -> None:
            goals = [(sender, getattr(sender, what) + more) for sender in senders]
            until(lambda: all(getattr(sender, what) >= goal for sender, goal in goals))

        all_have("answered", 50)
        assert [sender.spooled for sender in senders] == [0, 0, 0]
        for fault, mend in (
            (broker.freeze, broker.thaw),
            (broker.kill, lambda: broker.start() and broker.wait_ready()),
        ):
            fault()
            all_have("spooled", 50)
            collector.process.kill()
            collector.process.wait()
            again = running_collector(address, tmp_path, connected=False, key=collector.key, port=port)
            collector = stack.enter_context(again)
            assert told(collector).records >= 150
            all_have("spooled", 50)
            mend()
            until(lambda at=collector: told(at).records == 0)  # type: ignore[misc]
            all_have("answered", 50)
        for sender in senders:
            sender.stop()
        until(lambda: told(collector).records == 0)
        assert httpx.get(collector.url + "/ready").json() == {"status": "ready"}
        assert collector.stop() == 0, collector.log.read_text()

    assert [sender.wrong for sender in senders] == [[], [], []]
    found = records(address, "events.web")
    for sender in senders:
        key = f"anonymous_id:{sender.name}".encode()
        once = list(dict.fromkeys(json.loads(record.value)["id"] for record in found if record.key == key))
        assert once[: sender.answered] == [f"{sender.name}-{n}" for n in range(sender.answered)]
        assert set(once[sender.answered :]) <= {f"{sender.name}-{sender.answered + n}" for n in range(5)}


def test_without_kafka_it_takes_what_fits_the_spool_and_says_so_and_not_one_event_more(
    kafka: str, tmp_path: Path
) -> None:
    mark = uuid4().hex[:8]
    wrong = b'{"id": "%s-wrong", "id": "twice"}' % mark.encode()
    taken = [f"{mark}-0"]
    small = {"PORTRAIT_SPOOL_MB": "1"}
    with running_collector(AWAY, tmp_path, connected=False, **small) as collector, collector.http() as http:
        shown = post(http, wrong, event(taken[0], "lan")).json()
        assert (shown["accepted"], len(shown["rejected"]), shown["spooled"]) == (1, 1, True)
        for number in range(1, 100):
            answer = post(http, event(id_ := f"{mark}-{number}", "lan", size=20_000))
            assert answer.elapsed.total_seconds() < 3
            if answer.status_code != 200:
                break
            assert answer.json() == {"accepted": 1, "rejected": [], "spooled": True}
            taken.append(id_)
        assert 40 < len(taken) < 48  # one source alone does not get the last eighth
        shown = answer.json()
        assert (answer.status_code, shown["code"], answer.headers["retry-after"]) == (503, "spool_full", "2")
        assert shown["message"].startswith("Kafka does not answer, and the spool is full: 9")
        assert http.get("/ready").status_code == 503
        state = told(collector)
        assert (state.records, state.limit_bytes, state.aside_files) == (len(taken) + 1, MB, 0)
        assert sum(file.stat().st_size for file in (tmp_path / "spool").glob("*.seg")) == state.size_bytes <= MB
        assert 0 < state.oldest_seconds < 60
        metrics = http.get("/metrics").text
        assert f'portrait_collector_spooled_records_total{{source="tests"}} {len(taken) + 1}.0' in metrics
        assert f'portrait_collector_events_accepted_total{{source="tests"}} {len(taken)}.0' in metrics
        assert ids_of(kafka, mark) == []
    with running_collector(kafka, tmp_path, key=collector.key, **small) as collector, collector.http() as http:
        until(lambda: told(collector).records == 0)
        assert post(http, event(f"{mark}-last", "lan")).json() == {"accepted": 1, "rejected": []}
        assert f"portrait_collector_drained_records_total {len(taken) + 1}.0" in http.get("/metrics").text
        until(lambda: "the spool is empty again" in collector.log.read_text())
    assert ids_of(kafka, mark) == [*taken, f"{mark}-last"]
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in records(kafka, REJECTED)]
    assert [each.reason for each in letters if each.payload_bytes() == wrong] == ["duplicate_key"]


def test_without_kafka_it_is_ready_after_a_moment_and_shares_its_spool_with_no_other(tmp_path: Path) -> None:
    with running_collector(AWAY, tmp_path, connected=False) as collector:
        assert httpx.get(collector.url + "/ready").status_code == 503
        with (
            pytest.raises(AssertionError, match="is used by another collector: give each its own directory"),
            running_collector(AWAY, tmp_path, connected=False, key=collector.key),
        ):
            pass
        wait_for(collector, "/ready")
        shown = httpx.get(collector.url + "/ready").json()
        assert (shown["status"], shown["message"][:39]) == ("spooling", "Kafka at 127.0.0.1:1 does not answer: [")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with mounted_disk(2) as place:
        yield place


def test_on_a_full_disk_it_takes_nothing_until_there_is_room(kafka: str, tmp_path: Path, small_disk: Path) -> None:
    mark = uuid4().hex[:8]
    spool = {"PORTRAIT_SPOOL": str(small_disk / "spool")}
    ballast = small_disk / "ballast"
    with running_collector(AWAY, tmp_path, connected=False, **spool) as collector, collector.http() as http:
        answers = [post(http, event(f"{mark}-0", "lan", size=20_000))]
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free))
        answers += [post(http, event(f"{mark}-{n}", "lan", size=20_000)) for n in range(1, 5)]
        ballast.unlink()
        answers.append(post(http, event(f"{mark}-5", "lan", size=20_000)))
        assert [answer.status_code for answer in answers] == [200, 503, 503, 503, 503, 200]
        assert {answer.json()["code"] for answer in answers[1:5]} == {"spool_failed"}
        assert "No space left on device" in answers[1].json()["message"]
        assert "No space left on device" in collector.log.read_text()
    with running_collector(kafka, tmp_path, key=collector.key, **spool) as collector:
        until(lambda: told(collector).records == 0)
    assert ids_of(kafka, mark) == [f"{mark}-0", f"{mark}-5"]


@contextmanager
def connected(kafka: str, path: Path) -> Iterator[tuple[Publisher, Spool]]:
    """What a collector has, but for what drains the spool."""
    publisher, spool = Publisher(kafka, timeout=1.5), Spool(path, 64 * MB)
    try:
        publisher.wait_connected(10)
        yield publisher, spool
    finally:
        publisher.close()
        spool.close()


def test_what_is_new_waits_behind_what_is_spooled_of_its_source_and_of_no_other(kafka: str, tmp_path: Path) -> None:
    mark = uuid4().hex[:8]

    def of(source: str, number: int) -> list[Record]:
        id_ = f"{mark}-{source}-{number}"
        return [Record("events.web", f"anonymous_id:{mark}-{source}".encode(), event(id_, source))]

    with connected(kafka, tmp_path) as (publisher, spool), closing(Turns()) as turns:
        delivery = Delivery(publisher, spool, turns)

        def is_spooled(source: str, number: int) -> bool:
            return asyncio.run(delivery.deliver(source, of(source, number)))

        spool.append("a", of("a", 1), 1_795_000_000_000).result(timeout=10)
        assert [is_spooled(source, 2) for source in "ab"] == [True, False]
        assert ids_of(kafka, mark) == [f"{mark}-b-2"]
        drain = Drain(spool, publisher, lambda _: None)
        until(lambda: not spool.holds("a"))
        assert not is_spooled("a", 3)
        drain.close()
    assert [id_ for id_ in ids_of(kafka, mark) if "-a-" in id_] == [f"{mark}-a-{n}" for n in (1, 2, 3)]


@contextmanager
def refusing(kafka: str, topic: str, wrong: dict[str, str]) -> Iterator[None]:
    """Kafka has a topic that is set up wrongly while the block lasts."""
    as_before = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(MAX_MESSAGE_BYTES)}
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=as_before | wrong)])
        yield
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=as_before)])
    finally:
        admin.close()


@pytest.mark.crash
def test_a_topic_that_refuses_holds_up_who_writes_to_it_and_nobody_else(
    breakable_kafka: tuple[Child, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, address = breakable_kafka
    send = KafkaProducer.send

    def send_with_a_clock_that_is_slow(*args: object, **fields: object) -> object:
        return send(*args, **fields, timestamp_ms=int((time.time() - 3_600) * 1_000))

    monkeypatch.setattr(KafkaProducer, "send", send_with_a_clock_that_is_slow)
    sent = {source: [f"{source}-{n}" for n in range(100)] for source in "abcde"}

    def refused(publisher: Publisher, error: type[Refused]) -> bool:
        return type(publisher.publish([Record("events.social", b"n:1", b"x" * 1_000)]).exception()) is error

    with connected(address, tmp_path) as (publisher, spool), ExitStack() as opened:
        with refusing(address, "events.social", {"max.message.bytes": "100"}):
            until(lambda: refused(publisher, Unfit))
            assert publisher.publish([Record("events.web", b"n:1", event("after", "lan"))]).exception() is None
        late = {"message.timestamp.type": "CreateTime", "message.timestamp.before.max.ms": "60000"}
        with refusing(address, "events.social", late):
            until(lambda: refused(publisher, Refused))
            spool.append("bad", [Record("events.social", b"n:1", event("bad", "lan"))], 1).result(timeout=10)
            for id_ in itertools.chain(*zip(*sent.values(), strict=True)):
                spool.append(id_[0], [Record("events.web", b"n:1", event(id_, "lan"))], 1).result(timeout=10)
            opened.enter_context(closing(Drain(spool, publisher, lambda _: None)))
            until(lambda: not any(spool.holds(source) for source in sent))
            assert (spool.holds("bad"), spool.state().records) == (True, 1)
            assert publisher.publish([Record("events.web", b"n:1", event("direct", "lan"))]).exception() is None
        until(lambda: not spool.holds("bad"))
    assert "producer replaced" not in caplog.text
    ids = ids_of(address, "")
    assert len(ids) == len(set(ids)) == 502
    assert {source: [id_ for id_ in ids if id_.startswith(f"{source}-")] for source in sent} == sent


@pytest.mark.crash
def test_when_kafka_goes_again_while_the_spool_is_drained_nothing_is_left_out(
    breakable_kafka: tuple[Child, str], tmp_path: Path
) -> None:
    broker, address = breakable_kafka
    sent = [f"{number}" for number in range(3_000)]
    frozen = threading.Event()

    def freeze_at_once(_: int) -> None:
        if not frozen.is_set():
            broker.freeze()
            frozen.set()

    with connected(address, tmp_path) as (publisher, spool):
        for id_ in sent:
            spooled = spool.append("tests", [Record("events.web", b"n:1", event(id_, "lan", size=5_000))], 0)
        spooled.result(timeout=10)
        drain = Drain(spool, publisher, freeze_at_once)
        assert frozen.wait(20)
        until(lambda: not publisher.connected)
        assert 0 < spool.state().records < len(sent)
        broker.thaw()
        until(lambda: not spool.holds("tests"))
        drain.close()
    assert list(dict.fromkeys(ids_of(address, ""))) == sent


def test_a_record_that_kafka_will_never_take_is_set_aside_and_holds_nothing_up(kafka: str, tmp_path: Path) -> None:
    mark = uuid4().hex[:8]
    fit = [Record("events.web", b"n:1", event(f"{mark}-{n}", "lan")) for n in range(3)]
    unfit = Record("events.web", b"n:1", b"x" * MAX_MESSAGE_BYTES)
    drained: Counter[str] = Counter()
    with connected(kafka, tmp_path) as (publisher, spool):
        for entry in ([fit[0]], [fit[1], unfit], [fit[2]]):
            spool.append("tests", entry, 1_795_000_000_000).result(timeout=10)
        drain = Drain(spool, publisher, lambda records: drained.update(records=records))
        until(lambda: not spool.holds("tests"))
        drain.close()
        state = spool.state()
    assert (state.records, state.aside_files) == (0, 1)
    assert set(ids_of(kafka, mark)) == {f"{mark}-{n}" for n in range(3)}
    (aside,) = (tmp_path / "set-aside").iterdir()
    assert aside.name.endswith(".refused")
