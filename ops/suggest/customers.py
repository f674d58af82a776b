"""The living customers of the store, as records to compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ops.sql import reading, rows, streamed
from ops.suggest.records import Record
from ops.verify import untold
from schemas import portrait
from schemas.portrait import Portrait

Progress = Callable[[int, int], None]
"""Told (customers read, customers in all), every few thousand."""

_TOLD_EVERY = 5_000


def read_records(url: str, progress: Progress = untold) -> Iterator[Record]:
    """What is known of every living customer of whom a name, a birthday or an address was stated, as of one instant.

    A read-only transaction stays open until the last one is read. Raises psycopg2.Error.
    """
    with reading(url) as at:
        ((total,),) = rows(at, "customers_counted")
        for done, (customer, state) in enumerate(streamed(at, "portraits"), start=1):
            record = record_of(customer, portrait.decode(state.encode()))
            if record is not None:
                yield record
            if done % _TOLD_EVERY == 0:
                progress(done, total)
        progress(total, total)


def record_of(customer: str, known: Portrait) -> Record | None:
    """The record of the customer with this id; None when nothing was stated that could be compared."""
    traits = {name: value for name, (value, _, _) in known.traits.items()}
    stated: Mapping[str, Any] = traits.get("address") or {}
    record = Record(
        id=customer,
        full_name=traits.get("full_name"),
        given_name=traits.get("given_name"),
        family_name=traits.get("family_name"),
        birthday=traits.get("birthday"),
        street=stated.get("street"),
        ward=stated.get("ward"),
        district=stated.get("district"),
        city=stated.get("city"),
        province=traits.get("province") or stated.get("province"),
        postcode=stated.get("postcode"),
    )
    return None if record == Record(customer, province=record.province) else record
