"""What people decide about identity, by the commands that they type; and the store equals its facts after each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.rebuild import rebuild
from ops.verify import verify
from processors.settle import settle
from schemas.identifiers import Identifier
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.integration.shop import ask
from tests.property.test_identity import said
from tests.stories import DAY, NOW, RULES, feed
from tests.system.command import Portrait

pytestmark = pytest.mark.integration

CARD, OTHER, PHONE, ZALO = "card_no:844", "card_no:912", "phone:+84901234567", "zalo_id:z1"


class Crm:
    """A small store, and the command that looks at it."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.portrait = Portrait(home, {"PORTRAIT_DATABASE_URL": url, "PORTRAIT_CURRENCY": "VND"})

    def customers(self) -> dict[str, set[str]]:
        """Customer → identifiers."""
        found: dict[str, set[str]] = {}
        for customer, name in ask(self.url, "select customer_id::text, identifier from portrait.identifiers"):
            found.setdefault(customer, set()).add(name)
        return found

    def partition(self) -> list[list[str]]:
        return sorted(sorted(names) for customer, names in self.customers().items() if customer)

    def of(self, identifier: str) -> str:
        """The customer of an identifier."""
        return next(customer for customer, names in self.customers().items() if identifier in names)

    def hash(self) -> str:
        """The hash of the store, which must equal its facts; segments apart, which are as of the time of the command."""
        with closing(PostgresStore(self.url)) as store:
            verdict = verify(store)
            assert verdict.equal, verdict.differences
            return verdict.hash

    def open_reviews(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.portrait.ask("identity", "review", "ls")
        return found


def known(*names: str) -> list[Identifier]:
    return [Identifier(*name.split(":", 1)) for name in names]


@pytest.fixture
def crm(new_database: Callable[[], str], tmp_path: Path) -> Crm:
    """844 and 912 are two cards on one phone; Zalo account z1 is linked to the phone."""
    url = new_database()
    migrate(url)
    with closing(PostgresStore(url)) as store:
        events = [
            said(1, known(CARD), NOW - 9 * DAY),
            said(2, known(OTHER), NOW - 8 * DAY),
            said(3, known(CARD, PHONE), NOW - 7 * DAY),
            said(4, known(OTHER, PHONE), NOW - 6 * DAY),
            said(5, known(PHONE, ZALO), NOW - 5 * DAY),
            said(6, known(ZALO), NOW - 4 * DAY),
        ]
        feed(store, events, batch=1)
    return Crm(url, tmp_path / "home")


def test_a_refused_link_is_shown_with_both_sides_and_can_be_accepted_and_taken_back(crm: Crm) -> None:
    before = crm.hash()
    assert crm.partition() == [[CARD, PHONE, ZALO], [OTHER]]
    (asked,) = crm.open_reviews()
    assert (asked["kind"], asked["a"], asked["b"]) == ("refused", OTHER, PHONE)
    assert (asked["customer"], asked["other"]) == (crm.of(OTHER), crm.of(PHONE))
    assert asked["message"] == "would have 2 card_no, at most 1"

    older = min(crm.of(CARD), crm.of(OTHER))
    crm.portrait.run("identity", "review", "accept", str(asked["number"]), "--why", "asked her", "--by", "lan")
    assert crm.partition() == [[CARD, OTHER, PHONE, ZALO]]
    assert crm.of(CARD) == older
    crm.hash()
    assert crm.open_reviews() == []

    crm.portrait.run("identity", "undo", "1")
    assert crm.partition() == [[CARD, PHONE, ZALO], [OTHER]]
    assert crm.hash() == before
    assert [each["number"] for each in crm.open_reviews()] == [asked["number"]]


def test_a_refused_review_keeps_the_two_apart_and_is_not_asked_again(crm: Crm) -> None:
    (asked,) = crm.open_reviews()
    crm.portrait.run("identity", "review", "refuse", str(asked["number"]))
    with closing(PostgresStore(crm.url)) as store:
        feed(store, [said(7, known(OTHER, PHONE), NOW - 3 * DAY)], first=6)
    assert crm.open_reviews() == []
    assert "was closed" in crm.portrait.refused("identity", "review", "accept", str(asked["number"]))
    assert crm.partition() == [[CARD, PHONE, ZALO], [OTHER]]
    crm.hash()


def test_what_is_split_off_is_as_if_it_had_never_been_linked(crm: Crm, new_database: Callable[[], str]) -> None:
    crm.portrait.run("identity", "split", CARD, "zalo_id:z1", "--why", "not his account")
    assert crm.partition() == [[CARD, PHONE], [OTHER], [ZALO]]
    divided = crm.hash()
    told = crm.portrait.ask("customer", ZALO, "--why")
    assert [(each["a"], each["b"], each["refused"]) for each in told["why"]["links"]] == [(PHONE, ZALO, "judgement")]
    assert [(each["kind"], each["why"]) for each in told["why"]["judgements"]] == [("apart", "not his account")]
    assert [each["action"] for each in told["why"]["turns"]] == ["split"]

    never = new_database()
    migrate(never)
    with closing(PostgresStore(never)) as store:
        apart = [said(5, known(PHONE), NOW - 5 * DAY)]
        feed(store, [said(1, known(CARD), NOW - 9 * DAY), said(3, known(CARD, PHONE), NOW - 7 * DAY)], batch=1)
        feed(store, [*apart, said(6, known(ZALO), NOW - 4 * DAY)], first=2)
    ours = dict(
        ask(
            crm.url,
            "select full_name, (state::jsonb - 'identifiers')::text from portrait.customers where id = %s",
            crm.of(ZALO),
        )
    )
    theirs = dict(
        ask(never, "select full_name, (state::jsonb - 'identifiers')::text from portrait.customers where events = 1")
    )
    assert ours == theirs

    crm.portrait.run("identity", "undo", "1")
    assert crm.partition() == [[CARD, PHONE, ZALO], [OTHER]]
    assert crm.hash() != divided


def test_ids_that_were_given_out_lead_to_the_right_customer_before_during_and_after_a_join(crm: Crm) -> None:
    one, other = crm.of(CARD), crm.of(OTHER)
    resolved = "select crm.resolve(%s)::text, crm.resolve(%s)::text"
    crm.portrait.run("identity", "join", CARD, OTHER, "--why", "one person")
    survivor = min(one, other)
    assert ask(crm.url, resolved, one, other) == [(survivor, survivor)]
    crm.portrait.run("identity", "undo", "1")
    assert ask(crm.url, resolved, one, other) == [(one, other)]
    told = ask(
        crm.url, "select action, customer_id::text, other_customer_id::text from crm.identity_changes order by 1"
    )
    ended = max(one, other)
    assert told == [("merged", ended, survivor), ("split", ended, survivor)]
    assert ask(crm.url, "select version from crm.customers where customer_id = %s", ended)[0][0] > 1


def test_judgements_outlive_a_rebuild(crm: Crm) -> None:
    crm.portrait.run("identity", "never", CARD, OTHER, "--why", "mother and daughter")
    crm.portrait.run("identity", "block", PHONE, "--why", "the hotline")
    before = crm.customers(), crm.hash()
    assert crm.partition() == [[CARD], [OTHER], [PHONE], [ZALO]] or [ZALO] in crm.partition()
    rebuilt = rebuild(crm.url, RULES, time.time_ns() // 1_000_000)  # as the commands did
    assert rebuilt.changed == 0
    assert (crm.customers(), crm.hash()) == before
    assert [each["kind"] for each in crm.portrait.ask("identity", "judgements")] == ["block", "apart"]


def test_what_stands_in_the_way_of_a_decision_is_named(crm: Crm) -> None:
    run, refused = crm.portrait.run, crm.portrait.refused
    assert "are one customer already" in refused("identity", "join", CARD, PHONE, "--why", "x")
    assert "portrait identity split" in refused("identity", "never", CARD, PHONE, "--why", "x")
    assert "nothing would stay" in refused("identity", "split", CARD, CARD, PHONE, ZALO, "--why", "x")
    assert "not of customer" in refused("identity", "split", CARD, OTHER, "--why", "x")
    assert "is not KIND:VALUE" in refused("identity", "block", "0901234567", "--why", "x")
    assert "there is no judgement 9" in refused("identity", "undo", "9")
    assert "there is no review 99" in refused("identity", "review", "accept", "99")
    assert "nobody is known as" in refused("identity", "join", CARD, "card_no:none", "--why", "x")
    run("identity", "never", CARD, OTHER, "--why", "mother and daughter", "--by", "lan")
    said_no = refused("identity", "join", CARD, OTHER, "--why", "x")
    assert "judgement 1 keeps them apart (by lan" in said_no
    assert "identity undo 1" in said_no
    run("identity", "undo", "1")
    assert "was taken back" in refused("identity", "undo", "1")


def test_customers_that_look_like_one_person_are_put_up_for_review_once(crm: Crm) -> None:
    an, bích = (
        {"birthday": "1990-03-04"},
        {"birthday": "1985-11-30", "address": {"street": "7 Hai Bà Trưng", "city": "Huế"}},
    )
    with closing(PostgresStore(crm.url)) as store:
        people = [
            ("card_no:1", an | {"full_name": "Nguyễn Văn An", "address": {"street": "12 Lê Lợi", "city": "Huế"}}),
            ("card_no:2", an | {"full_name": "Nguyen Van An", "address": {"street": "12 Le Loi", "city": "Hue"}}),
            ("card_no:3", bích | {"full_name": "Trần Thị Bích"}),
        ]  # fmt: skip
        events = [said(20 + number, known(name)) for number, (name, _) in enumerate(people)]
        feed(store, [msgspec.structs.replace(e, traits=t) for e, (_, t) in zip(events, people, strict=True)], first=6)
    lines = crm.portrait.run("identity", "suggest", "--json").splitlines()
    (pair,) = [json.loads(line) for line in lines]
    assert {pair["a"], pair["b"]} == {crm.of("card_no:1"), crm.of("card_no:2")}
    assert pair["score"] > 0.9
    assert pair["reasons"]
    (asked,) = [each for each in crm.open_reviews() if each["kind"] == "suggested"]
    crm.portrait.run("identity", "review", "refuse", str(asked["number"]))
    assert crm.portrait.run("identity", "suggest", "--json") == ""
    assert ["card_no:1"] in crm.partition()
    crm.portrait.run("identity", "undo", "1")
    crm.portrait.run("identity", "suggest", "--merge-above", "0.9")
    assert ["card_no:1", "card_no:2"] in crm.partition()
    crm.hash()


def test_too_much_that_hangs_together_is_parked_for_people_and_served_as_it_was(
    new_database: Callable[[], str],
) -> None:
    url = new_database()
    migrate(url)
    narrow = RULES._replace(identity=RULES.identity._replace(largest=10))
    with closing(PostgresStore(url)) as store:
        chain = [
            said(n, [Identifier("card_no", f"c{n // 2}"), Identifier("phone", f"+8490{(n + 1) // 2}")])
            for n in range(24)
        ]
        feed(store, chain, batch=1)
        (kind, waiting) = ask(
            url, "select kind, count(*) from crm.identity_reviews where kind = 'too_large' group by 1"
        ) or ("", 0)  # type: ignore[assignment]
        assert (kind, waiting) == ("", 0)
        ask(url, "insert into portrait.unsettled (identifier) values ('card_no:c0')")
        settle(store, narrow, NOW)
        assert ask(url, "select a, message from crm.identity_reviews where kind = 'too_large'") == [
            ("card_no:c0", "more than 10 identifiers hang together: is this one a person's?")
        ]
        assert verify(store).equal
