"""The fields that conditions of segments may name. Checks, help and docs/segments.md derive from this table.

Instants are Unix ms, spans ms, money minor units of the base currency, shares whole percents. A field that may be unknown is
`optional`: while it is, no condition holds that names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, tzinfo
from functools import lru_cache
from itertools import pairwise
from statistics import median_low

from processors.portray import greatest
from processors.segments import computed, relationship
from processors.segments.field import Field
from processors.segments.view import DAY_MS, Read, View, begin_of, in_year


def _stored(name: str) -> str:
    return f"view.portrait.{name}"


def _trait(name: str) -> str:
    return f"view.traits.get({name!r})"


def _part(trait: str, name: str) -> Read:
    return lambda view: (view.traits.get(trait) or {}).get(name)


def _greatest(name: str) -> Read:
    return lambda view: greatest({each: count for each, count in getattr(view.portrait, name).items() if count > 0})


def _share_of_greatest(name: str) -> Read:
    def share(view: View) -> int | None:
        counts: Mapping[str, int] = getattr(view.portrait, name)
        return _percent(max((count for each, count in counts.items() if each), default=0), sum(counts.values()))

    return share


def _categories_used(view: View) -> int:
    return sum(1 for name, paid in view.portrait.categories.items() if name and paid > 0)


def _store_share(view: View) -> int | None:
    most = max((count for name, count in view.portrait.stores.items() if name), default=None)
    return None if most is None else _percent(most, view.portrait.purchases)


def _percent_of_purchases(name: str) -> Read:
    return lambda view: _percent(view.portrait.counts.get(name, 0), view.portrait.purchases)


def _percent(part: int, whole: int) -> int | None:
    return 100 * part // whole if whole > 0 else None


def _basket(view: View) -> int | None:
    portrait = view.portrait
    return portrait.revenue // portrait.orders if portrait.orders else None


def _discount_share(view: View) -> int | None:
    return _percent(view.portrait.discount, view.portrait.discount + view.portrait.revenue)


def _rhythm(view: View) -> int | None:
    times = bought_on(view.portrait.recent)
    return median_low(later - earlier for earlier, later in pairwise(times)) if len(times) > 2 else None


def _gap(view: View) -> int | None:
    times = bought_on(view.portrait.recent)
    return times[-1] - times[-2] if len(times) > 1 else None


def bought_on(entries: Sequence[tuple[int, int]]) -> list[int]:
    """The first purchase of each day, of entries of `Portrait.recent`; days are those of UTC."""
    days: dict[int, int] = {}
    for time, amount in entries:
        if amount >= 0:
            days.setdefault(time // DAY_MS, time)
    return list(days.values())


def _cancelled_at(view: View) -> int | None:
    cards = [(status, time) for name, (status, time, _) in view.portrait.statuses.items() if name.startswith("card:")]
    return _last_if_all(cards, "cancelled")


def _unfollowed_at(view: View) -> int | None:
    follows = [
        (status, time) for name, (status, time, _) in view.portrait.statuses.items() if name.startswith("follow:")
    ]
    return _last_if_all(follows, "unfollowed")


def _last_if_all(statuses: list[tuple[str, int]], wanted: str) -> int | None:
    if not statuses or any(status != wanted for status, _ in statuses):
        return None
    return max(time for _, time in statuses)


def _cancelled(view: View) -> bool:
    at, last = view.get("cancelled_at"), view.portrait.last_order
    return at is not None and (last is None or last <= at)


def _age(view: View) -> int | None:
    born = view.get("birthday")
    if born is None:
        return None
    today = view.today
    older, turns = _birthday(born[5:], today, view.zone)
    view.turns_at(turns)
    return today.year - int(born[:4]) - (not older)


@lru_cache(4096)
def _birthday(day: str, today: date, zone: tzinfo) -> tuple[bool, int]:
    """Whether a day of the year (MM-DD) has come in the year of `today`, and when (Unix ms) it comes next."""
    born = date.fromisoformat(f"2000-{day}")
    this = in_year(born, today.year)
    return this <= today, begin_of(in_year(born, today.year + 1) if this <= today else this, zone)


def _ranked(name: str) -> str:
    return f"view.ranked.{name}"


def _acquisition(view: View) -> str | None:
    return None if view.portrait.acquisition is None else str(view.portrait.acquisition[0])


def _kinds(view: View) -> list[str]:
    return sorted({name.partition(":")[0] for name in view.portrait.identifiers})


FIELDS: tuple[Field, ...] = (
    Field("events", "int", "Events of the customer.", _stored("events")),
    Field("first_seen", "instant", "The first event.", _stored("first_seen")),
    Field("last_seen", "instant", "The last event.", _stored("last_seen")),
    Field("orders", "int", "Different orders; a return is none.", _stored("orders")),
    Field("returns", "int", "Returns.", _stored("returns")),
    Field("purchases", "int", "Events that are a purchase: an order may come in several.", _stored("purchases")),
    Field("revenue", "int", "All that was paid, less what was paid back.", _stored("revenue")),
    Field("points", "int", "Points earned, less points redeemed.", _stored("points")),
    Field("first_order", "instant", "The first purchase.", _stored("first_order"), True),
    Field("last_order", "instant", "The last purchase.", _stored("last_order"), True),
    Field("basket", "int", "Revenue divided by orders.", _basket, True),
    Field(
        "rhythm", "span", "The median time between days with a purchase, when there are three or more.", _rhythm, True
    ),
    Field("gap", "span", "The time between the last two days with a purchase.", _gap, True),
    Field(
        "discount_share", "int", "Percent that discounts are of them and the revenue together.", _discount_share, True
    ),
    Field(
        "discounted_share",
        "int",
        "Percent of purchases with a discount.",
        _percent_of_purchases("discounted_purchase"),
        True,
    ),
    Field("coupon_share", "int", "Percent of purchases with a coupon.", _percent_of_purchases("coupon_purchase"), True),
    Field("year_revenue", "int", "Revenue of the last 365 days, of the newest 400 purchases.", _ranked("year_revenue")),
    Field(
        "recency_score", "int", "1 to 5: by the last purchase, a fifth of all buyers each.", _ranked("recency"), True
    ),
    Field("frequency_score", "int", "1 to 5: by orders.", _ranked("frequency"), True),
    Field("monetary_score", "int", "1 to 5: by revenue.", _ranked("monetary"), True),
    Field(
        "top_percent",
        "int",
        "Of those who paid something within 365 days, the best 1, 5, 10, 20 or 100 percent, by what they paid.",
        _ranked("top"),
        True,
    ),
    Field(
        "vital",
        "bool",
        "Of the smallest group of customers who made 80 percent of the revenue of the last 365 days.",
        _ranked("vital"),
        True,
    ),
    Field("cancelled", "bool", "Every card was given back, and nothing was bought since.", _cancelled),
    Field("cancelled_at", "instant", "When the last card was given back, if every one was.", _cancelled_at, True),
    Field("unfollowed_at", "instant", "When the last page was unfollowed, if every one was.", _unfollowed_at, True),
    Field("channel", "text", "The channel with the most events.", _greatest("channels"), True),
    Field("channel_share", "int", "Percent of events that came by it.", _share_of_greatest("channels"), True),
    Field("channels_used", "int", "Different channels.", lambda view: len(view.portrait.channels)),
    Field("channels", "counts", "Events by channel.", _stored("channels")),
    Field("category", "text", "The category in which the most was paid.", _greatest("categories"), True),
    Field(
        "category_share", "int", "Percent of what was paid that was paid in it.", _share_of_greatest("categories"), True
    ),
    Field("categories_used", "int", "Different categories in which something was paid.", _categories_used),
    Field("categories", "counts", "What was paid by category.", _stored("categories")),
    Field("store", "text", "The store with the most purchases.", _greatest("stores"), True),
    Field("store_share", "int", "Percent of all purchases that were made there.", _store_share, True),
    Field("stores_used", "int", "Different stores.", lambda view: len(view.portrait.stores)),
    Field("stores", "counts", "Purchases by store.", _stored("stores")),
    Field("acquisition", "text", "How the customer came: web:facebook, store:HCM-01 and so on.", _acquisition, True),
    Field("identifiers", "texts", "The kinds of identifiers in the customer's events.", _kinds),
    Field("birthday", "text", "YYYY-MM-DD.", _trait("birthday"), True),
    Field("age", "int", "Whole years, by the birthday.", _age, True),
    Field(
        "age_band",
        "text",
        "The age group, as stated; else by the birthday when that was stated.",
        _trait("age_band"),
        True,
    ),
    Field("gender", "text", "female, male or other.", _trait("gender"), True),
    Field("language", "text", "ISO 639-1, such as vi.", _trait("language"), True),
    Field("province", "text", "Where the customer lives.", _trait("province"), True),
    Field("area", "text", "What kind of place that is.", _trait("area"), True),
    Field("country", "text", "Two letters, such as VN.", _part("address", "country"), True),
    Field("income_band", "text", "As stated.", _trait("income_band"), True),
    Field("occupation", "text", "As stated.", _trait("occupation"), True),
    Field("marital_status", "text", "As stated.", _trait("marital_status"), True),
    Field("household_size", "int", "People in the household.", _trait("household_size"), True),
    Field("tier", "text", "The tier of the card.", _trait("tier"), True),
    Field("company", "text", "The company that a business customer buys for.", _part("company", "name"), True),
    Field("sector", "text", "Its sector.", _part("company", "sector"), True),
    Field("company_size", "text", "Its size, as stated.", _part("company", "size"), True),
    Field("company_staff", "int", "How many people work there.", _part("company", "staff"), True),
    Field("company_years", "int", "Years since the one of its foundation.", relationship.company_years, True),
    Field("relations", "texts", "What the company has recorded, such as key_account.", relationship.relations, True),
    Field("account_owner", "text", "Who is responsible for the customer.", relationship.account_owner, True),
    Field(
        "account_since", "instant", "Since when the oldest of these relations holds.", relationship.account_since, True
    ),
    Field("complaints_open", "int", "Complaints that are not settled.", relationship.complaints_open),
    Field(
        "complaint_severity",
        "text",
        "Their greatest severity: high, medium, low.",
        relationship.complaint_severity,
        True,
    ),
    Field("complaint_since", "instant", "When the first of these was made.", relationship.complaint_since, True),
    Field(
        "last_complaint", "instant", "When the last complaint was made, settled or not.", _stored("complained"), True
    ),
    Field(
        "nps", "int", "The latest answer to whether the customer would recommend us, 0 to 10.", relationship.nps, True
    ),
    Field("nps_group", "text", "promoter from 9 on, passive from 7 on, else detractor.", relationship.nps_group, True),
    Field("nps_at", "instant", "When that was answered.", relationship.nps_at, True),
    Field(
        "csat",
        "int",
        "The latest answer to how satisfied the customer is, in percent of its scale.",
        relationship.csat,
        True,
    ),
    Field("csat_at", "instant", "When that was answered.", relationship.csat_at, True),
    Field(
        "satisfaction",
        "int",
        "The latest score, nps or csat, in percent of its scale.",
        relationship.satisfaction,
        True,
    ),
    Field("satisfaction_at", "instant", "When it was given.", relationship.satisfaction_at, True),
    Field(
        "satisfaction_before", "int", "The score of the same kind before it.", relationship.satisfaction_before, True
    ),
    Field(
        "satisfaction_fall", "int", "How much less the latest score is than that.", relationship.satisfaction_fall, True
    ),
    Field("stated_motives", "texts", "Why the customer buys here, as answered in a survey.", _trait("motives"), True),
    Field(
        "purpose", "text", "What is bought for: personal, gift, work, resale, or as stated.", _trait("purpose"), True
    ),
    Field("proficiency", "text", "beginner, intermediate or expert, as stated.", _trait("proficiency"), True),
    Field("points_lapse_at", "instant", "When the next points lapse.", relationship.points_lapse_at, True),
    Field("points_lapsing", "int", "How many points lapse then.", relationship.points_lapsing, True),
    *computed.FIELDS,
)

RANKED = frozenset({"recency_score", "frequency_score", "monetary_score", "top_percent", "vital"})
"""Where a customer stands among all others."""

PLAIN: Mapping[str, str] = {field.name: field.read for field in FIELDS if isinstance(field.read, str)}
"""Source of those that are nothing but looked up."""

READ: Mapping[str, Read] = {
    field.name: eval(f"lambda view: {field.read}") if isinstance(field.read, str) else field.read  # noqa: S307 - see above
    for field in FIELDS
}
