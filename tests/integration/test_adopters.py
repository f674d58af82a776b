"""Who adopts what is new: from purchases worked out by hand, and against a computation of another kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from statistics import median

import pytest

from ops.adopters import draw
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.integration.shop import ask, bought, event
from tests.stories import DAY, feed
from tests.system.command import Portrait

pytestmark = pytest.mark.integration

Sale = tuple[str, str, int, int]
"""Customer, product, quantity, how many days ago."""


def store_of(new_database: Callable[[], str], sales: Iterable[Sale]) -> str:
    """The URL of a store in which this was sold."""
    url = new_database()
    migrate(url)
    events = [
        event(
            number,
            days * DAY,
            {"card_no": customer},
            purchase=bought(1_000 * quantity, None),
            data={"basket": {"items": [{"sku": sku, "quantity": str(quantity), "amount": str(1_000 * quantity)}]}},
        )
        for number, (customer, sku, quantity, days) in enumerate(sales)
    ]
    with closing(PostgresStore(url)) as store:
        feed(store, events)
    return url


def placed(url: str) -> dict[str, tuple[str, float, int]]:
    """Card → group, score, products."""
    query = """
        select substr(known.identifier, 9), found.adopter_group, found.score, found.products
        from crm.customer_adoption as found join portrait.identifiers as known using (customer_id)
    """
    return {card: (group, float(score), products) for card, group, score, products in ask(url, query)}


def twenty(sku: str, first_day: int, order: Iterable[int] = range(20)) -> list[Sale]:
    """Twenty customers buy it, one a day, from so many days ago on, in this order."""
    return [(f"C{who}", sku, 1, first_day - day) for day, who in enumerate(order)]


LAST_FIRST = list(reversed(range(20)))
SALES: list[Sale] = [
    *twenty("OLD", 300, LAST_FIRST),  # sold when the history begins: who bought it before is not known
    *twenty("P", 200),
    *twenty("Q", 150),
    *twenty("R", 100),
    *twenty("FEW", 90, LAST_FIRST)[:19],  # one buyer less than it takes
    ("C19", "P", 1, 199 - 40),  # bought again, and that changes nothing
    ("C19", "Q", -1, 160),  # brought back before anybody bought it
    ("C20", "P", 1, 60),
    ("C20", "Q", 1, 60),  # of two products only
]


def test_customers_stand_where_they_stood_among_the_buyers_of_new_products(new_database: Callable[[], str]) -> None:
    """P and Q have 21 buyers, R 20: the customer n, from 0 on, stands at (n + ½) / 21 in the median."""
    url = store_of(new_database, SALES)
    found = draw(url, buyers=20, products=3, after_days=30)
    assert found.products == 3
    assert found.customers == {
        "innovator": 1,  # 0: ½/21 = 2.4 %
        "early_adopter": 2,  # 1, 2: 7.1 %, 11.9 %; 3 is at 16.7 %
        "early_majority": 8,  # 3 to 10: 10 is at 50 %
        "late_majority": 7,  # 11 to 17: 83.3 %
        "laggard": 2,  # 18: 88.1 %
    }
    expected = {f"C{n}": (round((n + 0.5) / 21, 6), 3) for n in range(20)}
    assert {card: told[1:] for card, told in placed(url).items()} == expected


def test_computing_again_replaces_what_there_was(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = store_of(new_database, SALES)
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_DATABASE_URL": url})
    assert sum(portrait.ask("adopters")["customers"].values()) == 20
    assert portrait.ask("adopters", "--products", "2")["customers"]["laggard"] > 0
    assert placed(url)["C20"] == ("laggard", round((20 + 0.5) / 21, 6), 2)
    assert portrait.ask("adopters", "--after", "0")["products"] == 4
    assert sum(portrait.ask("adopters", "--buyers", "22")["customers"].values()) == 0
    assert placed(url) == {}
    assert "0 products are new" in portrait.run("adopters", "--buyers", "22")


def test_the_reason_says_what_was_computed(new_database: Callable[[], str]) -> None:
    url = store_of(new_database, SALES)
    draw(url, buyers=20, products=3, after_days=30)
    ((reason,),) = ask(url, "select reason from crm.customer_adoption where adopter_group = 'innovator'")
    assert reason == "in the median of 3 products, 2.4 % of the way from the first of their buyers to the last"


def test_it_equals_a_computation_of_another_kind(new_database: Callable[[], str]) -> None:
    chance = random.Random(7)
    sales = [
        (f"C{chance.randrange(40)}", f"S{chance.randrange(6)}", chance.choice([1, 1, 2, -1]), chance.randrange(60))
        for _ in range(900)
    ]
    url = store_of(new_database, sales)
    draw(url, buyers=10, products=4, after_days=0)

    first: dict[str, dict[str, int]] = {}
    for customer, sku, quantity, days in sales:
        if quantity > 0:
            days_ago = first.setdefault(sku, {})
            days_ago[customer] = max(days, days_ago.get(customer, 0))
    places: dict[str, list[float]] = {}
    for adopted in first.values():
        assert len(adopted) >= 10
        for customer, mine in adopted.items():
            before = sum(1 for days in adopted.values() if days > mine)
            together = sum(1 for days in adopted.values() if days == mine)
            places.setdefault(customer, []).append((before + together / 2) / len(adopted))
    expected = {who: (round(median(each), 6), len(each)) for who, each in places.items() if len(each) >= 4}
    found = {card: told[1:] for card, told in placed(url).items()}
    assert found.keys() == expected.keys()
    for card, (score, products) in found.items():
        assert (pytest.approx(expected[card][0], abs=1e-6), expected[card][1]) == (score, products)
