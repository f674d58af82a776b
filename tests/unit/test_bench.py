"""The bench's own parts: what it sends, how it counts, what it says. Nothing here asserts how fast anything is."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from ops.bench.__main__ import main
from ops.bench.fill import clean_events
from ops.bench.goals import verdicts
from ops.bench.meter import Meter, Reading
from ops.bench.population import enrolment
from ops.bench.report import markdown, show, warnings
from ops.bench.results import Backlog, Cost, Flat, Latency, Machine, Results, Stage, Surroundings, Sustained, Swept
from ops.bench.run import run_bench
from ops.bench.sender import Sender, Sent, batches
from ops.bench.through_http import quantile
from ops.bench.watch import surroundings
from ops.bench.workload import Person, Workload, some_of
from ops.local.home import LocalStackError

ANCHOR = datetime(2026, 6, 30, 12, tzinfo=UTC)
PEOPLE = some_of(1_000_000, 500)


def workload(name: str = "bench-test", events: int = 1_000) -> Workload:
    return Workload(name, events, PEOPLE, ANCHOR)


def test_equal_workloads_are_equal_and_other_names_are_other_events_of_the_same_people() -> None:
    assert workload().payloads(0, 50) == workload().payloads(0, 50)
    assert workload().payloads(0, 50) == [*workload().payloads(0, 20), *workload().payloads(20, 50)]
    ours = {event.key for event in clean_events(workload(), 0, 200)}
    others = {event.key for event in clean_events(workload("bench-other"), 0, 200)}
    assert len(ours) == len(others) == 200
    assert not ours & others


def test_six_in_ten_are_scans_two_are_forms_and_two_are_social() -> None:
    events = [workload().event(number) for number in range(1_000)]
    assert Counter(event["type"] for event in events) == {
        "loyalty.card_scanned.v1": 600,
        "web.form_submitted.v1": 200,
        "social.interacted.v1": 200,
    }
    items = [len(event["data"]["basket"]["items"]) for event in events if "basket" in event["data"]]
    assert 2.5 < sum(items) / len(items) < 3.5
    with_phone = [event for event in events if "platform" in event["data"] and "phone" in event["data"]["customer"]]
    assert 40 <= len(with_phone) <= 80
    forms = [event["data"]["customer"] for event in events if event["type"] == "web.form_submitted.v1"]
    assert all({"email", "phone", "full_name", "birthday", "address"} <= customer.keys() for customer in forms)


def test_every_event_is_clean_and_nothing_of_it_is_left_out() -> None:
    events = list(clean_events(workload(), 0, 1_000))
    assert [event.problems for event in events if event.problems] == []
    assert all(event.identifiers for event in events)
    assert [event.key for event in events[:30]] == [workload().key(number) for number in range(30)]


def test_no_two_people_share_an_identifier() -> None:
    people = [Person(number) for number in range(0, 1_000_000, 7)]
    for identifiers in (
        {person.card_no for person in people},
        {person.phone for person in people},
        {person.facebook_id for person in people},
    ):
        assert len(identifiers) == len(people)


def test_the_population_is_known_by_what_the_workload_says_of_it() -> None:
    person = Person(PEOPLE[0])
    alone = Workload("bench-test", 200, (person.number,), ANCHOR)
    told = {identifier for event in clean_events(alone, 0, 200) for identifier in event.identifiers}
    assert set(enrolment(person, 0).identifiers) < told
    assert {identifier.kind for identifier in told} == {"card_no", "phone", "email", "facebook_id"}
    assert len(told) == 4


def test_some_of_a_population_are_other_people_each() -> None:
    chosen = some_of(1_000, 100)
    assert (len(set(chosen)), chosen) == (100, tuple(sorted(chosen)))
    assert chosen == some_of(1_000, 100)
    assert 0 <= min(chosen) <= max(chosen) < 1_000


def test_each_cohort_of_events_is_about_people_of_its_own() -> None:
    cohorts = Workload("bench-test", 600, PEOPLE, ANCHOR, cohorts=3)
    cards = [
        {
            event["data"]["customer"]["card_no"]
            for event in map(cohorts.event, range(first, first + 200))
            if "card_no" in event["data"]["customer"]
        }
        for first in (0, 200, 400)
    ]
    assert all(len(each) > 50 for each in cards)
    assert not cards[0] & cards[1] | cards[1] & cards[2] | cards[0] & cards[2]


def test_customers_share_a_tablet_a_made_up_number_and_some_of_them_more() -> None:
    alone, shared = workload(events=2_000), Workload("bench-test", 2_000, PEOPLE, ANCHOR, shared=10)
    pairs = [(alone.event(number)["data"], shared.event(number)["data"]) for number in range(2_000)]
    changed = [(one["customer"], other["customer"]) for one, other in pairs if one != other]
    assert 300 < len(changed) < 500  # every other event of a tenth, of a twentieth, and of the forms of the others
    assert all({**one, "customer": None} == {**other, "customer": None} for one, other in pairs)
    told = {(kind, value) for one, other in changed for kind, value in other.items() if one.get(kind) != value}
    assert {"device_id", "phone", "card_no", "customer_no"} <= {kind for kind, _ in told}
    assert ("phone", "0911 222 333") in told
    events = list(clean_events(shared, 0, 2_000))
    assert [event.problems for event in events if event.problems] == []


def test_chunks_are_all_of_it() -> None:
    assert list(workload(events=450).chunks(200)) == [(0, 200), (200, 400), (400, 450)]


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)])
def test_a_quantile_is_a_value_that_was_seen(share: float, value: int) -> None:
    assert quantile(range(1, 101), share) == value


def test_a_process_that_has_ended_has_spent_what_it_had_spent() -> None:
    burner = subprocess.Popen([sys.executable, "-c", "x = sum(range(20_000_000)); input()"], stdin=subprocess.PIPE)
    with Meter({"burner": burner.pid}) as meter:
        while meter.read().cpu["burner"] < 0.1:
            pass
        spent = meter.read().cpu["burner"]
        burner.communicate(b"\n")
        assert meter.read().cpu["burner"] >= spent
        assert meter.memory()["burner"] == 0
        assert meter.memory()["bench"] > 10_000_000


def test_what_went_to_others_is_what_was_not_ours() -> None:
    before = Reading({"worker-1": 1.0, "bench": 1.0}, machine=10.0, stolen=1.0)
    after = Reading({"worker-1": 4.0, "bench": 1.5, "sender": 0.5}, machine=16.0, stolen=2.0)
    assert surroundings(before, after, seconds=4.0, cores=2) == Surroundings(others=0.25, stolen=0.125, idle=0.125)


class Door(BaseHTTPRequestHandler):
    """Takes everything, at the second try."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]
    accepts = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        new = body not in self.bodies
        if new:
            self.bodies.append(body)
        count = len(msgspec.json.decode(body)) if self.accepts < 0 else self.accepts
        answer = b"{}" if new else msgspec.json.encode({"accepted": count, "rejected": []})
        self.send_response(503 if new else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def door(accepts: int = -1) -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []
    handler = type("OneDoor", (Door,), {"bodies": bodies, "accepts": accepts})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def sent_by(sender: Sender, connections: int, capfdbinary: pytest.CaptureFixture[bytes]) -> list[Sent]:
    sender.run(connections)
    lines = capfdbinary.readouterr().out.splitlines()
    return sorted(msgspec.json.decode(line, type=Sent) for line in lines)


def test_the_sender_sends_every_line_until_it_is_taken(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(b'{"n":%d}\n' % number for number in range(25)))
    with door() as (url, bodies):
        sender = Sender(url, "key", str(file), 10, rate=None)
        sent = sent_by(sender, 2, capfdbinary)
    assert sender.failed is None
    assert [(each.number, each.events, each.tries) for each in sent] == [(0, 10, 2), (1, 10, 2), (2, 5, 2)]
    assert sorted(bodies) == sorted(body for _, _, body in batches(str(file), 10))
    assert sorted(each["n"] for body in bodies for each in msgspec.json.decode(body)) == list(range(25))


def test_at_a_rate_requests_leave_by_the_clock(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"{}\n" * 5)
    with door() as (url, bodies):
        bodies += [b"[{}]"]  # known, so taken at once
        sent = sent_by(Sender(url, "key", str(file), 1, rate=50.0), 2, capfdbinary)
    assert [round(later.due - earlier.due, 6) for earlier, later in pairwise(sent)] == [0.02] * 4
    assert all(each.left >= each.due for each in sent)


def test_the_sender_stops_when_an_event_is_refused(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"{}\n{}\n")
    with door(accepts=1) as (url, _):
        sender = Sender(url, "key", str(file), 2, rate=None)
        assert sent_by(sender, 1, capfdbinary) == []
    assert sender.failed is not None
    assert "1 of 2 events were accepted" in sender.failed


CALM, BUSY = Surroundings(0.01, 0.0, 0.02), Surroundings(0.5, 0.1, 0.0)
MACHINE = Machine("A processor", 2, 8.0, "Linux 6", "ext4", "3.11", "4.1.1", "18", {"faust-streaming": "0.15.3"}, 0.4)
COSTS = (Cost("kafka", 10.0, 400.0), Cost("worker-1", 50.0, 150.0), Cost("bench", 9.0, 350.0))
FOUND = Results(
    command="portrait bench",
    begun="2026-06-30T12:00:00+00:00",
    revision="abc",
    machine=MACHINE,
    backlog=Backlog(100_000, 2, 0, 21_000, 18_000.0, 9_000.0, 4.0, 1.0, COSTS, CALM),
    sustained=Sustained(100_000, 2, 200, 4, 4_000.0, 4_500.0, 20.0, 90.0, 0, COSTS, BUSY),
    latency=Latency(2_000.0, 20.0, 2_000, 300.0, 500.0, 1_000.0, 1_200.0, 9.0, 30.0, 0, CALM),
    stages=(Stage("fold", "event", 20_000, 2.0, 1.9),),
    crowded=Backlog(100_000, 2, 1_000_000, 1_010_000, 9_000.0, 7_000.0, 4.0, 1.0, COSTS, CALM),
    swept=Swept(1_000_000, 100_000, 20_000.0, 55.0, 2.0, COSTS, CALM),
    flat=(Flat(30_000, (100.0,) * 10, 0), Flat(300_000, (100.0,) * 9 + (120.0,), 0)),
)


def test_each_goal_is_held_against_what_was_found() -> None:
    assert [(each.goal, each.found, round(each.ratio, 2), each.met) for each in verdicts(FOUND)] == [
        ("≥ 15,000", "18,000", 1.2, True),
        ("≥ 5,000", "4,000", 0.8, False),
        ("< 2,000 ms", "1,000 ms", 2.0, True),
        ("≥ 75% of (a)", "50%", 0.67, False),
        ("≥ 16,667", "20,000", 1.2, True),
        ("< 300 MB", "150 MB", 2.0, True),
        ("the same (≤ 1.1 ×)", "1.20 ×", 0.92, False),
    ]


def test_the_report_says_what_was_measured_and_what_disturbed_it() -> None:
    text = markdown(FOUND)
    assert "| (a) backlog into crm, events/s | ≥ 15,000 | 18,000 | 1.20 | met |" in text
    assert "| (a) | 100,000 | 2 | 0 | 21,000 | 18,000 | 9,000 | 4.0 s | 1.0 s |" in text
    assert "| bytewax | 11,900 | 1.51 × |" in text
    assert "| worker-1 | 50.0 | 150 | 50.0 | 150 | 50.0 | 150 |" in text
    assert "| all but the bench | 60.0 |  | 60.0 |  | 60.0 |  |" in text
    assert "| (k) | 1,000,000 | 100,000 | 20,000 | 55.0 s | 2.0 s | 50.0 | 0.0 | 0.0 |" in text
    assert "| fold | 20,000 | events | 2.0 | 1.9 | 500,000 |" in text
    assert "| 300,000 | 100 | 100 | 100 | 100 | 100 | 100 | 100 | 100 | 100 | 120 | 0 |" in text
    assert list(warnings(FOUND)) == [
        "(b) shared the machine: 50% of the machine went to other programs, 10% was stolen, 0% was idle."
    ]
    assert all(warning in text for warning in warnings(FOUND))


def test_only_what_was_measured_is_shown() -> None:
    only = msgspec.structs.replace(
        FOUND, backlog=None, sustained=None, latency=None, crowded=None, flat=None, swept=None, revision="abc+"
    )
    shown = StringIO()
    show(only, Console(file=shown, width=200))
    titles = [
        line for line in shown.getvalue().splitlines() if line.startswith(("Goals", "(", "Where", "What", "Beside"))
    ]
    assert [title.strip() for title in titles] == ["(d) Each stage alone, on one thread", "Where and how"]
    assert list(warnings(only)) == ["files differ from the commit abc"]


def test_results_are_the_same_after_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(FOUND), type=Results) == FOUND


def test_a_measurement_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LocalStackError, match=r"no measurement x, z; there are a: a backlog"):
        run_bench(("a", "x", "z"))
    assert main(["--only", "y"]) == 1
    assert "bench: no measurement y" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-5"])
def test_none_of_something_is_refused_before_anything_is_started(
    number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--only", "k", "--population", number, "--seconds", number, "--place", str(tmp_path / "place")]
    assert main(asked) == 1
    assert "bench: give more than 0: seconds, population" in capsys.readouterr().err
    assert not (tmp_path / "place").exists()
