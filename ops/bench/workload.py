"""The events that the bench sends: such as shops, web sites and pages of a Vietnamese retailer send, made from a seed.

Of ten events six are card scans (three items a basket), two are forms and two are social. Who an event is about is
drawn from the workload's customers; everything about a person follows from the person's number alone, so that a store
can be filled with the same people beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ops.demo.names import (
    FAMILY_NAMES,
    MEN_GIVEN,
    MEN_MIDDLE,
    MOBILE_PREFIXES,
    PLACES,
    STREETS,
    WOMEN_GIVEN,
    WOMEN_MIDDLE,
)
from processors.text import fold_accents
from schemas.ids import event_key

Event = dict[str, Any]

KINDS = ("scan",) * 6 + ("form",) * 2 + ("social",) * 2
"""Of each ten events in a row, so that the mix is exact."""

_YEAR_SECONDS = 365 * 86_400
_DAYS_OF_BIRTH = 50 * 365
_STORES = 60
_FAMILIES = tuple(name for name, weight in FAMILY_NAMES.items() for _ in range(weight))
_PRODUCTS = (
    ("Sữa tươi không đường 1L", "Sữa", 36_000),
    ("Cà phê rang xay 500g", "Đồ uống", 125_000),
    ("Gạo ST25 5kg", "Gạo, mì", 195_000),
    ("Mì ăn liền tôm chua cay", "Gạo, mì", 4_500),
    ("Nước mắm Phú Quốc 40 độ", "Gia vị", 89_000),
    ("Bánh mì que", "Bánh", 12_000),
    ("Dầu gội thảo dược 650g", "Chăm sóc cá nhân", 149_000),
    ("Bột giặt 4kg", "Vệ sinh nhà cửa", 168_000),
    ("Thịt ba chỉ 500g", "Thịt, cá", 82_000),
    ("Rau muống 400g", "Rau, quả", 15_500),
    ("Cam sành 1kg", "Rau, quả", 39_000),
    ("Tã dán cỡ M 48 miếng", "Mẹ và bé", 289_000),
)
_KINDS_OF_FORM = ("registration", "registration", "registration", "newsletter", "order")
_ACTIONS = ("react", "react", "react", "comment", "comment", "message", "share", "follow", "join_minigame", "check_in")
_COMMENTS = ("Shop ơi còn hàng không?", "Giá bao nhiêu ạ?", "Đẹp quá!", "Có giao về Đà Nẵng không?", "Ship nhanh nha")
_CAMPAIGNS = ("tet-2026", "back-to-school", "minigame-trung-thu", "sinh-nhat-shop")


@dataclass(frozen=True, slots=True)
class Person:
    """Customer `number`, below ten million: no two share an identifier."""

    number: int

    @property
    def card_no(self) -> str:
        return f"8938{self.number:09d}"

    @property
    def phone(self) -> str:
        """Ten digits, as people write them in Viet Nam."""
        return f"{MOBILE_PREFIXES[self.number % len(MOBILE_PREFIXES)]}{self.number * 7_654_321 % 10_000_000:07d}"

    @property
    def email(self) -> str:
        return f"{fold_accents(self.full_name).replace(' ', '.')}.{self.number}@mail.example.vn"

    @property
    def facebook_id(self) -> str:
        return f"1000{self.number * 48_271 % 10**10:010d}"

    @property
    def woman(self) -> bool:
        return bool(self._drawn(1, 2))

    @property
    def full_name(self) -> str:
        middle, given = (WOMEN_MIDDLE, WOMEN_GIVEN) if self.woman else (MEN_MIDDLE, MEN_GIVEN)
        family = _FAMILIES[self._drawn(2, len(_FAMILIES))]
        return f"{family} {middle[self._drawn(3, len(middle))]} {given[self._drawn(4, len(given))]}"

    @property
    def birthday(self) -> str:
        return str((datetime(1956, 1, 1) + timedelta(days=self._drawn(5, _DAYS_OF_BIRTH))).date())

    @property
    def address(self) -> dict[str, str]:
        provinces, wards, _ = PLACES[self._drawn(6, len(PLACES))]
        return {
            "street": f"{1 + self._drawn(7, 300)} {STREETS[self._drawn(8, len(STREETS))]}",
            "ward": wards[self._drawn(9, len(wards))],
            "province": provinces[self._drawn(10, len(provinces))],
            "country": "VN",
        }

    def _drawn(self, what: int, choices: int) -> int:
        """One of `choices`, fixed for the person and `what`: Knuth's multiplicative hash, for speed."""
        return ((self.number * 16 + what) * 2_654_435_761 % 2**32 >> 8) % choices


@dataclass(frozen=True, slots=True)
class Workload:
    """`events` events of the people with these numbers, all of which happened in the year before `anchor`.

    Equal workloads give equal events. Workloads of different `name` have different events, of the same people. With
    `cohorts`, the events come in so many runs of equal length, each about people of its own: an equal part of customers.
    With `linked`, every event names its customer by one identifier, but so many of ten by two. With `shared`, one of twenty
    customers signs in on one tablet, every other form has a made-up telephone number, and so many of a hundred customers share
    something with three others (`_SHARING`), which every other event of theirs names.
    With `ordered`, they come in the order in which they happened.
    """

    name: str
    events: int
    customers: Sequence[int]
    anchor: datetime
    seed: int = 1
    cohorts: int = 1
    linked: int | None = None
    shared: int = 0
    ordered: bool = False

    def event(self, number: int) -> Event:
        """The CloudEvent `number`, counted from 0."""
        chance = random.Random(f"{self.seed}/{self.name}/{number}")
        first, end = (part * len(self.customers) // self.cohorts for part in self._cohort(number))
        place = chance.randrange(first, end)
        person = Person(self.customers[place])
        ago = chance.randrange(_YEAR_SECONDS)
        if self.ordered:
            ago = (self.events - number) * _YEAR_SECONDS // self.events
        at = self.anchor - timedelta(seconds=ago)
        source, data = _TELLING[KINDS[number % len(KINDS)]](chance, person, number)
        if self.shared:
            self._share(data["customer"], place, number, chance.random() < 0.5)
        if self.linked is not None:
            _name_by(data["customer"], person, 2 if number % 10 in _LINKED[: self.linked] else 1)
        return {
            "specversion": "1.0",
            "id": self._id(number),
            "source": f"/{self.name}/{source}",
            "type": self.type_of(number),
            "time": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }

    def _share(self, customer: Event, place: int, number: int, names_it: bool) -> None:
        """Let the event name what others name, too."""
        fours, of_a_hundred = divmod(place // 4, 100)
        if not names_it:
            return
        if of_a_hundred < self.shared:
            share = _SHARING[fours % len(_SHARING)]
            customer |= share(Person(self.customers[place]), Person(self.customers[place - place % 4]))
        elif of_a_hundred >= 95:
            customer["device_id"] = "tablet-1"
        elif KINDS[number % len(KINDS)] == "form":
            customer["phone"] = "0911 222 333"

    def payloads(self, first: int, end: int) -> list[bytes]:
        """The events from `first` until before `end` as JSON, as a channel sends them."""
        encode = msgspec.json.Encoder().encode
        return [encode(self.event(number)) for number in range(first, end)]

    def type_of(self, number: int) -> str:
        """The type of event `number`."""
        return _TYPES[KINDS[number % len(KINDS)]]

    def key(self, number: int) -> str:
        """The key that event `number` will have in the store."""
        event = self.event(number)
        return event_key(event["source"], event["id"])

    def chunks(self, size: int) -> Iterator[tuple[int, int]]:
        """The numbers of all events in runs of `size`: (first, end)."""
        for first in range(0, self.events, size):
            yield first, min(first + size, self.events)

    def _cohort(self, number: int) -> tuple[int, int]:
        cohort = number * self.cohorts // self.events
        return cohort, cohort + 1

    def _id(self, number: int) -> str:
        return f"{self.name}-{number:09d}"


def some_of(population: int, customers: int, seed: int = 1) -> tuple[int, ...]:
    """The numbers of `customers` people out of `population`, without repetition, sorted."""
    return tuple(sorted(random.Random(f"{seed}/customers").sample(range(population), customers)))


def _scan(chance: random.Random, person: Person, number: int) -> tuple[str, Event]:
    store = f"HCM-{1 + chance.randrange(_STORES):02d}"
    items = []
    total = 0
    for _ in range(chance.choice((1, 2, 2, 3, 3, 3, 4, 5))):
        sku = chance.randrange(len(_PRODUCTS))
        name, category, price = _PRODUCTS[sku]
        quantity = chance.choice((1, 1, 1, 2, 3))
        total += quantity * price
        items.append(
            {
                "sku": f"893{sku:010d}",
                "name": name,
                "category": category,
                "quantity": str(quantity),
                "amount": str(quantity * price),
            }
        )
    basket: Event = {"id": f"B{number:09d}", "items": items, "total": {"amount": str(total), "currency": "VND"}}
    if chance.random() < 0.15:
        basket |= {"discount": str(total // 10), "coupons": ["GIAM10"]}
    data: Event = {
        "customer": {"card_no": person.card_no},
        "store_id": store,
        "basket": basket,
        "points": {"earned": total // 10_000, "redeemed": 0},
    }
    return f"{store.lower()}/till-{1 + chance.randrange(4)}", data


def _form(chance: random.Random, person: Person, number: int) -> tuple[str, Event]:
    kind = chance.choice(_KINDS_OF_FORM)
    phone = person.phone
    customer: Event = {
        "email": person.email,
        "phone": chance.choice((phone, f"{phone[:4]} {phone[4:7]} {phone[7:]}", f"+84 {phone[1:]}", f"84{phone[1:]}")),
        "full_name": chance.choice((person.full_name, person.full_name, person.full_name.upper())),
        "birthday": person.birthday,
        "gender": "Nữ" if person.woman else "Nam",
        "address": person.address,
    }
    if kind == "registration":  # where the card is given out
        customer["card_no"] = person.card_no
    data: Event = {
        "form": {"id": f"{kind}-vi", "kind": kind},
        "customer": customer,
        "answers": {"nguon": chance.choice(("Bạn bè", "Facebook", "Cửa hàng")), "dong_y": True},
        "page": {
            "url": "https://shop.example.vn/the-thanh-vien",
            "utm": {"source": chance.choice(("facebook", "google", "zalo")), "campaign": chance.choice(_CAMPAIGNS)},
        },
    }
    if kind == "order":
        name, category, price = chance.choice(_PRODUCTS)
        item = {"sku": "W-1", "name": name, "category": category, "quantity": "1", "amount": str(price)}
        data["order"] = {"id": f"W{number:09d}", "items": [item], "total": {"amount": str(price), "currency": "VND"}}
    return "web", data


def _social(chance: random.Random, person: Person, _number: int) -> tuple[str, Event]:
    action = chance.choice(_ACTIONS)
    customer = {"facebook_id": person.facebook_id}
    if chance.random() < 0.3:
        customer["phone"] = person.phone
    content: Event = {"id": f"post-{chance.randrange(500)}"}
    if action in ("comment", "message"):
        content["text"] = chance.choice(_COMMENTS)
    if action == "join_minigame":
        content["campaign"] = chance.choice(_CAMPAIGNS)
    data: Event = {"platform": "facebook", "action": action, "customer": customer, "content": content}
    return "facebook", data


_LINKED = (0, 6, 8, 1, 7, 9, 2, 3, 4, 5)
"""Which of ten events are the first to name two identifiers: a scan, a form, a social one, and so on."""


def _name_by(customer: Event, person: Person, identifiers: int) -> None:
    """Leave `customer` one identifier, the strongest that it has, or add the person's telephone number to it."""
    strongest = next(kind for kind in ("card_no", "email", "facebook_id") if kind in customer)
    for kind in ("card_no", "email", "phone", "facebook_id"):
        if kind != strongest:
            customer.pop(kind, None)
    if identifiers > 1:
        customer["phone"] = person.phone


_SHARING: tuple[Callable[[Person, Person], Event], ...] = (
    lambda me, other: {"customer_no": f"K{me.number:09d}", "card_no": other.card_no},  # a card that four people use
    lambda me, other: {"customer_no": f"K{me.number:09d}", "phone": other.phone},  # a number that was given out again
    lambda me, other: {"card_no": me.card_no, "phone": other.phone},  # cards on one telephone
    lambda me, other: {"card_no": me.card_no, "email": other.email},  # an address of a family
)
"""Ways in which people share identifiers: of one of them, and of the first of the four who do."""

_TYPES = {"scan": "loyalty.card_scanned.v1", "form": "web.form_submitted.v1", "social": "social.interacted.v1"}
_TELLING = {"scan": _scan, "form": _form, "social": _social}
