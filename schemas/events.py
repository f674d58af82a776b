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
    model_validator,
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
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["hotline", "delivery", "novelty"])]
Relation = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
        examples=["key_account", "strategic", "exchange", "project", "partner", "internal"],
    ),
]
LongText = Annotated[str, Field(max_length=10_000)]
Platform = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$", examples=["facebook", "zalo"])]


def personal(purpose: str, *, keep: str, sensitivity: Literal["low", "medium", "high"]) -> Any:
    """A text field about a person. `keep` is an ISO 8601 duration counted from the last event; numbers are read as text."""
    return Field(
        default=None,
        max_length=500,
        coerce_numbers_to_str=True,
        json_schema_extra={"x-purpose": purpose, "x-keep": keep, "x-sensitivity": sensitivity},
    )


Stated = str | None
Free = Annotated[dict[Annotated[str, Field(max_length=200)], JsonValue], BeforeValidator(_answers)]
"""What channels name as they like: kept as it is, by name."""
NOTHING: Any = Field(default_factory=dict, json_schema_extra={"default": {}})
NONE: Any = Field(default_factory=list, json_schema_extra={"default": []})
"""Made anew for each event: pydantic would copy a default at a tenth of what it costs to read an event."""


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
    staff: Stated = personal("segments of business customers", keep="P5Y", sensitivity="low")
    founded: Stated = personal("segments of business customers", keep="P10Y", sensitivity="low")


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

    consent: dict[Word, bool] | None = Field(
        default=None,
        max_length=20,
        description="Whether the customer agrees to be written to, by channel: true given, false refused or withdrawn. "
        "What is left out stays as it was.",
        examples=[{"email": True, "sms": False}],
        json_schema_extra={"x-purpose": "writing to those only who agree", "x-keep": "P5Y", "x-sensitivity": "low"},
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
    purpose: Stated = personal("segments by what is bought for", keep="P2Y", sensitivity="low")
    proficiency: Stated = personal("segments by experience with what is sold", keep="P2Y", sensitivity="low")


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
    items: Annotated[list[Item], Field(max_length=2_000)] = NONE
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


class View(Page):
    """The page, or the screen of an app, that was looked at. `name` and `category` are the site's own names for it."""

    path: Annotated[str, Field(max_length=2_000)] | None = None
    title: Annotated[str, Field(max_length=300)] | None = None
    name: Annotated[str, Field(max_length=300)] | None = None
    category: Annotated[str, Field(max_length=200)] | None = None


class Product(Part):
    """Something that the customer was interested in."""

    sku: Name | None = None
    name: Annotated[str, Field(max_length=300)] | None = None
    category: Annotated[str, Field(max_length=200)] | None = None
    brand: Annotated[str, Field(max_length=200)] | None = None


class Points(Part):
    """Loyalty points moved by a scan. `expire_at` is when the next of the customer's points lapse, `expiring` how many these are,
    as the loyalty system knows it after the scan."""

    earned: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 0
    redeemed: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 0
    expire_at: Instant | None = None
    expiring: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None


class Content(Part):
    """The post or comment that the interaction was about."""

    id: Name | None = None
    text: LongText | None = None
    campaign: Annotated[str, Field(max_length=200)] | None = None


class Owner(Part):
    """Who in the company looks after a customer, by any of these."""

    id: Stated = personal("knowing who looks after the customer", keep="P5Y", sensitivity="low")
    name: Stated = personal("knowing who looks after the customer", keep="P5Y", sensitivity="low")
    email: Stated = personal("knowing who looks after the customer", keep="P5Y", sensitivity="low")


class Complaint(Part):
    """A complaint. `id` names it among all complaints of this installation; `channel` is where it was made, such as hotline."""

    id: Name
    channel: Word | None = None
    category: Word | None = None
    severity: Literal["low", "medium", "high"] | None = None


class Resolved(Part):
    """The complaint that was settled, and how."""

    id: Name
    outcome: Word | None = None


class Survey(Part):
    """Which survey it was."""

    id: Name
    name: Annotated[str, Field(max_length=300)] | None = None


_SCALES = {"nps": (Decimal(0), Decimal(10)), "csat": (Decimal(1), Decimal(5))}


class Score(Part):
    """One score: `nps` (how likely the customer is to recommend, whole, 0 to 10) or `csat` (how satisfied, 1 to 5 unless `lowest`
    and `highest` say otherwise)."""

    kind: Literal["nps", "csat"]
    value: Amount
    lowest: Amount | None = None
    highest: Amount | None = None

    @property
    def scale(self) -> tuple[Decimal, Decimal]:
        """The lowest and the highest score that could be given."""
        lowest, highest = _SCALES[self.kind]
        return (lowest if self.lowest is None else self.lowest), (highest if self.highest is None else self.highest)

    @model_validator(mode="after")
    def _on_its_scale(self) -> Score:
        lowest, highest = self.scale
        if self.kind == "nps" and ((lowest, highest) != _SCALES["nps"] or self.value != int(self.value)):
            raise ValueError("an nps is a whole number from 0 to 10")
        if not lowest < highest:
            raise ValueError("the scale has no length")
        if not lowest <= self.value <= highest:
            raise ValueError(f"the score is not from {lowest} to {highest}")
        return self


class FormSubmitted(Part):
    """Data of `web.form_submitted.v1`."""

    form: Form
    customer: Customer
    answers: Free = NOTHING
    order: Order | None = None
    page: Page | None = None


class PageViewed(Part):
    """Data of `web.page_viewed.v1`. One event is one view; the customers of the views are the visitors."""

    customer: Customer
    kind: Literal["page", "screen"] = "page"
    page: View | None = None
    properties: Free = NOTHING


class Identified(Part):
    """Data of `web.identified.v1`: who it is, as a site or an app knows it. `call` says how it came to tell: the customer was
    identified, belongs to a company (`group_id` is the site's own id of it), or has one more id. `traits` are those that no field
    of the customer is for."""

    call: Literal["identify", "group", "alias"]
    customer: Customer
    age: Annotated[int, Field(ge=0, le=150)] | None = None
    group_id: Name | None = None
    traits: Free = NOTHING


class Tracked(Part):
    """Data of `web.tracked.v1`: something happened that has a name of the site's own. `products` are what it shows an interest
    in; `order` is what was bought, or brought back, with negative quantities and amounts."""

    customer: Customer
    event: Name
    properties: Free = NOTHING
    products: Annotated[list[Product], Field(max_length=2_000)] = NONE
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
    """Data of `social.interacted.v1`. `properties` are what else the platform says of it."""

    platform: Platform
    action: Literal[
        "follow", "unfollow", "react", "comment", "message", "share", "join_minigame", "submit_lead", "check_in"
    ]
    customer: Customer
    content: Content | None = None
    properties: Free | None = None


class SocialTracked(Part):
    """Data of `social.tracked.v1`: a customer did something that has a name of the platform's own, and no `action` of
    `social.interacted.v1`."""

    platform: Platform
    event: Name
    customer: Customer
    content: Content | None = None
    properties: Free = NOTHING


class AccountAssigned(Part):
    """Data of `crm.account_assigned.v1`: from now on (or since `valid_from`) the customer has this relation to the company, and
    the owner is responsible. Other relations stay as they are."""

    customer: Customer
    relation: Relation
    owner: Owner | None = None
    valid_from: Instant | None = None
    note: Stated = personal("serving the customer", keep="P5Y", sensitivity="medium")
    by: Stated = personal("knowing who recorded it", keep="P5Y", sensitivity="low")


class AccountUnassigned(Part):
    """Data of `crm.account_unassigned.v1`: the relation has ended."""

    customer: Customer
    relation: Relation
    note: Stated = personal("serving the customer", keep="P5Y", sensitivity="medium")
    by: Stated = personal("knowing who recorded it", keep="P5Y", sensitivity="low")


class ComplaintOpened(Part):
    """Data of `service.complaint_opened.v1`."""

    customer: Customer
    complaint: Complaint


class ComplaintResolved(Part):
    """Data of `service.complaint_resolved.v1`. It may arrive before the complaint does."""

    customer: Customer
    complaint: Resolved


class SurveyAnswered(Part):
    """Data of `survey.answered.v1`. `motives` are why the customer buys here: appearance, promotion, service, novelty, or others
    of your own."""

    customer: Customer
    survey: Survey
    score: Score | None = None
    motives: Annotated[list[Word], Field(max_length=20)] | None = None
    answers: Free = NOTHING


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


class PageViewedEvent(Envelope):
    """A page, or a screen of an app, was looked at."""

    type: Literal["web.page_viewed.v1"]
    data: PageViewed


class IdentifiedEvent(Envelope):
    """A site or an app said who somebody is."""

    type: Literal["web.identified.v1"]
    data: Identified


class TrackedEvent(Envelope):
    """Something happened on a site or in an app."""

    type: Literal["web.tracked.v1"]
    data: Tracked


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


class SocialTrackedEvent(Envelope):
    """Something else happened on a social platform."""

    type: Literal["social.tracked.v1"]
    data: SocialTracked


class AccountAssignedEvent(Envelope):
    """The company gave a customer a relation, and somebody who is responsible."""

    type: Literal["crm.account_assigned.v1"]
    data: AccountAssigned


class AccountUnassignedEvent(Envelope):
    """A relation of a customer to the company ended."""

    type: Literal["crm.account_unassigned.v1"]
    data: AccountUnassigned


class ComplaintOpenedEvent(Envelope):
    """A customer complained, or did so again."""

    type: Literal["service.complaint_opened.v1"]
    data: ComplaintOpened


class ComplaintResolvedEvent(Envelope):
    """A complaint was settled."""

    type: Literal["service.complaint_resolved.v1"]
    data: ComplaintResolved


class SurveyAnsweredEvent(Envelope):
    """A customer answered a survey."""

    type: Literal["survey.answered.v1"]
    data: SurveyAnswered


EVENT_MODELS: tuple[type[Envelope], ...] = (
    FormSubmittedEvent,
    PageViewedEvent,
    IdentifiedEvent,
    TrackedEvent,
    CardScannedEvent,
    CardEnrolledEvent,
    CardCancelledEvent,
    InteractedEvent,
    SocialTrackedEvent,
    AccountAssignedEvent,
    AccountUnassignedEvent,
    ComplaintOpenedEvent,
    ComplaintResolvedEvent,
    SurveyAnsweredEvent,
)
Event = Annotated[
    FormSubmittedEvent
    | PageViewedEvent
    | IdentifiedEvent
    | TrackedEvent
    | CardScannedEvent
    | CardEnrolledEvent
    | CardCancelledEvent
    | InteractedEvent
    | SocialTrackedEvent
    | AccountAssignedEvent
    | AccountUnassignedEvent
    | ComplaintOpenedEvent
    | ComplaintResolvedEvent
    | SurveyAnsweredEvent,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Any] = TypeAdapter(Event)
EVENT_TYPES: tuple[str, ...] = tuple(model.model_fields["type"].annotation.__args__[0] for model in EVENT_MODELS)  # type: ignore[union-attr]
IDENTIFIER_FIELDS: tuple[str, ...] = STRENGTH
