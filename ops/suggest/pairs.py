"""Records in, pairs out: which two look like one person, how likely it is, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ops.suggest.blocks import BLOCKS, bound, load
from ops.suggest.engine import engine, linker, rows
from ops.suggest.learning import STEPS, Learned, learn
from ops.suggest.model import FREQUENCIES, settings
from ops.suggest.reasons import Seen, reasons
from ops.suggest.records import Record
from ops.verify import untold

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

THRESHOLD = 0.9
"""How likely it must be that two records are one person, for somebody to be asked."""

MOST_ALIKE = 20
"""Other records that one may resemble: nobody has registered so often, and what resembles more is a placeholder."""

_PAIRS_AT_ONCE = 2_000_000

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all)."""


class Pair(NamedTuple):
    """Two records that look like one person. a < b; score: how likely it is, 0 to 1; reasons: in words, for people."""

    a: str
    b: str
    score: float
    reasons: tuple[str, ...]


def unsaid(line: str) -> None:
    """A line that nobody reads."""


def suggest(
    records: Iterable[Record],
    threshold: float = THRESHOLD,
    *,
    progress: Progress = untold,
    say: Callable[[str], None] = unsaid,
) -> list[Pair]:
    """The pairs of records that look like one person, the likeliest first, then by their ids.

    The order of `records` does not matter. They are read once, and kept in memory in the form in which they are
    compared. `say` is told, in a line each, what was left out because too many records have it in common.
    Raises ValueError when two records have one id, or an id is no Unicode text; LocalStackError when the extra
    `suggest` is not installed.
    """
    with engine() as database:
        count = load(database, records)
        if count < 2:
            return []
        at_most = bound(database, count, say)
        for column, kinds in FREQUENCIES.items():
            rows(database, "frequencies", column=column, kinds=kinds)
        chunks = -(-at_most // _PAIRS_AT_ONCE) or 1
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            progress(done, STEPS + chunks)

        learned = learn(database, count, step)
        found = _without_crowds(_found(database, learned, threshold, chunks, step), say)
    return sorted(found, key=lambda pair: (-pair.score, pair.a, pair.b))


def _found(
    database: DuckDBPyConnection, learned: Learned, threshold: float, chunks: int, step: Callable[[], None]
) -> list[Pair]:
    model = linker(database, settings(learned.worth, learned.prior, list(BLOCKS)), FREQUENCIES)
    found = []
    for chunk in range(1, chunks + 1):
        predicted = model.inference.predict_chunk(
            (chunk, chunks), (1, 1), threshold_match_probability=threshold, warning_mode="never"
        )
        found += [_pair(*row) for row in rows(database, "found", predicted=predicted.physical_name)]
        predicted.drop_table_from_database_and_remove_from_cache()
        step()
    return found


def _pair(
    left: str, right: str, score: float, shown: str | None, other_shown: str | None, name: str | None,
    other_name: str | None, birthday: str | None, other_birthday: str | None, *levels: int,
) -> Pair:  # fmt: skip
    one, other = Seen(shown, name, birthday), Seen(other_shown, other_name, other_birthday)
    if left > right:
        left, right, one, other = right, left, other, one
    return Pair(left, right, round(score, 6), reasons(one, other, *levels))


def _without_crowds(found: list[Pair], say: Callable[[str], None]) -> list[Pair]:
    resembles = Counter(record for pair in found for record in (pair.a, pair.b))
    crowd = {record for record, others in resembles.items() if others > MOST_ALIKE}
    if crowd:
        say(f"{len(crowd):,} records resemble more than {MOST_ALIKE} others and are left out")
    return [pair for pair in found if pair.a not in crowd and pair.b not in crowd]
