"""A small shop in PostgreSQL: An, whom the web and the till first took for two people, and Bình, who only comments."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
import psycopg2
from psycopg2.extensions import make_dsn

from processors.apply import Slice, apply
from schemas.clean import CleanEvent, Purchase
from schemas.identifiers import Identifier
from schemas.ids import event_key
from schemas.ranks import Bounds
from schemas.rejected import DeadLetter
from schemas.topics import channel_of
from sinks.postgres.migrate import ensure_login, migrate
from sinks.postgres.store import PostgresStore
from sinks.store import Span
from tests.stories import DAY, LOG, NOW, RULES, feed

PASSWORD = "not a secret: of a test"


BOUNDS = Bounds(
    recency=(NOW - 4 * DAY, NOW - 3 * DAY, NOW - 2 * DAY, NOW - DAY),
    frequency=(2, 3, 5, 9),
    monetary=(100_000, 200_000, 300_000, 400_000),
    top=(250_000, 350_000, 450_000, 900_000),
    vital=300_000,
    customers=500,
    computed_at=NOW,
)


class Shop(NamedTuple):
    """url: of the owner. an, bình: the living customers. till: who An was at the till before she became one of them."""

    url: str
    an: str
    bình: str
    till: str

    def ask(self, query: str, *parameters: Any, url: str | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query, asked by the owner of the database or by whom `url` names."""
        return ask(url or self.url, query, *parameters)


def ask(url: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query; times are in UTC."""
    with closing(psycopg2.connect(url, options="-c timezone=UTC")) as opened, opened, opened.cursor() as at:
        at.execute(query, parameters or None)
        return at.fetchall() if at.description else []


def login(url: str, role: str) -> str:
    """The URL of a user who is what `role` may be."""
    name = f"test_{role}"
    ensure_login(url, name, role, PASSWORD)
    return str(make_dsn(url, user=name, password=PASSWORD))


def event(number: int, when: int, identifiers: dict[str, str], **said: Any) -> CleanEvent:
    """One event, `number` in the log, that happened `when` ms before NOW."""
    kind = said.pop("type", "loyalty.card_scanned.v1")
    return CleanEvent(
        key=event_key("/shops/hcm-01", str(number)),
        source="/shops/hcm-01",
        id=str(number),
        type=kind,
        channel=channel_of(kind),
        time=NOW - when,
        received=NOW - when + 1_000,
        identifiers=tuple(sorted(Identifier(*each) for each in identifiers.items())),
        origin=f"events.valid/0/{number}",
        data=msgspec.Raw(msgspec.json.encode(said.pop("data", {}))),
        **said,
    )


def bought(amount: int, order: str | None, *, currency: str = "VND", base: int | None = None, **more: Any) -> Purchase:
    return Purchase(
        amount, currency, amount if currency == "VND" else base, order, store="hcm-01", month="2025-10", **more
    )


def lines(sku: str, amount: str, *, currency: str = "VND") -> dict[str, Any]:
    """What the till says of a basket with one line."""
    item = {"sku": sku, "name": "Giày", "category": "shoes", "quantity": "1", "amount": amount}
    return {"items": [item], "total": {"amount": amount, "currency": currency}}


EMAIL, PHONE, CARD = "tran.an@gmail.com", "+84901234567", "893456780012"
NAME = "Trần Thị An"
EVENTS = (
    event(
        0,
        40 * DAY,
        {"email": EMAIL},
        type="web.form_submitted.v1",
        traits={"full_name": NAME, "email": EMAIL, "birthday": "1991-08-17", "age_band": "25-34", "province": "Hà Nội"},
        purchase=bought(300_000, "W-1"),
        acquisition="web:google",
        problems=(("$.data.customer.gender", "unreadable"),),
        data={
            "customer": {"email": EMAIL, "full_name": NAME, "birthday": "1991-08-17"},
            "form": {"id": "shop", "kind": "order"},
            "answers": {"size": "38"},
            "order": {"id": "W-1", **lines("S-1", "300000")},
            "page": {"url": f"https://shop.example/?mail={EMAIL}", "utm": {"source": "google"}},
        },
    ),
    event(
        1,
        30 * DAY,
        {"card_no": CARD, "phone": PHONE},
        traits={"phone": PHONE},
        purchase=bought(120_000, "B-7", discount=5_000, coupons=1),
        points=12,
        data={"customer": {"card_no": CARD, "phone": PHONE}, "store_id": "hcm-01", "basket": lines("S-2", "120000")},
    ),
    event(2, 20 * DAY, {"card_no": CARD}, purchase=bought(80_000, "B-7"), data={"basket": lines("S-3", "80000")}),
    event(
        3,
        10 * DAY,
        {"card_no": CARD},
        purchase=bought(1_050, None, currency="USD", base=250_000),
        data={"basket": lines("S-4", "10.50", currency="USD")},
    ),
    event(4, 5 * DAY, {"card_no": CARD}, purchase=bought(-50_000, None), data={"basket": lines("S-2", "-50000")}),
    event(
        5,
        4 * DAY,
        {"facebook_id": "1000231945500781"},
        type="social.interacted.v1",
        data={
            "platform": "facebook",
            "action": "comment",
            "customer": {"facebook_id": "1000231945500781"},
            "content": {"text": "Gọi tôi: 0912 345 678"},
        },
    ),
)
MEETING = event(6, 2 * DAY, {"card_no": CARD, "email": EMAIL}, data={"customer": {"card_no": CARD, "email": EMAIL}})
LETTER = DeadLetter(
    origin="events.web/0/17",
    reason="not_json",
    path="$",
    message="not JSON: Expecting value",
    rejected_at=NOW,
    payload=base64.b64encode(b"email=" + EMAIL.encode()).decode(),
    key=base64.b64encode(b"email:" + EMAIL.encode()).decode(),
    topic="events.web",
)


def open_shop(new_database: Callable[[], str]) -> Shop:
    """Migrate a new database; apply EVENTS, then, in a batch of its own, MEETING, which makes one of two; LETTER. Put BOUNDS in
    force."""
    url = new_database()
    migrate(url)
    store = PostgresStore(url)
    try:
        feed(store, EVENTS[:1])  # alone, so that the customer of the web is the older one, who survives
        feed(store, EVENTS[1:], first=1)
        at = dict(ask(url, "select identifier, customer_id from portrait.identifiers"))
        feed(store, [MEETING], first=len(EVENTS), now=NOW + 60_000)
        end = len(EVENTS) + 1
        apply(store, [Slice(LOG, Span(end, end + 1), (), ((end, LETTER),))], RULES, NOW)
        with store.transaction() as tx:
            tx.keep_bounds(BOUNDS, NOW)
    finally:
        store.close()
    return Shop(url, an=at[f"email:{EMAIL}"], bình=at["facebook_id:1000231945500781"], till=at[f"card_no:{CARD}"])
