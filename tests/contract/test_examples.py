"""Every example message does what it shows.

`valid` events pass the codec and `prepare`; `mended` ones pass without what is wrong in them; `invalid` ones fail.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from processors.prepare import prepare
from processors.reference import load_reference
from schemas import clean, profile
from schemas.clean import CleanEvent
from schemas.codec import read_event, read_json
from schemas.events import EVENT, EVENT_MODELS, EVENT_TYPES, FormSubmittedEvent
from schemas.generate import EXAMPLES, STRUCTS, json_schemas
from schemas.rejected import DeadLetter, Reason, Rejected

RECEIVED_MS = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)
REFERENCE = load_reference({})
SCHEMAS = json_schemas()

VALID = sorted(path for name in EVENT_TYPES for path in (EXAMPLES / name / "valid").iterdir())
INVALID = [
    (EXAMPLES / name / "invalid" / file, expected)
    for name in EVENT_TYPES
    for file, expected in json.loads((EXAMPLES / name / "invalid" / "reasons.json").read_text("utf-8")).items()
]
MENDED = [
    (table.parent / file, problems)
    for table in sorted(EXAMPLES.glob("*/mended/problems.json"))
    for file, problems in json.loads(table.read_text("utf-8")).items()
]
VALUES = sorted(path for struct in STRUCTS for path in (EXAMPLES / struct.__name__ / "valid").iterdir())


def name_of(value: Any) -> str | None:
    return "/".join(value.parts[-3:]) if isinstance(value, Path) else ""


def validator(message: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMAS[message])


def prepared(payload: bytes) -> CleanEvent | Rejected:
    return prepare(payload, origin="events.example/0/0", received_ms=RECEIVED_MS, reference=REFERENCE)


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_a_valid_event_is_read_and_comes_back_the_same_when_written_and_read_again(path: Path) -> None:
    read = read_event(read_json(path.read_bytes()))
    assert not isinstance(read, Rejected), read
    event, problems = read
    assert problems == []
    written = EVENT.dump_json(event, exclude_unset=True)
    assert read_event(read_json(written)) == (event, [])


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_a_valid_event_satisfies_its_json_schema(path: Path) -> None:
    validator(path.parts[-3]).validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_a_valid_event_is_prepared_without_a_problem(path: Path) -> None:
    event = prepared(path.read_bytes())
    assert isinstance(event, CleanEvent), event
    assert (event.type, event.problems) == (path.parts[-3], ())
    assert event.identifiers
    assert clean.decode(clean.encode(event)) == event


@pytest.mark.parametrize(("path", "problems"), MENDED, ids=name_of)
def test_a_mended_event_is_prepared_without_what_is_wrong_in_it(path: Path, problems: list[list[str]]) -> None:
    event = prepared(path.read_bytes())
    assert isinstance(event, CleanEvent), event
    assert sorted(map(list, event.problems)) == sorted(problems)


@pytest.mark.parametrize(("path", "expected"), INVALID, ids=name_of)
def test_an_invalid_event_is_rejected_for_its_reason_at_its_path(path: Path, expected: dict[str, Any]) -> None:
    outcome = prepared(path.read_bytes())
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.reason, outcome.path) == (Reason(expected["reason"]), expected["path"])


@pytest.mark.parametrize(("path", "expected"), INVALID, ids=name_of)
def test_the_json_schema_refuses_an_invalid_event_too_unless_it_is_beyond_a_schema(
    path: Path, expected: dict[str, Any]
) -> None:
    try:
        accepted = validator(path.parts[-3]).is_valid(json.loads(path.read_bytes()))
    except ValueError:
        accepted = True  # not JSON at all: no schema gets to see it
    assert accepted == expected.get("beyond_schema", False)


@pytest.mark.parametrize("path", VALUES, ids=name_of)
def test_an_example_of_what_we_write_satisfies_its_schema_and_round_trips(path: Path) -> None:
    message = path.parts[-3]
    document = json.loads(path.read_bytes())
    validator(message).validate(document)
    struct = next(struct for struct in STRUCTS if struct.__name__ == message)
    value = msgspec.json.decode(path.read_bytes(), type=struct)
    assert msgspec.json.decode(msgspec.json.encode(value), type=struct) == value
    assert set(document) <= {field.encode_name for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize("path", sorted((EXAMPLES / "CleanEvent" / "valid").iterdir()), ids=name_of)
def test_a_clean_event_is_what_prepare_makes_of_the_event_of_the_same_name(path: Path) -> None:
    expected = json.loads(path.read_bytes())
    raw = next(EXAMPLES.glob(f"{expected['type']}/[vm]*/{path.name}")).read_bytes()
    event = prepare(raw, origin=expected["origin"], received_ms=expected["received"], reference=REFERENCE)
    assert isinstance(event, CleanEvent), event
    assert json.loads(clean.encode(event)) == expected


@pytest.mark.parametrize("path", sorted((EXAMPLES / "DeadLetter" / "valid").iterdir()), ids=name_of)
def test_a_dead_letter_holds_the_bytes_that_were_refused(path: Path) -> None:
    letter = msgspec.json.decode(path.read_bytes(), type=DeadLetter)
    outcome = prepared(letter.payload_bytes())
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.reason.value, outcome.path) == (letter.reason, letter.path)


def test_profiles_and_changes_are_read_by_their_own_decoders() -> None:
    for path in (EXAMPLES / "Profile" / "valid").iterdir():
        portrait = profile.decode_profile(path.read_bytes())
        assert profile.decode_profile(profile.encode(portrait)) == portrait
    for path in (EXAMPLES / "SegmentChange" / "valid").iterdir():
        change = profile.decode_segment_change(path.read_bytes())
        assert profile.decode_segment_change(profile.encode(change)) == change
    for path in (EXAMPLES / "IdentityChange" / "valid").iterdir():
        turn = profile.decode_identity_change(path.read_bytes())
        assert profile.decode_identity_change(profile.encode(turn)) == turn


def test_every_example_file_is_used() -> None:
    tables = {*EXAMPLES.glob("*/invalid/reasons.json"), *EXAMPLES.glob("*/mended/problems.json")}
    used = {*VALID, *VALUES, *tables, *(path for path, _ in INVALID), *(path for path, _ in MENDED)}
    assert {path for path in EXAMPLES.rglob("*") if path.is_file()} == used


def test_every_event_type_has_at_least_four_examples_of_each_kind() -> None:
    for name in EVENT_TYPES:
        assert sum(path.parts[-3] == name for path in VALID) >= 4, name
        assert sum(path.parts[-3] == name for path, _ in INVALID) >= 4, name


def test_every_reason_that_prepare_can_give_has_an_example() -> None:
    beyond_one_event = {Reason.SOURCE_NOT_ALLOWED}  # the collector's own, about a caller and not about the bytes
    assert {Reason(expected["reason"]) for _, expected in INVALID} == set(Reason) - beyond_one_event


@pytest.mark.parametrize("message", [*EVENT_TYPES, *(struct.__name__ for struct in STRUCTS)])
def test_the_valid_examples_show_every_field(message: str) -> None:
    schema = SCHEMAS[message]
    shown: set[str] = set()
    for path in (EXAMPLES / message / "valid").iterdir():
        _note_fields(json.loads(path.read_bytes()), schema, schema, shown)
    declared: set[str] = set()
    for part in [schema, *schema.get("$defs", {}).values()]:
        declared |= {f"{part.get('title')}.{name}" for name in part.get("properties", {})}
    shared = {name for name in declared if name.split(".")[0] in ("Address", "Company", "Customer")}
    missing = declared - shown - (shared if message != "web.form_submitted.v1" else set())
    assert missing <= ENVELOPE_EXTRAS, sorted(missing)


ENVELOPE_EXTRAS = {
    f"{model}.{field}"
    for model in (model.__name__ for model in EVENT_MODELS if model is not FormSubmittedEvent)
    for field in ("subject", "datacontenttype", "dataschema")
}
"""Attributes of every event; the examples of one type show them."""


def _note_fields(value: Any, schema: dict[str, Any], root: dict[str, Any], shown: set[str]) -> None:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    for option in schema.get("anyOf", ()):
        _note_fields(value, option, root, shown)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            _note_fields(item, schema["items"], root, shown)
    if isinstance(value, dict):
        for name, field in schema.get("properties", {}).items():
            if name in value:
                shown.add(f"{schema.get('title')}.{name}")
                _note_fields(value[name], field, root, shown)
