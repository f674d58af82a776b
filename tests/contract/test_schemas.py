"""The generated contracts are current, sound, and follow the committed ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas.compatibility import breaks
from schemas.events import EVENT_TYPES
from schemas.generate import (
    ASYNCAPI,
    DRAFT,
    GENERATED,
    STRUCTS,
    file_name,
    files,
    incompatible,
    json_schemas,
    main,
    stale,
)
from schemas.identifiers import STRENGTH
from schemas.topics import BY_NAME, TOPICS

SCHEMAS = json_schemas()
MESSAGES = [*EVENT_TYPES, *(struct.__name__ for struct in STRUCTS)]
ASYNCAPI_DOCUMENT = json.loads(files()[ASYNCAPI])

Schema = dict[str, Any]


def test_the_committed_files_are_current_and_compatible(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_there_is_one_schema_for_each_message() -> None:
    assert set(SCHEMAS) == set(MESSAGES)
    assert {path.name for path in GENERATED.iterdir()} == {ASYNCAPI, *(file_name(message) for message in MESSAGES)}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_schema_is_sound_json_schema(message: str) -> None:
    schema = SCHEMAS[message]
    assert schema["$schema"] == DRAFT
    jsonschema.Draft202012Validator.check_schema(schema)
    for reference in references(schema):
        assert reference.removeprefix("#/$defs/") in schema["$defs"]


@pytest.mark.parametrize("message", MESSAGES)
def test_what_is_generated_carries_words_for_people(message: str) -> None:
    for name, part in {message: SCHEMAS[message], **SCHEMAS[message].get("$defs", {})}.items():
        assert part.get("description") or name == "JsonValue", name


@pytest.mark.parametrize("message", EVENT_TYPES)
def test_every_personal_field_says_why_it_is_kept_and_how_long(message: str) -> None:
    parts = SCHEMAS[message]["$defs"]
    for part in ("Customer", "Address", "Company"):
        for name, field in parts[part]["properties"].items():
            if "$ref" in json.dumps(field):
                continue  # a part of its own, which says it for its fields
            assert field["x-purpose"], (part, name)
            assert field["x-keep"].startswith("P"), (part, name)
            assert field["x-sensitivity"] in ("low", "medium", "high"), (part, name)


@pytest.mark.parametrize("message", EVENT_TYPES)
def test_a_customer_needs_an_identifier(message: str) -> None:
    schema = {**SCHEMAS[message]["$defs"]["Customer"], "$defs": SCHEMAS[message]["$defs"]}
    validator = jsonschema.Draft202012Validator(schema)
    assert not validator.is_valid({"full_name": "Nguyễn Văn A"})
    assert not validator.is_valid({"email": None})
    assert not validator.is_valid({"email": ""})
    for kind in STRENGTH:
        assert validator.is_valid({kind: "1"})


def test_a_schema_may_gain_an_optional_field() -> None:
    assert (
        breaks(base(), changed(lambda new: new["$defs"]["Item"]["properties"].update(brand={"type": "string"}))) == []
    )


def test_words_for_people_may_change() -> None:
    def reword(new: Schema) -> None:
        new["description"] = "Said better."
        new["properties"]["sku"]["x-purpose"] = "another purpose"
        new["$defs"]["Item"]["title"] = "Line"

    assert breaks(base(), changed(reword)) == []


def test_a_part_may_be_renamed_while_it_stays_what_it_is() -> None:
    renamed = json.loads(json.dumps(base()).replace("Item", "Line"))
    assert breaks(base(), renamed) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda new: new["properties"].pop("sku"), ["$.sku: the field was removed"]),
        (lambda new: new["required"].append("sku"), ["$.sku: the field became required"]),
        (lambda new: new["required"].remove("id"), ["$.id: the field became optional"]),
        (
            lambda new: new["properties"]["sku"].update(type="integer"),
            ["$.sku.type: 'string' became 'integer'"],
        ),
        (
            lambda new: new["properties"]["sku"].update(maxLength=5),
            ["$.sku: maxLength was added"],
        ),
        (
            lambda new: new["properties"]["sku"].pop("pattern"),
            ["$.sku: pattern was removed"],
        ),
        (
            lambda new: new["properties"]["kind"]["enum"].append("c"),
            ["$.kind.enum: ['a', 'b'] became ['a', 'b', 'c']"],
        ),
        (
            lambda new: new["$defs"]["Item"]["properties"].pop("amount"),
            ["$.items.items.amount: the field was removed"],
        ),
        (
            lambda new: new["$defs"]["Item"].update(required=["amount"]),
            ["$.items.items.amount: the field became required"],
        ),
    ],
)
def test_any_other_change_breaks(change: Callable[[Schema], object], said: list[str]) -> None:
    assert breaks(base(), changed(change)) == said


def test_a_schema_that_contains_itself_is_compared_to_the_end() -> None:
    tree = {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"properties": {"left": {"$ref": "#/$defs/Tree"}, "v": {}}}}}
    pruned = {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"properties": {"left": {"$ref": "#/$defs/Tree"}}}}}
    assert breaks(tree, tree) == []
    assert breaks(tree, pruned) == ["$.v: the field was removed"]


def test_the_check_names_what_is_stale_and_what_is_incompatible(tmp_path: Path) -> None:
    current = files()
    name = file_name("DeadLetter")
    committed = json.loads(current[name])
    committed["properties"]["shelf"] = {"type": "string"}
    for file, text in current.items():
        (tmp_path / file).write_text(text, "utf-8")
    (tmp_path / name).write_text(json.dumps(committed), "utf-8")
    (tmp_path / "fax.received.v1.schema.json").write_text("{}", "utf-8")
    (tmp_path / ASYNCAPI).unlink()
    assert stale(current, tmp_path) == [name, ASYNCAPI, "fax.received.v1.schema.json"]
    assert incompatible(current, tmp_path) == [
        "DeadLetter $.shelf: the field was removed",
        "fax.received.v1 $: the message was removed",
    ]


def test_the_asyncapi_document_has_a_channel_for_each_topic_with_its_settings() -> None:
    channels = ASYNCAPI_DOCUMENT["channels"]
    assert set(channels) == set(BY_NAME)
    for topic in TOPICS:
        binding = channels[topic.name]["bindings"]["kafka"]
        written = {
            key: value[0] if isinstance(value, list) else str(value)
            for key, value in binding["topicConfiguration"].items()
        }
        assert (binding["topic"], written) == (topic.name, topic.config())
        assert channels[topic.name]["address"] == topic.name


def test_the_asyncapi_document_has_an_operation_for_each_writer_and_reader() -> None:
    written = [
        (operation["title"], operation["action"], operation["channel"]["$ref"].removeprefix("#/channels/"))
        for operation in ASYNCAPI_DOCUMENT["operations"].values()
    ]
    declared = [(actor, "send", topic.name) for topic in TOPICS for actor in topic.writers]
    declared += [(actor, "receive", topic.name) for topic in TOPICS for actor in topic.readers]
    assert sorted(written) == sorted(declared)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    for reference in references(ASYNCAPI_DOCUMENT):
        if reference.startswith("./"):
            assert (GENERATED / reference).exists(), reference
            continue
        node = ASYNCAPI_DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]


def test_every_message_is_in_a_channel_and_has_a_payload_and_an_example() -> None:
    messages = ASYNCAPI_DOCUMENT["components"]["messages"]
    in_topics = set(MESSAGES) - {"SegmentMessage"}  # which goes over HTTP
    assert set(messages) == {*in_topics, "Tombstone"}
    used = {name for channel in ASYNCAPI_DOCUMENT["channels"].values() for name in channel["messages"]}
    assert used == set(messages)
    for message in in_topics:
        schema = SCHEMAS[messages[message]["payload"]["schema"]["$ref"].removeprefix("./").removesuffix(".schema.json")]
        for example in messages[message]["examples"]:
            jsonschema.Draft202012Validator(schema).validate(example["payload"])


def base() -> Schema:
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "sku": {"type": "string", "pattern": "^[A-Z]+$"},
            "kind": {"enum": ["a", "b"]},
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        },
        "required": ["id"],
        "$defs": {"Item": {"type": "object", "properties": {"amount": {"type": "string"}}}},
    }


def changed(change: Callable[[Schema], object]) -> Schema:
    new = copy.deepcopy(base())
    change(new)
    return new


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)
