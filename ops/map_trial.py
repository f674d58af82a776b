"""What a mapping makes of a sample, without sending anything: for those who write mappings."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from processors.prepare import prepare
from processors.reference import Reference
from producers.files.cells import Unreadable
from producers.files.mapping import FileMapping, MappingError, builtin_kinds, load_mapping
from producers.files.rows import BadRow, open_rows
from producers.forms.event import Arrival, form_event
from producers.forms.mapping import FormMapping, read_form_mapping, text_of
from producers.forms.page_submission import NOT_ANSWERS
from producers.forms.post import URLENCODED, read_post
from producers.forms.submission import Submission, plain, submission
from producers.request.problems import Problem
from producers.yaml_text import read_yaml
from schemas.codec import read_json
from schemas.rejected import Reason, Rejected

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Trial(NamedTuple):
    """`event` is None when none could be made. `refused` is (code, path, message) of why it would not be taken. `unread` are
    the questions that nothing reads; `absent` are the names that the mapping has and the sample has not, each with the nearest
    that it has, or None; `wrong` is (column, why); `unreadable` is (path, code) of what the stream would leave out."""

    event: dict[str, Any] | None
    refused: tuple[str, str, str] | None = None
    unread: tuple[str, ...] = ()
    absent: tuple[tuple[str, str | None], ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def good(self) -> bool:
        """Whether it would be taken, and all of it be understood."""
        return self.event is not None and not (self.refused or self.wrong or self.unreadable)


def read_mapping(name: str) -> FormMapping | FileMapping:
    """The mapping in a file, of a form when it has `questions`; or the built-in one of a kind of file. Raises MappingError."""
    path = Path(name)
    if name in builtin_kinds() and not path.exists():
        return load_mapping(name)
    text = text_of(path)
    try:
        said = read_yaml(text)
    except yaml.YAMLError:
        said = {"questions": None}  # whichever it is of, the one reader says on which line it is wrong
    return load_mapping(path) if isinstance(said, dict) and "questions" not in said else read_form_mapping(text, name)


def try_mapping(mapping: FormMapping | FileMapping, sample: Path, reference: Reference, source: str) -> Trial:
    """What becomes of `sample`: the body of a webhook, or of a form (`name=Lan&email=…`); the first row of a file.

    `source` is the name that the sender has. Raises MappingError when the mapping does not fit the file, OSError, and
    `producers.files.rows.FileError`.
    """
    if isinstance(mapping, FileMapping):
        return _row(mapping, sample, reference, source)
    fields = _fields(sample.read_bytes())
    if isinstance(fields, Rejected):
        return Trial(None, (fields.reason, fields.path, fields.message))
    submitted = submission(fields, mapping.service.read(fields))
    made = form_event(submitted, mapping, Arrival(source, datetime.now(UTC), "digest-of-the-submission"))
    return _judged(made.event, reference)._replace(
        unread=made.unread, wrong=made.wrong, absent=tuple(_absent(mapping, submitted))
    )


def _fields(body: bytes) -> dict[str, Any] | Rejected:
    read = read_json(body)
    if isinstance(read, list) and read:
        read = read[0]
    if isinstance(read, dict):
        return read
    if body.lstrip()[:1] in (b"{", b"[") or b"=" not in body:
        return read if isinstance(read, Rejected) else _no_submission()
    try:
        fields = read_post(body.strip(), URLENCODED)
    except Problem:
        return _no_submission()
    if isinstance(fields, Rejected):
        return fields
    return {name: value for name, value in fields.items() if name not in NOT_ANSWERS}


def _no_submission() -> Rejected:
    return Rejected(
        Reason.NOT_AN_OBJECT, "$", "the sample is neither a JSON object nor fields such as name=Lan&email=…"
    )


def _row(mapping: FileMapping, sample: Path, reference: Reference, source: str) -> Trial:
    with open_rows(sample, file_format=mapping.format, delimiter=mapping.delimiter, encoding=mapping.encoding) as rows:
        if rows.columns is not None:
            mapping.check_columns(rows.columns)
        row = next(iter(rows), None)
    if row is None:
        raise MappingError(f"{sample} has no rows")
    if isinstance(row, BadRow):
        return Trial(None, wrong=((row.column or f"line {row.line}", row.message),))
    try:
        event = mapping.event(row, mapping.source or f"/import/{source}")
    except Unreadable as error:
        return Trial(None, wrong=((error.column, error.message),))
    unread = tuple(name for name in row.values if name not in mapping.named_columns and row.values[name].strip())
    return _judged(event, reference)._replace(unread=unread)


def _judged(event: dict[str, Any], reference: Reference) -> Trial:
    """What the stream says of it. It is shown as it is sent."""
    payload = _encode(event)
    read = prepare(
        payload, origin="trial/0/0", received_ms=int(datetime.now(UTC).timestamp() * 1000), reference=reference
    )
    shown = json.loads(payload)
    if isinstance(read, Rejected):
        return Trial(shown, (read.reason, read.path, read.message))
    return Trial(shown, unreadable=read.problems)


def _absent(mapping: FormMapping, submitted: Submission) -> list[tuple[str, str | None]]:
    have = [plain(name) for answer in submitted.answers for name in answer.names if name]
    paths = list(submitted.columns)
    absent = []
    for name in sorted(mapping.read_columns - submitted.ambiguous):
        question = name.partition("[")[0] if name.endswith("]") else name
        if submitted.columns.get(name) is None and question not in have and question not in paths:
            near = get_close_matches(question, [*have, *paths], n=1, cutoff=0.75)
            absent.append((name, near[0] if near else None))
    return absent
