"""docs/identity.md: its table of rules is what ships, and its examples come out as it says, in any order."""

from __future__ import annotations

import random
import re

import pytest

from ops.commands.identity import app, review
from processors.apply import apply
from processors.identity_rules import Tier, identity_rules
from processors.settle import settle
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Standing, node_of, parse_identifier
from schemas.judgements import Judgement, Kind
from sinks.memory import MemoryStore
from tests.identity_page import PAGE, Command, Example, Owned, Row, examples, owned, tables
from tests.stories import DAY, NOW, RULES, part, verified

EXAMPLES = examples()
NOBODY = "nobody"
SHOWN = ("crm.customer_links", "crm.customer_identifiers")
"""What follows from the facts alone. Reviews and changes of ids depend on the order of events: see the integration test."""


def customers(store: MemoryStore) -> set[tuple[frozenset[str], tuple[int, ...]]]:
    """The own identifiers and the days of the events of each customer; all that is nobody's together."""
    own: dict[str, set[str]] = {}
    days: dict[str, list[int]] = {}
    for member in store.tables.members.values():
        own.setdefault(member.customer or NOBODY, set()).add(owned(member.identifier, member.since))
    for event, node in store.tables.events.values():
        days.setdefault(store.tables.customer(node) or NOBODY, []).append(int(event.id))
    assert set(days) <= set(own)
    return {(frozenset(names), tuple(sorted(days.get(customer, ())))) for customer, names in own.items()}


def rows(store: MemoryStore) -> set[Row]:
    """What the views of crm say of links and identifiers."""
    found = {
        Row("crm.customer_links", (str(a), str(b)), f"{why.code}: {why.message}")
        for (a, b), why in store.tables.refused.items()
    }
    whys = {member.identifier: member.why for member in store.tables.members.values() if member.why}
    for a, b, _ in store.tables.links:
        found |= {
            Row("crm.customer_links", (str(a), str(b)), f"quarantined: {each.kind}: {whys[each]}")
            for each in (a, b)
            if each in whys
        }
    for member in store.tables.members.values():
        if member.customer is not None and member.standing is Standing.QUARANTINED:
            found.add(Row("crm.customer_identifiers", (str(member.identifier),), "quarantined"))
        if member.since:
            day = owned(member.identifier, member.since).rpartition(" ")[2]
            found.add(Row("crm.customer_identifiers", (str(member.identifier),), f"changed hands on day {day}"))
    return found


def judge(store: MemoryStore, command: Command) -> None:
    """Carry out a command as `ops.identity` does."""
    who = [parse_identifier(name) for name in command.who]
    own: dict[str | None, list[Identifier]] = {}
    for member in store.tables.members.values():
        own.setdefault(member.customer, []).append(member.identifier)
    left, right = who[:1], who[1:]
    if command.verb == "split":
        left, whole = who[1:], own[store.tables.customer(node_of(who[0]))]
        right = [each for each in whole if each not in left]
    kind = {"split": Kind.APART, "never": Kind.APART, "join": Kind.JOIN, "block": Kind.BLOCK, "trust": Kind.TRUST}
    number = len(store.tables.judgements) + 1
    store.judge(Judgement(number, kind[command.verb], tuple(left), tuple(right)))


def run(example: Example, store: MemoryStore, batch: int, chance: random.Random | None = None) -> None:
    events = [step for step in example.steps if isinstance(step, CleanEvent)]
    if chance is not None:
        chance.shuffle(events)
    for at in range(0, len(events), batch):
        apply(store, [part(events[at : at + batch], at)], RULES, NOW)
        settle(store, RULES, NOW)
    for step in example.steps:
        if isinstance(step, Command):
            judge(store, step)
            settle(store, RULES, NOW)
        elif isinstance(step, CleanEvent):
            continue
        elif isinstance(step[0], Owned):
            assert customers(store) == {(each.identifiers, each.days) for each in step if isinstance(each, Owned)}
        else:
            found = rows(store)
            told = {each for each in step if isinstance(each, Row) and each.view in SHOWN}
            assert told <= found
            left_out = {each for each in found - told if not each.says.startswith("quarantined")}
            assert left_out == set()
    verified(store)


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.title for each in EXAMPLES])
def test_an_example_comes_out_as_the_page_says(example: Example) -> None:
    run(example, MemoryStore(), batch=1)


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.title for each in EXAMPLES])
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_an_example_comes_out_the_same_in_any_order(example: Example, batch: int) -> None:
    for seed in range(5):
        run(example, MemoryStore(), batch, random.Random(seed))


def test_the_page_has_an_example_of_each_reason_to_refuse_a_link() -> None:
    told = {
        row.says.partition(":")[0]
        for example in EXAMPLES
        for step in example.steps
        if not isinstance(step, CleanEvent | Command)
        for row in step
        if isinstance(row, Row) and row.view == "crm.customer_links"
    }
    assert told == {"limit", "told_apart", "judgement", "quarantined", "device"}


def test_the_page_tells_every_command_and_no_other() -> None:
    ((_, told),) = [table for table in tables(PAGE.read_text("utf-8")) if table[0][0] == "command"]
    verbs = {re.sub(r" [A-Z].*", "", span) for command, _, _ in told for span in re.findall(r"`([^`]+)`", command)}
    assert verbs == {each.name or each.callback.__name__ for each in app.registered_commands if each.callback} | {
        f"review {each.name or each.callback.__name__}" for each in review.registered_commands if each.callback
    }
    for verb, example in ((command.strip("`").split(" ")[0], example) for command, _, example in told):
        assert example.startswith(f"`portrait identity {verb}")


def test_the_table_of_rules_is_the_rules_that_ship() -> None:
    ((_, told),) = [table for table in tables(PAGE.read_text("utf-8")) if table[0][0] == "kind"]
    rules = identity_rules()
    tiers = {Tier.STRONG: "strong", Tier.WEAK: "weak", Tier.DEVICE: "device"}
    assert told == [
        [
            f"`{rule.name}`",
            "`strong_unique`" if rule.unique else f"`{tiers[rule.tier]}`",
            str(rule.values),
            str(rule.seen_with),
            "" if rule.window is None else str(rule.window // DAY),
        ]
        for rule in rules.kinds.values()
    ]
    assert f"version {rules.version} " in PAGE.read_text("utf-8")
