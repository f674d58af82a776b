"""Raw events for tests: one valid payload of each type, and ways to change it."""

from __future__ import annotations

import copy
import json
from typing import Any

from processors.prepare import prepare
from processors.reference import Reference, load_reference
from schemas.clean import CleanEvent
from schemas.rejected import Rejected

RECEIVED = 1_795_401_001_000
"""2026-11-23 09:30:01 in Vietnam, one second after TIME."""
TIME = "2026-11-23T09:30:00+07:00"
REFERENCE = load_reference({})

DATA: dict[str, dict[str, Any]] = {
    "web.form_submitted.v1": {
        "form": {"id": "signup", "kind": "registration"},
        "customer": {
            "email": "An.Nguyen@Gmail.com",
            "phone": "0901 234 567",
            "given_name": "Ân",
            "family_name": "Nguyễn",
            "birthday": "25/02/1996",
            "gender": "Nữ",
            "address": {"street": "12 Lê Lợi", "city": "TP.HCM", "country": "Việt Nam"},
            "household_size": 4,
            "language": "vi-VN",
            "company": {"name": "Công ty  Hoa Sen", "tax_code": "0301442989"},
        },
        "answers": {"favourite": "cà phê"},
        "order": {
            "id": "W-1",
            "items": [{"sku": "A1", "category": "Đồ uống", "quantity": 1, "amount": "45000"}],
            "total": {"amount": "45000", "currency": "VND"},
        },
        "page": {"url": "https://example.vn/", "utm": {"source": "Facebook"}},
    },
    "web.page_viewed.v1": {
        "kind": "page",
        "customer": {"anonymous_id": "a-1"},
        "page": {"url": "https://example.vn/giay", "title": "Giày", "utm": {"source": "Zalo"}},
        "properties": {"variant": "B"},
    },
    "web.identified.v1": {
        "call": "identify",
        "customer": {"customer_no": "u-7", "anonymous_id": "a-1", "email": "An.Nguyen@Gmail.com"},
        "age": 30,
        "traits": {"plan": "premium"},
    },
    "web.tracked.v1": {
        "customer": {"customer_no": "u-7"},
        "event": "Order Completed",
        "properties": {"checkout_id": "c-1", "tax": 1.5},
        "products": [{"sku": "A1", "name": "Cà phê", "category": "Đồ uống", "brand": "Hoa Sen"}],
        "order": {
            "id": "W-2",
            "items": [{"sku": "A1", "category": "Đồ uống", "quantity": 1, "amount": "45000"}],
            "total": {"amount": "45000", "currency": "VND"},
        },
        "page": {"url": "https://example.vn/"},
    },
    "loyalty.card_scanned.v1": {
        "customer": {"card_no": "vn 0012-3456"},
        "store_id": "hcm-01",
        "basket": {
            "id": "B-7",
            "items": [
                {"sku": "A1", "category": "Đồ uống", "quantity": 2, "amount": 90000},
                {"sku": "B2", "quantity": 1, "amount": "10000.00"},
            ],
            "total": {"amount": "95000", "currency": "VND"},
            "discount": "-5000",
            "coupons": ["TET"],
        },
        "points": {"earned": 95, "redeemed": 20},
    },
    "loyalty.card_enrolled.v1": {"customer": {"card_no": "VN00123456"}, "store_id": "hcm-01", "tier": "gold"},
    "loyalty.card_cancelled.v1": {"customer": {"card_no": "VN00123456"}, "reason": "moved"},
    "social.interacted.v1": {
        "platform": "facebook",
        "action": "follow",
        "customer": {"facebook_id": "1000123", "full_name": "Trần Thị Bích"},
        "content": {"id": "p-1", "text": "Ngon quá!"},
        "properties": {"verb": "add"},
    },
    "social.tracked.v1": {
        "platform": "zalo",
        "event": "user_click_chatnow",
        "customer": {"zalo_id": "4812209331775520043"},
        "content": {"text": "Xin chào"},
        "properties": {"oa_id": "579745863508352884"},
    },
    "crm.account_assigned.v1": {
        "customer": {"customer_no": "KH-204981"},
        "relation": "key_account",
        "owner": {"id": "NV-031", "name": "Phạm Thu Hà"},
        "valid_from": "2026-10-01T00:00:00+07:00",
        "note": "giao hàng thứ Hai",
    },
    "crm.account_unassigned.v1": {"customer": {"customer_no": "KH-204981"}, "relation": "key_account"},
    "service.complaint_opened.v1": {
        "customer": {"phone": "0901 234 567"},
        "complaint": {"id": "CP-1", "channel": "hotline", "category": "delivery", "severity": "high"},
    },
    "service.complaint_resolved.v1": {
        "customer": {"phone": "0901 234 567"},
        "complaint": {"id": "CP-1", "outcome": "refunded"},
    },
    "survey.answered.v1": {
        "customer": {"email": "An.Nguyen@Gmail.com", "purpose": "quà tặng", "proficiency": "thành thạo"},
        "survey": {"id": "nps-q4"},
        "score": {"kind": "nps", "value": 9},
        "motives": ["service", "novelty"],
        "answers": {"why": "nhiệt tình"},
    },
}


def event(kind: str = "web.form_submitted.v1", **attributes: Any) -> dict[str, Any]:
    """A valid event of this type; `attributes` replace those of the envelope."""
    envelope = {"specversion": "1.0", "id": "e-1", "source": "/test", "type": kind, "time": TIME}
    return envelope | {"data": copy.deepcopy(DATA[kind])} | attributes


def form(customer: dict[str, Any], **data: Any) -> dict[str, Any]:
    """A form sent by this customer; `data` is added to it."""
    return event(data={"form": {"id": "f", "kind": "survey"}, "customer": customer, **data})


def scan(**basket: Any) -> dict[str, Any]:
    """A scan with this basket."""
    return event("loyalty.card_scanned.v1", data={"customer": {"card_no": "C1"}, "store_id": "s-1", "basket": basket})


def encoded(document: Any) -> bytes:
    """`document` as a channel would send it."""
    return json.dumps(document, ensure_ascii=False).encode()


def prepared(document: Any, reference: Reference = REFERENCE, received_ms: int = RECEIVED) -> CleanEvent | Rejected:
    """What comes of `document`: a clean event or its rejection."""
    return prepare(encoded(document), origin="events.web/0/7", received_ms=received_ms, reference=reference)


def clean(document: Any, reference: Reference = REFERENCE, received_ms: int = RECEIVED) -> CleanEvent:
    """The clean event that comes of a good `document`."""
    outcome = prepared(document, reference, received_ms)
    assert isinstance(outcome, CleanEvent), outcome
    return outcome
