"""The examples of docs/identity.md on a real PostgreSQL: the views of crm show what the page says that they show."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

import pytest

from ops.identity import Decider
from schemas.clean import CleanEvent
from schemas.judgements import Kind
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.identity_page import Command, Example, Owned, Row, day_of, examples
from tests.integration.shop import ask
from tests.payloads import REFERENCE
from tests.stories import RULES, feed

pytestmark = pytest.mark.integration
EXAMPLES = examples()


def day(at: datetime) -> int:
    return day_of(int(at.timestamp() * 1000))


def customers(url: str) -> set[tuple[frozenset[str], tuple[int, ...]]]:
    """The own identifiers and the days of the events of each living customer."""
    own: dict[str, set[str]] = {}
    days: dict[str, list[int]] = {}
    columns = "customer_id::text, kind || ':' || value, changed_hands_at"
    for customer, name, since in ask(url, f"select {columns} from crm.customer_identifiers"):
        own.setdefault(customer, set()).add(name if since is None else f"{name} from day {day(since)}")
    for customer, at in ask(url, "select customer_id::text, time from crm.events"):
        days.setdefault(customer, []).append(day(at))
    assert {customer for (customer,) in ask(url, "select customer_id::text from crm.customers")} == set(own)
    return {(frozenset(names), tuple(sorted(days.get(customer, ())))) for customer, names in own.items()}


def rows(url: str, began: dict[str, str]) -> set[Row]:
    """What the views say; of a change of identity, about the identifier that the id began with."""
    links = ask(url, "select a, b, refused, refused_because from crm.customer_links where refused is not null")
    found = {Row("crm.customer_links", (a, b), f"{code}: {because}") for a, b, code, because in links}
    for name, since, quarantined in ask(
        url, "select kind || ':' || value, changed_hands_at, quarantined from crm.customer_identifiers"
    ):
        if quarantined:
            found.add(Row("crm.customer_identifiers", (name,), "quarantined"))
        if since is not None:
            found.add(Row("crm.customer_identifiers", (name,), f"changed hands on day {day(since)}"))
    for kind, a, b, message in ask(url, "select kind, a, b, message from crm.identity_reviews where closed_at is null"):
        found.add(Row("crm.identity_reviews", (a,) if b is None else (a, b), f"{kind}: {message}"))
    for action, customer, reason in ask(url, "select action, customer_id::text, reason from crm.identity_changes"):
        found.add(Row("crm.identity_changes", (began.get(customer, customer),), f"{action}: {reason}"))
    return found


def carry_out(url: str, command: Command) -> None:
    decider = Decider(url, REFERENCE, RULES, "a test", "an example")
    first, *others = command.who
    if command.verb == "split":
        decider.split(first, others)
    elif command.verb in ("block", "trust"):
        decider.mark(Kind(command.verb), first)
    else:
        {"join": decider.join, "never": decider.never}[command.verb](first, others[0])
    decider.settle()


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.title for each in EXAMPLES])
def test_the_views_show_what_the_page_says(new_database: Callable[[], str], example: Example) -> None:
    url = new_database()
    migrate(url)
    began: dict[str, str] = {}
    with closing(PostgresStore(url)) as store:
        for number, step in enumerate(example.steps):
            if isinstance(step, CleanEvent):
                feed(store, [step], first=number)
                for customer, name in ask(url, "select customer_id::text, identifier from portrait.identifiers"):
                    began.setdefault(customer, name)
            elif isinstance(step, Command):
                carry_out(url, step)
            elif isinstance(step[0], Owned):
                told = {(each.identifiers, each.days) for each in step if isinstance(each, Owned)}
                assert customers(url) == {each for each in told if each[1]}
            else:
                said = {each for each in step if isinstance(each, Row)}
                found = rows(url, began)
                assert said <= found
                views = {each.view for each in said} | {"crm.identity_reviews"}
                unsaid = {each for each in found - said if each.view in views and "quarantined" not in each.says}
                assert {each for each in unsaid if each.view != "crm.identity_changes"} == set()
