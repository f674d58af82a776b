"""Workers that go by different rules of segments: who sees to those that were decided by the rules of before, and when."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import pytest

from ops.status import read_store
from processors.sweep import begin_sweep, go_by
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore

pytestmark = pytest.mark.integration

OLD, NEW = "old", "new"


class Workers:
    """What workers by two sets of rules do to one store; time passes when it is told to."""

    def __init__(self, url: str) -> None:
        migrate(url)
        self.url = url
        self.store = PostgresStore(url)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg2.connect(self.url) as opened, opened.cursor() as at:
            at.execute(statement)
            return at.fetchall() if at.description else []

    def pass_by(self, time: str) -> None:
        """Everything was so long ago."""
        self.ask(
            f"update portrait.sweeps set begun_at = begun_at - '{time}'::interval, used_at = used_at - '{time}'::interval"
        )

    def begin(self, digest: str) -> None:
        """A worker starts with these rules, and evaluates everybody: there is nobody."""
        begin_sweep(self.store, digest)
        with self.store.transaction() as tx:
            if tx.sweep(digest) is not None:
                tx.swept(digest, None)

    @property
    def told(self) -> list[str]:
        """What operators should see to."""
        return [why.partition(":")[0] for _, why in read_store(self.url).failing]

    @property
    def under_way(self) -> list[str]:
        """By which rules everybody is to be evaluated now."""
        with self.store.transaction() as tx:
            return [digest for digest in (OLD, NEW) if tx.sweep(digest) is not None]


@pytest.fixture
def workers(new_database: Callable[[], str]) -> Workers:
    return Workers(new_database())


def test_everybody_is_evaluated_once_more_when_nobody_goes_by_the_rules_of_before(workers: Workers) -> None:
    workers.begin(OLD)
    workers.begin(NEW)
    for _ in range(3):
        workers.pass_by("8 seconds")
        go_by(workers.store, OLD)
        go_by(workers.store, NEW)
        assert workers.under_way == []
    workers.pass_by("11 seconds")
    go_by(workers.store, NEW)
    assert workers.under_way == [NEW]
    workers.begin(NEW)
    workers.pass_by("11 seconds")
    go_by(workers.store, NEW)
    assert workers.under_way == [], "once"


def test_who_is_left_goes_on_when_nobody_goes_by_the_newest_rules_for_long(workers: Workers) -> None:
    workers.begin(NEW)
    begin_sweep(workers.store, OLD)  # a worker of before starts again, and is gone in the middle
    assert workers.under_way == [OLD]
    workers.pass_by("60 seconds")
    go_by(workers.store, NEW)
    assert workers.under_way == [OLD], "it may be starting"
    workers.pass_by("10 minutes")
    go_by(workers.store, NEW)
    assert workers.under_way == [NEW]


def test_a_sweep_that_is_given_up_is_not_begun_anew_by_who_gave_it_up(workers: Workers) -> None:
    workers.begin(OLD)
    begin_sweep(workers.store, NEW)
    with workers.store.transaction() as tx:
        tx.forget_sweep(NEW)
    workers.pass_by("20 minutes")
    go_by(workers.store, NEW)
    assert workers.under_way == []
    workers.begin(OLD)
    workers.pass_by("11 seconds")
    go_by(workers.store, OLD)
    assert workers.under_way == [OLD], "another worker went by those that were given up"


def test_who_gives_up_a_sweep_leaves_that_by_newer_rules_alone(workers: Workers) -> None:
    begin_sweep(workers.store, OLD)
    with workers.store.transaction() as tx:
        assert tx.sweep(OLD) is not None
        begin_sweep(workers.store.beside(), NEW)
        tx.forget_sweep(OLD)
    assert workers.under_way == [NEW]


def test_who_says_by_which_rules_it_goes_does_not_wait_for_who_evaluates_by_them(workers: Workers) -> None:
    begin_sweep(workers.store, NEW)
    used = "select used_at from portrait.sweeps"
    with workers.store.transaction() as tx:
        assert tx.sweep(NEW) is not None
        before = workers.ask(used)
        go_by(workers.store.beside(), NEW)
        tx.swept(NEW, "00000000-0000-0000-0000-000000000001")
    assert workers.ask(used) > before, "that one says it for both"


def test_operators_are_told_when_workers_go_by_different_rules_and_not_of_a_sweep_that_was_given_up(
    workers: Workers,
) -> None:
    workers.begin(OLD)
    workers.begin(NEW)
    go_by(workers.store, OLD)
    assert workers.told == [], "one after the other they take the new ones"
    workers.pass_by("31 seconds")
    assert workers.told == []
    for digest in (OLD, NEW):
        go_by(workers.store, digest)
    assert workers.told == ["workers go by different rules"]
    workers.begin(NEW)
    with workers.store.transaction() as tx:
        tx.forget_sweep(NEW)
    workers.pass_by("31 seconds")
    go_by(workers.store, NEW)
    assert workers.told == []
