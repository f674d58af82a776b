"""How good the suggestions are, on a file of registrations of which it is known who is who.

Run as `python -m ops.suggest.febrl FILE...`, with files of the Freely Extensible Biomedical Record Linkage: an id
`rec-N-…` says that the person is N. It is looked at when pairs are scored, and at nothing before.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from ops.suggest.pairs import Pair, suggest
from ops.suggest.records import Record


class Quality(NamedTuple):
    """Of `suggested` pairs, `right` are one person; in all, `true` pairs are."""

    true: int
    suggested: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the suggested pairs that are one person; 1 when none is suggested."""
        return self.right / self.suggested if self.suggested else 1.0

    @property
    def recall(self) -> float:
        """Share of the pairs of one person that are suggested; 1 when there are none."""
        return self.right / self.true if self.true else 1.0


def read_febrl(file: Path) -> list[Record]:
    """The records of a file. Raises OSError; KeyError when it is no file of this kind."""
    with file.open(newline="", encoding="utf-8") as lines:
        return [_record(row) for row in csv.DictReader(lines, skipinitialspace=True)]


def _record(row: dict[str, str]) -> Record:
    known = {name: value.strip() for name, value in row.items() if value.strip()}
    return Record(
        id=row["rec_id"],
        given_name=known.get("given_name"),
        family_name=known.get("surname"),
        birthday=known.get("date_of_birth"),
        street=" ".join(known[name] for name in ("street_number", "address_1") if name in known) or None,
        ward=known.get("address_2"),
        city=known.get("suburb"),
        province=known.get("state"),
        postcode=known.get("postcode"),
    )


def quality(records: Iterable[Record], suggested: Collection[Pair]) -> Quality:
    """Compare what is suggested with what the ids say."""
    true = set(_true_pairs(record.id for record in records))
    return Quality(len(true), len(suggested), sum((pair.a, pair.b) in true for pair in suggested))


def _true_pairs(ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    people = defaultdict(list)
    for each in ids:
        people[each.split("-")[1]].append(each)
    for known_as in people.values():
        yield from combinations(sorted(known_as), 2)


def main(files: list[str]) -> None:
    """Print a line for each file."""
    print(f"{'file':<24} {'records':>8} {'true':>6} {'suggested':>9} {'right':>6} {'precision':>9} {'recall':>7}")
    for name in files:
        file = Path(name)
        records = read_febrl(file)
        told = quality(records, suggest(records))
        print(
            f"{file.name:<24} {len(records):>8,} {told.true:>6,} {told.suggested:>9,} {told.right:>6,} "
            f"{told.precision:>9.4f} {told.recall:>7.4f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
