"""What the shipped segments say of relations, complaints, surveys and what was stated: from events, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from processors.portray import fold
from processors.segments.catalogue import shipped_catalogue
from processors.segments.fields import FIELDS, READ
from processors.segments.view import View
from schemas.portrait import Portrait
from tests.payloads import clean, event
from tests.unit.test_segments import at

SHIPPED = shipped_catalogue()
OTHERS = {"potential", "language_vietnamese"}
"""Segments that the customers here are in, too, and that these examples are not about."""

Told = tuple[str, str, dict[str, Any]]


def drawn(told: Sequence[Told]) -> Portrait:
    """A customer of whom this was told: type (its middle), time in Viet Nam, data."""
    types = {
        "assigned": "crm.account_assigned.v1",
        "unassigned": "crm.account_unassigned.v1",
        "opened": "service.complaint_opened.v1",
        "resolved": "service.complaint_resolved.v1",
        "answered": "survey.answered.v1",
        "scanned": "loyalty.card_scanned.v1",
        "sent": "web.form_submitted.v1",
    }
    portrait = Portrait()
    for number, (kind, time, data) in enumerate(told):
        customer = {"email": "an@example.vn"}
        if kind == "scanned":
            data = {"store_id": "s"} | data
        if kind == "sent":
            customer, data = customer | data, {"form": {"id": "f", "kind": "registration"}}
        if kind == "answered":
            data = {"survey": {"id": "q"}} | data
        document = event(types[kind], id=str(number), time=f"{time}:00+07:00", data={"customer": customer} | data)
        fold(portrait, clean(document, received_ms=at(time)), new_order=True)
    return portrait


def assigned(relation: str, time: str, owner: str | None = None, since: str | None = None) -> Told:
    data: dict[str, Any] = {"relation": relation}
    return (
        "assigned",
        time,
        data | ({"owner": {"name": owner}} if owner else {}) | ({"valid_from": f"{since}:00+07:00"} if since else {}),
    )


def nps(value: int, time: str) -> Told:
    return "answered", time, {"score": {"kind": "nps", "value": value}}


def csat(value: int, time: str) -> Told:
    return "answered", time, {"score": {"kind": "csat", "value": value}}


def opened(complaint: str, time: str, **more: Any) -> Told:
    return "opened", time, {"complaint": {"id": complaint} | more}


def resolved(complaint: str, time: str) -> Told:
    return "resolved", time, {"complaint": {"id": complaint}}


NOW = "2026-11-01T12:00"

EXAMPLES: Sequence[tuple[set[str], Sequence[Told], str]] = (
    ({"key_account", "external"}, [assigned("key_account", "2026-05-01T09:00", "Hà")], NOW),
    ({"key_account", "external", "account_without_owner"}, [assigned("key_account", "2026-05-01T09:00")], NOW),
    ({"internal"}, [assigned("internal", "2026-05-01T09:00")], NOW),
    (
        {"strategic_account", "exchange_account", "project_account", "partner", "external"},
        [assigned(each, "2026-05-01T09:00", "Hà") for each in ("strategic", "exchange", "project", "partner")],
        NOW,
    ),
    (
        set(),
        [assigned("partner", "2026-05-01T09:00"), ("unassigned", "2026-06-01T09:00", {"relation": "partner"})],
        NOW,
    ),
    ({"complaint_open"}, [opened("k1", "2026-05-01T09:00"), resolved("k2", "2026-05-02T09:00")], NOW),
    (set(), [resolved("k1", "2026-05-02T09:00"), opened("k1", "2026-05-01T09:00")], NOW),
    ({"nps_promoter"}, [nps(9, "2026-05-01T09:00")], NOW),
    ({"nps_passive"}, [nps(7, "2026-05-01T09:00")], NOW),
    ({"nps_detractor"}, [nps(6, "2026-05-01T09:00")], NOW),
    ({"nps_detractor"}, [nps(6, "2025-11-01T12:01")], NOW),
    (set(), [nps(6, "2025-11-01T12:00")], NOW),  # a year ago
    ({"nps_passive", "satisfaction_fallen"}, [nps(9, "2026-09-01T09:00"), nps(7, "2026-10-01T09:00")], NOW),
    ({"nps_passive"}, [nps(8, "2026-09-01T09:00"), nps(7, "2026-10-01T09:00")], NOW),  # a tenth is not a fifth
    ({"nps_promoter"}, [nps(7, "2026-09-01T09:00"), nps(9, "2026-10-01T09:00")], NOW),  # it rose
    ({"nps_detractor"}, [nps(9, "2026-05-01T09:00"), nps(2, "2026-08-03T12:00")], NOW),  # 90 days ago
    ({"satisfied"}, [csat(4, "2026-05-01T09:00")], NOW),
    ({"dissatisfied"}, [csat(2, "2026-05-01T09:00")], NOW),
    (set(), [csat(3, "2026-05-01T09:00")], NOW),
    (  # scores of two kinds are not compared
        {"nps_promoter", "dissatisfied"},
        [nps(10, "2026-09-01T09:00"), csat(1, "2026-10-01T09:00")],
        NOW,
    ),
    (
        {"motive_service", "motive_novelty"},
        [("answered", "2026-05-01T09:00", {"motives": ["novelty", "service", "opening_hours"]})],
        NOW,
    ),
    (
        {"motive_appearance"},
        [
            ("answered", "2026-06-01T09:00", {"motives": ["appearance"]}),
            ("answered", "2026-05-01T09:00", {"motives": ["promotion"]}),
        ],
        NOW,
    ),
    (
        {"purpose_gift", "proficiency_beginner"},
        [("sent", "2026-05-01T09:00", {"purpose": "quà", "proficiency": "mới"})],
        NOW,
    ),
    (
        {"purpose_work", "proficiency_expert"},
        [("sent", "2026-05-01T09:00", {"purpose": "work", "proficiency": "giỏi"})],
        NOW,
    ),
    ({"purpose_resale"}, [("sent", "2026-05-01T09:00", {"purpose": "bán lại"})], NOW),
    (
        {"purpose_personal", "proficiency_intermediate"},
        [("sent", "2026-05-01T09:00", {"purpose": "gia đình", "proficiency": "khá"})],
        NOW,
    ),
    (set(), [("sent", "2026-05-01T09:00", {"purpose": "từ thiện"})], NOW),
    (
        {"business", "business_micro", "business_young"},
        [("sent", "2026-05-01T09:00", {"company": {"name": "An", "staff": 10, "founded": 2023}})],
        NOW,
    ),
    (
        {"business", "business_small"},
        [("sent", "2026-05-01T09:00", {"company": {"name": "An", "staff": 11, "founded": 2023}})],
        "2027-01-01T00:00",
    ),
    ({"business_medium"}, [("sent", "2026-05-01T09:00", {"company": {"staff": 100}})], NOW),
    ({"business_large"}, [("sent", "2026-05-01T09:00", {"company": {"staff": 101}})], NOW),
    *(
        (
            expected,
            [("scanned", "2026-05-01T09:00", {"points": {"expire_at": "2026-12-31T00:00:00+07:00"} | more})],
            now,
        )
        for expected, more, now in (
            (set(), {}, "2026-11-30T23:59"),
            ({"points_lapse_soon"}, {}, "2026-12-01T00:00"),
            ({"points_lapse_soon"}, {"expiring": 20}, "2026-12-30T23:59"),
            (set(), {"expiring": 0}, "2026-12-30T23:59"),
            (set(), {}, "2026-12-31T00:00"),
        )
    ),
)


@pytest.mark.parametrize(("expected", "told", "now"), EXAMPLES)
def test_the_segments_of_a_customer_of_whom_this_was_told(expected: set[str], told: Sequence[Told], now: str) -> None:
    found = SHIPPED.evaluate(drawn(told), at(now))
    assert {*found.names} - OTHERS == expected
    assert SHIPPED.failing == {}


def test_a_motive_says_whether_it_was_answered_or_seen() -> None:
    bought = drawn(
        [
            (
                "scanned",
                f"2026-0{month}-01T09:00",
                {"basket": {"total": {"amount": 9000, "currency": "VND"}, "discount": 1000 if month < 4 else 0}},
            )
            for month in range(1, 6)
        ]
    )
    asked = drawn([("answered", "2026-05-01T09:00", {"motives": ["promotion"]})])
    for portrait, expected in (
        (
            bought,
            'orders >= 5 && !known("stated_motives") && (discounted_share >= 60 || coupon_share >= 60) '
            "(coupon_share is 0, discounted_share is 60, orders is 5)",
        ),
        (asked, '"promotion" in stated_motives (stated_motives is promotion)'),
    ):
        held = SHIPPED.evaluate(portrait, at(NOW)).names
        assert "motive_promotion" in held
        assert SHIPPED.reason("motive_promotion", portrait, at(NOW), held) == expected


def test_who_was_asked_and_named_other_motives_is_not_judged_by_purchases() -> None:
    told: list[Told] = [("answered", "2026-05-01T09:00", {"motives": ["service"]})]
    for month in range(1, 6):
        basket = {"total": {"amount": 9000, "currency": "VND"}, "coupons": ["TET"]}
        told.append(("scanned", f"2026-0{month}-02T09:00", {"basket": basket}))
    names = SHIPPED.evaluate(drawn(told), at(NOW)).names
    assert "promotion_lover" in names
    assert [name for name in names if name.startswith("motive_")] == ["motive_service"]


def test_what_conditions_may_know_of_a_customer() -> None:
    portrait = drawn(
        [
            assigned("partner", "2026-03-01T09:00", "Minh"),
            assigned("key_account", "2026-04-01T09:00", "Hà", since="2026-02-01T00:00"),
            opened("k1", "2026-05-01T09:00", severity="medium"),
            opened("k2", "2026-06-01T09:00", severity="high"),
            opened("k3", "2026-07-01T09:00"),
            resolved("k3", "2026-07-02T09:00"),
            csat(5, "2026-04-01T09:00"),
            nps(9, "2026-05-01T09:00"),
            csat(3, "2026-06-01T09:00"),
            ("sent", "2026-05-01T09:00", {"company": {"founded": 2020, "staff": 7}}),
            ("scanned", "2026-05-01T09:00", {"points": {"expire_at": "2026-12-31T00:00:00+07:00", "expiring": 20}}),
        ]
    )
    view = View(READ, portrait, at(NOW), SHIPPED.zone)
    mine = [field.name for field in FIELDS]
    found = {name: view.get(name) for name in mine[mine.index("company_staff") : mine.index("points_lapsing") + 1]}
    assert found == {
        "company_staff": 7,
        "company_years": 6,
        "relations": ["key_account", "partner"],
        "account_owner": "Hà",
        "account_since": at("2026-02-01"),
        "complaints_open": 2,
        "complaint_severity": "high",
        "complaint_since": at("2026-05-01 09:00"),
        "last_complaint": at("2026-07-01 09:00"),
        "nps": 9,
        "nps_group": "promoter",
        "nps_at": at("2026-05-01 09:00"),
        "csat": 50,
        "csat_at": at("2026-06-01 09:00"),
        "satisfaction": 50,
        "satisfaction_at": at("2026-06-01 09:00"),
        "satisfaction_before": 100,
        "satisfaction_fall": 50,
        "stated_motives": None,
        "purpose": None,
        "proficiency": None,
        "points_lapse_at": at("2026-12-31"),
        "points_lapsing": 20,
    }
