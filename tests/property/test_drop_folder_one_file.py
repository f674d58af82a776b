"""Whatever is put into a drop folder, in whatever order, and wherever it is killed: every line is counted once, or told."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from producers.drop_folder.folder import DropFolder
from producers.drop_folder.one_file import DropImport
from producers.drop_folder.report import Outcome
from producers.files.destinations import Ready, Refusal
from producers.files.mapping import FileMapping
from tests.legacy_text import tcvn3, vni, windows_1258
from tests.unit.test_drop_folder_one_file import HEADER, SCANS
from tests.unit.test_importer import InMemory

MAPPING = FileMapping.model_validate(SCANS)


class Killed(BaseException):
    """As `kill -9` at a step: nothing after it happens."""


class Kafka(InMemory):
    """Keeps what it is sent. `kill_at`: the step, counted from 0, at which the process ends: to hand a batch over is one, and to
    wait for it is one."""

    def __init__(self) -> None:
        super().__init__()
        self.kill_at = -1
        self._steps = 0

    def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
        self._step()
        self.sent += batch  # from here on it may have arrived

        def finish() -> Sequence[Refusal]:
            self._step()
            return ()

        return finish

    def _step(self) -> None:
        self._steps += 1
        if self._steps - 1 == self.kill_at:
            raise Killed


def import_all(folder: Path, kafka: Kafka) -> list[Outcome]:
    dropped = DropFolder(folder, 0.0)
    importer = DropImport(dropped, MAPPING, "/tills", kafka, folder.parent / "home")
    return [importer.take(path) for path in dropped.look().whole]


cells = st.one_of(
    st.sampled_from(["1", "2", "21/11/2026 10:00", "9001", "Nguyễn Thị Ánh", "120.000", "", '"', ";", "much"]),
    st.text(max_size=8),
)
lines = st.lists(cells, min_size=5, max_size=7).map(",".join)
good = st.builds(
    "{},{},21/11/2026 10:00,{},Nguyễn Thị Ánh,{}.000".format,
    *(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.integers(1, 2)),
)
written = st.sampled_from([str.encode, windows_1258, tcvn3, vni, lambda text: text.encode("utf-16")])


@settings(deadline=None, max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.one_of(good, lines), max_size=8).map(
            lambda rows: (HEADER + "\n".join(rows)).encode("utf-8", "replace")
        ),
        st.lists(good, max_size=8).flatmap(lambda rows: written.map(lambda encoded: encoded(HEADER + "\n".join(rows)))),
    ),
    st.sampled_from(["a.csv", "a.csv.gz", "a.jsonl", "a.txt"]),
)
def test_whatever_a_file_holds_it_is_moved_and_its_report_adds_up(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "tills"
        folder.mkdir()
        (folder / name).write_bytes(content)
        kafka = Kafka()
        (outcome,) = import_all(folder, kafka)
        assert outcome.rows == outcome.new + outcome.repeated + outcome.refused
        assert outcome.new == len({ready.id for ready in kafka.sent})
        target = folder / ("done" if outcome.good else "failed")
        assert (target / name).read_bytes() == content
        said = (target / f"{name}.report.txt").read_text("utf-8")
        assert outcome.good or "line" in said or outcome.whole in said


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(good, min_size=1, max_size=6), min_size=1, max_size=4), st.integers(0, 8))
def test_of_each_id_the_first_line_counts_whatever_comes_again_and_wherever_it_is_killed(
    files: list[list[str]], kill_at: int
) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "tills"
        folder.mkdir()
        kafka = Kafka()
        kafka.kill_at = kill_at
        first: dict[str, str] = {}
        for number, rows in enumerate(files):
            (folder / f"{number}.csv").write_text(HEADER + "\n".join(rows), "utf-8")
            for row in rows:
                receipt, line, rest = row.split(",", 2)
                first.setdefault(f"{receipt}-{line}", rest)
            try:
                outcomes = import_all(folder, kafka)
            except Killed:
                outcomes = import_all(folder, kafka)
            (outcome,) = outcomes
            assert outcome.rows == len(rows) == outcome.new + outcome.repeated + outcome.refused
        sent: dict[str, set[bytes]] = {}
        for ready in kafka.sent:
            sent.setdefault(ready.id, set()).add(ready.record.value)
        assert sent.keys() == first.keys()
        for known, values in sent.items():
            (value,) = values  # never another event by the same id
            card, amount = first[known].split(",")[1], first[known].split(",")[3].replace(".", "")
            assert f'"card_no":"{card}"'.encode() in value
            assert f'"amount":"{amount}"'.encode() in value
