"""Which records are compared at all: those that agree in something, unless a crowd does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from ops.suggest.engine import rows
from ops.suggest.records import Compared, Record, compared

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BLOCKS = (
    "by_birthday",
    "by_name",
    "by_name_and_year",
    "by_name_and_place",
    "by_door",
    "by_road_and_place",
    "by_number_and_postcode",
    "by_initials_and_place",
)
"""Columns of the table `compared`. A pair is compared that has the same value in any of them."""

LARGEST_BLOCK = 500
"""Records. What more of them have in common is a placeholder or a whole town, and says nothing of one person."""

PAIRS_A_RECORD = 20
"""On the average, in each way of blocking: what bounds the work when there are many records."""

PAIRS_ANYWAY = 200_000
"""In each way of blocking: so many are no work, however few records there are."""

_ROWS_AT_ONCE = 50_000


def load(database: DuckDBPyConnection, records: Iterable[Record]) -> int:
    """Make the table `compared`, and return how many records there are. Raises ValueError when two have one id.

    Memory: the table; the records are read one by one.
    """
    import pyarrow as pa

    rows(database, "stated")
    forms = map(compared, records)
    kinds = pa.schema([(field, pa.string()) for field in Compared._fields])
    while batch := list(islice(forms, _ROWS_AT_ONCE)):
        columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
        database.register("batch", pa.table(columns, schema=kinds))
        rows(database, "append")
        database.unregister("batch")
    for (repeated,) in rows(database, "repeated_id"):
        raise ValueError(f"two records have the id {repeated!r}")
    rows(database, "compared")
    return int(rows(database, "count")[0][0])


def bound(database: DuckDBPyConnection, records: int, say: Callable[[str], None]) -> int:
    """Leave out the blocks that are too large, telling `say` of each kind. Returns how many pairs there are at most."""
    most = max(PAIRS_A_RECORD * records, PAIRS_ANYWAY)
    pairs = 0
    for block in BLOCKS:
        kept = largest = left_out = 0
        for size, blocks in rows(database, "block_sizes", block=block):
            of_this_size = blocks * size * (size - 1) // 2
            if not left_out and size <= LARGEST_BLOCK and kept + of_this_size <= most:
                kept, largest = kept + of_this_size, size
            else:
                left_out += blocks
        pairs += kept
        if left_out:
            rows(database, "leave_out_blocks", block=block, largest=max(largest, 1))
            say(f"{block.replace('_', ' ')}: values that many records share are not looked into ({left_out:,} values)")
    return pairs
