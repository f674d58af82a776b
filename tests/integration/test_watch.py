"""`portrait watch` as an operator runs it, with a real Kafka: killed, told to stop, and with its folder taken away."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.local.records import wait_until
from tests.integration.running_collector import free_port, running_collector
from tests.legacy_text import tcvn3, windows_1258
from tests.system.command import Portrait
from tests.topic_reader import cloud_events
from tests.unit.test_drop_folder_one_file import FIRST, HEADER, SCANS, SECOND

pytestmark = pytest.mark.integration


class Tills:
    """A folder, a mapping, and a home that knows Kafka alone. `source` is of this test."""

    def __init__(self, place: Path, kafka: str) -> None:
        self.folder = place / "Quầy thu ngân"
        self.folder.mkdir()
        self.source = f"/tills/{place.name}"
        self.mapping = place / "scans.yaml"
        self.mapping.write_text(yaml.safe_dump(SCANS | {"source": self.source}, allow_unicode=True), "utf-8")
        self.portrait = Portrait(place / "home", {"PORTRAIT_KAFKA": kafka})
        self.log = place / "watch.log"
        self.kafka = kafka

    def argv(self, *arguments: str) -> list[str]:
        return ["watch", str(self.folder), "--mapping", str(self.mapping), *arguments]

    def put(self, name: str, content: str | bytes) -> None:
        """As a program does that knows how: whole in one moment."""
        part = self.folder / f"{name}.part"
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.rename(self.folder / name)

    def said(self) -> str:
        return re.sub(r"(?m)^\d\d:\d\d:\d\d ", "", self.log.read_text("utf-8"))

    def events(self) -> list[dict[str, Any]]:
        found = cloud_events(self.kafka, "events.loyalty")
        return [event for event in found if event["source"] == self.source]

    def moved(self, name: str) -> None:
        """Returns when a file is there."""
        assert wait_until((self.folder / name).exists, 30, every=0.05), self.said()

    @contextmanager
    def watching(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                self.portrait.argv(*self.argv("--settle", "0.3", *arguments)),
                env=self.portrait.environment(),
                cwd=self.folder.parent,
                stdout=log,
                stderr=log,
            )
        try:
            assert wait_until(lambda: ": watching" in self.said(), 20, every=0.05), self.said()
            yield process
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def tills(tmp_path: Path, kafka: str) -> Tills:
    return Tills(tmp_path, kafka)


def test_files_are_taken_as_they_come_and_what_is_wrong_is_said(tills: Tills) -> None:
    with tills.watching() as process:
        tills.put("Sáng 21-11.csv", windows_1258(HEADER + FIRST))
        tills.moved("done/Sáng 21-11.csv")
        tills.put("chiều.csv", HEADER + SECOND + FIRST.replace("120", "999"))
        tills.moved("failed/chiều.csv")
        tills.put("cũ.csv", tcvn3(HEADER + FIRST))
        tills.moved("failed/cũ.csv")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    events = tills.events()
    assert sorted(event["id"] for event in events) == ["5001-1", "5001-2"]
    assert {event["data"]["customer"]["full_name"] for event in events} == {"Nguyễn Thị Ánh"}
    lines = [line for line in tills.said().splitlines() if "connected to Kafka" not in line]
    assert lines[:4] == [
        f"INFO {tills.folder}: watching",
        f"INFO Sáng 21-11.csv: {len(windows_1258(HEADER + FIRST))} bytes",
        "INFO Sáng 21-11.csv: read as Windows-1258 (Vietnamese), accents joined to their letters",
        "INFO Sáng 21-11.csv: 1 line, 1 new, 0 sent before, 0 refused",
    ]
    assert lines[6] == "WARNING chiều.csv: 2 lines, 1 new, 0 sent before, 1 refused"
    assert lines[8].startswith("WARNING cũ.csv: not read. It is in TCVN3")
    assert "(line 2 of Sáng 21-11.csv, " in (tills.folder / "failed/chiều.csv.report.txt").read_text("utf-8")


def test_killed_in_the_middle_it_goes_on_and_nothing_counts_twice(tills: Tills) -> None:
    rows = 60_000
    tills.put("a.csv", HEADER + "".join(FIRST.replace("5001", str(number)) for number in range(rows)))
    imports = tills.portrait.home / "imports"

    def done() -> int:
        return sum(json.loads(path.read_text())["rows"] for path in imports.glob("*.json"))

    with tills.watching() as process:
        assert wait_until(lambda: done() >= 5_000, 30, every=0.01)
        process.kill()
        process.wait()
        assert 5_000 <= done() < rows
    tills.portrait.run(*tills.argv("--once", "--settle", "0.1"))
    events = tills.events()
    assert {event["id"] for event in events} == {f"{number}-1" for number in range(rows)}
    assert len(events) <= rows + 5_000  # what was on its way comes again with the same ids
    said = (tills.folder / "done/a.csv.report.txt").read_text("utf-8")
    assert "counted now:              60,000\n" in said
    assert "counted before, the same: 0\n" in said


def test_for_cron_the_exit_code_says_whether_somebody_has_to_look(tills: Tills) -> None:
    once = tills.argv("--once", "--settle", "0.2")
    tills.portrait.run(*once)
    tills.put("a.csv", HEADER + FIRST)
    tills.portrait.run(*once)
    tills.put("b.csv", HEADER + "5002,1,tomorrow,9001,A,1\n")
    tills.portrait.run(*once, code=1)
    assert sorted(os.listdir(tills.folder)) == [".portrait-watch.lock", "done", "failed"]
    (tills.folder / "c.csv.part").write_text(HEADER)
    tills.portrait.run(*once)
    assert (tills.folder / "c.csv.part").exists()


def test_the_second_watcher_of_a_folder_is_refused(tills: Tills) -> None:
    with tills.watching() as process:
        for more in ((), ("--once",)):
            said = tills.portrait.refused(*tills.argv(*more))
            assert f"is watched already, by process {process.pid} on " in said


def test_a_folder_that_is_taken_away_is_waited_for(tills: Tills) -> None:
    with tills.watching():
        tills.folder.rename(tills.folder.with_name("away"))
        assert wait_until(lambda: "waiting until it is there" in tills.said(), 20, every=0.05)
        tills.folder.mkdir()
        assert wait_until(lambda: "is there again; watching" in tills.said(), 20, every=0.05)
        tills.put("a.csv", HEADER + FIRST)
        tills.moved("done/a.csv")
    assert tills.said().count("waiting until it is there") == 1


def test_what_cannot_be_begun_is_explained(tills: Tills, tmp_path: Path) -> None:
    mapping = ["--mapping", str(tills.mapping)]
    assert "nowhere: No such file or directory" in tills.portrait.refused("watch", "nowhere", *mapping)
    tills.mapping.write_text(yaml.safe_dump({k: v for k, v in SCANS.items() if k != "id"}))
    said = tills.portrait.refused(*tills.argv())
    assert "a folder needs a mapping with an id" in said
    assert "docs/channels/pos-files.md" in said


def test_without_kafka_a_file_stays_and_is_taken_when_it_is_there(tills: Tills, kafka: str) -> None:
    tills.put("a.csv", HEADER + FIRST)
    away = Portrait(tills.portrait.home, {"PORTRAIT_KAFKA": f"127.0.0.1:{free_port()}"})
    away.run(*tills.argv("--once", "--settle", "0.1"), code=1)
    assert (tills.folder / "a.csv").exists()
    tills.portrait.run(*tills.argv("--once", "--settle", "0.1"))
    assert [event["id"] for event in tills.events()] == ["5001-1"]


def test_lines_go_through_a_collector_as_well(tills: Tills, kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path) as collector:
        given = {"PORTRAIT_COLLECTOR_URL": collector.url, "PORTRAIT_SOURCE_KEY": collector.key}
        elsewhere = Portrait(tills.portrait.home, given)
        tills.put("a.csv", HEADER + FIRST + SECOND)
        elsewhere.run(*tills.argv("--once", "--settle", "0.1", "--through", "collector"))
    assert sorted(event["id"] for event in tills.events()) == ["5001-1", "5001-2"]
