"""Access keys: who may send events, and with which `source`.

The file is YAML, and holds digests, not keys:

    sources:
      - name: web-shop              # appears in metrics
        key_sha256: 9f86d081…       # 64 hex digits
        allow: ["/web/*"]           # globs of CloudEvents `source`; left out: every source
        disabled: false
        events_per_second: 500      # what is more is answered 429; left out: no limit
        request_kb: 64              # a larger request, also when inflated, is answered 413; left out: the limit of the door
        user_id_prefix: outlet      # of the Segment API: `userId` is this site's own, and no customer number of the shop
        public: true                # stands in web pages: calls of the Segment API only, and not all that they say is believed
        webhook: {platform: meta, secret_file: meta.secret}   # a platform sends to /v1/hooks/NAME; see `producers.keys.webhook`
        form: {thanks: "https://shop.example/thanks"}   # a page sends to /v1/forms/NAME; see `producers.keys.page_form`
        old_key_sha256: 60303ae2…   # the key before, which is good as long as `old_key_until` says
        old_key_until: 2026-11-30T09:00:00Z
        traces: true                # may ask where events are, of every sender; sends none

A key is 256 random bits. Nobody can search that space, so a plain SHA-256 protects it as well as a slow password hash
would, and costs a microsecond a request instead of a tenth of a second.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import translate
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from producers.keys.page_form import PageForm
from producers.keys.webhook import Webhook
from producers.versions import version_of
from producers.yaml_text import read_yaml

log = logging.getLogger(__name__)

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_LOOK_AGAIN_SECONDS = 1.0


class KeysError(Exception):
    """The file of keys cannot be read or is not valid. The message says where and why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One sender of events. `allow` are globs; `*` also matches `/`. The key of one that is `public` is known to everybody who
    looks at a web page or into an app. `user_id_prefix` tells the user ids of a site from the shop's customer numbers. The key of
    one that is a `webhook` opens that only. The old key is good until `old_key_until`. One that `traces` asks where events are,
    and sends none."""

    name: str
    key_sha256: str
    allow: tuple[str, ...] = ("*",)
    disabled: bool = False
    events_per_second: int | None = None
    request_kb: int | None = None
    public: bool = False
    user_id_prefix: str | None = None
    webhook: Webhook | None = None
    form: PageForm | None = None
    old_key_sha256: str | None = None
    old_key_until: datetime | None = None
    traces: bool = False
    _allowed: re.Pattern[str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if "*" not in self.allow:
            object.__setattr__(self, "_allowed", re.compile("|".join(map(translate, self.allow)) or r"(?!)"))

    def opened_by(self, digest: str) -> bool:
        """Whether that is of its key, or of the old one while that is good. Takes as long for a wrong one as for a right one."""
        known = hmac.compare_digest(self.key_sha256, digest)
        if hmac.compare_digest(self.old_key_sha256 or "", digest):
            known = self.old_key_until is not None and datetime.now(UTC) < self.old_key_until
        return known

    def most_bytes(self, limit: int) -> int:
        """Of one request, inflated: no more than `limit`, which is that of the door."""
        return limit if self.request_kb is None else min(limit, self.request_kb * 1024)

    def may_send(self, event_source: str) -> bool:
        """Whether this sender may send events whose CloudEvents `source` is `event_source`."""
        return self._allowed is None or self._allowed.match(event_source) is not None


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME)]
    key_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    allow: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] = ["*"]
    disabled: bool = False
    events_per_second: Annotated[int, Field(ge=1)] | None = None
    request_kb: Annotated[int, Field(ge=1)] | None = None
    public: bool = False
    user_id_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,20}$")] | None = None
    webhook: Webhook | None = None
    form: PageForm | None = None
    old_key_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    old_key_until: AwareDatetime | None = None
    traces: bool = False

    @model_validator(mode="after")
    def _asks_or_sends(self) -> _Entry:
        if self.traces and (self.public or self.webhook is not None or self.form is not None):
            raise ValueError("what traces sends nothing, and its key is a secret: not with public, webhook or form")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: list[_Entry] = []


def make_key() -> str:
    """A new key: 256 random bits as 43 characters that need no quoting in a URL."""
    return secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What the file keeps of a key: its SHA-256, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def find_source(sources: Iterable[Source], key: str) -> Source | None:
    """Whose key it is, None when nobody's, disabled, or that of a webhook. Takes as long for a wrong key as for a right one."""
    digest = hash_key(key)
    found = None
    for source in sources:
        if source.opened_by(digest) and not source.disabled and source.webhook is None:
            found = source
    return found


def read_sources(path: Path, *, may_be_empty: bool = True) -> tuple[Source, ...]:
    """Every source in the file; none when it is empty, unless it may not be. Raises KeysError."""
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeysError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KeysError(f"{path} is not YAML: {error}") from error
    if document is None and not may_be_empty:
        raise KeysError(f"{path} is empty; if nobody is to send any more, write `sources: []` into it")
    try:
        entries = _File.model_validate({} if document is None else document).sources
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(map(str, first["loc"])) or "the file"
        raise KeysError(f"{path}: {at}: {first['msg']}") from error
    for what in ("name", "key_sha256"):
        values = [getattr(entry, what) for entry in entries]
        if len(set(values)) != len(values):
            raise KeysError(f"{path}: two sources have the same {what}")
    return tuple(
        Source(
            name=entry.name,
            key_sha256=entry.key_sha256,
            allow=tuple(entry.allow),
            disabled=entry.disabled,
            events_per_second=entry.events_per_second,
            request_kb=entry.request_kb,
            public=entry.public or entry.form is not None,
            user_id_prefix=entry.user_id_prefix,
            webhook=entry.webhook,
            form=entry.form,
            old_key_sha256=entry.old_key_sha256,
            old_key_until=entry.old_key_until,
            traces=entry.traces,
        )
        for entry in entries
    )


class KeyFile:
    """The sources of a file, read again within a second of a change. A broken version is reported, the old one kept."""

    def __init__(self, path: Path) -> None:
        """Raises KeysError when the file cannot be read now."""
        self._path = path
        self._version = version_of(path)
        self._sources = read_sources(path)
        self._unread = ""
        self._looked = time.monotonic()

    @property
    def sources(self) -> tuple[Source, ...]:
        now = time.monotonic()
        if now - self._looked >= _LOOK_AGAIN_SECONDS:
            self._looked = now
            version = version_of(self._path)
            if version != self._version or self._unread:
                self._version = version
                self._read_again()
        return self._sources

    def _read_again(self) -> None:
        before, self._unread = self._unread, ""
        try:
            # Empty is a file that somebody is just writing: who is answered 401 meanwhile may throw away what it sent.
            self._sources = read_sources(self._path, may_be_empty=False)
            log.info("%s: read %d sources", self._path, len(self._sources))
        except KeysError as error:
            if isinstance(error.__cause__, OSError):
                self._unread = str(
                    error
                )  # it may pass, as too many open files do: whoever is shut out must not stay in
            if before != str(error):
                log.error("the keys stay as they were: %s", error)

    def find(self, key: str) -> Source | None:
        """Who sends with this key; None when nobody does, it is disabled, or that of a webhook."""
        return find_source([each for each in self.sources if not each.traces], key)

    def find_tracer(self, key: str) -> Source | None:
        """Who may ask with this key where events are; None when nobody may."""
        return find_source([each for each in self.sources if each.traces], key)

    def named(self, name: str) -> Source | None:
        """The source of this name; None when there is none or it is disabled."""
        return next((each for each in self.sources if each.name == name and not each.disabled), None)
