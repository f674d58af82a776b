"""How long `portrait predict` takes: `python -m ops.bench.predictions --customers 1000000`.

On a PostgreSQL of its own, filled with customers who live and buy as BG/NBD and Gamma-Gamma say, with the parameters of CDNOW's.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psycopg2

from ops.bench.machine import look_at_machine
from ops.computed import hand_over
from ops.local.home import Home
from ops.local.stack import running_postgres
from ops.predict.bgnbd import BgNbd
from ops.predict.gamma_gamma import GammaGamma
from ops.predict.history import WEEK
from ops.predictions import Order, predict
from ops.terminal import counted
from schemas import portrait
from schemas.portrait import Portrait
from sinks.postgres.migrate import migrate

CDNOW = BgNbd(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 1544.0)
"""Amounts in cents."""

_WEEKS = 104
_AT_A_TIME = 10_000
_DAY_MS = 24 * 60 * 60 * 1000
_COLUMNS = (
    "id, version, updated_at, lifecycle, segments, first_seen_at, last_seen_at, events, orders, revenue, currency, "
    "revenue_by_currency, first_order_at, last_order_at, points, state"
)


class Life(NamedTuple):
    """A customer. times: weeks from the first purchase to each one, the first included; amounts: minor units of each.
    left: after the last of these, for good."""

    times: list[float]
    amounts: list[int]
    left: bool


def lives(timing: BgNbd, spending: GammaGamma, weeks: float, seed: int) -> Iterator[Life]:
    """Customers without end, each drawn by chance as the models say they live, for so many weeks from the first purchase on."""
    chance = np.random.default_rng(seed)
    while True:
        rate, leaving = chance.gamma(timing.r, 1 / timing.alpha), chance.beta(timing.a, timing.b)
        scale = 1 / chance.gamma(spending.q, 1 / spending.v)
        times, left = [0.0], False
        while not left and (at := times[-1] + chance.exponential(1 / max(rate, 1e-12))) <= weeks:
            times.append(at)
            left = bool(chance.random() < leaving)
        yield Life(times, [round(each) for each in chance.gamma(spending.p, scale, len(times))], left)


def _portrait(life: Life, number: int, now: int) -> Portrait:
    """Of somebody who lives to this day, with what else a portrait has."""
    begun = now - int(number * 48_271 % (_WEEKS * WEEK * 86_400) * 1000)
    bought = [
        (at, amount)
        for at, amount in zip((begun + int(week * WEEK * _DAY_MS) for week in life.times), life.amounts, strict=True)
        if at <= now
    ]
    key, last = uuid.UUID(int=number).hex, bought[-1][0]
    return Portrait(
        events=len(bought) + 1,
        first_seen=begun,
        last_seen=last,
        acquisition=("store:HCM-01", begun, key),
        channels={"loyalty": len(bought) + 1},
        identifiers={
            f"card_no:{number:012d}": (begun, last),
            f"email:khach{number}@example.vn": (begun, begun),
            f"phone:+849{number:08d}": (begun, begun),
        },
        stated={
            key: (
                begun,
                {"full_name": f"Nguyễn Văn {number}", "birthday": "1990-03-12", "gender": "male", "province": "Huế"},
            )
        },
        orders=len(bought),
        purchases=len(bought),
        revenue=sum(amount for _, amount in bought),
        revenue_by_currency={"VND": sum(amount for _, amount in bought)},
        first_order=begun,
        last_order=last,
        categories={"shoes": sum(amount for _, amount in bought)},
        stores={"HCM-01": len(bought)},
        hours={"10": len(bought)},
        weekdays={"2": len(bought)},
        recent=bought,
    )


def fill(url: str, customers: int, now: int) -> None:
    """Put so many buyers into the store of `url`, all at once, as no event would."""
    with (
        closing(psycopg2.connect(url)) as opened,
        opened,
        opened.cursor() as at,
        counted("Filling", "customers") as told,
    ):
        numbered = enumerate(islice(lives(*CDNOW, _WEEKS, seed=1), customers))
        while part := list(islice(numbered, _AT_A_TIME)):
            lines = StringIO("".join(_line(number, _portrait(life, number, now)) for number, life in part))
            at.copy_expert(f"copy portrait.customers ({_COLUMNS}) from stdin", lines)
            told(part[-1][0] + 1, customers)


def _line(number: int, known: Portrait) -> str:
    first, last = (datetime.fromtimestamp(each / 1000, UTC).isoformat() for each in (known.first_seen, known.last_seen))
    # Ids as they are given out: those of the first customers smaller, their ends drawn by chance.
    customer = uuid.UUID(int=((known.first_seen << 80) | (7 << 76) | (number * 0x9E3779B97F4A7C15 % 2**62) | (2 << 62)))
    columns = (
        customer,
        1,
        last,
        "current",
        "{current}",
        first,
        last,
        known.events,
        known.orders,
        known.revenue,
        "VND",
        "{}",
    )
    state = portrait.encode(known).decode().replace("\\", "\\\\")
    return "\t".join(map(str, (*columns, first, last, 0, state))) + "\n"


def main() -> None:
    """Print one line of Markdown."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.predictions", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, metavar="N")
    parser.add_argument(
        "--runs",
        type=int,
        default=2,
        metavar="N",
        help="how often, a day apart; the second run also has to replace the first",
    )
    wanted = parser.parse_args()
    now = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory(prefix="portrait-bench-") as place:
        Path(place).chmod(0o711)  # as root, PostgreSQL runs as another user, who must pass through
        home = Home.open(Path(place) / "home")
        machine = look_at_machine(Path(place))
        with running_postgres(home) as url:
            migrate(url)
            fill(url, wanted.customers, now)
            for number in range(wanted.runs):
                at = now + number * _DAY_MS
                run = predict(url, Order(at, UTC, "VND", "bench"), counted, keep=True)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(
                    f"{run.customers:,} customers, learned from {run.model.customers:,}: {run.seconds:.1f} s, "
                    f"{run.customers / run.seconds:,.0f} customers/s, {peak:.0f} MB at most; {run.model.timing}"
                )
                begun = time.monotonic()
                with counted("Handing over", "customers") as told:
                    handed = hand_over(url, at, told, patience_seconds=0)  # nobody evaluates them here
                print(f"handed over in {time.monotonic() - begun:.1f} s: something else is said of {handed.changed:,}")
    print(
        f"{machine.cores} cores ({machine.cpu}), Python {machine.python}, {machine.postgres}, load before {machine.load}"
    )


if __name__ == "__main__":
    main()
