"""What a target is: a system that is told of segment changes, with the settings of its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import msgspec

from sinks.postgres.targets import StoredTarget

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
_URL = re.compile(r"https?://[^\s/]+\S*")
_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")
_UNSUBSCRIBE = re.compile(r"mailto:[^\s@<>,]+@[^\s<>,]+|https?://[^\s<>,]+")

Kind = Literal["webhook", "email", "csv"]


class BadTarget(Exception):
    """Something about a target that a person must mend; the message says what."""


class Patience(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long something is tried before it becomes a dead letter.

    `max_attempts` is of one change; the other bound is for a target that has not answered for `max_hours`: from then on, until it
    answers, each change is tried once. `timeout` is seconds for one try.
    """

    max_attempts: int = 20
    max_hours: float = 24.0
    timeout: float = 10.0


class WebhookSettings(Patience, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`secret` says where the signing secret is: env:NAME or file:PATH."""

    url: str
    secret: str


class EmailSettings(Patience, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`password` says where it is: env:NAME or file:PATH. `subject`, `text` and `html` are templates.

    `unsubscribe` is a mailto: or https: address for the header List-Unsubscribe. `require_consent`: whom nobody has asked is not
    written to.
    """

    host: str
    sender: str
    subject: str
    text: str
    html: str | None = None
    port: int = 587
    security: Literal["starttls", "ssl", "none"] = "starttls"
    user: str | None = None
    password: str | None = None
    reply_to: str | None = None
    unsubscribe: str | None = None
    require_consent: bool = True


class CsvSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file every `every_minutes` when something has changed, of which the newest `keep` stay.

    `traits` are columns besides those that are always there; `bom`: with the mark by which Excel knows UTF-8.
    """

    directory: str
    every_minutes: float = 15.0
    traits: tuple[str, ...] = ()
    bom: bool = False
    keep: int = 48


Settings = WebhookSettings | EmailSettings | CsvSettings
_KINDS: dict[str, type[Settings]] = {"webhook": WebhookSettings, "email": EmailSettings, "csv": CsvSettings}
_Read = TypeVar("_Read")


class Target(NamedTuple):
    """A target as it is delivered to. Equal targets are delivered to in the same way."""

    id: int
    name: str
    settings: Settings
    segments: tuple[str, ...] = ()
    actions: tuple[str, ...] = ("entered", "left")
    backfill: bool = False


def target_of(stored: StoredTarget) -> Target:
    """Read a row. Raises BadTarget when its settings are not of its kind."""
    try:
        settings = msgspec.json.decode(stored.settings, type=_KINDS[stored.kind])
    except (msgspec.DecodeError, KeyError) as error:
        raise BadTarget(f"the settings of {stored.name} cannot be read: {error}") from error
    return Target(stored.id, stored.name, settings, stored.segments, stored.actions, stored.backfill)


def check(name: str, settings: Settings) -> None:
    """Whether there can be such a target. Raises BadTarget."""
    _require(_NAME.fullmatch(name), f"{name!r} is no name: small letters, digits and hyphens, such as mail-birthdays")
    match settings:
        case WebhookSettings():
            _require(_URL.fullmatch(settings.url), f"{settings.url!r} is no http: or https: address")
            _require(_SECRET.fullmatch(settings.secret), "name the secret as env:NAME or file:PATH")
        case EmailSettings():
            for told in (settings.sender, *([settings.reply_to] if settings.reply_to else [])):
                _require(_ADDRESS.fullmatch(_inner(told)), f"{told!r} is no e-mail address")
                _require(told.isprintable(), f"{told!r} holds characters that no header may have")
                _require(
                    _inner(told).isascii(), f"{told!r}: the address itself must be ASCII; the name before it need not"
                )
            _require((settings.user is None) == (settings.password is None), "give a user and a password, or neither")
            _require(
                settings.password is None or _SECRET.fullmatch(settings.password),
                "name the password as env:NAME or file:PATH",
            )
            _require(
                settings.unsubscribe is None or _UNSUBSCRIBE.fullmatch(settings.unsubscribe),
                f"{settings.unsubscribe!r} is neither mailto:… nor https://…",
            )
            _require(0 < settings.port < 65536, f"{settings.port} is no port")
        case CsvSettings():
            _require(
                Path(settings.directory).is_absolute(), "name the directory from the root: the service runs elsewhere"
            )
            _require(settings.every_minutes > 0, "the minutes between two files must be more than 0")
            _require(settings.keep >= 1, "keep one file at least")
    if isinstance(settings, Patience):
        _require(settings.max_attempts >= 1, "try once at least")
        _require(settings.max_hours > 0, "the hours must be more than 0")
        _require(0 < settings.timeout <= 120, "the timeout is seconds, up to 120")


def read_secret(where: str, environ: Mapping[str, str]) -> str:
    """The secret at env:NAME or file:PATH, without blanks around it. Raises BadTarget when it is not there."""
    kind, _, place = where.partition(":")
    if kind == "env":
        found = environ.get(place, "").strip()
        _require(found, f"{place} is not set; set it where `portrait activate run` runs (and here), or use file:PATH")
        return found
    try:
        found = Path(place).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadTarget(f"{place} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    _require(found, f"{place} is empty; it should hold the secret")
    return found


def _inner(address: str) -> str:
    """What stands in <>, or all of it."""
    inner = re.fullmatch(r"[^<>]*<([^<>]*)>", address)
    return inner[1] if inner else address


def _require(fulfilled: object, message: str) -> None:
    if not fulfilled:
        raise BadTarget(message)
