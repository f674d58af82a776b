"""Migrations on a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas import portrait
from sinks.postgres.migrate import migrate, migrations, pending
from sinks.store import Fatal, Retryable
from tests.integration.shop import ask, open_shop

pytestmark = pytest.mark.integration
REVISIONS = [each.revision for each in migrations()]
VERSIONS = Path(__file__).parents[2] / "sinks/postgres/migrations/versions"


def objects(url: str) -> list[tuple[str, ...]]:
    """Every table, view, index and function of the two schemas, with its definition or columns, and its owner."""
    return ask(
        url,
        """
        select c.relkind::text, c.oid::regclass::text, pg_get_userbyid(c.relowner),
               coalesce(
                   pg_get_viewdef(c.oid),
                   string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
               )
        from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace in ('portrait'::regnamespace, 'crm'::regnamespace) group by c.oid
        union all
        select 'f', oid::regprocedure::text, pg_get_userbyid(proowner), pg_get_functiondef(oid)
        from pg_proc where pronamespace in ('portrait'::regnamespace, 'crm'::regnamespace)
        order by 1, 2
        """,
    )


def test_an_empty_database_gets_every_migration_in_order(new_database: Callable[[], str]) -> None:
    url = new_database()
    assert pending(url) == REVISIONS
    assert migrate(url) == REVISIONS
    assert pending(url) == []


def test_migrating_again_changes_nothing(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    before = objects(url)
    assert migrate(url) == []
    assert objects(url) == before


def test_everything_belongs_to_the_owner_role(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    assert {owner for _, _, owner, _ in objects(url)} == {"portrait_owner"}
    owned = ask(url, "select nspname from pg_namespace where pg_get_userbyid(nspowner) = 'portrait_owner' order by 1")
    assert owned == [("crm",), ("portrait",)]


def test_of_several_processes_that_start_at_once_one_migrates(new_database: Callable[[], str]) -> None:
    url = new_database()
    with ThreadPoolExecutor(6) as starting:
        applied = list(starting.map(migrate, [url] * 6))
    assert sorted(applied) == [[]] * 5 + [REVISIONS]


def test_two_databases_of_one_cluster_may_be_migrated_at_once(new_database: Callable[[], str]) -> None:
    urls = [new_database() for _ in range(4)]
    with ThreadPoolExecutor(4) as starting:
        assert list(starting.map(migrate, urls)) == [REVISIONS] * 4


def test_a_migration_that_fails_leaves_nothing_behind(new_database: Callable[[], str]) -> None:
    url = new_database()
    ask(url, "create schema crm")
    with pytest.raises(Fatal, match=r"schema .*crm.* already exists"):
        migrate(url)
    assert ask(url, "select to_regnamespace('portrait')") == [(None,)]
    assert pending(url) == REVISIONS


def test_a_database_that_is_newer_than_the_program_is_left_alone(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    ask(url, "update portrait.migrations set version_num = '9999_of_tomorrow'")
    for attempt in (migrate, pending):
        with pytest.raises(Fatal, match=r"newer than this program.*9999_of_tomorrow"):
            attempt(url)


def test_a_database_that_is_not_there_yet_may_be_tried_again(postgres_server: str) -> None:
    with pytest.raises(Retryable, match="nobody_made_this"):
        migrate(postgres_server.rpartition("/")[0] + "/nobody_made_this")


def test_it_needs_no_file_of_the_directory_that_it_is_started_in(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    program = "import sys; from sinks.postgres.migrate import migrate; print(*migrate(sys.argv[1]))"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, new_database()],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout.split(), run.stderr) == (REVISIONS, "")


def test_hours_that_were_lists_become_names(new_database: Callable[[], str]) -> None:
    shop = open_shop(new_database)
    decoded = portrait.decode(shop.ask("select state from portrait.customers where id = %s", shop.an)[0][0])
    assert decoded.hours
    old = json.loads(portrait.encode(decoded)) | {
        "hours": [decoded.hours.get(str(hour), 0) for hour in range(24)],
        "weekdays": [decoded.weekdays.get(str(day), 0) for day in range(7)],
    }
    shop.ask("update portrait.customers set state = %s where id = %s", json.dumps(old), shop.an)
    shop.ask((VERSIONS / "0007_sparse_hours.sql").read_text())
    states = dict(shop.ask("select id::text, state from portrait.customers"))
    assert portrait.decode(states[shop.an]) == decoded
    assert all(isinstance(portrait.decode(state), portrait.Portrait) for state in states.values())


def test_every_migration_says_what_it_is_about() -> None:
    assert [each for each in migrations() if len(each.about.split()) < 4] == []


def test_every_migration_has_its_sql_beside_it_and_no_sql_is_left_over() -> None:
    assert sorted(path.stem for path in VERSIONS.glob("*.sql")) == sorted(REVISIONS) == REVISIONS
