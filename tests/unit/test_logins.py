"""Logins: who is made keeps name and password, and who is given from outside is left alone."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest

from ops.local.home import FINDER_URL, READER_URL, WORKER_URL
from ops.logins import Login, choose_logins, url_of, without_password

OWNER = "postgresql://portrait:pa%40ss@127.0.0.1:5432/crm?sslmode=disable"


def test_the_first_time_all_logins_are_new_and_unlike_those_of_another_home() -> None:
    one, other = choose_logins({}, {}), choose_logins({}, {})
    assert [(login.setting, login.role) for login in one] == [
        (WORKER_URL, "portrait_worker"),
        (READER_URL, "portrait_reader"),
        (FINDER_URL, "portrait_finder"),
    ]
    assert {login.user for login in one}.isdisjoint(login.user for login in other)
    assert len({login.password for login in (*one, *other)}) == 6


@pytest.mark.parametrize("owner", [OWNER, "host=127.0.0.1 port=5432 dbname=crm user=portrait password='pa ss'"])
def test_who_was_made_keeps_name_and_password_wherever_the_database_is_now(owner: str) -> None:
    made = choose_logins({}, {})
    remembered = {login.setting: url_of(login, owner) for login in made}
    assert choose_logins({}, remembered) == made


def test_a_login_given_from_outside_is_not_made() -> None:
    given = {WORKER_URL: "postgresql://theirs:secret@db/crm"}
    assert [login.setting for login in choose_logins(given, {})] == [READER_URL, FINDER_URL]


def test_the_address_is_the_owners_with_another_name() -> None:
    parts = urlsplit(url_of(Login(READER_URL, "portrait_reader", "reader_1", "a/b@c"), OWNER))
    assert (parts.username, unquote(parts.password or "")) == ("reader_1", "a/b@c")
    assert (parts.hostname, parts.port) == ("127.0.0.1", 5432)
    assert (parts.path, parts.query) == ("/crm", "sslmode=disable")


def test_a_shown_address_has_no_password() -> None:
    assert without_password(OWNER) == "postgresql://portrait@127.0.0.1:5432/crm"
    assert "secret" not in without_password("host=db user=me password=secret dbname=crm")
