"""Accounts, by the commands that people type, through Kafka and a worker into the store; and they outlive a rebuild."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ops.sql import reading, rows
from schemas.identifiers import Standing, node_of, parse_identifier
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.crash.load import Raw, send
from tests.crash.stream import Servers, Stream, stream
from tests.integration.shop import ask
from tests.payloads import encoded, event
from tests.stories import verified
from tests.system.command import Portrait

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def running(servers: Servers) -> Iterator[Stream]:
    """A stream with a worker, and two customers in it: cards 844 and 912."""
    with stream(servers, partitions=2) as begun:
        begun.worker()
        log = []
        for card in ("844", "912"):
            scanned = event("loyalty.card_scanned.v1", id=card)
            scanned["data"]["customer"] = {"card_no": card}
            log.append(Raw("events.loyalty", card.encode(), encoded(scanned)))
        send(begun.kafka, log)
        begun.drain()
        yield begun


@pytest.fixture(scope="module")
def portrait(running: Stream, tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    home: Path = tmp_path_factory.mktemp("accounts") / "home"
    return Portrait(home, {"PORTRAIT_DATABASE_URL": running.url, "PORTRAIT_KAFKA": running.kafka})


def customer(running: Stream, card: str) -> str:
    ((found,),) = running.rows(
        "select customer_id::text from portrait.identifiers where identifier = %s", f"card_no:{card}"
    )
    return str(found)


def held(found: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [(each["customer"], each["relation"], each["owner"]) for each in found]


def segments(running: Stream, card: str) -> set[str]:
    query = "select segment from crm.customer_segments where customer_id = %s and family = 'relationship'"
    return {name for (name,) in running.rows(query, customer(running, card))}


def test_an_account_holds_when_the_command_returns_and_its_history_is_kept(running: Stream, portrait: Portrait) -> None:
    mine, other = customer(running, "844"), customer(running, "912")
    given = ("--owner", "Phạm Thu Hà", "--since", "2026-10-01", "--note", "12 cửa hàng", "--by", "lan")
    told = portrait.run("account", "assign", "card_no:844", "key_account", *given)
    assert told == f"✓ {mine} is key_account; Phạm Thu Hà is responsible\n"
    assert segments(running, "844") == {"key_account", "external"}
    assert held(portrait.ask("account", "assign", "844", "partner", "--owner", "doi.tac@shop.example")) == [
        (mine, "partner", "doi.tac@shop.example"),
        (mine, "key_account", "Phạm Thu Hà"),
    ]
    assert portrait.ask("customer", "844")["accounts"]["partner"]["owner"] == "doi.tac@shop.example"
    assert "key_account, Phạm Thu Hà is responsible" in portrait.run("customer", "844")
    portrait.run("account", "assign", "912", "internal")
    portrait.run("account", "assign", "844", "key_account", "--owner", "Minh", "--by", "lan")
    assert held(portrait.ask("account", "ls")) == [
        (mine, "partner", "doi.tac@shop.example"),
        (mine, "key_account", "Minh"),
        (other, "internal", None),
    ]
    assert held(portrait.ask("account", "ls", "--owner", "MINH")) == [(mine, "key_account", "Minh")]
    assert held(portrait.ask("account", "ls", "--relation", "internal")) == [(other, "internal", None)]

    assert portrait.run("account", "unassign", "844", "--note", "hết hạn").startswith(f"✓ {mine} is no longer ")
    assert segments(running, "844") == set()
    assert segments(running, "912") == {"internal"}
    assert held(portrait.ask("account", "ls")) == [(other, "internal", None)]
    history = portrait.ask("account", "history", mine)
    shown = [(each["action"], each["relation"], each["owner"], each["note"]) for each in history]
    assert sorted(shown[:2]) == [
        ("unassigned", "key_account", None, "hết hạn"),
        ("unassigned", "partner", None, "hết hạn"),
    ]
    assert shown[2:] == [
        ("assigned", "key_account", "Minh", None),
        ("assigned", "partner", "doi.tac@shop.example", None),
        ("assigned", "key_account", "Phạm Thu Hà", "12 cửa hàng"),
    ]
    assert (history[-1]["since"], history[-1]["by"]) == ("2026-09-30 17:00:00+00:00", "lan")


def test_what_the_store_serves_is_what_a_fold_of_its_events_gives(running: Stream, portrait: Portrait) -> None:
    portrait.run("account", "assign", "912", "strategic", "--owner", "Hà")
    with closing(PostgresStore(running.url)) as store:
        verified(store)
    states = running.rows("select state::jsonb -> 'accounts' from portrait.customers where state::jsonb ? 'accounts'")
    from_portraits = {
        (relation, value["owner"]) for (accounts,) in states for relation, (value, *_) in accounts.items() if value
    }
    assert from_portraits == {*running.rows("select relation, owner from crm.accounts")}


def test_what_cannot_be_recorded_is_refused_with_the_reason(running: Stream, portrait: Portrait) -> None:
    before = running.rows("select count(*) from crm.account_history")
    assert "$.data.relation" in portrait.refused("account", "assign", "844", "Key Account")
    assert "nobody is known as" in portrait.refused("account", "assign", "card_no:0", "partner")
    assert "is not partner" in portrait.refused("account", "unassign", "844", "partner")
    assert "give a date" in portrait.refused("account", "assign", "844", "partner", "--since", "soon")
    assert running.rows("select count(*) from crm.account_history") == before


def test_without_a_worker_it_says_that_it_is_sent_and_not_applied_yet(running: Stream, portrait: Portrait) -> None:
    for post in running.posts:
        post.end()
    told = portrait.refused("account", "assign", "844", "exchange", "--wait", "0.3")
    assert "it is sent, and holds as soon as a worker applies it" in told
    assert running.rows("select from crm.accounts where relation = 'exchange'") == []
    running.worker()
    running.drain()
    assert running.rows("select customer_id::text from crm.accounts where relation = 'exchange'") == [
        (customer(running, "844"),)
    ]


def test_an_event_names_its_customer_by_what_still_means_it(new_database: Callable[[], str]) -> None:
    url, one, other = new_database(), "0190004d-0000-7000-8000-00000000004d", "0190004e-0000-7000-8000-00000000004e"
    migrate(url)
    known = (
        ("card_no:1", 0, one, Standing.QUARANTINED),  # stands for nobody
        ("email:an@example.vn", 0, one, Standing.PARKED),
        ("phone:+84901234567", 0, one, Standing.RECYCLED),  # is somebody else's now
        ("phone:+84901234567", 1_700_000_000_000, other, Standing.RECYCLED),
        ("zalo_id:7", 0, one, Standing.PLAIN),
        ("device_id:7", 0, one, Standing.PLAIN),
    )
    for identifier, since, customer_id, standing in known:
        node = node_of(parse_identifier(identifier), since)
        ask(
            url,
            "insert into portrait.identifiers (node, identifier, since, customer_id, standing) values (%s, %s, %s, %s, %s)",
            *(node, identifier, since, customer_id, int(standing)),
        )
    with reading(url) as at:
        assert rows(at, "identifier_for_events", customer=one) == [("zalo_id:7",)]
        assert rows(at, "identifier_for_events", customer=other) == [("phone:+84901234567",)]
