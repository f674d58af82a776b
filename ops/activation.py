"""Targets of activation, as an operator sees them: added, tried, and told again what they would not take."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from ops.local.home import KAFKA, Home, LocalStackError, read_env
from ops.sql import store_errors
from schemas.profile import SegmentChange, decode_segment_change
from sinks.activation.deliver import open_teller
from sinks.activation.email import EmailTarget
from sinks.activation.feed import Feed, Unavailable
from sinks.activation.message import made_up_change
from sinks.activation.outcome import Delivered, Outcome, Skipped
from sinks.activation.service import lag
from sinks.activation.snapshot import write_snapshot
from sinks.activation.targets import (
    BadTarget,
    CsvSettings,
    EmailSettings,
    Settings,
    Target,
    WebhookSettings,
    check,
    target_of,
)
from sinks.activation.templates import BadTemplate, Templates, check_templates
from sinks.postgres.targets import Letter, StoredTarget, Targets
from sinks.store import Refused

KINDS: Mapping[type[Settings], str] = {WebhookSettings: "webhook", EmailSettings: "email", CsvSettings: "csv"}


class Followed(NamedTuple):
    """Which changes a target is told of."""

    segments: tuple[str, ...]
    actions: tuple[str, ...]
    backfill: bool


class Resent(NamedTuple):
    """A dead letter and what came of sending it again: `delivered`, and what the target said or why not."""

    id: int
    change: str
    delivered: bool
    detail: str


@contextmanager
def targets(url: str) -> Iterator[Targets]:
    """The targets in a database. Raises LocalStackError when it cannot be asked."""
    store = Targets(url, application_name="portrait-command")
    try:
        with store_errors(url), _said():
            yield store
    finally:
        store.close()


def environment(home: Path | None) -> dict[str, str]:
    """Where secrets are looked for: the environment, then `portrait.env` of the home, which the service is given, too."""
    return {**read_env(Home.at(home).env_file), **{name: value for name, value in os.environ.items() if value}}


def named(store: Targets, name: str) -> StoredTarget:
    """The target of that name. Raises LocalStackError when there is none."""
    for each in store.all():
        if each.name == name:
            return each
    raise LocalStackError(f"there is no target {name}. List them: portrait activate ls")


def topic_ends(kafka: str) -> dict[int, tuple[int, int]]:
    """Partition of segment-changes → the offset of its first record, and that after its last one. Raises LocalStackError."""
    try:
        feed = Feed(kafka)
        try:
            return feed.ends()
        finally:
            feed.close()
    except Unavailable as error:
        raise LocalStackError(f"Kafka at {kafka}: {error}; see `portrait status`, or set {KAFKA}") from error


def add(
    store: Targets, kafka: str, name: str, settings: Settings, followed: Followed, by: str, environ: Mapping[str, str]
) -> None:
    """Add a target that begins with the changes that come from now on. Raises LocalStackError when it could not work."""
    check(name, settings)
    target = Target(0, name, settings, *followed)
    _try_to_open(target, store, environ)
    positions = {number: end for number, (_, end) in topic_ends(kafka).items()}
    kind, told = KINDS[type(settings)], msgspec.json.encode(settings)
    if not store.add(name, kind, told, by=by, positions=positions, **followed._asdict()):
        raise LocalStackError(f"there is a target {name} already; choose another name, or: portrait activate rm {name}")


def resume(store: Targets, name: str, kafka: str, *, skip_lost: bool) -> int:
    """Go on where it was; with `skip_lost` without the changes that are not there any more. Returns how many partitions moved."""
    target = named(store, name)
    moved: dict[int, int] = {}
    if skip_lost:
        ends, positions = topic_ends(kafka), store.positions(target.id)
        moved = {
            number: first for number, (first, end) in ends.items() if not first <= positions.get(number, first) <= end
        }
    store.resume(target.id, moved)
    return len(moved)


def lags(store: Targets, ends: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """The id of each target → how many changes it has yet to be told."""
    return {each.id: lag(ends, store.positions(each.id)) for each in store.all()}


def try_out(store: Targets, name: str, environ: Mapping[str, str], to: str | None) -> Outcome:
    """Tell a target of a change that nobody made, and say what it answers. `to`: who plays the customer of an e-mail."""
    target = target_of(named(store, name))
    now = datetime.now(UTC)
    if isinstance(target.settings, CsvSettings):
        with store.members(target.segments, with_state=bool(target.settings.traits)) as members:
            return Delivered(f"wrote {write_snapshot(f'{name}-test', target.settings, members, now)}")
    teller = open_teller(target, store, environ)
    change = made_up_change(target, uuid.uuid4(), now)
    try:
        if isinstance(teller, EmailTarget):
            return teller.deliver(change, test=True, to=to)
        return teller.deliver(change, test=True)
    finally:
        teller.close()


def resend(url: str, name: str, letters: Sequence[int], environ: Mapping[str, str]) -> Iterator[Resent]:
    """Tell a target once more what it would not take: the `letters`, none: all that wait, the oldest first.

    With the same key as before, so that who has taken it after all does not take it twice.
    """
    with targets(url) as store, targets(url) as other:
        target = target_of(named(store, name))
        if isinstance(target.settings, CsvSettings):
            raise LocalStackError(f"{name} is a target of files, and has no dead letters")
        waiting = store.letters(target.id)[::-1]
        if unknown := set(letters) - {each.id for each in waiting}:
            raise LocalStackError(
                f"no dead letter of {name} waits with the number {', '.join(map(str, sorted(unknown)))}. "
                f"List them: portrait activate undelivered {name}"
            )
        teller = open_teller(target, other, environ)
        try:
            for letter in waiting:
                if letters and letter.id not in letters:
                    continue
                with store.resending(letter.id) as message:
                    if message is None:
                        yield Resent(letter.id, letter.change, False, "in other hands, or delivered meanwhile")
                        continue
                    delivered, detail = _told(teller.deliver, message)
                    store.resent(letter.id, None if delivered else detail)
                yield Resent(letter.id, letter.change, delivered, detail)
        finally:
            teller.close()


def segment_of(letter: Letter) -> str:
    """What a dead letter says: `entered SEGMENT`, or nothing when it cannot be read."""
    try:
        change = decode_segment_change(letter.message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f"{change.action} {change.segment}"


def _told(deliver: Callable[[SegmentChange], Outcome], message: bytes) -> tuple[bool, str]:
    try:
        change = decode_segment_change(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return False, f"no segment change: {error}"
    match deliver(change):
        case Delivered(answer=answer):
            return True, answer
        case Skipped(why=why):
            return True, f"not to be told any more: {why}"
        case outcome:
            return False, outcome.why


def _try_to_open(target: Target, store: Targets, environ: Mapping[str, str]) -> None:
    """Find out now what would be wrong later. Raises BadTarget."""
    match target.settings:
        case CsvSettings(directory=directory):
            if not os.access(directory, os.W_OK | os.X_OK):
                raise BadTarget(f"{directory} is no directory that can be written to; make it first")
        case EmailSettings() as settings:
            open_teller(target, store, environ).close()
            templates = Templates(settings.subject, settings.text, settings.html)
            check_templates(templates, made_up_change(target, uuid.UUID(int=0), datetime.now(UTC)))
        case WebhookSettings():
            open_teller(target, store, environ).close()


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (BadTarget, BadTemplate) as error:
        raise LocalStackError(str(error)) from error
    except Refused as error:
        raise LocalStackError(f"the database cannot hold this ({error}): is there a NUL character in it?") from error
