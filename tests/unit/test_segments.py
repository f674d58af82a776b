"""What the shipped segments say of customers that were worked out by hand; what is contained when a rule fails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from processors.segment import moves, segment
from processors.segments.catalogue import SLOW_SECONDS, Catalogue, shipped_catalogue
from processors.segments.rules import read_family
from schemas.portrait import Portrait

VIET_NAM = ZoneInfo("Asia/Ho_Chi_Minh")
SHIPPED = shipped_catalogue()


def at(text: str) -> int:
    """Unix ms of a time in Viet Nam."""
    return int(datetime.fromisoformat(text).replace(tzinfo=VIET_NAM).timestamp() * 1000)


def bought(*days: str, amount: int = 200_000, **more: Any) -> Portrait:
    """A customer who bought on these days at ten o'clock."""
    times = sorted(at(f"{day} 10:00") for day in days)
    known = Portrait(
        events=len(times) or 1,
        first_seen=times[0] if times else at("2026-01-01"),
        last_seen=times[-1] if times else at("2026-01-01"),
        channels={"loyalty": len(times) or 1},
        orders=len(times),
        purchases=len(times),
        revenue=amount * len(times),
        first_order=times[0] if times else None,
        last_order=times[-1] if times else None,
        stores={"HCM-01": len(times)} if times else {},
        hours={"10": len(times)} if times else {},
        recent=[(each, amount) for each in times],
    )
    return msgspec.structs.replace(known, **more)


def stated(**traits: Any) -> dict[str, Any]:
    return {"stated": {"e": (at("2026-01-01"), traits)}}


WEEKLY = (
    "2026-01-05",
    "2026-01-12",
    "2026-01-19",
    "2026-01-26",
    "2026-02-02",
    "2026-02-09",
    "2026-03-09",
    "2026-03-16",
)
"""Mostly a week apart: the rhythm is seven days."""

LIFECYCLES: Sequence[tuple[str, Portrait, str]] = (
    ("potential", bought(), "2026-06-01 00:00"),
    ("new", bought("2026-06-01"), "2026-07-02 09:59"),  # the 31st day after it is not over
    ("current", bought("2026-06-01"), "2026-07-02 10:00"),
    ("current", bought("2026-06-01"), "2026-08-30 09:59"),
    ("at_risk", bought("2026-06-01"), "2026-08-30 10:00"),  # 90 days without
    ("at_risk", bought("2026-06-01"), "2026-11-28 09:59"),
    ("past", bought("2026-06-01"), "2026-11-28 10:00"),  # 180 days
    ("loyal", bought(*WEEKLY), "2026-04-15 09:59"),
    ("at_risk", bought(*WEEKLY), "2026-04-15 10:00"),  # three weeks are over, but it takes 30 days
    ("at_risk", bought(*WEEKLY), "2026-06-14 09:59"),
    ("past", bought(*WEEKLY), "2026-06-14 10:00"),  # six weeks are over, but it takes 90 days
    ("loyal", bought("2025-01-01", "2025-03-01", "2025-05-01", "2025-07-01", "2025-09-01"), "2026-01-01 00:00"),
    ("past", bought("2025-01-01", "2025-06-01", "2025-11-01"), "2026-11-01 10:00"),  # a year, whatever the rhythm
    ("won_back", bought("2025-01-01", "2026-05-01"), "2026-06-30 09:59"),
    ("won_back", bought("2025-01-01", "2026-05-01", "2026-05-04"), "2026-06-01 00:00"),  # and goes on buying
    ("current", bought("2025-01-01", "2026-05-01"), "2026-06-30 10:00"),
    ("cancelled", bought("2026-05-01", statuses={"card:1": ("cancelled", at("2026-05-02"), "e")}), "2026-05-03 00:00"),
    ("new", bought("2026-05-01", statuses={"card:1": ("cancelled", at("2026-04-30"), "e")}), "2026-05-03 00:00"),
    (
        "new",
        bought(
            "2026-05-01",
            statuses={"card:1": ("cancelled", at("2026-05-02"), "e"), "card:2": ("enrolled", at("2026-05-02"), "f")},
        ),
        "2026-05-03 00:00",
    ),
)


@pytest.mark.parametrize(("lifecycle", "portrait", "now"), LIFECYCLES)
def test_the_lifecycle_follows_the_rhythm_of_the_customer(lifecycle: str, portrait: Portrait, now: str) -> None:
    assert segment(portrait, SHIPPED, at(now)).lifecycle == lifecycle


QUARTER = ("2026-02-05", "2026-03-05", "2026-04-05")
MONTHLY = {"basket_medium", "full_price", "morning_shopper", "prefers_store", "one_store"}
SOME = {"loyal", "frequency_medium", "basket_medium", "prefers_store"}
"""What `regular` is in, whatever else."""


def regular(*, discount: int = 0, discounted: int = 0, coupons: int = 0, **more: Any) -> Portrait:
    """A customer of ten purchases of 180,000, six in one store and four in another one."""
    return bought(
        *(f"2026-0{month}-{day}" for month in (1, 2, 3, 4, 5) for day in ("02", "16")),
        amount=180_000,
        discount=discount,
        counts={"discounted_purchase": discounted, "coupon_purchase": coupons},
        stores={"HCM-01": 6, "HCM-02": 4},
        **{"hours": {"9": 5, "15": 5}} | more,
    )


def unfollowed(when: str) -> Portrait:
    return bought(statuses={"follow:zalo": ("unfollowed", at(when), "e")})


OTHERS: Sequence[tuple[set[str], Portrait, str]] = (
    ({"potential"}, bought(), "2026-06-01"),
    ({"potential", "age_youth"}, bought(**stated(birthday="2008-06-15")), "2026-06-01"),  # 17
    ({"potential", "age_child"}, bought(**stated(birthday="2011-06-16")), "2026-06-01"),  # 14
    ({"potential", "age_youth", "birthday_soon"}, bought(**stated(birthday="2011-06-16")), "2026-06-16"),  # 15
    ({"potential", "age_adult"}, bought(**stated(age_band="35-44")), "2026-06-01"),
    ({"potential", "age_senior"}, bought(**stated(birthday="1970-01-01", age_band="22-50")), "2026-06-01"),
    (
        {"potential", "income_middle", "household_family"},
        bought(**stated(income_band="50-74K", household_size=4)),
        "2026-06-01",
    ),
    (
        {"potential", "income_premium", "household_large"},
        bought(**stated(income_band="250K+", household_size=7)),
        "2026-06-01",
    ),
    (
        {"potential", "language_other", "area_mekong_delta"},
        bought(**stated(language="fr", area="mekong-delta")),
        "2026-06-01",
    ),
    ({"potential", "business"}, bought(**stated(company={"name": "Công ty TNHH An Bình"})), "2026-06-01"),
    (
        {"at_risk", "frequency_medium", "basket_medium", "full_price", "one_store", "morning_shopper", "prefers_store"},
        bought(*WEEKLY, counts={"scan": 8}),
        "2026-05-01",
    ),
    (
        {
            "at_risk",
            "frequency_medium",
            "basket_large",
            "promotion_lover",
            "motive_promotion",
            "several_stores",
            "evening_shopper",
            "omnichannel",
        },
        bought(
            *WEEKLY,
            amount=500_000,
            counts={"discounted_purchase": 6},
            stores={"a": 3, "b": 3, "c": 2},
            hours={"17": 4, "23": 1, "9": 3},
            weekdays={"0": 8},
            events=20,
            channels={"web": 8, "loyalty": 8, "social": 4},
        ),
        "2026-05-01",
    ),
    (
        {"new", "frequency_low", "second_purchase_due"},
        bought("2026-04-01"),
        "2026-05-02",
    ),
    ({"new", "frequency_low"}, bought("2026-04-01"), "2026-04-30"),
    ({"past"}, bought("2025-04-15"), "2026-05-01"),
    ({"past", "frequency_low", "anniversary_soon"}, bought("2025-05-07"), "2026-05-01 00:00"),
    ({"past"}, bought("2025-04-30"), "2026-05-01 00:00"),  # the day was yesterday
    ({"past", "frequency_low"}, bought("2025-05-09"), "2026-05-01 00:00"),  # in eight days
    (
        {"potential", "income_mass", "household_single", "language_vietnamese"},
        bought(**stated(income_band="15-24K", household_size=1, language="vi")),
        "2026-06-01",
    ),
    (
        {"potential", "household_couple", "language_english"},
        bought(**stated(household_size=2, language="en")),
        "2026-06-01",
    ),
    *(
        ({"potential", f"area_{area.replace('-', '_')}"}, bought(**stated(area=area)), "2026-06-01")
        for area in (
            "northern-midlands-and-mountains",
            "red-river-delta",
            "north-central",
            "south-central-coast-and-central-highlands",
            "southeast",
        )
    ),
    ({"potential", "prefers_web"}, bought(events=8, channels={"web": 6, "loyalty": 2}), "2026-06-01"),  # 75 %
    ({"potential"}, bought(events=7, channels={"web": 5, "loyalty": 2}), "2026-06-01"),  # 71 %
    ({"potential", "prefers_social"}, bought(events=5, channels={"social": 4, "web": 1}), "2026-06-01"),
    ({"potential"}, bought(events=4, channels={"social": 4}), "2026-06-01"),  # of four events nothing is said
    ({"potential", "unfollowed"}, unfollowed("2026-03-03 00:00"), "2026-05-31 23:59"),
    ({"potential"}, unfollowed("2026-03-03 00:00"), "2026-06-01 00:00"),  # 90 days ago
    (
        {"potential"},
        bought(
            statuses={
                "follow:zalo": ("unfollowed", at("2026-05-01"), "e"),
                "follow:facebook": ("followed", at("2026-01-01"), "f"),
            }
        ),
        "2026-06-01",
    ),
    ({"current", "frequency_low", "basket_small"}, bought(*QUARTER, amount=99_999), "2026-04-15"),
    ({"current", "frequency_low", "basket_medium"}, bought(*QUARTER, amount=100_000), "2026-04-15"),
    (
        {"current", "frequency_low", "basket_large"},
        bought(*QUARTER, amount=500_000),
        "2026-04-15",
    ),
    (
        {"loyal", "frequency_high", "anniversary_soon", *MONTHLY},
        bought(
            *(f"{2025 + month // 12}-{1 + month % 12:02}-05" for month in range(5, 17))
        ),  # 12 days, the first in June
        "2026-06-01",
    ),
    (
        {"loyal", "frequency_medium", *MONTHLY},
        bought(*(f"{2025 + month // 12}-{1 + month % 12:02}-05" for month in range(6, 17))),  # 11 days
        "2026-06-01",
    ),
    (  # of 10 purchases 6 at noon, on Saturdays; paid 1,800,000 of 2,000,000
        SOME | {"price_sensitive", "midday_shopper", "weekend_shopper"},
        regular(discount=200_000, discounted=2, hours={"11": 5, "13": 1, "14": 4}, weekdays={"5": 6, "0": 4}),
        "2026-06-01",
    ),
    (  # paid 1,800,000 of 1,999,999: discounts are 9 %, and there were two
        SOME | {"afternoon_shopper"},
        regular(discount=199_999, discounted=2, hours={"14": 3, "16": 3, "17": 4}, weekdays={"6": 5, "4": 5}),
        "2026-06-01",
    ),
    (
        SOME | {"full_price", "evening_shopper", "weekend_shopper"},
        regular(discounted=1, hours={"17": 3, "0": 3, "5": 4}, weekdays={"5": 3, "6": 3, "4": 4}),
        "2026-06-01",
    ),
    (  # 600,000 of a million, after a return
        SOME | {"one_category"},
        regular(discounted=2, categories={"drinks": 600_000, "food": 420_000, "toys": -20_000}),
        "2026-06-01",
    ),
    (SOME, regular(discounted=2, categories={"other": 900_000, "food": 100_000}), "2026-06-01"),
    (SOME, regular(discounted=2, categories={"a": 59, "b": 11, "c": 10, "d": 20, "": 0}), "2026-06-01"),
    (
        SOME | {"several_categories"},
        regular(discounted=2, categories={"a": 59, "b": 11, "c": 10, "d": 10, "e": 10}),
        "2026-06-01",
    ),
    (
        SOME | {"promotion_lover", "motive_promotion", "morning_shopper"},
        regular(coupons=6, hours={"5": 3, "10": 3, "11": 4}),
        "2026-06-01",
    ),
)


@pytest.mark.parametrize(("expected", "portrait", "now"), OTHERS)
def test_the_segments_of_a_customer(expected: set[str], portrait: Portrait, now: str) -> None:
    found = segment(portrait, SHIPPED, at(now))
    assert {*found.names} == expected
    assert SHIPPED.failing == {}


@pytest.mark.parametrize(
    ("zone", "born", "day", "begins", "ends"),
    [
        (
            "Asia/Ho_Chi_Minh",
            "1990-01-03",
            "2026-01-03",
            "2025-12-27T00:00+07:00",
            "2026-01-04T00:00+07:00",
        ),  # a year ends
        ("Asia/Ho_Chi_Minh", "1996-02-29", "2026-02-28", "2026-02-21T00:00+07:00", "2026-03-01T00:00+07:00"),
        ("Asia/Ho_Chi_Minh", "1996-02-29", "2028-02-29", "2028-02-22T00:00+07:00", "2028-03-01T00:00+07:00"),
        (
            "Europe/Berlin",
            "1990-04-01",
            "2026-04-01",
            "2026-03-25T00:00+01:00",
            "2026-04-02T00:00+02:00",
        ),  # clocks go on
        (
            "America/Santiago",
            "1990-09-06",
            "2026-09-06",
            "2026-08-30T00:00-04:00",
            "2026-09-07T00:00-03:00",
        ),  # no midnight
    ],
)
def test_a_birthday_comes_within_a_week_by_the_clock_of_the_place(
    zone: str, born: str, day: str, begins: str, ends: str
) -> None:
    catalogue = Catalogue(SHIPPED.families, ZoneInfo(zone))
    portrait = bought(**stated(birthday=born))
    begin, end = (int(datetime.fromisoformat(text).timestamp() * 1000) for text in (begins, ends))
    assert "birthday_soon" not in catalogue.evaluate(portrait, begin - 1).names
    assert catalogue.evaluate(portrait, begin - 1).due == begin
    assert "birthday_soon" in catalogue.evaluate(portrait, begin).names
    assert "birthday_soon" in catalogue.evaluate(portrait, end - 1).names
    assert "birthday_soon" not in catalogue.evaluate(portrait, end).names
    assert day in ends or datetime.fromisoformat(day) < datetime.fromisoformat(ends).replace(tzinfo=None)


def test_every_change_has_a_reason() -> None:
    now = at("2026-07-02 10:00")
    view = SHIPPED.see(bought("2026-06-01"), now)
    found = moves("c", ("new", "vanished", "frequency_low"), SHIPPED.decide(view), view, SHIPPED)
    told = [(move.segment, move.family, move.action, move.reason, move.rule_version) for move in found]
    assert told == [
        ("new", "lifecycle", "left", "now current", 2),
        ("vanished", "", "left", "there is no such segment any more", 0),
        ("current", "lifecycle", "entered", "Buys, and is neither new nor loyal.", 2),
        (
            "second_purchase_due",
            "moments",
            "entered",
            'orders == 1 && older(first_order, "30d") && within(first_order, "180d") '
            "(first_order is 2026-06-01 10:00, orders is 1)",
            2,
        ),
    ]


def test_a_reason_has_the_values_of_all_that_was_asked() -> None:
    text = (
        "family: vip\n"
        + HEAD
        + """  - {segment: vip, about: Some., when: 'revenue_in("365d") >= 300 && status("a") == ""'}\n"""
    )
    catalogue = Catalogue([read_family(text, "vip.yaml")], VIET_NAM)
    now, who = at("2026-06-02"), bought("2026-06-01", amount=500, **stated(birthday="2000-06-05"))
    assert catalogue.reason("vip", who, now).endswith('(revenue_in("365d") is 500, status("a") is )')
    assert SHIPPED.reason("birthday_soon", who, now) == 'birthday_in("7d") (birthday is 2000-06-05)'


HEAD = "about: Some.\nversion: 1\nchoose: every\nsegments:\n"
RISKY = "family: risky\n" + HEAD + "  - {segment: steady, about: Some., when: orders > 0}\n"
DIVIDES = RISKY + "  - {segment: divides, about: Some., when: 100 / returns > 1}\n"


def test_a_rule_that_fails_leaves_the_customer_where_it_was_and_harms_nobody_else() -> None:
    catalogue = Catalogue([*SHIPPED.families, read_family(DIVIDES, "risky.yaml")], VIET_NAM)
    found = catalogue.evaluate(bought("2026-06-01"), at("2026-06-02"), before=("divides", "loyal"))
    assert {"new", "frequency_low", "divides"} == {*found.names}
    assert {name: failure.times for name, failure in catalogue.failing.items()} == {"divides": 1}
    assert "division by zero" in catalogue.failing["divides"].message
    fine = catalogue.evaluate(bought("2026-06-01", returns=3), at("2026-06-02"))
    assert {"steady", "divides"} <= {*fine.names}


@pytest.mark.parametrize(
    "when",
    [
        "orders > 0 || 100 / returns > 3",  # the second part is not needed to decide
        "['a', 'b'].exists(x, status(x) == '')",  # what it asks has no meaning outside
        "purchases_in('1d') >= 0 && 100 / orders > 1",
    ],
)
def test_whoever_is_in_a_segment_has_a_reason_whatever_the_rule_is_like(when: str) -> None:
    family = read_family(f'family: odd\n{HEAD}  - {{segment: odd, about: Some., when: "{when}"}}\n', "odd.yaml")
    catalogue, who = Catalogue([*SHIPPED.families, family], VIET_NAM), bought("2026-06-01")
    view = catalogue.see(who, at("2026-06-02"))
    told = {move.segment: move.reason for move in moves("c", (), catalogue.decide(view), view, catalogue)}
    assert told["odd"]
    assert told["new"].startswith("within(first_order")


def test_rules_that_differ_have_different_digests() -> None:
    texts = [
        f"family: a\nabout: x\nversion: 1\n{where}segments:\n  - {{segment: s, about: x, when: {when}}}\n"
        for where in ("", "where: orders > 1\n", "where: orders > 2\n")
        for when in ("orders > 3", "orders > 4")
    ]
    digests = {
        Catalogue([read_family(text, "a.yaml")], zone).digest for text in texts for zone in (VIET_NAM, ZoneInfo("UTC"))
    }
    assert len(digests) == 12
    assert SHIPPED.digest == Catalogue(tuple(reversed(SHIPPED.families)), VIET_NAM).digest


def test_a_rule_that_takes_too_long_is_taken_out_of_use() -> None:
    nested = "categories.all(a, categories.all(b, categories.exists(c, a + b + c != '')))"
    slow = RISKY + f'  - {{segment: slow, about: Some., when: "{nested}"}}\n'
    catalogue = Catalogue([*SHIPPED.families, read_family(slow, "risky.yaml")], VIET_NAM, time.perf_counter)
    portrait = bought("2026-06-01", categories={f"c{n}": 1 for n in range(60)})
    begun = time.perf_counter()
    catalogue.evaluate(portrait, at("2026-06-02"))
    assert time.perf_counter() - begun > SLOW_SECONDS, "the rule is not slow enough for this test"
    assert catalogue.failing["slow"].message.endswith("out of use until the next start")
    assert {*catalogue.evaluate(portrait, at("2026-06-02")).names} == {"new", "frequency_low"}
    held = catalogue.evaluate(portrait, at("2026-06-02"), before=("steady", "loyal"))
    assert {*held.names} == {"new", "frequency_low", "steady"}  # as before
    assert held.due is not None
    assert held.due <= at("2026-06-02") + 3_600_000  # by then it may be in use again
    assert not catalogue.whole


def test_a_pattern_that_would_explode_elsewhere_does_not() -> None:
    bomb = RISKY + "  - {segment: bomb, about: Some., when: 'occupation.matches(\"^(a+)+$\")'}\n"
    catalogue = Catalogue([read_family(bomb, "risky.yaml")], VIET_NAM, time.perf_counter)
    catalogue.evaluate(bought(**stated(occupation="a" * 480 + "!")), at("2026-06-02"))
    assert catalogue.failing == {}
