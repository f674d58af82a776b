"""What must be in the store once the demo has been sent: counted while the story is told, not by the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ops.demo.events import REPEATED, story
from ops.demo.faults import FAULTS
from ops.demo.people import people
from ops.demo.story import Calendar, Event


@dataclass(frozen=True, slots=True)
class Expected:
    """The demo's books. `sent` = `stored` + `repeated` + the sum of `rejected`.

    rejected: reason → events refused. problems: code → events stored without what it is about.
    unidentified: stored events that name nobody. customers: living customers, `with_purchase` of them buyers.
    orders: `baskets` at the till and `web_orders`; `revenue_cents` (USD) is of both. points: earned − redeemed.
    """

    sent: int
    stored: int
    repeated: int
    rejected: Mapping[str, int]
    problems: Mapping[str, int]
    unidentified: int
    stored_by_type: Mapping[str, int]
    customers: int
    with_purchase: int
    baskets: int
    web_orders: int
    revenue_cents: int
    points: int

    @property
    def orders(self) -> int:
        """Orders of both channels."""
        return self.baskets + self.web_orders


def expected(anchor: datetime) -> Expected:
    """The books for `demo_events(anchor)`. Raises ValueError when `anchor` has no time zone."""
    good, bad = story(anchor)
    rejected, problems, types = Counter[str](), Counter[str](), Counter[str]()
    for fault in FAULTS:
        if fault.reason is None:
            problems[fault.code] += fault.count
        else:
            rejected[fault.reason.value] += fault.count
    stored = [told.event for told in good] + [told.event for fault, told in bad if fault.reason is None]
    types.update(event["type"] for event in stored)
    baskets = [event["data"]["basket"] for event in stored if "basket" in event["data"]]
    orders = [event["data"]["order"] for event in stored if "order" in event["data"]]
    everybody = people(Calendar(anchor).today)
    return Expected(
        sent=len(good) + len(bad) + REPEATED,
        stored=len(stored),
        repeated=REPEATED,
        rejected=dict(rejected),
        problems=dict(problems),
        unidentified=sum(fault.count for fault in FAULTS if fault.anonymous),
        stored_by_type=dict(types),
        customers=len(everybody),
        with_purchase=sum(person.card_no is not None for person in everybody),
        baskets=len(baskets),
        web_orders=len(orders),
        revenue_cents=sum(map(_cents, baskets)) + sum(map(_cents, orders)),
        points=sum(_points(event) for event in stored),
    )


def _cents(order: Event) -> int:
    return int(Decimal(order["total"]["amount"]) * 100)


def _points(event: Event) -> int:
    points = event["data"].get("points")
    return points["earned"] - points["redeemed"] if points else 0
