"""The demo's events, in the order in which they arrive.

A year of a shop: real baskets of whole cards, told of people made up for them, who also use the web and social
platforms; some hundred prospects; and what the real world adds: repeated deliveries, late ones, and errors.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from ops.demo.baskets import read_baskets
from ops.demo.cards import visits
from ops.demo.faults import Fault, faults
from ops.demo.forms import forms, orders
from ops.demo.people import people
from ops.demo.social import interactions
from ops.demo.story import Calendar, Event, Told

REPEATED = 1_200
"""How many events are delivered twice."""
LATE = 900
"""How many events arrive an hour to twenty days after they happened."""


def demo_events(anchor: datetime) -> Iterator[Event]:
    """Every delivery, as the CloudEvents that channels send, in order of arrival; all happened before `anchor`.

    The same anchor gives the same events. Ids do not depend on it, so the demo can be sent again and is stored once.
    `anchor` needs a time zone: ValueError otherwise.
    """
    good, bad = story(anchor)
    stored = [told for fault, told in bad if fault.reason is None]
    refused = [told for fault, told in bad if fault.reason is not None]
    chance = random.Random("deliveries")
    once = [*good, *stored]
    arrivals = [(told.at, told) for told in refused]
    late = set(chance.sample(range(len(once)), LATE))
    for number, told in enumerate(once):
        arrivals.append((told.at + timedelta(hours=chance.randint(1, 480) if number in late else 0), told))
    for told in chance.sample(once, REPEATED):
        arrivals.append((told.at + timedelta(minutes=chance.randint(1, 4_000)), told))
    arrivals.sort(key=lambda arrival: arrival[0])
    for _, told in arrivals:
        yield told.event


def story(anchor: datetime) -> tuple[Sequence[Told], Sequence[tuple[Fault, Told]]]:
    """Everything that happens, once: what channels get right, and what they get wrong."""
    if anchor.utcoffset() is None:
        raise ValueError("the anchor needs a time zone")
    calendar = Calendar(anchor)
    everybody = people(calendar.today)
    by_card = {card: tuple(group) for card, group in groupby(read_baskets(), lambda basket: basket.card_no)}
    last = max(basket.at for basket in read_baskets()).date()
    good: list[Told] = []
    for person in everybody:
        if person.card_no is None:
            since = calendar.before(hours=person.chance("since").randint(48, 320 * 24))
        else:
            baskets = by_card[person.card_no]
            card = list(visits(person, baskets, calendar, last))
            since = card[0].at
            good += card
            good += orders(person, baskets, since, card[len(baskets)].at)
        good += forms(person, calendar, since)
        good += interactions(person, calendar, since)
    return good, list(faults(everybody, calendar))
