"""Why somebody is in a segment, as readers of schema crm see it: the conditions, and no birthday."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from processors.segments.catalogue import shipped_catalogue
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.integration.shop import ask, login
from tests.stories import NOW, RULES, apply, interaction, part

pytestmark = pytest.mark.integration

WHOLE = {
    "age_adult": "age <= 50 (age is 33)",
    "birthday_soon": 'birthday_in("7d") (birthday is 1991-10-12)',
}
MASKED = {"age_adult": "age <= 50 (age is ***)", "birthday_soon": 'birthday_in("7d") (birthday is ***)'}
VIEWS = ("customer_segments", "segment_changes", "segment_history")


def reasons(url: str, view: str) -> dict[str, str]:
    return dict(ask(url, f"select segment, reason from crm.{view} where segment = any(%s)", [*WHOLE]))


@pytest.fixture(scope="module")
def shop(new_database: Callable[[], str]) -> str:
    """The store of one customer, whose birthday is near."""
    url = new_database()
    migrate(url)
    born = msgspec.structs.replace(interaction(0, "An"), traits={"birthday": "1991-10-12"})
    apply(PostgresStore(url), [part([born], 0)], RULES._replace(segments=shipped_catalogue()), NOW)
    return url


@pytest.mark.parametrize("view", VIEWS)
def test_a_reader_sees_the_conditions_and_neither_birthday_nor_age(shop: str, view: str) -> None:
    assert reasons(login(shop, "portrait_pii_reader"), view) == WHOLE
    assert reasons(login(shop, "portrait_reader"), view) == MASKED


def test_what_only_sounds_like_an_age_is_not_masked(shop: str) -> None:
    told = 'age_band == "25-34" && average > 1 (age_band is 25-34, average is 2)'
    several = "age > 3 && orders > 1 (age is 33, orders is 2)"
    masked = ask(shop, "select portrait.masked_reason(%s), portrait.masked_reason(%s)", told, several)
    assert masked == [(told, "age > 3 && orders > 1 (age is ***, orders is 2)")]
