"""From a job to a segment: what it computed stands with customers, workers evaluate these, the change is told once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from ops.adopters import draw
from ops.computed import Handed, hand_over
from ops.predict import DAYS
from ops.predictions import Order, predict
from ops.rebuild import rebuild
from ops.verify import verify
from processors.apply import Rules
from processors.evaluate import refresh
from processors.segments.catalogue import Catalogue, shipped_catalogue
from schemas.portrait import Listed
from sinks.postgres.store import PostgresStore
from sinks.store import Partition
from tests.integration.shop import ask, event
from tests.integration.test_adopters import SALES, placed, store_of
from tests.integration.test_predictions import Shop, shop, silent
from tests.stories import DAY, NOW, RULES, AheadFeed, feed
from tests.system.command import Portrait

pytestmark = pytest.mark.integration

__all__ = ["shop"]

OTHER = Partition("events.valid", 1)

GROUPS = {
    "innovator": {"C0"},
    "early_adopter": {"C1", "C2"},
    "early_majority": {f"C{n}" for n in range(3, 11)},
    "late_majority": {f"C{n}" for n in range(11, 18)},
    "laggard": {"C18", "C19"},
}
"""As test_adopters works it out by hand."""


def untold(_done: int, _of: int | None) -> None:
    """Progress that nobody is told."""


def shipped() -> Rules:
    """The segments that ship, as one worker has them."""
    return RULES._replace(segments=Catalogue(shipped_catalogue().families, shipped_catalogue().zone))


def evaluated(url: str, rules: Rules) -> int:
    """What a worker does about those who are due; how many there were."""
    with closing(PostgresStore(url)) as store:
        return sum(iter(lambda: refresh(store, rules, NOW), 0))


def members(url: str, family: str) -> dict[str, set[str]]:
    """Segment of this family → card numbers of who is in it."""
    found: dict[str, set[str]] = {}
    query = """
        select held.segment, substr(known.identifier, 9)
        from crm.customer_segments as held join portrait.identifiers as known using (customer_id)
        where held.family = %s and known.identifier like 'card_no:%%'
    """
    for segment, card in ask(url, query, family):
        found.setdefault(segment, set()).add(card)
    return found


def adopting(new_database: Callable[[], str]) -> tuple[str, Rules]:
    """A store whose customers were drawn and are evaluated by all that ships."""
    url, rules = store_of(new_database, SALES), shipped()
    with closing(PostgresStore(url)) as store, store.transaction() as tx:
        tx._at.execute("update portrait.customers set due_at = to_timestamp(%s / 1000.0)", (NOW,))
    evaluated(url, rules)
    draw(url, buyers=20, products=3, after_days=30)
    return url, rules


def test_adopters_enter_their_segments_with_a_reason_and_are_told_once(new_database: Callable[[], str]) -> None:
    url, rules = adopting(new_database)
    assert members(url, "adopters") == {}
    ask(url, "delete from portrait.outbox")
    assert hand_over(url, NOW, untold) == Handed(changed=20, waiting=20)
    assert evaluated(url, rules) == 20
    assert members(url, "adopters") == GROUPS
    ((since, reason, version),) = ask(
        url, "select since, reason, rule_version from crm.customer_segments where segment = 'innovator'"
    )
    assert (since.timestamp() * 1000, version) == (NOW, 1)
    assert reason == 'adopter_group == "innovator" (adopter_group is innovator)'
    changes = ask(
        url, "select change_id, segment, action, backfill from crm.segment_changes where family = 'adopters' order by 1"
    )
    assert sorted(each[1:] for each in changes) == sorted(  # nobody bought lately, and nothing was said of them before
        (segment, "entered", True) for segment, cards in GROUPS.items() for _ in cards
    )
    told = ask(
        url,
        "select change.id from portrait.outbox as entry join portrait.segment_changes as change using (customer_id) "
        "where change.id between entry.first_change_id and entry.change_id",
    )
    assert {number for number, *_ in changes} <= {number for (number,) in told}
    assert len(told) == len(set(told))

    assert hand_over(url, NOW, untold) == Handed(changed=0, waiting=0)
    assert evaluated(url, rules) == 0


def test_whoever_is_no_adopter_any_more_leaves(new_database: Callable[[], str]) -> None:
    url, rules = adopting(new_database)
    hand_over(url, NOW, untold)
    evaluated(url, rules)
    draw(url, buyers=22, products=3, after_days=30)  # no product has so many
    assert hand_over(url, NOW, untold).changed == 20
    evaluated(url, rules)
    assert members(url, "adopters") == {}
    left = "select count(*) from crm.segment_changes where family = 'adopters' and action = 'left'"
    assert ask(url, left) == [(20,)]


@pytest.mark.parametrize("ahead", [False, True])
def test_a_batch_of_events_after_the_job_leaves_the_membership(new_database: Callable[[], str], ahead: bool) -> None:
    url, rules = adopting(new_database)
    hand_over(url, NOW, untold)
    evaluated(url, rules)
    later = [event(9_000 + number, 0, {"card_no": "C0"}) for number in range(4)]
    with closing(PostgresStore(url)) as store:
        if ahead:
            worker = AheadFeed(store, later, batch=1, log=OTHER, rules=rules)
            while not worker.done:
                worker.step()
            assert worker.stale == 0
        else:
            feed(store, later, batch=2, first=len(SALES), rules=rules)
        assert members(url, "adopters") == GROUPS
        changes = "select count(*) from crm.segment_changes where family = 'adopters'"
        assert ask(url, changes) == [(20,)]
        verdict = verify(store, segments=rules.segments, now=NOW)
        assert (verdict.equal, verdict.differences, verdict.segments) == (True, [], True)


def test_killed_in_the_middle_the_next_run_goes_on(new_database: Callable[[], str]) -> None:
    url, rules = adopting(new_database)
    seen: list[tuple[int, int | None]] = []

    class Killed(Exception):
        pass

    def killed(done: int, of: int | None) -> None:
        seen.append((done, of))
        if done >= 10:
            raise Killed

    with pytest.raises(Killed):
        hand_over(url, NOW, killed, most=5)
    assert seen == [(5, 21), (10, 21)]
    done = evaluated(url, rules)
    assert 5 <= done <= 10
    seen.clear()
    assert hand_over(url, NOW, lambda done, of: seen.append((done, of)), most=5).changed == 20 - done
    assert seen == [(5, 21), (10, 21), (15, 21), (20, 21), (21, 21)]
    evaluated(url, rules)
    assert members(url, "adopters") == GROUPS


def test_it_waits_for_workers_and_not_for_ever_when_there_are_none(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, rules = adopting(new_database)
    monkeypatch.setattr("ops.computed.MOST_DUE", 3)
    assert hand_over(url, NOW, untold, most=4, patience_seconds=0.5) == Handed(20, 20)
    evaluated(url, rules)
    draw(url, buyers=22, products=3, after_days=30)
    waiting = []

    def worker(_done: int, _of: int | None) -> None:
        """Looks after those who are due before the next ones are handed over."""
        waiting.append(
            ask(url, "select count(*) from portrait.customers where due_at <= to_timestamp(%s / 1000.0)", NOW)
        )
        evaluated(url, rules)

    assert hand_over(url, NOW, worker, most=4, patience_seconds=0.5).waiting == 0
    assert max(waiting) <= [(4,)]
    assert members(url, "adopters") == {}


def test_jobs_and_the_stream_work_at_the_same_customers_at_once(new_database: Callable[[], str]) -> None:
    """Neither waits for the other for ever, and in the end everybody is where the last run has put them."""
    url, rules = adopting(new_database)
    done = Event()

    def jobs() -> int:
        """Let everybody be an adopter and then nobody, in turns; how often."""
        for run in count(1):
            draw(url, buyers=20 + 2 * (run % 2), products=3, after_days=30)
            hand_over(url, NOW, untold, most=7)
            if done.is_set() and run % 2 == 0:
                return run
        raise AssertionError

    later = [event(9_000 + number, 0, {"card_no": f"C{number % 20}"}) for number in range(600)]
    with ThreadPoolExecutor(1) as pool, closing(PostgresStore(url)) as store:
        running = pool.submit(jobs)
        try:
            for at in range(0, len(later), 30):
                feed(store, later[at : at + 30], first=len(SALES) + at, rules=rules)
                while refresh(store, rules, NOW, 5):
                    pass
        finally:
            done.set()
        assert running.result() >= 2
        evaluated(url, rules)
        assert members(url, "adopters") == GROUPS
        verdict = verify(store, segments=rules.segments, now=NOW)
        assert (verdict.equal, verdict.differences) == (True, [])


def test_a_rebuild_keeps_what_was_computed(new_database: Callable[[], str]) -> None:
    url, rules = adopting(new_database)
    hand_over(url, NOW, untold)
    evaluated(url, rules)
    before, changes = listed(url), ask(url, "select count(*) from crm.segment_changes")
    assert rebuild(url, rules, NOW).changed == 0
    ask(url, "update portrait.customers set state = replace(state, '\"purchases\":', '\"purchases\":9')")
    assert rebuild(url, rules, NOW).changed == len(before)
    assert {each.customer: (each.segments, each.computed) for each in listed(url)} == {
        each.customer: (each.segments, each.computed) for each in before
    }
    assert members(url, "adopters") == GROUPS
    assert ask(url, "select count(*) from crm.segment_changes") == changes
    with closing(PostgresStore(url)) as store:
        assert verify(store, segments=rules.segments, now=NOW).equal


def listed(url: str) -> list[Listed]:
    with closing(PostgresStore(url)) as store, store.snapshot() as snapshot:
        return list(snapshot.served())


def test_who_was_divided_again_is_an_adopter_after_the_next_run(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    url, rules = adopting(new_database)
    hand_over(url, NOW, untold)
    evaluated(url, rules)
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_DATABASE_URL": url})
    survivor, ended = sorted(GROUPS["early_adopter"])
    portrait.run("identity", "join", f"card_no:{survivor}", f"card_no:{ended}", "--why", "one person")
    assert members(url, "adopters")["early_adopter"] == {"C1", "C2"}, "both cards are the survivor's"
    assert ask(url, "select count(*) from crm.customer_segments where segment = 'early_adopter'") == [(1,)]
    portrait.run("identity", "undo", "1")
    assert len(members(url, "adopters")["early_adopter"]) == 1
    assert hand_over(url, NOW, untold).changed == 1
    evaluated(url, rules)
    assert members(url, "adopters") == GROUPS


def test_the_commands_say_so(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = store_of(new_database, SALES)
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_DATABASE_URL": url})
    told = portrait.ask("adopters")
    assert (told["changed"], told["waiting"] >= 20) == (20, True)
    shown = portrait.run("adopters")
    assert "of 0 customers something else is said than before" in shown
    assert "wait to be evaluated: their segments follow" in shown
    assert portrait.ask("customer", "card_no:C0")["adopter_group"] == "innovator"
    assert "as innovator" in portrait.run("customer", "card_no:C0")
    tried = portrait.ask("segments", "try", "innovator", "card_no:C0")
    assert (tried["holds"], tried["in"], tried["stored"]) == (True, True, False)
    assert tried["values"] == {"adopter_group": "innovator"}
    assert "adopter_group is innovator" in portrait.run("segments", "try", "innovator", "card_no:C0")
    own = tmp_path / "early.yaml"
    own.write_text(
        "family: early\nabout: x\nversion: 1\nchoose: every\nsegments:\n"
        '  - {segment: early, about: x, when: \'adopter_group in ["innovator", "early_adopter"]\'}\n',
        "utf-8",
    )
    (previewed,) = portrait.ask("segments", "preview", str(own))
    assert (previewed["then"], previewed["entering"]) == (3, 3)


def truncated(value: float) -> float:
    """Two digits that count, and hundredths at the most."""
    text = f"{value:.12f}"
    whole, _, fraction = text.partition(".")
    if len(whole) >= 2:
        return float(whole[:2] + "0" * (len(whole) - 2))
    return float(f"{whole}.{fraction[: 1 if whole != '0' else 2]}")


def test_predictions_stand_with_customers_by_two_digits_and_decide_segments(shop: Shop) -> None:
    rules = shipped()
    run = shop.predict()
    assert run.customers == 120
    assert hand_over(shop.url, NOW, untold).changed == 120
    evaluated(shop.url, rules)
    said = {
        str(customer): (alive, purchases, int(value), top)
        for customer, alive, purchases, value, top in ask(
            shop.url,
            "select customer_id, p_alive, purchases_90d, value_90d, value_top_percent from crm.customer_predictions",
        )
    }
    values = sorted((value for _, _, value, _ in said.values() if value > 0), reverse=True)
    assert values[0] > values[-1]
    for each in listed(shop.url):
        alive, purchases, value, top = said[each.customer]
        assert each.computed == (None, truncated(alive), truncated(purchases), int(truncated(value)), top)
        if value > 0:
            place = 1 + sum(1 for other in values if other > value)
            bounds = [percent for percent in (1, 5, 10, 20, 50, 100) if place <= -(-percent * len(values) // 100)]
            assert top == bounds[0]
        else:
            assert top is None
        assert ("likely_gone" in each.segments) is (alive < 0.5)
        named = "predicted_high" if top and top <= 10 else "predicted_medium" if top and top <= 50 else "predicted_low"
        assert {name for name in each.segments if name.startswith("predicted_")} == ({named} if top else set())
    assert sum("predicted_high" in each.segments for each in listed(shop.url)) == 12
    assert 0 < sum("likely_gone" in each.segments for each in listed(shop.url)) < 120
    shop.predict()
    assert hand_over(shop.url, NOW, untold).changed == 0, "the same is said of all"


def test_a_day_later_few_are_evaluated_again(shop: Shop) -> None:
    shop.predict()
    hand_over(shop.url, NOW, untold)
    with closing(PostgresStore(shop.url)) as store:
        while refresh(store, shipped(), NOW):
            pass
    predict(shop.url, Order(NOW + DAY, UTC, "VND", "lan", DAYS), silent, keep=True)
    changed = hand_over(shop.url, NOW + DAY, untold).changed
    print(f"of 120 customers, of {changed} something else is said a day later")
    assert changed < 120


def test_the_command_hands_predictions_over_unless_it_is_a_dry_run(shop: Shop) -> None:
    assert "changed" not in shop.portrait.ask("predict", "--dry-run")
    told = shop.portrait.ask("predict")
    assert told["changed"] == 120
    assert ask(shop.url, "select count(*) from portrait.customers where p_alive is not null") == [(120,)]
    assert placed(shop.url) == {}
    shown = shop.portrait.ask("customer", "card_no:7")
    ((alive, purchases, value),) = ask(
        shop.url,
        "select p_alive, purchases_90d, value_90d from crm.customer_predictions where customer_id = %s",
        shop.of("card_no:7"),
    )
    assert (shown["p_alive"], shown["purchases_90d"], shown["value_90d"]) == (alive, purchases, str(value))
    assert f"{purchases:.2f} purchases expected" in shop.portrait.run("customer", "card_no:7")
