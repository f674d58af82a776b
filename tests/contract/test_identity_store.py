"""Who is who, in every profile store: a pure function of the facts, whatever the order, the batches and the settling."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.verify import verify
from processors.settle import settle
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, parse_identifier
from schemas.identity import Refusal
from schemas.judgements import Judgement, Kind
from sinks.memory import MemoryStore
from sinks.store import Partition, Store
from tests.contract.conftest import MakeStore
from tests.property.test_identity import TIGHT, crowds, decisions, facts, said
from tests.stories import NOW, AheadFeed, apply, expected_hash, part

Pairs = Mapping[tuple[Identifier, Identifier], Refusal]
laws = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Contents(NamedTuple):
    """What a store holds of identity. refused: a link's ends → why it does not hold; reviews: those that people are asked about,
    None where a store does not keep count. turns: (action, id, other id), the oldest first."""

    refused: Pairs
    quarantined: Mapping[Identifier, str]
    aliases: Mapping[str, str]
    living: Collection[str]
    anchored: Collection[str]
    turns: Sequence[tuple[str, str, str]]
    reviews: Collection[tuple[Identifier, Identifier]] | None
    unsettled: int


def contents(store: Any) -> Contents:
    if isinstance(store, MemoryStore):
        tables = store.tables
        return Contents(
            refused=tables.refused,
            quarantined={member.identifier: member.why for member in tables.members.values() if member.why},
            aliases=tables.aliases,
            living=set(tables.portraits),
            anchored=set(tables.anchors),
            turns=[(turn.action, turn.customer, turn.other) for turn in tables.turns],
            reviews=None,
            unsettled=len(tables.marks),
        )
    with store.transaction() as tx:

        def rows(statement: str) -> list[tuple[Any, ...]]:
            tx._at.execute(statement)
            found: list[tuple[Any, ...]] = tx._at.fetchall()
            return found

        links = rows("select a, b, refused, refused_because from portrait.links where refused is not null")
        why = rows("select identifier, why from portrait.identifiers where why is not null")
        open_ = rows("select a, b from portrait.reviews where kind = 'refused' and closed_at is null")
        anchored = "select id::text from portrait.{} where anchor is not null"
        return Contents(
            refused={(parse_identifier(a), parse_identifier(b)): Refusal(*reason) for a, b, *reason in links},
            quarantined={parse_identifier(name): reason for name, reason in why},
            aliases=dict(rows("select alias_id::text, customer_id::text from portrait.aliases")),
            living={customer for (customer,) in rows("select id::text from portrait.customers")},
            anchored={
                each
                for (each,) in rows(
                    anchored.format("customers") + " union " + anchored.replace("id::", "alias_id::").format("aliases")
                )
            },
            turns=rows("select action, customer_id::text, other_id::text from portrait.identity_changes order by id"),
            reviews={(parse_identifier(a), parse_identifier(b)) for a, b in open_},
            unsettled=rows("select count(*) from portrait.unsettled")[0][0],
        )


def judge(store: Any, judgement: Judgement) -> None:
    """Enter a judgement: what it names is decided anew."""
    if isinstance(store, MemoryStore):
        store.judge(judgement)
        return
    left, right = ([str(each) for each in side] for side in (judgement.left, judgement.right))
    with store.transaction() as tx:
        tx._at.execute(
            "insert into portrait.judgements (id, kind, left_side, right_side, by, why) overriding system value "
            "values (%s, %s, %s, %s, 'tests', 'because')",
            (judgement.number, judgement.kind.value, left, right),
        )
        mark(tx, left + right)


def undo(store: Any, judgement: Judgement) -> None:
    """Take a judgement back."""
    if isinstance(store, MemoryStore):
        store.undo(judgement.number)
        return
    with store.transaction() as tx:
        tx._at.execute("update portrait.judgements set undone_at = now() where id = %s", (judgement.number,))
        mark(tx, map(str, judgement.named))


def mark(tx: Any, names: Any) -> None:
    tx._at.execute(
        "insert into portrait.unsettled (identifier, judged) select name, true from unnest(%s) as name", (list(names),)
    )


def stored(store: Store, judgement: Judgement) -> bool:
    """Whether all that a judgement names is stored: people judge what they see."""
    named = set(judgement.named)
    return len(store.committed().customers_of(named)) == len(named)


def settle_all(store: Store) -> None:
    while settle(store, TIGHT, NOW):
        pass


def assert_right(store: Store, events: Sequence[CleanEvent], judgements: Sequence[Judgement]) -> None:
    """The store is what all facts say: who is who, why, every portrait, and where every id leads."""
    verdict = verify(store, rules=TIGHT.identity)
    assert verdict.equal, verdict.differences
    assert (verdict.hash, verdict.events) == (expected_hash(events, judgements, TIGHT.identity), len(events))
    partition, held = facts(events, judgements, TIGHT.identity), contents(store)
    assert held.unsettled == 0
    assert reasons(held.refused) == reasons(partition.refused)
    assert held.quarantined == partition.quarantined
    if held.reviews is not None:
        asked = {pair for pair, why in partition.refused.items() if why.code in ("limit", "told_apart", "device")}
        assert held.reviews == asked
    assert set(held.aliases.values()) <= set(held.living)
    assert not set(held.aliases).intersection(held.living)
    assert all(customer < alias for alias, customer in held.aliases.items())
    assert set(held.anchored) >= {*held.living, *held.aliases}
    last = {customer: (action, other) for action, customer, other in held.turns}

    def leads(customer: str) -> str:
        action, other = last.get(customer, ("split", ""))
        return customer if action == "split" else leads(other)

    assert {alias: leads(alias) for alias in held.aliases} == held.aliases
    assert all(leads(customer) == customer for customer in held.living)


def reasons(refused: Pairs) -> Pairs:
    return {pair: why for pair, why in refused.items() if why.code != "quarantined"}


@laws
@given(crowds(), decisions(), st.randoms(use_true_random=False), st.sampled_from([1, 2, 5, 50]), st.booleans())
def test_any_order_and_any_batches_give_the_same_customers_for_the_same_reasons(
    new_store: MakeStore,
    events: list[CleanEvent],
    judgements: list[Judgement],
    chance: random.Random,
    batch: int,
    at_once: bool,
) -> None:
    log = events + [event for event in events if chance.random() < 0.2]
    chance.shuffle(log)
    store = new_store()
    known = {identifier for event in events for identifier in event.identifiers}
    judgements = [each for each in judgements if known.issuperset(each.named)]
    waiting = list(judgements)
    for at in range(0, len(log), batch):
        apply(store, [part(log[at : at + batch], at)], TIGHT, NOW)
        if at_once or chance.random() < 0.5:
            settle_all(store)
        if waiting and chance.random() < 0.3 and stored(store, waiting[-1]):
            judge(store, waiting.pop())
    for judgement in waiting:
        judge(store, judgement)
    settle_all(store)
    assert_right(store, events, judgements)


@laws
@given(crowds(), st.randoms(use_true_random=False), st.sampled_from([1, 3]))
def test_batches_decided_ahead_beside_the_settling_give_the_same(
    new_store: MakeStore, events: list[CleanEvent], chance: random.Random, batch: int
) -> None:
    store = new_store()
    worker = AheadFeed(store, events, batch=batch, rules=TIGHT, settling=lambda: chance.random() < 0.5)
    while not worker.done:
        worker.step()
    settle_all(store)
    assert_right(store, events, [])


@laws
@given(crowds(), decisions(), st.randoms(use_true_random=False), st.sampled_from([1, 3]))
def test_people_may_decide_while_batches_are_decided_ahead(
    new_store: MakeStore, events: list[CleanEvent], judgements: list[Judgement], chance: random.Random, batch: int
) -> None:
    store = new_store()
    worker = AheadFeed(store, events, batch=batch, rules=TIGHT, settling=lambda: chance.random() < 0.5)
    waiting, judged = list(judgements), list[Judgement]()
    while not worker.done:
        worker.step()
        if waiting and chance.random() < 0.5 and stored(store, waiting[-1]):
            judged.append(waiting.pop())
            judge(store, judged[-1])
            settle_all(store)
    settle_all(store)
    assert_right(store, events, judged)


def test_a_value_that_is_trusted_between_decision_and_writing_links_what_was_decided(new_store: MakeStore) -> None:
    phone = Identifier("phone", "p0")
    events = [said(number, [Identifier("email", f"e{number}"), phone]) for number in range(8)]
    store, late = new_store(), said(8, [Identifier("card_no", "c0"), phone])
    apply(store, [part(events, 0)], TIGHT, NOW)
    settle_all(store)
    assert phone in contents(store).quarantined
    worker = AheadFeed(store, [late], batch=1, log=Partition("events.valid", 1), rules=TIGHT)
    worker.step()  # decided, not written
    trusted = Judgement(1, Kind.TRUST, (phone,))
    judge(store, trusted)
    settle_all(store)
    worker.step()
    assert worker.done
    assert worker.stale == 1  # it is decided anew
    settle_all(store)
    assert_right(store, [*events, late], [trusted])


@laws
@given(crowds(), decisions(), st.randoms(use_true_random=False))
def test_a_judgement_undone_is_as_if_it_had_never_been(
    new_store: MakeStore, events: list[CleanEvent], judgements: list[Judgement], chance: random.Random
) -> None:
    store = new_store()
    apply(store, [part(events, 0)], TIGHT, NOW)
    made = [judgement for judgement in judgements if stored(store, judgement)]
    steps: list[Callable[[], None]] = [lambda each=each: judge(store, each) for each in made]  # type: ignore[misc]
    steps += [lambda each=each: undo(store, each) for each in made]  # type: ignore[misc]
    for step in steps:
        step()
        if chance.random() < 0.5:
            settle_all(store)
    settle_all(store)
    assert_right(store, events, [])
