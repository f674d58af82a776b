"""Whatever is sent to the Segment API: nothing raises, and what is accepted at the door is accepted all the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.prepare import prepare
from producers.keys import Source
from producers.segment_api.admit_calls import admit_calls
from producers.segment_api.parcel import Parcel, unpack
from producers.segment_api.translate import KINDS
from schemas.clean import CleanEvent
from schemas.rejected import Rejected
from tests.payloads import REFERENCE

RECEIVED = datetime(2026, 11, 23, 2, 30, 1, tzinfo=UTC)
RECEIVED_MS = 1_795_401_001_000
SOURCE = Source("web-shop", "0" * 64)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["2026-11-20T08:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "12.50", "VND"]
    )
    | st.sampled_from(["lan@example.com", "0912304556", "x" * 600, "\ud800", "\0", "1E+999999"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    ["email", "phone", "name", "firstName", "age", "address", "company", "birthday", "consent", "cardNo", "x"]
)
amounts = st.sampled_from(
    ["total", "revenue", "currency", "order_id", "products", "discount", "coupon", "category", "price"]
)
product = st.dictionaries(st.sampled_from(["sku", "price", "quantity", "name", "category"]), scalars, max_size=4)
properties = st.dictionaries(amounts, scalars | st.lists(product, max_size=3), max_size=6)
context = st.dictionaries(
    st.sampled_from(["traits", "device", "externalIds", "page", "campaign"]),
    anything
    | st.dictionaries(names, anything, max_size=3)
    | st.lists(st.dictionaries(st.sampled_from(["id", "type"]), scalars)),
    max_size=4,
)
events = st.sampled_from(["Order Completed", "Order Refunded", "Product Viewed", "Product List Viewed", "Cart Viewed"])
calls = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(KINDS) | scalars,
        "messageId": scalars,
        "userId": scalars,
        "anonymousId": scalars,
        "previousId": scalars,
        "groupId": scalars,
        "event": events | scalars,
        "properties": properties | anything,
        "traits": st.dictionaries(names, anything, max_size=4) | anything,
        "context": context | anything,
        "timestamp": scalars,
        "originalTimestamp": scalars,
        "sentAt": scalars,
    },
)


def holds(parcel: Parcel, kind: str | None) -> None:
    admission = admit_calls(parcel, kind=kind, source=SOURCE, key="k" * 43, request="r1", received=RECEIVED)
    refused = {refusal.index for refusal in admission.refusals}
    assert refused <= set(range(len(parcel.calls)))
    assert len(admission.records) >= len(parcel.calls) - len(refused)
    for record in admission.records:
        made = prepare(record.value, origin="events.web/0/0", received_ms=RECEIVED_MS, reference=REFERENCE)
        assert isinstance(made, CleanEvent) or made.path.startswith("$.data.order"), made


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls | anything, st.sampled_from([None, *KINDS]))
def test_any_call_becomes_events_that_are_good_all_the_way_or_is_refused(call: Any, kind: str | None) -> None:
    parcel = unpack(json.dumps(call).encode(), batch=False, limit=100)
    if isinstance(parcel, Parcel):
        holds(parcel, kind)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(calls | anything, max_size=4) | anything, context | anything, scalars)
def test_any_batch_is_told_call_by_call_or_is_no_batch(batch: Any, shared: Any, sent: Any) -> None:
    body = {"batch": batch, "context": shared, "sentAt": sent, "writeKey": sent}
    parcel = unpack(json.dumps(body).encode(), batch=True, limit=100)
    if isinstance(parcel, Rejected):
        assert not isinstance(batch, list)
    else:
        assert len(parcel.calls) == len(batch)
        holds(parcel, None)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text('{}[]",:\\ubatch1e-.NaN \ud800', max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.booleans(),
)
def test_any_bytes_are_a_parcel_or_none(body: bytes, batch: bool) -> None:
    parcel = unpack(body, batch=batch, limit=100)
    if isinstance(parcel, Parcel):
        holds(parcel, None if batch else "track")
