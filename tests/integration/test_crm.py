"""Schema crm on a real PostgreSQL: what it shows, to whom, and by which indexes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from schemas.clean import Account, CleanEvent
from schemas.identifiers import STRENGTH
from schemas.ids import event_key
from schemas.money import MINOR_DIGITS, to_major
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.integration.shop import CARD, EMAIL, EVENTS, NAME, PHONE, Shop, ask, event, login, open_shop
from tests.stories import DAY, NOW, feed

pytestmark = pytest.mark.integration
PAGE = Path(__file__).parents[2] / "docs/data-model.md"


def assigned(number: int, days: int, recorded: Account, **more: str) -> CleanEvent:
    """A relation of Bình's, recorded so many days ago."""
    kind = "crm.account_assigned.v1" if recorded.held else "crm.account_unassigned.v1"
    who = {"facebook_id": "1000231945500781"}
    said = {"customer": who, "relation": recorded.relation, "by": "lan", **more}
    return event(number, days * DAY, who, type=kind, recorded=recorded, data=said)


@pytest.fixture(scope="module")
def shop(new_database: Callable[[], str]) -> Shop:
    """The shop, and that Bình was a project, and is a key account."""
    opened = open_shop(new_database)
    accounts = [
        assigned(7, 3, Account("key_account", owner="Phạm Thu Hà", since=NOW - 30 * DAY), note="Gọi: 0912 345 678"),
        assigned(8, 2, Account("project", owner="Minh", since=NOW - 2 * DAY)),
        assigned(9, 1, Account("project", held=False)),
    ]
    with closing(PostgresStore(opened.url)) as store:
        feed(store, accounts, first=len(EVENTS) + 2)
    return opened


@pytest.fixture(scope="module")
def reader(shop: Shop) -> str:
    return login(shop.url, "portrait_reader")


@pytest.fixture(scope="module")
def pii_reader(shop: Shop) -> str:
    return login(shop.url, "portrait_pii_reader")


def moment(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def ago(days: int) -> datetime:
    return moment(NOW - days * DAY)


def key(number: int) -> str:
    return str(UUID(event_key("/shops/hcm-01", str(number))))


def row(url: str, query: str, *parameters: Any) -> dict[str, Any]:
    """The one row of a query, as an object; only what JSON has."""
    ((found,),) = ask(url, f"select to_jsonb(one) from ({query}) as one", *parameters)
    return dict(found)


def test_a_customer_is_one_row_with_everything_that_is_known(shop: Shop, pii_reader: str) -> None:
    columns = (
        "customer_id, lifecycle, full_name, email, phone, birthday, age_band, gender, province, area, "
        "income_band, language, acquisition_channel, preferred_channel, preferred_store, first_seen_at, last_seen_at, "
        "events, orders, "
        "revenue, currency, revenue_by_currency, average_order, first_order_at, last_order_at, points, "
        "segments, version"
    )
    found = ask(pii_reader, f"select {columns} from crm.customers where customer_id = %s", shop.an)
    assert found == [
        (
            shop.an, "current", NAME, EMAIL, PHONE, date(1991, 8, 17), "25-34", None, "Hà Nội", None, None, None,
            "web:google", "loyalty", "hcm-01", ago(40), ago(2), 6, 3, Decimal(700_000),
            "VND", {"USD": 10.50, "VND": 450_000}, Decimal(233_333), ago(40), ago(10), 12, ["current"], found[0][-1],
        )
    ]  # fmt: skip


def test_everybody_who_lives_has_a_row_and_nobody_else(shop: Shop, reader: str) -> None:
    found = ask(reader, "select customer_id from crm.customers order by customer_id")
    assert found == sorted([(shop.an,), (shop.bình,)])


def test_who_may_not_see_personal_data_sees_it_masked(shop: Shop, reader: str) -> None:
    shown = ask(
        reader, "select full_name, email, phone, birthday, age_band from crm.customers where customer_id = %s", shop.an
    )
    assert shown == [("T. T. A.", "t***@gmail.com", "+8490*****67", None, "25-34")]


def test_identifiers_are_listed_with_the_times_they_were_seen(shop: Shop, pii_reader: str, reader: str) -> None:
    columns = "kind, value, first_seen_at, last_seen_at"
    query = f"select {columns} from crm.customer_identifiers where customer_id = %s order by kind"
    assert ask(pii_reader, query, shop.an) == [
        ("card_no", CARD, ago(30), ago(2)),
        ("email", EMAIL, ago(40), ago(2)),
        ("phone", PHONE, ago(30), ago(30)),
    ]
    assert [value for _, value, _, _ in ask(reader, query, shop.an)] == ["***12", "t***@gmail.com", "+8490*****67"]


def test_a_customer_is_found_by_any_identifier_by_those_who_may_see_it(
    shop: Shop, pii_reader: str, reader: str
) -> None:
    query = "select customer_id from crm.customer_identifiers where kind = %s and value = %s"
    for kind, value in (("email", EMAIL), ("phone", PHONE), ("card_no", CARD)):
        assert ask(pii_reader, query, kind, value) == [(shop.an,)]
        assert ask(reader, query, kind, value) == []


@pytest.mark.parametrize("kind", STRENGTH)
@pytest.mark.parametrize(
    "value", ["x", "12345", "123456", "1234567", "1000231945500781", "a:b:c@d", "@", "", "tran.an@gmail.com"]
)
def test_a_masked_identifier_shows_a_few_characters_at_most(shop: Shop, kind: str, value: str) -> None:
    ((masked,),) = shop.ask("select portrait.masked_identifier(%s)", f"{kind}:{value}")
    assert "***" in masked
    assert value not in masked or len(value) < 2


def test_every_id_that_was_given_out_leads_to_the_living_customer(shop: Shop, reader: str) -> None:
    assert ask(reader, "select alias_id, customer_id, merged_at from crm.customer_aliases") == [
        (shop.till, shop.an, moment(NOW + 60_000))
    ]
    resolved = "select crm.resolve(%s), crm.resolve(%s), crm.resolve(%s), crm.resolve(null)"
    assert ask(reader, resolved, shop.till, shop.an, "00000000-0000-7000-8000-000000000000") == [
        (shop.an, shop.an, None, None)
    ]


def test_segments_say_since_when_and_why(shop: Shop, reader: str) -> None:
    columns = "customer_id, segment, family, since, reason, rule_version"
    assert ask(reader, f"select {columns} from crm.customer_segments order by segment") == [
        (shop.an, "current", "lifecycle", moment(NOW), "Buys, and is neither new nor loyal.", 2),
        (shop.bình, "potential", "lifecycle", moment(NOW), "orders == 0 (orders is 0)", 2),
    ]


def test_every_move_between_segments_is_kept(shop: Shop, reader: str) -> None:
    columns = "segment, family, action, at, reason, rule_version"
    query = f"select {columns} from crm.segment_changes where customer_id = %s order by change_id"
    assert ask(reader, query, shop.till) == [
        ("new", "lifecycle", "entered", moment(NOW), 'within(first_order, "31d") (first_order is 2025-09-09 15:53)', 2),
        ("new", "lifecycle", "left", moment(NOW + 60_000), f"became part of customer {shop.an}", 2),
    ]


def test_a_membership_that_is_over_says_until_when(shop: Shop, reader: str) -> None:
    columns = "segment, since, until, reason, backfill"
    query = f"select {columns} from crm.segment_history where customer_id = %s order by since"
    assert ask(reader, query, shop.till) == [
        (
            "new",
            moment(NOW),
            moment(NOW + 60_000),
            'within(first_order, "31d") (first_order is 2025-09-09 15:53)',
            True,  # that was a month ago
        ),
    ]
    lasting = "select customer_id, segment, since, reason, rule_version from {} order by 1, 2"
    assert ask(reader, lasting.format("crm.segment_history where until is null")) == ask(
        reader, lasting.format("crm.customer_segments")
    )


def test_bounds_say_from_which_value_on_a_customer_has_a_score(shop: Shop, reader: str) -> None:
    found = ask(reader, "select measure, score, from_time, from_value, computed_at from crm.bounds")
    assert {when for *_, when in found} == {moment(NOW)}
    assert sorted((measure, score or 0, time or value) for measure, score, time, value, _ in found) == [
        *(("frequency", score, Decimal(value)) for score, value in ((2, 2), (3, 3), (4, 5), (5, 9))),
        *(("monetary", score, Decimal(100_000 * (score - 1))) for score in (2, 3, 4, 5)),
        *(("recency", score, ago(6 - score)) for score in (2, 3, 4, 5)),
        *(
            ("top", percent, Decimal(least))
            for percent, least in ((1, 900_000), (5, 450_000), (10, 350_000), (20, 250_000))
        ),
        ("vital", 0, Decimal(300_000)),
    ]


def test_the_history_is_that_of_the_customer_they_became(shop: Shop, pii_reader: str) -> None:
    found = ask(
        pii_reader,
        "select event_id, time, type, order_id from crm.events where customer_id = %s order by time",
        shop.an,
    )
    assert found == [
        ("0", ago(40), "web.form_submitted.v1", "W-1"),
        ("1", ago(30), "loyalty.card_scanned.v1", "B-7"),
        ("2", ago(20), "loyalty.card_scanned.v1", "B-7"),
        ("3", ago(10), "loyalty.card_scanned.v1", None),
        ("4", ago(5), "loyalty.card_scanned.v1", None),
        ("6", ago(2), "loyalty.card_scanned.v1", None),
    ]
    assert ask(pii_reader, "select count(*) from crm.events where customer_id = %s", shop.till) == [(0,)]
    assert ask(pii_reader, "select count(*), count(distinct key) from crm.events") == [(10, 10)]


def test_an_event_is_shown_whole_or_without_what_is_personal(shop: Shop, pii_reader: str, reader: str) -> None:
    query = "select * from crm.events where event_id = '0'"
    whole = json.loads(bytes(EVENTS[0].data))
    assert row(pii_reader, query) == {
        "customer_id": shop.an,
        "time": ago(40).isoformat(),
        "received_at": moment(NOW - 40 * DAY + 1_000).isoformat(),
        "type": "web.form_submitted.v1",
        "channel": "web",
        "source": "/shops/hcm-01",
        "event_id": "0",
        "order_id": "W-1",
        "data": whole,
        "problems": [["$.data.customer.gender", "unreadable"]],
        "key": key(0),
    }
    assert row(reader, query)["data"] == {"form": whole["form"], "order": whole["order"], "utm": {"source": "google"}}
    comment = row(reader, "select * from crm.events where event_id = '5'")
    assert (comment["data"], comment["problems"]) == ({"platform": "facebook", "action": "comment"}, [])


def test_an_order_adds_up_all_purchases_with_its_id(shop: Shop, reader: str) -> None:
    found = ask(
        reader,
        "select order_id, ordered_at, amount_by_currency, amount, currency, discount, coupons, store, channel, lines, "
        "events, event_key from crm.orders where customer_id = %s order by ordered_at",
        shop.an,
    )

    def line(sku: str, amount: str) -> dict[str, str]:
        return {"sku": sku, "name": "Giày", "category": "shoes", "quantity": "1", "amount": amount}

    web, till, none, base = ("hcm-01", "web"), ("hcm-01", "loyalty"), Decimal(0), "VND"
    assert found == [
        ("W-1", ago(40), {"VND": 300_000}, Decimal(300_000), base, none, 0, *web, [line("S-1", "300000")], 1, key(0)),
        ("B-7", ago(30), {"VND": 200_000}, Decimal(200_000), base, Decimal(5_000), 1, *till,
         [line("S-2", "120000"), line("S-3", "80000")], 2, key(1)),
        (None, ago(10), {"USD": 10.50}, Decimal(250_000), base, none, 0, *till, [line("S-4", "10.50")], 1, key(3)),
    ]  # fmt: skip


def test_a_return_stands_apart(shop: Shop, reader: str) -> None:
    found = ask(
        reader, "select customer_id, returned_at, amount_as_paid, currency_as_paid, amount, event_key from crm.returns"
    )
    assert found == [(shop.an, ago(5), Decimal(-50_000), "VND", Decimal(-50_000), key(4))]


def test_orders_and_returns_are_the_customer_s_revenue(shop: Shop, reader: str) -> None:
    by_event = """
        select customer_id, count(*) filter (where amount >= 0), sum(amount)
        from (select customer_id, amount from crm.orders union all select customer_id, amount from crm.returns) as sale
        group by customer_id
    """
    assert ask(reader, by_event) == ask(
        reader, "select customer_id, orders, revenue from crm.customers where orders > 0"
    )


def test_links_say_which_event_made_two_identifiers_one_customer_s(shop: Shop, pii_reader: str, reader: str) -> None:
    query = "select a, b, customer_id, since, rule, event_key from crm.customer_links order by since"
    assert ask(pii_reader, query) == [
        (f"card_no:{CARD}", f"phone:{PHONE}", shop.an, ago(30), "same_event", key(1)),
        (f"card_no:{CARD}", f"email:{EMAIL}", shop.an, ago(2), "same_event", key(6)),
    ]
    assert [(a, b) for a, b, *_ in ask(reader, query)] == [
        ("card_no:***12", "phone:+8490*****67"),
        ("card_no:***12", "email:t***@gmail.com"),
    ]


def test_what_was_rejected_is_listed_and_its_bytes_are_for_those_who_may_see_them(
    shop: Shop, pii_reader: str, reader: str
) -> None:
    query = "select origin, rejected_at, reason, path, topic, payload, key, replayed_at from crm.rejected_events"
    told = ("events.web/0/17", moment(NOW), "not_json", "$", "events.web")
    assert ask(reader, query) == [(*told, None, None, None)]
    ((*shown, payload, its_key, _),) = ask(pii_reader, query)
    assert (tuple(shown), bytes(payload), bytes(its_key)) == (
        told,
        f"email={EMAIL}".encode(),
        f"email:{EMAIL}".encode(),
    )


def test_no_view_shows_a_reader_anything_personal(shop: Shop, reader: str, pii_reader: str) -> None:
    personal = [EMAIL, PHONE, PHONE[3:], CARD, NAME, "1991", "0912 345 678", "1000231945500781", '"38"']
    views = [name for (name,) in ask(reader, "select viewname from pg_views where schemaname = 'crm' order by 1")]
    seen = {name: str(ask(reader, f"select to_jsonb(v)::text from crm.{name} as v")) for name in views}
    assert {name: secret for name, text in seen.items() for secret in personal if secret in text} == {}
    whole = "".join(str(ask(pii_reader, f"select to_jsonb(v)::text from crm.{name} as v")) for name in views)
    assert [secret for secret in personal if json.dumps(secret)[1:-1] not in whole and secret not in whole] == []


def test_every_view_every_column_and_every_function_says_what_it_is(shop: Shop) -> None:
    silent = shop.ask(
        """
        select c.oid::regclass::text, a.attname::text
        from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = 'crm'::regnamespace
          and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, a.attnum) is null)
        union all
        select oid::regprocedure::text, null from pg_proc
        where pronamespace = 'crm'::regnamespace and obj_description(oid, 'pg_proc') is null
        """
    )
    assert silent == []


def test_columns_that_are_masked_are_those_that_say_personal(shop: Shop) -> None:
    said = shop.ask(
        "select c.relname || '.' || a.attname "
        "from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 "
        "where c.relnamespace = 'crm'::regnamespace and col_description(c.oid, a.attnum) like 'Personal. %' order by 1"
    )
    assert [name for (name,) in said] == [
        "account_history.note", "customer_identifiers.value", "customer_links.a", "customer_links.b",
        "customer_segments.reason", "customers.birthday", "customers.email", "customers.full_name", "customers.phone",
        "events.data",
        "identity_judgements.left_side", "identity_judgements.right_side", "identity_judgements.why",
        "identity_reviews.a", "identity_reviews.b", "identity_reviews.message", "rejected_events.key", "rejected_events.payload",
        "segment_changes.reason", "segment_history.reason",
    ]  # fmt: skip


def test_accounts_are_what_was_recorded_last_and_the_history_has_all_of_it(
    shop: Shop, pii_reader: str, reader: str
) -> None:
    assert ask(reader, "select customer_id, relation, owner, since, assigned_at from crm.accounts") == [
        (shop.bình, "key_account", "Phạm Thu Hà", ago(30), ago(3))
    ]
    query = (
        "select relation, action, at, owner, since, note, recorded_by, event_key from crm.account_history order by at"
    )
    recorded: list[tuple[Any, ...]] = [
        ("key_account", "assigned", ago(3), "Phạm Thu Hà", ago(30), "Gọi: 0912 345 678", "lan", key(7)),
        ("project", "assigned", ago(2), "Minh", ago(2), None, "lan", key(8)),
        ("project", "unassigned", ago(1), None, None, None, "lan", key(9)),
    ]
    assert ask(pii_reader, query) == recorded
    assert ask(reader, query) == [(*row[:5], None, *row[6:]) for row in recorded]
    shown = row(reader, "select * from crm.events where event_id = '7'")
    assert (shown["channel"], shown["data"]) == ("service", {"relation": "key_account"})
    assert ask(reader, "select preferred_channel from crm.customers where customer_id = %s", shop.bình) == [("social",)]


def test_amounts_have_the_digits_of_their_currency(shop: Shop) -> None:
    asked = [(currency, minor) for currency in MINOR_DIGITS for minor in (0, 5, -1_234_567)]
    told = shop.ask(
        "select currency, minor, portrait.major(minor, currency)::text from unnest(%s, %s) as each (currency, minor)",
        [currency for currency, _ in asked],
        [minor for _, minor in asked],
    )
    assert told == [(currency, minor, to_major(minor, currency)) for currency, minor in asked]


@pytest.fixture(scope="module")
def crowd(new_database: Callable[[], str]) -> str:
    """Customers enough that a scan is never the best plan to find one, some of them merged."""
    url = new_database()
    migrate(url)
    ask(url, (Path(__file__).parent / "crowd.sql").read_text("utf-8"))
    ask(url, "analyze")
    return url


def plan(url: str, query: str) -> str:
    return "\n".join(line for (line,) in ask(url, f"explain (analyze, timing off, summary off) {query}"))


def nodes_run(plan: str) -> str:
    """A plan without the branches that were never executed."""
    kept: list[str] = []
    skipped_at: int | None = None
    for line in plan.splitlines():
        depth = len(line) - len(line.lstrip())
        if skipped_at is not None and depth > skipped_at:
            continue
        skipped_at = depth if "never executed" in line else None
        if skipped_at is None:
            kept.append(line)
    return "\n".join(kept)


SOMEBODY = "0190004d-0000-7000-8000-00000000004d"


@pytest.mark.parametrize("role", ["portrait_reader", "portrait_pii_reader"])
@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (f"select * from crm.customers where customer_id = '{SOMEBODY}'", {"customers_pkey"}),
        (f"select * from crm.customer_identifiers where customer_id = '{SOMEBODY}'", {"identifiers_of_customer"}),
        (f"select * from crm.customer_segments where customer_id = '{SOMEBODY}'", {"memberships_pkey"}),
        (f"select * from crm.segment_history where customer_id = '{SOMEBODY}'", {"segment_changes_pkey"}),
        (f"select * from crm.customer_aliases where customer_id = '{SOMEBODY}'", {"aliases_of_customer"}),
        (f"select * from crm.events where customer_id = '{SOMEBODY}' order by time", {"events_of_node"}),
        (f"select * from crm.orders where customer_id = '{SOMEBODY}'", {"events_of_node"}),
        (f"select * from crm.returns where customer_id = '{SOMEBODY}'", {"events_of_node"}),
        ("select * from crm.accounts", {"account_events"}),
        ("select * from crm.account_history", {"account_events"}),
    ],
)
def test_what_is_asked_of_one_customer_is_found_by_index(crowd: str, role: str, query: str, indexes: set[str]) -> None:
    run = nodes_run(plan(login(crowd, role), query))
    scanned = [line for line in run.splitlines() if "Seq Scan" in line and "customers anyone" not in line]
    assert (scanned, indexes - set(re.findall(r"(?:using|Index Scan on) (\w+)", run))) == ([], set()), run


def test_the_history_of_a_customer_is_that_of_all_its_identifiers(crowd: str) -> None:
    assert len(ask(crowd, "select key from crm.events where customer_id = %s", SOMEBODY)) == 3


def test_a_value_is_found_by_index(crowd: str) -> None:
    query = "select * from crm.customer_identifiers where kind = 'email' and value = 'tran.an77@example.vn'"
    run = nodes_run(plan(login(crowd, "portrait_pii_reader"), query))
    assert "identifiers_by_value" in run, run
    assert "Seq Scan" not in run, run
    assert "Gather" not in run, run


def test_who_asks_is_looked_up_once_a_query(crowd: str) -> None:
    run = plan(login(crowd, "portrait_reader"), "select * from crm.customers")
    asked = re.findall(r"InitPlan \d+.*\n +->  Result .*rows=1(?:\.00)? loops=(\d+)", run)
    assert asked == ["1"] * 4, run
    assert "pg_has_role" not in run


def test_only_the_rows_that_are_shown_are_masked(crowd: str) -> None:
    """The sort goes below the masks, so ten rows are masked and not all."""
    query = "select * from crm.customers order by revenue desc limit 10"
    run = plan(login(crowd, "portrait_reader"), query).splitlines()
    assert re.search(
        r"Result .*rows=10(\.00)? loops=\d", "\n".join(run[: next(i for i, each in enumerate(run) if "Sort" in each)])
    )


def examples() -> list[tuple[int, str]]:
    """The SQL blocks of the page, with their line numbers."""
    text = PAGE.read_text("utf-8")
    blocks = re.finditer(r"^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text[: block.start()].count("\n") + 1, block[1]) for block in blocks]


@pytest.mark.parametrize(
    ("line", "query"), examples(), ids=lambda each: f"line {each}" if isinstance(each, int) else ""
)
def test_the_examples_of_the_page_run_as_they_are_written(shop: Shop, pii_reader: str, line: int, query: str) -> None:
    assert ask(pii_reader, query), f"{PAGE.name}:{line} finds nothing, which teaches nothing"


def test_the_page_names_every_view_and_every_column(shop: Shop) -> None:
    text = PAGE.read_text("utf-8")
    columns = shop.ask(
        "select c.relname, array_agg(a.attname::text) "
        "from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 "
        "where c.relnamespace = 'crm'::regnamespace group by 1"
    )
    for view, names in columns:
        section = text.partition(f"### crm.{view}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
        assert section, f"there is no section on crm.{view}"
        assert [name for name in names if f"`{name}`" not in section] == [], f"crm.{view}"
