"""What goes wrong on the way: events that a channel gets wrong, a known number of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.demo.forms import form
from ops.demo.people import Person
from ops.demo.story import Calendar, Event, Told, cloud_event
from schemas.rejected import Reason


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to be wrong, told `count` times.

    With a `reason` the event is rejected, for that and at `path`. Without one it is stored, and what stands at `path`
    is left out of it, noted as the problem `code`. `of` says what is spoilt: a form or a scan. An `anonymous` form has
    no other way to recognise the person.
    """

    name: str
    count: int
    path: str
    spoil: Callable[[Event], object]
    reason: Reason | None = None
    code: str = ""
    of: str = "form"
    anonymous: bool = False


def _customer(**facts: str) -> Callable[[Event], object]:
    return lambda event: event["data"]["customer"].update(facts)


def _total(**facts: str) -> Callable[[Event], object]:
    return lambda event: event["data"]["basket"]["total"].update(facts)


_SAID = "$.data.customer"
FAULTS: tuple[Fault, ...] = (
    Fault("no_type", 12, "$.type", lambda event: event.pop("type"), Reason.MISSING_FIELD),
    Fault("no_id", 9, "$.id", lambda event: event.pop("id"), Reason.MISSING_FIELD),
    Fault(
        "typing_error_in_type", 7, "$.type", lambda event: event.update(type="web.form_sent.v1"), Reason.UNKNOWN_TYPE
    ),
    Fault("nobody", 11, _SAID, lambda event: event["data"]["customer"].clear(), Reason.NO_IDENTIFIER),
    Fault("time_without_zone", 5, "$.time", lambda event: event.update(time=event["time"][:19]), Reason.INVALID_VALUE),
    Fault("small_currency", 8, "$.data.basket.total.currency", _total(currency="usd"), Reason.INVALID_VALUE, of="scan"),
    Fault("decimal_comma", 6, "$.data.basket.total.amount", _total(amount="12,50"), Reason.WRONG_TYPE, of="scan"),
    Fault("impossible_birthday", 40, f"{_SAID}.birthday", _customer(birthday="1990-02-30"), code="unreadable_birthday"),
    Fault("four_digit_phone", 25, f"{_SAID}.phone", _customer(phone="0903"), code="unreadable_phone"),
    Fault("only_that", 10, f"{_SAID}.phone", _customer(phone="0912"), code="unreadable_phone", anonymous=True),
    Fault("phone_of_nobody", 20, f"{_SAID}.phone", _customer(phone="0900 000 000"), code="placeholder"),
    Fault(
        "two_at_signs",
        15,
        f"{_SAID}.email",
        _customer(email="an@@example.com"),
        code="unreadable_email",
        anonymous=True,
    ),
)


def faults(everybody: Sequence[Person], calendar: Calendar) -> Iterator[tuple[Fault, Told]]:
    """Every faulty event, with what is wrong with it. Who errs is somebody who is there anyhow."""
    reachable = [person for person in everybody if person.email is not None and person.card_no is not None]
    number = 0
    for fault in FAULTS:
        for _ in range(fault.count):
            person = reachable[number * 37 % len(reachable)]
            at = calendar.before(hours=30 + number * 7)
            told = _scan(person, at, number) if fault.of == "scan" else _form(person, at, number, fault)
            fault.spoil(told.event)
            yield fault, told
            number += 1


def _form(person: Person, at: datetime, number: int, fault: Fault) -> Told:
    customer = {} if fault.anonymous else {"email": person.email}
    return form(person, at, "newsletter", 1000 + number, customer)


def _scan(person: Person, at: datetime, number: int) -> Told:
    data = {
        "customer": {"card_no": person.card_no},
        "store_id": "S367",
        "basket": {"total": {"amount": "12.50", "currency": "USD"}},
    }
    event = cloud_event("loyalty.card_scanned.v1", "/demo/shops/367/old-till", f"scan-old-{number}", at, data)
    return Told(at, person.number, event)
