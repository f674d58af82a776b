"""The logins of a home: a worker that writes rows but changes no table; a reader that sees personal values masked; a finder that
sees where events are, and no value of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from psycopg2.extensions import make_dsn, parse_dsn

from ops.local.home import FINDER_URL, READER_URL, WORKER_URL

ROLES = {WORKER_URL: "portrait_worker", READER_URL: "portrait_reader", FINDER_URL: "portrait_finder"}
"""The setting that keeps the URL of a login → its role."""


class Login(NamedTuple):
    """A user of the database: `role` (of sinks.postgres.migrate.ROLES) says what it may do, `setting` keeps its URL."""

    setting: str
    role: str
    user: str
    password: str


def choose_logins(given: Mapping[str, str], remembered: Mapping[str, str]) -> tuple[Login, ...]:
    """The logins to make: those whose URL is not `given` from outside.

    `remembered` is what `portrait.env` holds: who was made there keeps name and password. Names are unique, because
    users belong to the whole server, which other homes may share.
    """
    return tuple(
        Login(setting, role, *(_kept(remembered.get(setting, ""), role) or _new(role)))
        for setting, role in ROLES.items()
        if not given.get(setting)
    )


def url_of(login: Login, owner_url: str) -> str:
    """`owner_url` (DATABASE_URL, any form that libpq reads) with the name and password of `login` in it."""
    if "://" not in owner_url:
        return str(make_dsn(owner_url, user=login.user, password=login.password))
    parts = urlsplit(owner_url)
    _, _, place = parts.netloc.rpartition("@")
    who = ":".join(quote(word, safe="") for word in (login.user, login.password))
    return parts._replace(netloc=f"{who}@{place}").geturl()


def without_password(url: str) -> str:
    """A database address that may be shown: `postgresql://user@host:port/name`."""
    if "://" not in url:
        return str(make_dsn(**{key: value for key, value in parse_dsn(url).items() if key != "password"}))
    parts = urlsplit(url)
    who, at, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{who.partition(':')[0]}{at}{place}", query="").geturl()


def _kept(url: str, role: str) -> tuple[str, str] | None:
    if not url:
        return None
    if "://" in url:
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    else:
        told = parse_dsn(url)
        user, password = str(told.get("user", "")), str(told.get("password", ""))
    return (user, password) if user.startswith(f"{role}_") and password else None


def _new(role: str) -> tuple[str, str]:
    return f"{role}_{secrets.token_hex(3)}", secrets.token_urlsafe(24)
