"""What each role may do, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import make_dsn

from ops.local.home import DATABASE_URL, Home
from ops.local.stack import running_postgres
from ops.sources import in_the_store
from ops.trace import trace
from ops.whereabouts import Trace
from sinks.postgres.migrate import ROLES, ensure_login, migrate, migrations, pending
from sinks.store import Retryable
from tests.integration.shop import EMAIL, PASSWORD, Shop, ask, login, open_shop

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shop(new_database: Callable[[], str]) -> Shop:
    return open_shop(new_database)


@pytest.fixture(scope="module")
def untouched_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL in which none of the roles was ever made, as its superuser."""
    with running_postgres(Home.open(tmp_path_factory.mktemp("untouched")), say=lambda _: None) as url:
        yield url


def denied(url: str, statement: str) -> bool:
    try:
        ask(url, statement)
    except errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.parametrize(
    "statement",
    [
        "create table portrait.mine ()",
        "create schema mine",
        "alter table portrait.events add column mine text",
        "create index on portrait.events (time)",
        "drop table portrait.duplicates",
        "drop view crm.customers",
        "truncate portrait.events",
        "update portrait.migrations set version_num = ''",
        "create role mine",
        "set role portrait_owner",
        "set role portrait_pii_reader",
    ],
)
def test_a_worker_can_change_no_table_and_become_nobody_else(shop: Shop, statement: str) -> None:
    assert denied(login(shop.url, "portrait_worker"), statement)


def test_a_worker_reads_and_writes_the_rows_of_every_private_table(shop: Shop) -> None:
    tables = [name for (name,) in shop.ask("select tablename from pg_tables where schemaname = 'portrait' order by 1")]
    may = "has_table_privilege('portrait_worker', 'portrait.' || t, 'select, insert, update, delete')"
    allowed = shop.ask(f"select t, {may} from unnest(%s) as t", tables)
    assert [name for name, ok in allowed if not ok] == []
    assert ask(login(shop.url, "portrait_worker"), "select count(*) from portrait.customers") == [(2,)]


def test_a_worker_may_make_the_temporary_table_of_a_batch(shop: Shop) -> None:
    ask(login(shop.url, "portrait_worker"), "create temporary table incoming (like portrait.customers)")


def test_tables_of_later_migrations_are_the_worker_s_too_and_later_views_the_reader_s(shop: Shop) -> None:
    ask(
        shop.url, "set role portrait_owner; create table portrait.later (x int); create view crm.later as select 1 as x"
    )
    worker, reader = login(shop.url, "portrait_worker"), login(shop.url, "portrait_reader")
    ask(worker, "insert into portrait.later values (1)")
    assert ask(reader, "select x from crm.later") == [(1,)]
    ask(shop.url, "drop table portrait.later; drop view crm.later")


def test_a_worker_can_tell_whether_the_database_is_up_to_date(shop: Shop) -> None:
    assert pending(login(shop.url, "portrait_worker")) == []


@pytest.mark.parametrize("role", ["portrait_reader", "portrait_pii_reader"])
@pytest.mark.parametrize(
    "statement",
    [
        "select * from portrait.customers",
        "select * from portrait.events",
        "select * from portrait.history",
        "select state from portrait.customers",
        "delete from crm.customers",
        "update crm.customers set points = 0",
        "insert into crm.customer_aliases values (gen_random_uuid(), gen_random_uuid(), now())",
        "create table crm.mine ()",
        "set role portrait_owner",
    ],
)
def test_a_reader_sees_schema_crm_only_and_changes_nothing(shop: Shop, role: str, statement: str) -> None:
    assert denied(login(shop.url, role), statement)


def test_a_reader_cannot_make_itself_a_reader_of_personal_data(shop: Shop) -> None:
    reader = login(shop.url, "portrait_reader")
    assert denied(reader, "set role portrait_pii_reader")
    assert denied(reader, "grant portrait_pii_reader to current_user")
    assert ask(reader, "select crm.sees_personal_data()") == [(False,)]


def test_a_reader_s_own_function_sees_masked_values_only(shop: Shop) -> None:
    """PostgreSQL may call a cheap function of the reader's before other conditions: it must not see what they hide."""
    reader = login(shop.url, "portrait_reader")
    spy = """
    create function pg_temp.spy(seen text) returns boolean language plpgsql cost 0.0000001
    as $$ begin
        perform set_config('spy.seen', current_setting('spy.seen', true) || seen || ' ', false);
        return true;
    end $$;
    select set_config('spy.seen', ' ', false);
    """
    for query in (
        "select * from crm.customer_identifiers where pg_temp.spy(value)",
        "select * from crm.customers where pg_temp.spy(email) and pg_temp.spy(phone) and pg_temp.spy(full_name)",
        "select * from crm.events where pg_temp.spy(data::text)",
        "select * from crm.customer_links where pg_temp.spy(a) and pg_temp.spy(b)",
    ):
        ((seen,),) = ask(reader, f"{spy} select count(*) from ({query}) as spied; select current_setting('spy.seen')")
        assert "***" in seen or "hcm-01" in seen, "the spy saw nothing: this test proves nothing"
        assert [secret for secret in (EMAIL, "4901234567", "Trần", "0912", "1000231945500781") if secret in seen] == []


@pytest.mark.parametrize(
    "statement",
    [
        "select body from portrait.events",
        "select id from portrait.events",
        "select * from portrait.events",
        "select payload from portrait.rejected",
        "select key from portrait.rejected",
        "select identifier from portrait.identifiers",
        "select * from portrait.unsettled",
        "select * from portrait.customers",
        "select * from crm.customers",
        "update portrait.positions set next_offset = 0",
        "delete from portrait.rejected",
        "create table portrait.mine ()",
        "set role portrait_worker",
        "set role portrait_owner",
    ],
)
def test_a_finder_sees_no_value_of_an_event_and_changes_nothing(shop: Shop, statement: str) -> None:
    assert denied(login(shop.url, "portrait_finder"), statement)


def test_a_finder_finds_what_the_owner_finds(shop: Shop) -> None:
    finder = login(shop.url, "portrait_finder")
    told, whole = ({each: found(url, each) for each in ("0", "3", "5", "nothing")} for url in (finder, shop.url))
    assert told == whole
    assert {each: [event.customer for event in trace.events] for each, trace in told.items()} == {
        "0": [shop.an],
        "3": [shop.an],
        "5": [shop.bình],
        "nothing": [],
    }
    assert {trace.searched[-1] for trace in told.values()} == {"the store: events of 1 sources, and dead letters"}
    assert in_the_store(finder, stored=False) == in_the_store(shop.url, stored=False)


def found(url: str, event_id: str) -> Trace:
    return trace({DATABASE_URL: url, "PORTRAIT_SPOOL": "off"}, Home(Path("nowhere")), event_id, None)


def test_a_login_gets_its_role_and_can_be_given_another_password(shop: Shop) -> None:
    ensure_login(shop.url, "test_changing", "portrait_reader", "first")
    ensure_login(shop.url, "test_changing", "portrait_reader", 'it\'s \\ "second"')
    changed = str(make_dsn(shop.url, user="test_changing", password='it\'s \\ "second"'))
    assert ask(changed, "select count(*) from crm.customers") == [(2,)]
    with pytest.raises(ValueError, match="portrait_owner"):
        ensure_login(shop.url, "test_changing", "portrait_owner", PASSWORD)


def test_the_server_never_gets_to_know_a_password(shop: Shop) -> None:
    login(shop.url, "portrait_reader")
    ((kept,),) = shop.ask("select rolpassword from pg_authid where rolname = 'test_portrait_reader'")
    assert kept.startswith("SCRAM-SHA-256$")


def test_who_owns_the_database_and_may_create_roles_needs_no_superuser(untouched_server: str) -> None:
    ask(untouched_server, f"create role cloud login createrole nosuperuser nobypassrls password '{PASSWORD}'")
    for name in ("one", "two"):
        ask_alone(untouched_server, f"create database {name} owner cloud")
    port = urlsplit(untouched_server).port
    urls = [f"host=127.0.0.1 port={port} user=cloud password='{PASSWORD}' dbname={name}" for name in ("one", "two")]
    with ThreadPoolExecutor(2) as starting:  # the roles are made here, by both at once
        assert list(starting.map(migrate, urls)) == [[each.revision for each in migrations()]] * 2
    assert migrate(urls[0]) == []
    for role in ROLES:
        ensure_login(urls[0], f"cloud_{role}", role, PASSWORD)
    reader = urls[0].replace("user=cloud", "user=cloud_portrait_reader")
    pii = urls[0].replace("user=cloud", "user=cloud_portrait_pii_reader")
    assert ask(reader, "select count(*), crm.sees_personal_data() from crm.customers") == [(0, False)]
    assert ask(pii, "select count(*), crm.sees_personal_data() from crm.customers") == [(0, True)]


def ask_alone(url: str, statement: str) -> None:
    """Run a statement that may not stand in a transaction."""
    with closing(psycopg2.connect(url)) as opened, opened.cursor() as at:
        opened.autocommit = True
        at.execute(statement)


def test_a_wrong_password_is_no_reason_to_give_up_for_ever(shop: Shop) -> None:
    with pytest.raises(Retryable):
        migrate(shop.url.replace(urlsplit(shop.url).password or "", "wrong"))
