"""The law of time: until a customer is due, time alone changes none of its segments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.segments.rules import read_family
from schemas.portrait import Portrait
from tests.stories import DAY, NOW

EVERYTHING_TIMELY = read_family(
    """
family: timely
about: Everything that changes with time.
version: 1
choose: every
segments:
  - {segment: t_within, about: x, when: 'within(last_order, "45d")'}
  - {segment: t_older, about: x, when: 'older(first_seen, "36h")'}
  - {segment: t_days, about: x, when: 'days_since(last_seen) > 17'}
  - {segment: t_purchases, about: x, when: 'purchases_in("30d") >= 2'}
  - {segment: t_revenue, about: x, when: 'revenue_in("9w") > 500 && orders > 0'}
  - {segment: t_birthday, about: x, when: 'birthday_in("3d")'}
  - {segment: t_today, about: x, when: 'birthday_in("0d") || anniversary_in(first_seen, "0d")'}
  - {segment: t_anniversary, about: x, when: 'anniversary_in(first_order, "10d")'}
  - {segment: t_age, about: x, when: 'age >= 30'}
  - {segment: t_coming, about: x, when: 'coming(points_lapse_at, "5d")'}
  - {segment: t_years, about: x, when: 'company_years >= 4'}
  - {segment: t_rhythm, about: x, when: 'older(last_order, 2 * rhythm)'}
""",
    "timely.yaml",
)
ZONES = [ZoneInfo(name) for name in ("Asia/Ho_Chi_Minh", "Europe/Berlin", "America/Santiago", "Pacific/Apia")]
CATALOGUES = [Catalogue([*shipped_catalogue().families, EVERYTHING_TIMELY], zone) for zone in ZONES]

_instants = st.integers(NOW - 900 * DAY, NOW)
_years = st.integers(2015, 2027)
_answers = st.tuples(_instants, st.sampled_from(["a", "b"]), st.integers(0, 10).map(lambda score: 10 * score))


@st.composite
def portraits(draw: st.DrawFn) -> Portrait:
    """Customers who bought, or did not, and have birthdays and pages that they follow."""
    entries = sorted(draw(st.lists(st.tuples(_instants, st.integers(-500, 900)), max_size=12)))
    bought = [time for time, amount in entries if amount >= 0]
    birthday = draw(st.none() | st.dates().map(str) | st.just("1996-02-29"))
    followed = draw(st.none() | st.sampled_from(["followed", "unfollowed"]))
    first = draw(_instants)
    traits: dict[str, Any] = {} if birthday is None else {"birthday": birthday}
    if draw(st.booleans()):
        lapse = datetime.fromtimestamp(draw(st.integers(NOW - 60 * DAY, NOW + 400 * DAY)) / 1000, UTC)
        traits |= {
            "points_lapse": {"at": lapse.isoformat(timespec="milliseconds")},
            "company": {"founded": draw(_years)},
        }
    scores = {kind: sorted(draw(st.lists(_answers, max_size=2, unique=True))) for kind in ("nps", "csat")}
    return Portrait(
        events=len(entries) + 1,
        first_seen=first,
        last_seen=max(first, draw(_instants)),
        stated={"e": (first, traits)} if traits else {},
        scores={kind: answers for kind, answers in scores.items() if answers},
        complaints={"k": (draw(st.none() | st.just({"severity": "high"})), first, "e")},
        accounts={"partner": (draw(st.none() | st.just({"owner": None, "since": first})), first, "e")},
        statuses={} if followed is None else {"follow:zalo": (followed, draw(_instants), "e")},
        orders=len(bought),
        purchases=len(bought),
        revenue=sum(amount for _, amount in entries),
        first_order=min(bought, default=None),
        last_order=max(bought, default=None),
        recent=entries,
    )


@settings(max_examples=400, deadline=None)
@given(portraits(), st.integers(NOW - 30 * DAY, NOW + 900 * DAY), st.sampled_from(CATALOGUES), st.floats(0, 1))
def test_until_it_is_due_nothing_changes(portrait: Portrait, now: int, catalogue: Catalogue, part: float) -> None:
    found = catalogue.evaluate(portrait, now)
    assert not catalogue.failing
    assert found.due is None or found.due > now
    last = now + 800 * DAY if found.due is None else found.due - 1
    for later in (last, now + int(part * (last - now))):
        assert catalogue.evaluate(portrait, later).names == found.names


@settings(max_examples=60, deadline=None)
@given(portraits(), st.integers(NOW - 30 * DAY, NOW + 300 * DAY), st.sampled_from(CATALOGUES))
def test_whoever_looks_only_when_it_is_due_sees_every_change(
    portrait: Portrait, now: int, catalogue: Catalogue
) -> None:
    at, end, seen = now, now + 60 * DAY, catalogue.evaluate(portrait, now)
    for hour in range(now, end, DAY // 8):
        while seen.due is not None and seen.due <= hour:
            at, seen = seen.due, catalogue.evaluate(portrait, seen.due)
        assert at <= hour
        assert catalogue.evaluate(portrait, hour).names == seen.names
