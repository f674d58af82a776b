"""One call of the Segment API, and the events that come of it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from producers.segment_api.translate import Arrival, Event, place_in_call, translate
from schemas.codec import read_event
from schemas.rejected import Reason, Rejected

RECEIVED = datetime(2026, 11, 23, 2, 30, 1, tzinfo=UTC)


def events(call: dict[str, Any], kind: str | None = None, **shared: Any) -> list[Event]:
    made = translate(call, kind, Arrival("/segment/web-shop", RECEIVED, shared, "r1-0"))
    assert isinstance(made, list), made
    for event in made:
        read = read_event(event)
        assert not isinstance(read, Rejected), read
        assert read[1] == []
    return made


def event(call: dict[str, Any], kind: str | None = None, **shared: Any) -> Event:
    (made,) = events(call, kind, **shared)
    return made


def data(call: dict[str, Any], kind: str | None = None) -> Any:
    return event({"userId": "u-7"} | call, kind)["data"]


def time(call: dict[str, Any], **shared: Any) -> str:
    return str(event({"type": "track", "event": "e", "userId": "u"} | call, **shared)["time"])


def test_a_call_is_an_event_named_by_its_message_id_and_its_source() -> None:
    call = {"type": "track", "event": "Signed Up", "userId": "u-7", "messageId": "m-1", "properties": {"plan": "pro"}}
    assert event(call) == {
        "specversion": "1.0",
        "id": "m-1",
        "source": "/segment/web-shop",
        "type": "web.tracked.v1",
        "time": "2026-11-23T02:30:01.000+00:00",
        "data": {"customer": {"customer_no": "u-7"}, "event": "Signed Up", "properties": {"plan": "pro"}},
    }


def test_the_address_says_what_kind_of_call_it_is_whatever_its_type() -> None:
    assert event({"type": "track", "userId": "u"}, "screen")["data"] == {
        "kind": "screen",
        "customer": {"customer_no": "u"},
    }


@pytest.mark.parametrize(
    ("call", "reason", "path"),
    [
        (None, Reason.NOT_AN_OBJECT, "$"),
        ([], Reason.NOT_AN_OBJECT, "$"),
        ({}, Reason.MISSING_FIELD, "$.type"),
        ({"type": None}, Reason.MISSING_FIELD, "$.type"),
        ({"type": "delete"}, Reason.UNKNOWN_TYPE, "$.type"),
    ],
)
def test_what_is_no_call_is_refused(call: Any, reason: Reason, path: str) -> None:
    made = translate(call, None, Arrival("/segment/s", RECEIVED, {}, "r1-0"))
    assert isinstance(made, Rejected)
    assert (made.reason, made.path) == (reason, path)


@pytest.mark.parametrize(
    ("call", "shared", "expected"),
    [
        ({}, {}, "2026-11-23T02:30:01.000+00:00"),
        ({"timestamp": "2026-11-20T08:00:00Z"}, {}, "2026-11-20T08:00:00.000+00:00"),
        ({"timestamp": "2026-11-20T08:00:00.5+07:00"}, {}, "2026-11-20T01:00:00.500+00:00"),
        ({"timestamp": "2026-11-20T08:00:00"}, {}, "2026-11-20T08:00:00.000+00:00"),
        # a clock that is an hour slow, and an event ten minutes before it was sent
        (
            {"timestamp": "2026-11-23T01:20:00Z", "sentAt": "2026-11-23T01:30:00Z"},
            {},
            "2026-11-23T02:20:01.000+00:00",
        ),
        (
            {"timestamp": "2026-11-23T01:20:00Z", "sentAt": "2026-11-23T01:30:00Z"},
            {"sentAt": "1970-01-01T00:00:00Z"},
            "2026-11-23T02:20:01.000+00:00",
        ),
        ({"timestamp": "2026-11-23T01:20:00Z"}, {"sentAt": "2026-11-23T01:30:00Z"}, "2026-11-23T02:20:01.000+00:00"),
        ({"timestamp": "2026-11-23T01:20:00Z"}, {"sentAt": None}, "2026-11-23T01:20:00.000+00:00"),
        ({"timestamp": "2026-11-23T01:20:00Z"}, {"sentAt": "soon"}, "2026-11-23T01:20:00.000+00:00"),
        # a telephone whose clock began in 1970: what it says is ten minutes ago is ten minutes ago
        (
            {"timestamp": "1970-01-01T00:01:00Z", "sentAt": "1970-01-01T00:11:00Z"},
            {},
            "2026-11-23T02:20:01.000+00:00",
        ),
        # what was sent long before it happened, or long after we have it, was not
        (
            {"timestamp": "2026-11-20T08:00:00Z", "sentAt": "1970-01-01T00:00:00Z"},
            {},
            "2026-11-20T08:00:00.000+00:00",
        ),
        (
            {"timestamp": "2026-11-20T08:00:00Z", "sentAt": "2126-11-23T02:30:00Z"},
            {},
            "2026-11-20T08:00:00.000+00:00",
        ),
        # the history of years, sent now
        (
            {"timestamp": "2019-01-01T00:00:00Z", "sentAt": "2026-11-23T02:30:01Z"},
            {},
            "2019-01-01T00:00:00.000+00:00",
        ),
        # Unix time, in seconds, milliseconds and as text, by a clock that is an hour slow
        ({"timestamp": 1795397400, "sentAt": "2026-11-23T01:30:00Z"}, {}, "2026-11-23T02:30:01.000+00:00"),
        ({"timestamp": 1795397400000, "sentAt": 1795397401000}, {}, "2026-11-23T02:30:00.000+00:00"),
        ({"timestamp": "1795397400.5"}, {}, "2026-11-23T01:30:00.500+00:00"),
        # RudderStack's clients: when the client saw it, by a clock that is an hour slow
        (
            {"originalTimestamp": "2026-11-23T01:20:00Z", "sentAt": "2026-11-23T01:30:01Z"},
            {},
            "2026-11-23T02:20:00.000+00:00",
        ),
        ({"originalTimestamp": "2026-11-23T01:20:00Z", "timestamp": "soon"}, {}, "2026-11-23T01:20:00.000+00:00"),
        # the same, and when it happened, which somebody set: nobody's clock changes that
        (
            {"originalTimestamp": "2026-11-23T01:30:00Z", "timestamp": "2026-11-20T08:00:00Z"},
            {"sentAt": "2026-11-23T01:30:01Z"},
            "2026-11-20T08:00:00.000+00:00",
        ),
    ],
)
def test_the_time_is_that_of_our_clock(call: dict[str, Any], shared: dict[str, Any], expected: str) -> None:
    assert time(call, **shared) == expected


@pytest.mark.parametrize("stated", ["yesterday", {"at": 1}, True, "0001-01-01T00:00:00", 2026, "2026", -1, 10**17])
def test_a_time_that_cannot_be_read_is_left_to_be_refused(stated: Any) -> None:
    call = {"type": "track", "event": "e", "userId": "u", "timestamp": stated}
    made = translate(call, None, Arrival("/segment/s", RECEIVED, {}, "r1-0"))
    assert isinstance(made, list)
    read = read_event(made[0])
    assert isinstance(read, Rejected)
    assert place_in_call(read.path) == "$.timestamp"


def test_times_beyond_the_calendar_are_no_exception() -> None:
    ends = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00")
    for happened, sent in product(ends, ends):
        far = {"type": "track", "event": "e", "timestamp": happened, "sentAt": sent}
        assert isinstance(translate(far, None, Arrival("/segment/s", RECEIVED, {}, "r1-0")), list)


def test_without_a_message_id_a_call_with_a_time_is_known_again_when_it_is_sent_again() -> None:
    call = {"type": "track", "event": "e", "userId": "u", "timestamp": "2026-11-20T08:00:00Z"}
    once, again = event(call | {"sentAt": "2026-11-23T01:30:00Z"}), event(call | {"sentAt": "2026-11-23T01:31:00Z"})
    assert once["id"] == again["id"] != event(call | {"event": "f"})["id"]
    assert event({"type": "track", "event": "e", "userId": "u"})["id"] == "r1-0"
    assert event({"type": "track", "event": "e", "userId": "u", "messageId": 17})["id"] == "17"


def test_what_a_batch_says_for_all_its_calls_gives_way_to_what_a_call_says_itself() -> None:
    shared = {"context": {"campaign": {"source": "zalo"}, "page": {"url": "https://a.example/"}}}
    call = {"type": "track", "event": "e", "userId": "u", "context": {"page": {"url": "https://b.example/"}}}
    assert event(call, **shared)["data"]["page"] == {"url": "https://b.example/", "utm": {"source": "zalo"}}


def test_a_page_is_a_view_with_its_address_its_name_and_its_campaign() -> None:
    call = {
        "type": "page",
        "anonymousId": "a-1",
        "name": "Giày",
        "category": None,
        "properties": {"url": "https://shop.example/giay?" + "x" * 3_000, "title": "Giày đẹp", "variant": "B"},
        "context": {
            "page": {"path": "/giay", "referrer": "https://zalo.me/", "title": "cũ"},
            "campaign": {"name": "tet", "source": "zalo", "medium": "social", "term": "t", "content": "c"},
        },
    }
    made = event(call)
    assert (made["type"], made["data"]["page"].pop("url")[:30]) == (
        "web.page_viewed.v1",
        "https://shop.example/giay?xxxx",
    )
    assert made["data"] == {
        "kind": "page",
        "customer": {"anonymous_id": "a-1"},
        "page": {
            "path": "/giay",
            "referrer": "https://zalo.me/",
            "title": "Giày đẹp",
            "name": "Giày",
            "utm": {"source": "zalo", "medium": "social", "campaign": "tet", "term": "t", "content": "c"},
        },
        "properties": {"variant": "B"},
    }


def test_an_identify_states_traits_and_keeps_those_that_have_no_field() -> None:
    call = {
        "type": "identify",
        "anonymousId": "a-1",
        "traits": {"firstName": "Lan", "lastName": "Nguyễn", "email": "lan@example.com", "age": 34, "plan": "pro"},
        "context": {"traits": {"email": "old@example.com", "phone": 84912304556, "cardNo": "VN-1"}},
    }
    assert data(call) == {
        "call": "identify",
        "customer": {
            "customer_no": "u-7",
            "anonymous_id": "a-1",
            "card_no": "VN-1",
            "email": "lan@example.com",
            "phone": "84912304556",
            "given_name": "Lan",
            "family_name": "Nguyễn",
        },
        "age": 34,
        "traits": {"plan": "pro"},
    }


@pytest.mark.parametrize("nothing", [[], {}, None])
def test_an_object_with_nothing_in_it_may_be_an_array(nothing: Any) -> None:
    customer = {"customer_no": "u-7"}
    assert data({"type": "identify", "traits": nothing}) == {"call": "identify", "customer": customer}
    assert data({"type": "group", "traits": nothing}) == {"call": "group", "customer": customer}
    assert data({"type": "track", "event": "e", "properties": nothing}) == {"event": "e", "customer": customer}
    assert data({"type": "page", "properties": nothing, "context": []}) == {"kind": "page", "customer": customer}


def test_an_age_that_is_none_stays_a_trait() -> None:
    assert data({"type": "identify", "traits": {"age": "ba mươi"}})["traits"] == {"age": "ba mươi"}
    assert data({"type": "identify", "traits": {"age": 900}})["traits"] == {"age": 900}


def test_a_group_is_the_company_of_the_customer_and_its_address_is_not_the_customers() -> None:
    call = {
        "type": "group",
        "groupId": 42,
        "traits": {"name": "Hoa Sen", "industry": "Bán lẻ", "employees": 329, "email": "info@hoasen.example"},
        "context": {"traits": {"email": "lan@example.com"}},
    }
    made = data(call)
    assert made["customer"] == {
        "customer_no": "u-7",
        "email": "lan@example.com",
        "company": {"name": "Hoa Sen", "sector": "Bán lẻ", "staff": 329},
    }
    assert (made["call"], made["group_id"], made["traits"]["email"]) == ("group", "42", "info@hoasen.example")
    assert data({"type": "group", "groupId": "hoa-sen"})["customer"]["company"] == {"name": "hoa-sen"}


def test_an_alias_names_both_ids() -> None:
    assert data({"type": "alias", "previousId": "a-1"}) == {
        "call": "alias",
        "customer": {"customer_no": "u-7", "anonymous_id": "a-1"},
    }
    assert data({"type": "alias", "previousId": "lan@example.com"})["customer"] == {
        "customer_no": "u-7",
        "email": "lan@example.com",
    }


def test_what_an_event_cannot_name_at_once_is_named_by_further_events() -> None:
    call = {
        "type": "identify",
        "userId": "u-7",
        "messageId": "m-1",
        "context": {"device": {"id": "D1", "advertisingId": "AD1", "token": "T1"}},
    }
    first, *more = events(call)
    assert first["data"]["customer"] == {"customer_no": "u-7", "device_id": "D1"}
    assert [(each["id"], each["data"]) for each in more] == [
        ("m-1#1", {"call": "alias", "customer": {"customer_no": "u-7", "device_id": "AD1"}}),
        ("m-1#2", {"call": "alias", "customer": {"customer_no": "u-7", "device_id": "T1"}}),
    ]
    assert event(call | {"type": "track", "event": "e"})["data"]["customer"] == {
        "customer_no": "u-7",
        "device_id": "D1",
    }


def test_a_call_links_no_more_identifiers_than_a_person_can_have() -> None:
    ids = [{"type": "device_id", "id": f"D{number}", "encoding": "none"} for number in range(1_000)]
    made = events({"type": "identify", "userId": "u-7", "context": {"externalIds": ids}})
    assert [each["data"]["customer"]["device_id"] for each in made] == [f"D{number}" for number in range(51)]


def test_further_identifiers_are_linked_by_the_strongest_one() -> None:
    call = {
        "type": "identify",
        "anonymousId": "a-1",
        "traits": {"email": "lan@example.com"},
        "context": {"device": {"id": "D1", "token": "T1"}},
    }
    assert events(call)[1]["data"]["customer"] == {"email": "lan@example.com", "device_id": "T1"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("$", "$"),
        ("$.id", "$.messageId"),
        ("$.time", "$.timestamp"),
        ("$.source", "$.writeKey"),
        ("$.data.customer", "$.userId"),
        ("$.data.order.total.currency", "$.properties.currency"),
        ("$.data.order.total.amount", "$.properties.total"),
        ("$.data.order.items[2].amount", "$.properties.products[2].price"),
        ("$.data.order.discount", "$.properties.discount"),
        ("$.data.properties.a[1].amount", "$.properties.a[1].amount"),
        ("$.data.segment", "$"),
    ],
)
def test_a_place_in_the_event_is_told_as_the_place_in_the_call(ours: str, theirs: str) -> None:
    assert place_in_call(ours) == theirs
