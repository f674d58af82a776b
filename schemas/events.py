"""The events that channels send: CloudEvents 1.0 with typed `data`.

One model per type, joined in `Event`, a union discriminated by `type`. Every personal field declares what it is for, how long
it may be kept and how personal it is. Fields that are not declared here are not stored.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    WithJsonSchema,
    field_validator,
)

from schemas.identifiers import STRENGTH


def _answers(value: Any) -> Any:
    """Numbers with a fraction arrive as Decimal. What a float holds exactly becomes a number again, the rest stays text."""
    if isinstance(value, Decimal):
        number = float(value)
        return number if repr(number) == str(value) else str(value)
    if isinstance(value, dict):
        return {name: _answers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_answers(inner) for inner in value]
    return value


def _instant(value: Any) -> Any:
    if isinstance(value, str | datetime):
        return value
    raise ValueError("a time is RFC 3339 text such as 2026-11-23T09:30:00+07:00")


Amount = Annotated[
    Decimal,
    Field(max_digits=21, decimal_places=6, allow_inf_nan=False),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"}, {"type": "number"}],
            "description": "A decimal amount in major units, as text ('12.50') or as a number.",
            "examples": ["12.50"],
        }
    ),
]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T09:30:00+07:00"]}),
]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["VND"])]
Name = Annotated[str, Field(min_length=1, max_length=200, coerce_numbers_to_str=True)]
LongText = Annotated[str, Field(max_length=10_000)]


def personal(purpose: str, *, keep: str, sensitivity: Literal["low", "medium", "high"]) -> Any:
    """A text field about a person. `keep` is an ISO 8601 duration counted from the last event; numbers are read as text."""
    return Field(
        default=None,
        max_length=500,
        coerce_numbers_to_str=True,
        json_schema_extra={"x-purpose": purpose, "x-keep": keep, "x-sensitivity": sensitivity},
    )


Stated = str | None


class Part(BaseModel):
    """What all parts share: unknown fields are ignored (and not stored); instances do not change."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Address(Part):
    """Where the customer lives, as far as the channel knows."""

    street: Stated = personal("delivery, segments by area", keep="P5Y", sensitivity="medium")
    ward: Stated = personal("delivery, segments by area", keep="P5Y", sensitivity="low")
    district: Stated = personal("delivery, segments by area", keep="P5Y", sensitivity="low")
    city: Stated = personal("delivery, segments by area", keep="P5Y", sensitivity="low")
    province: Stated = personal("delivery, segments by area", keep="P5Y", sensitivity="low")
    country: Stated = personal("delivery, language", keep="P5Y", sensitivity="low")
    postcode: Stated = personal("delivery, segments by area", keep="P5Y", sensitivity="low")


class Company(Part):
    """The company that a business customer buys for."""

    name: Stated = personal("serving business customers", keep="P5Y", sensitivity="low")
    tax_code: Stated = personal("invoices", keep="P10Y", sensitivity="low")
    sector: Stated = personal("segments of business customers", keep="P5Y", sensitivity="low")
    size: Stated = personal("segments of business customers", keep="P5Y", sensitivity="low")
    position: Stated = personal("serving business customers", keep="P5Y", sensitivity="low")


class Customer(Part):
    """Everything the channel knows about the person: identifiers (at least one) and stated traits."""

    customer_no: Stated = personal("recognising the customer", keep="P5Y", sensitivity="medium")
    card_no: Stated = personal("recognising the customer", keep="P5Y", sensitivity="medium")
    email: Stated = personal("recognising and contacting the customer", keep="P5Y", sensitivity="high")
    phone: Stated = personal("recognising and contacting the customer", keep="P5Y", sensitivity="high")
    facebook_id: Stated = personal("recognising and answering the customer", keep="P2Y", sensitivity="medium")
    zalo_id: Stated = personal("recognising and answering the customer", keep="P2Y", sensitivity="medium")
    tiktok_id: Stated = personal("recognising and answering the customer", keep="P2Y", sensitivity="medium")
    instagram_id: Stated = personal("recognising and answering the customer", keep="P2Y", sensitivity="medium")
    anonymous_id: Stated = personal("joining visits of one browser", keep="P1Y", sensitivity="low")
    device_id: Stated = personal("joining visits of one device", keep="P1Y", sensitivity="low")
    verified: list[Literal["email", "phone"]] | None = Field(
        default=None,
        max_length=2,
        description="Which of these the sender has verified to be this customer's, by a code sent there or the like.",
        json_schema_extra={"x-purpose": "recognising the customer", "x-keep": "P5Y", "x-sensitivity": "low"},
    )

    full_name: Stated = personal("addressing the customer", keep="P5Y", sensitivity="medium")
    given_name: Stated = personal("addressing the customer", keep="P5Y", sensitivity="medium")
    family_name: Stated = personal("addressing the customer", keep="P5Y", sensitivity="medium")
    birthday: Stated = personal("birthday greetings, age groups", keep="P5Y", sensitivity="high")
    age_band: Stated = personal("age groups", keep="P5Y", sensitivity="low")
    gender: Stated = personal("addressing the customer, segments", keep="P5Y", sensitivity="medium")
    address: Address | None = None
    income_band: Stated = personal("income groups", keep="P2Y", sensitivity="high")
    occupation: Stated = personal("segments", keep="P2Y", sensitivity="medium")
    marital_status: Stated = personal("segments", keep="P2Y", sensitivity="medium")
    household_size: Stated = personal("segments", keep="P2Y", sensitivity="low")
    language: Stated = personal("speaking the customer's language", keep="P5Y", sensitivity="low")
    company: Company | None = None


class Money(Part):
    """An amount and its currency."""

    amount: Amount
    currency: Currency


class Item(Part):
    """One line of a basket or order. `amount` is for the whole line, in the currency of the total; negative when returned."""

    sku: Name
    name: Annotated[str, Field(max_length=300)] | None = None
    category: Annotated[str, Field(max_length=200)] | None = None
    quantity: Amount
    amount: Amount


class Order(Part):
    """What was ordered through a form."""

    id: Name | None = None
    items: Annotated[list[Item], Field(max_length=2_000)] = []
    total: Money
    discount: Amount | Money | None = None
    coupons: Annotated[list[Name], Field(max_length=100)] | None = None


class Basket(Order):
    """What was bought at the till. A return has negative quantities and amounts. Without an `id` the event is one basket."""


class Form(Part):
    """Which form it was."""

    id: Name
    kind: Literal["registration", "order", "newsletter", "survey", "contact", "lead_magnet", "event"]


class Utm(Part):
    """Where the visitor came from, by the usual campaign parameters."""

    source: Annotated[str, Field(max_length=200)] | None = None
    medium: Annotated[str, Field(max_length=200)] | None = None
    campaign: Annotated[str, Field(max_length=200)] | None = None
    term: Annotated[str, Field(max_length=200)] | None = None
    content: Annotated[str, Field(max_length=200)] | None = None


class Page(Part):
    """The page that the form stood on."""

    url: Annotated[str, Field(max_length=2_000)] | None = None
    referrer: Annotated[str, Field(max_length=2_000)] | None = None
    utm: Utm | None = None


class Points(Part):
    """Loyalty points moved by a scan."""

    earned: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 0
    redeemed: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 0


class Content(Part):
    """The post or comment that the interaction was about."""

    id: Name | None = None
    text: LongText | None = None
    campaign: Annotated[str, Field(max_length=200)] | None = None


class FormSubmitted(Part):
    """Data of `web.form_submitted.v1`."""

    form: Form
    customer: Customer
    answers: Annotated[dict[Annotated[str, Field(max_length=200)], JsonValue], BeforeValidator(_answers)] = {}
    order: Order | None = None
    page: Page | None = None


class CardScanned(Part):
    """Data of `loyalty.card_scanned.v1`."""

    customer: Customer
    store_id: Name
    basket: Basket | None = None
    points: Points | None = None


class CardEnrolled(Part):
    """Data of `loyalty.card_enrolled.v1`."""

    customer: Customer
    store_id: Name
    tier: Annotated[str, Field(max_length=100)] | None = None


class CardCancelled(Part):
    """Data of `loyalty.card_cancelled.v1`: the card was given back or the account closed."""

    customer: Customer
    store_id: Name | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None


class Interacted(Part):
    """Data of `social.interacted.v1`."""

    platform: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$", examples=["facebook", "zalo"])]
    action: Literal[
        "follow", "unfollow", "react", "comment", "message", "share", "join_minigame", "submit_lead", "check_in"
    ]
    customer: Customer
    content: Content | None = None


class Envelope(Part):
    """The attributes of CloudEvents 1.0. (`source`, `id`) names an event for ever."""

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1, max_length=256)]
    source: Annotated[str, Field(min_length=1, max_length=256, examples=["/shops/hcm-01/till-3"])]
    time: Instant
    subject: Annotated[str, Field(max_length=500)] | None = None
    datacontenttype: Literal["application/json"] | None = None
    dataschema: Annotated[str, Field(max_length=500)] | None = None

    @field_validator("time")
    @classmethod
    def _known_century(cls, time: datetime) -> datetime:
        if time.year < 1900:
            raise ValueError("the time is before 1900")
        return time


class FormSubmittedEvent(Envelope):
    """A form on the web was sent."""

    type: Literal["web.form_submitted.v1"]
    data: FormSubmitted


class CardScannedEvent(Envelope):
    """A loyalty card was scanned at the till."""

    type: Literal["loyalty.card_scanned.v1"]
    data: CardScanned


class CardEnrolledEvent(Envelope):
    """A loyalty card was given out."""

    type: Literal["loyalty.card_enrolled.v1"]
    data: CardEnrolled


class CardCancelledEvent(Envelope):
    """A loyalty card was given back, or the account closed."""

    type: Literal["loyalty.card_cancelled.v1"]
    data: CardCancelled


class InteractedEvent(Envelope):
    """Somebody did something on a social platform."""

    type: Literal["social.interacted.v1"]
    data: Interacted


EVENT_MODELS: tuple[type[Envelope], ...] = (
    FormSubmittedEvent,
    CardScannedEvent,
    CardEnrolledEvent,
    CardCancelledEvent,
    InteractedEvent,
)
Event = Annotated[
    FormSubmittedEvent | CardScannedEvent | CardEnrolledEvent | CardCancelledEvent | InteractedEvent,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Any] = TypeAdapter(Event)
EVENT_TYPES: tuple[str, ...] = tuple(model.model_fields["type"].annotation.__args__[0] for model in EVENT_MODELS)  # type: ignore[union-attr]
IDENTIFIER_FIELDS: tuple[str, ...] = STRENGTH
