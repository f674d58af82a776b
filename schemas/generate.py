"""Writes the contracts for those who do not speak Python: a JSON Schema per message, and an AsyncAPI document.

    python -m schemas.generate             write schemas/generated/
    python -m schemas.generate --check     say what is stale or incompatible; exit 1 if anything is
    python -m schemas.generate --breaking  write in spite of an incompatible change (before the first release of a type)

A schema that would break whoever wrote or reads the committed version is not written: make a new version of the type.
"""

from __future__ import annotations

import inspect
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from schemas.activation import SegmentMessage
from schemas.asyncapi import document
from schemas.clean import CleanEvent
from schemas.compatibility import breaks
from schemas.events import EVENT_MODELS, EVENT_TYPES, IDENTIFIER_FIELDS
from schemas.profile import IdentityChange, Profile, SegmentChange
from schemas.rejected import DeadLetter

HERE = Path(__file__).parent
GENERATED, EXAMPLES = HERE / "generated", HERE / "examples"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "asyncapi.json"
STRUCTS: tuple[type[msgspec.Struct], ...] = (
    *(CleanEvent, DeadLetter, Profile, SegmentChange, IdentityChange),
    SegmentMessage,
)

Schema = dict[str, Any]


def json_schemas() -> dict[str, Schema]:
    """The JSON Schema (draft 2020-12) of every message: event types by their type, the rest by class name."""
    found = {name: _event_schema(model) for name, model in zip(EVENT_TYPES, EVENT_MODELS, strict=True)}
    for struct in STRUCTS:
        found[struct.__name__] = _struct_schema(struct)
    return {name: {"$schema": DRAFT, "$id": f"urn:portrait:schema:{name}", **schema} for name, schema in found.items()}


def _event_schema(model: Any) -> Schema:
    schema: Schema = model.model_json_schema()
    # The codec asks for an identifier; JSON Schema can say so, a pydantic field cannot.
    schema["$defs"]["Customer"]["anyOf"] = [
        {"required": [name], "properties": {name: {"type": "string", "minLength": 1}}} for name in IDENTIFIER_FIELDS
    ]
    return schema


def _struct_schema(struct: type[msgspec.Struct]) -> Schema:
    _, components = msgspec.json.schema_components([_describable(struct)], ref_template="#/$defs/{name}")
    for component in components.values():
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    schema: Schema = components.pop(struct.__name__)
    return {**schema, "$defs": components} if components else schema


def _describable(struct: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The same struct with raw JSON typed as the object it is: msgspec cannot describe a default of type Raw."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if field.type is msgspec.Raw:
            fields.append((field.name, dict[str, Any], msgspec.field(default_factory=dict)))
        elif field.required:
            fields.append((field.name, hints[field.name]))
        elif field.default is not msgspec.NODEFAULT:
            fields.append((field.name, hints[field.name], field.default))
        else:
            fields.append((field.name, hints[field.name], msgspec.field(default_factory=field.default_factory)))
    return msgspec.defstruct(struct.__name__, fields, namespace={"__doc__": struct.__doc__})


def file_name(message: str) -> str:
    """Where the schema of a message is kept, below `generated`."""
    return f"{message}.schema.json"


def files() -> dict[str, str]:
    """Everything that is generated: file name → text."""
    schemas = json_schemas()
    examples = {name: json.loads(found[0].read_text("utf-8")) for name in schemas if (found := valid_examples(name))}
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    written: dict[str, Any] = {file_name(name): schema for name, schema in schemas.items()}
    written[ASYNCAPI] = document(project["version"], {name: file_name(name) for name in schemas}, examples)
    return {name: json.dumps(value, ensure_ascii=False, indent=2) + "\n" for name, value in written.items()}


def valid_examples(message: str) -> Sequence[Path]:
    """The example files of a message that are right, in order."""
    return sorted((EXAMPLES / message / "valid").glob("*.json"))


def incompatible(current: Mapping[str, str], committed: Path = GENERATED) -> list[str]:
    """What would break whoever relies on the committed schemas, as `MESSAGE PATH: what happened`."""
    found = []
    for path in sorted(committed.glob("*.schema.json")):
        message = path.name.removesuffix(".schema.json")
        if path.name not in current:
            found.append(f"{message} $: the message was removed")
            continue
        old, new = json.loads(path.read_text("utf-8")), json.loads(current[path.name])
        found += [f"{message} {change}" for change in breaks(old, new)]
    return found


def stale(current: Mapping[str, str], committed: Path = GENERATED) -> list[str]:
    """The names of files that are missing, differ, or are generated no more."""
    there = {path.name: path.read_text("utf-8") for path in committed.glob("*.json")}
    return sorted(name for name in there.keys() | current.keys() if there.get(name) != current.get(name))


def main(arguments: Sequence[str]) -> int:
    """The command. Returns the exit status."""
    current = files()
    broken = [] if "--breaking" in arguments else incompatible(current)
    for change in broken:
        sys.stderr.write(f"incompatible: {change}\n")
    if "--check" in arguments:
        outdated = stale(current)
        for name in outdated:
            sys.stderr.write(f"stale: schemas/generated/{name} (run python -m schemas.generate)\n")
        return 1 if outdated or broken else 0
    if broken:
        return 1
    GENERATED.mkdir(exist_ok=True)
    for name in stale(current):
        if name in current:
            (GENERATED / name).write_text(current[name], "utf-8")
        else:
            (GENERATED / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
