"""What happens with loyalty cards: they are given out, and scanned at the till with the basket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from ops.demo.baskets import RealBasket
from ops.demo.people import Person
from ops.demo.story import Calendar, Event, Told, cloud_event, dollars, phone_as_typed, said

POINTS_PER_REWARD = 100
"""What one reward costs. A dollar earns a point."""


def days_back(person: Person, baskets: Sequence[RealBasket], last: date) -> int:
    """How many days the whole history of this card is moved back (negative: forward), so that every lifecycle is there.

    Most keep their place in the year, some left long ago, and some who came only once or twice came just now.
    """
    chance = person.chance("days back")
    silent = (last - baskets[-1].at.date()).days
    span = (baskets[-1].at - baskets[0].at).days
    draw = chance.random()
    if draw < 0.14:
        return chance.randint(45, 420)
    if draw < 0.55 and span < 21:
        return -max(0, silent - chance.randint(1, 20))
    return 0


def visits(person: Person, baskets: Sequence[RealBasket], calendar: Calendar, last: date) -> Iterator[Told]:
    """The enrolment, a few minutes before the first basket; every basket, in order; at the end some leave."""
    back = days_back(person, baskets, last)
    first = calendar.shop_time(baskets[0].at, last=last, days_back=back)
    yield _enrolment(person, baskets[0].store_id, first - timedelta(minutes=person.chance("desk").randint(4, 40)))
    chance, balance = person.chance("till"), 0
    for basket in baskets:
        at = calendar.shop_time(basket.at, last=last, days_back=back)
        earned = basket.amount // 100
        redeemed = POINTS_PER_REWARD if balance >= 2 * POINTS_PER_REWARD and chance.random() < 0.5 else 0
        balance += earned - redeemed
        names_phone = chance.random() < 0.06
        customer = said(
            card_no=person.card_no, phone=phone_as_typed(person, chance.randint(0, 5)) if names_phone else None
        )
        yield Told(
            at,
            person.number,
            cloud_event(
                "loyalty.card_scanned.v1",
                f"/demo/shops/{basket.store_id}/till",
                f"scan-{basket.basket_id}",
                at,
                {
                    "customer": customer,
                    "store_id": f"S{basket.store_id}",
                    "basket": _basket(basket),
                    "points": {"earned": earned, "redeemed": redeemed},
                },
            ),
        )
    if back > 150 and chance.random() < 0.4:
        yield _cancellation(person, at + timedelta(days=chance.randint(3, 30)))


def _basket(basket: RealBasket) -> Event:
    items = [
        said(sku=line.sku, category=line.category, quantity=format(line.quantity, "f"), amount=dollars(line.amount))
        for line in basket.lines
    ]
    total = {"amount": dollars(basket.amount), "currency": "USD"}
    return {"id": basket.basket_id, "items": items, "total": total, "discount": dollars(basket.discount)}


def _enrolment(person: Person, store_id: str, at: datetime) -> Told:
    chance = person.chance("enrolment")
    vietnamese = person.language == "vi"
    customer = said(
        card_no=person.card_no,
        phone=phone_as_typed(person, chance.randint(0, 5)),
        email=person.email.upper() if person.email and chance.random() < 0.1 else person.email,
        # The form at the desk has one line for the name in Viet Nam, two for foreigners.
        full_name=_as_written(person.full_name, chance.random()) if vietnamese else None,
        family_name=None if vietnamese else person.family_name,
        given_name=None if vietnamese else person.given_name,
        gender={"female": "nữ", "male": "nam"}[person.gender] if vietnamese else person.gender,
        birthday=_birthday(person, chance.random()),
        language=person.language,
        address=said(province=person.province, country="VN") if chance.random() < 0.5 else None,
    )
    data = {
        "customer": customer,
        "store_id": f"S{store_id}",
        "tier": chance.choice(("member", "member", "silver", "gold")),
    }
    event = cloud_event("loyalty.card_enrolled.v1", f"/demo/shops/{store_id}/desk", f"enrol-{person.card_no}", at, data)
    return Told(at, person.number, event)


def _cancellation(person: Person, at: datetime) -> Told:
    data = {"customer": {"card_no": person.card_no}, "reason": "khách hàng yêu cầu"}
    event = cloud_event("loyalty.card_cancelled.v1", "/demo/shops/service", f"cancel-{person.card_no}", at, data)
    return Told(at, person.number, event)


def _as_written(name: str, draw: float) -> str:
    if draw < 0.1:
        return name.upper()
    return f" {name.lower()} " if draw < 0.15 else name


def _birthday(person: Person, draw: float) -> str | None:
    if draw < 0.5:
        return person.birthday.isoformat()
    return person.birthday.strftime("%d/%m/%Y") if draw < 0.6 else None
