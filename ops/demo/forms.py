"""What people send through forms on the web: registrations, orders, newsletters, surveys, questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from ops.demo.baskets import Line, RealBasket
from ops.demo.people import Person
from ops.demo.story import Calendar, Event, Told, cloud_event, dollars, phone_as_typed, said

SOURCE = "/demo/web/shop.example"
_CAMPAIGNS = ("tet-2026", "back-to-school", "brand", "zalo-oa", None, None)
_QUESTIONS = (
    "Cửa hàng mình có giao hàng tận nơi không ạ?",
    "Tôi muốn đổi điểm thưởng thì làm thế nào?",
    "Cho hỏi chi nhánh gần nhất mở cửa đến mấy giờ?",
    "Is there a shop near District 7?",
)


def form(person: Person, at: datetime, kind: str, number: int, customer: Event, **more: Any) -> Told:
    """One form. `number` tells a person's forms of one kind apart; `customer` is what it says of the person."""
    chance = person.chance(f"page/{kind}/{number}")
    campaign = chance.choice(_CAMPAIGNS)
    utm = (
        said(source=chance.choice(("facebook", "google", "zalo")), medium="cpc", campaign=campaign)
        if campaign
        else None
    )
    data = {
        "form": {"id": f"{kind}-2026", "kind": kind},
        "customer": customer,
        "page": said(url=f"https://shop.example/{kind}", utm=utm),
        **more,
    }
    return Told(
        at, person.number, cloud_event("web.form_submitted.v1", SOURCE, f"{kind}-{person.number}-{number}", at, data)
    )


def forms(person: Person, calendar: Calendar, since: datetime) -> Iterator[Told]:
    """All forms of one person, from `since` on. A prospect's first form gives every address of the person."""
    chance = person.chance("forms")

    def some_time() -> datetime:
        # the square draws more of them towards the present
        seconds = (calendar.before(hours=26) - since).total_seconds()
        return since + timedelta(seconds=int(max(seconds, 0) * (1 - chance.random() ** 2)))

    if person.card_no is None:
        if (person.facebook_id or person.zalo_id) and chance.random() < 0.5:
            return  # known from social platforms only
        reach = said(email=person.email, phone=phone_as_typed(person, 2), anonymous_id=person.anonymous_id)
        if person.email:
            yield form(person, since, "newsletter", 0, said(**reach, language=person.language))
        else:
            yield form(person, since, "contact", 0, reach, answers={"question": chance.choice(_QUESTIONS)})
    elif person.email and chance.random() < 0.7:
        customer = said(**_sender(person, 0), language=person.language)
        yield form(person, some_time(), "newsletter", 0, customer)
    if person.household is not None:
        yield _registration(person, some_time())
    for number in range(1, chance.choice((1, 1, 1, 2, 3))):
        answers = {"nps": chance.randint(3, 10), "why": chance.choice(("giá tốt", "gần nhà", "nhân viên thân thiện"))}
        yield form(person, some_time(), "survey", number, _sender(person, number), answers=answers)
    if chance.random() < 0.25:
        customer = said(**_sender(person, 9), full_name=person.full_name)
        yield form(person, some_time(), "contact", 9, customer, answers={"question": chance.choice(_QUESTIONS)})


def orders(person: Person, baskets: Sequence[RealBasket], since: datetime, until: datetime) -> Iterator[Told]:
    """Orders on the web, while the card was in use."""
    chance = person.chance("orders")
    bought = [line for basket in baskets for line in basket.lines if line.amount > 0 and line.quantity == 1]
    for number in range(chance.choice((0, 0, 0, 1, 1, 2)) if bought else 0):
        at = since + timedelta(seconds=int((until - since).total_seconds() * chance.random()))
        yield _order(person, bought, at, number)


def _sender(person: Person, style: int) -> Event:
    """How the person signs a form, always by the same address or number, and often from the same browser."""
    chance = person.chance(f"sender/{style}")
    by_mail = person.email is not None
    return said(
        email=person.email,
        phone=None if by_mail and chance.random() < 0.7 else phone_as_typed(person, chance.randint(0, 5)),
        anonymous_id=person.anonymous_id if chance.random() < 0.8 else None,
    )


def _registration(person: Person, at: datetime) -> Told:
    """The account on the web: it carries what the household stated in the survey of the sample."""
    home = person.household
    assert home is not None
    customer = said(
        **_sender(person, 1),
        card_no=person.card_no,
        full_name=person.full_name,
        birthday=person.birthday.isoformat(),
        age_band=home.age,
        gender=person.gender,
        income_band=home.income,
        marital_status=home.marital_status,
        household_size=home.household_size,
        language=person.language,
        address=said(street=person.street, ward=person.ward, province=person.province, country="VN"),
    )
    answers = said(home_ownership=home.home_ownership, household=home.household_comp, children=home.kids_count)
    return form(person, at, "registration", 0, customer, answers=answers)


def _order(person: Person, bought: Sequence[Line], at: datetime, number: int) -> Told:
    """One to four things that the person also bought in the shop, at the price of then."""
    chance = person.chance(f"order/{number}")
    lines = [chance.choice(bought) for _ in range(chance.randint(1, 4))]
    items = [said(sku=line.sku, category=line.category, quantity="1", amount=dollars(line.amount)) for line in lines]
    order = said(
        id=f"W{person.number:05d}-{number}",
        items=items,
        total={"amount": dollars(sum(line.amount for line in lines)), "currency": "USD"},
        coupons=["WELCOME10"] if number == 0 and chance.random() < 0.3 else None,
    )
    return form(person, at, "order", number, said(**_sender(person, 2), full_name=person.full_name), order=order)
