"""What the columns of a file mean: a mapping, in YAML, from a row to an event.

    about: Scans of loyalty cards, one line a product.
    type: loyalty.card_scanned.v1
    source: /import/scans                  # or --source
    id: "{basket_id}-{product_id}"         # left out: a digest of source, row number and row
    time: {column: scanned_at, formats: [iso, "%d/%m/%Y %H:%M"], timezone: Asia/Ho_Chi_Minh}
    data:
      customer: {card_no: "{card_no}"}     # {column} is replaced by its value
      store_id: "hcm-{store}"
      basket:
        total:
          amount: {column: amount, decimal: comma, negate: true}
          currency: VND                    # a constant

A value that is empty is left out, and so is an object in which no column had a value. One row is one event: rows of one
basket carry the same basket id, in whatever order they come, and a customer's orders are counted by that id. So nothing
is held back to be grouped, and memory does not grow with the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from producers.files.cells import Cell, Unreadable
from producers.files.rows import FileFormat, Row
from producers.yaml_text import read_yaml
from schemas.events import EVENT_TYPES

_COLUMN = re.compile(r"\{([^{}]+)\}")

Part = Callable[[Mapping[str, str]], Any]
"""Makes one part of an event from a row's values; None when there is nothing to make."""


class MappingError(Exception):
    """A mapping is wrong, or does not fit its file. The message says where and how."""


class ColumnsMissing(MappingError):
    """The file lacks columns that the mapping names. `header` is its first line: in a file without one, values of somebody."""

    def __init__(self, missing: Sequence[str], header: Sequence[str]) -> None:
        self.without_values = f"the file has no column {', '.join(missing)}"
        super().__init__(f"{self.without_values}; it has {', '.join(header)}")
        self.header = header


class TimeOf(BaseModel):
    """When it happened, by a column or always the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    constant: AwareDatetime | None = None
    formats: Annotated[list[str], Field(min_length=1)] = ["iso"]
    timezone: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> TimeOf:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either a column or a constant")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (OSError, ValueError, LookupError):
                raise ValueError(f"{name!r} is not a time zone such as Asia/Ho_Chi_Minh") from None
        return name

    def read(self, values: Mapping[str, str]) -> str:
        """RFC 3339 text. Raises Unreadable."""
        if self.column is None or self.constant is not None:
            return self.constant.isoformat() if self.constant else ""
        text = values.get(self.column, "").strip()
        for form in self.formats:
            try:
                time = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)
            except ValueError:
                continue
            if time.tzinfo is None:
                if self.timezone is None:
                    raise Unreadable(self.column, f"the time {text!r} has no zone; name one in the mapping (timezone)")
                time = time.replace(tzinfo=ZoneInfo(self.timezone))
            try:
                return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
            except OverflowError:
                raise Unreadable(self.column, f"the time {text!r} is not in any year of UTC") from None
        raise Unreadable(self.column, f"{text!r} is not a time like {', '.join(self.formats)}")


class EventMapping(BaseModel):
    """What every mapping says, whatever the columns are of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = ""
    type: str
    source: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    id: str | None = None
    data: dict[str, Any]

    @field_validator("type")
    @classmethod
    def _known_type(cls, name: str) -> str:
        if name not in EVENT_TYPES:
            raise ValueError(f"{name!r} is none of {', '.join(EVENT_TYPES)}")
        return name

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _ = self._data
        return self

    @cached_property
    def _data(self) -> tuple[Part, frozenset[str]]:
        return _compile(self.data, "data")

    @property
    def columns_of_data(self) -> frozenset[str]:
        """Every column that `data` refers to."""
        return self._data[1]

    @cached_property
    def columns_of_id(self) -> frozenset[str]:
        """Every column that the id is made of."""
        return frozenset(_COLUMN.findall(self.id or ""))

    def id_of(self, values: Mapping[str, str]) -> str | None:
        """The event's id; None when the mapping has none. Raises Unreadable."""
        return None if self.id is None else _COLUMN.sub(lambda found: _needed(values, found[1]), self.id)

    def data_of(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The event's data. Raises Unreadable."""
        return {"customer": {}} | (self._data[0](values) or {})  # so that nobody being named is what is wrong


class FileMapping(EventMapping):
    """A mapping that was read and checked. See the module for what each part means."""

    format: FileFormat | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"
    columns: Literal["required", "optional"] = "required"
    time: TimeOf

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            "".encode(name)
        except LookupError:
            raise ValueError(f"{name!r} is not an encoding") from None
        return name

    @cached_property
    def named_columns(self) -> frozenset[str]:
        """Every column that the mapping refers to."""
        named = self.columns_of_data | self.columns_of_id
        return frozenset(named | {self.time.column} if self.time.column else named)

    def check_columns(self, header: Iterable[str]) -> None:
        """Raises MappingError when the file lacks a column that the mapping names."""
        needed = self.named_columns if self.columns == "required" else {self.time.column} - {None}
        missing = needed - set(header)
        if missing:
            raise ColumnsMissing(sorted(map(str, missing)), tuple(header))

    def event(self, row: Row, source: str) -> dict[str, Any]:
        """The event of a row. Raises Unreadable."""
        event_id = self.id_of(row.values)
        if event_id is None:
            digest = blake2b(f"{source}\0{row.number}\0".encode() + row.raw, digest_size=16).hexdigest()
            event_id = f"row-{digest}"
        return {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": self.type,
            "time": self.time.read(row.values),
            "data": self.data_of(row.values),
        }


def _needed(values: Mapping[str, str], column: str) -> str:
    value = values.get(column, "").strip()
    if not value:
        raise Unreadable(column, "is empty, and the event's id is made of it")
    return value


def _compile(node: Any, path: str) -> tuple[Part, frozenset[str]]:
    """What makes this part, and the columns it reads. Raises ValueError."""
    if isinstance(node, dict) and "column" in node:
        try:
            cell = Cell.model_validate(node)
        except ValidationError as error:
            raise ValueError(f"{path}: {_first(error)}") from None
        return cell.read, frozenset({cell.column})
    if isinstance(node, dict):
        inner = {str(name): _compile(part, f"{path}.{name}") for name, part in node.items()}
        return _object(inner), _united(columns for _, columns in inner.values())
    if isinstance(node, list):
        listed = [_compile(part, f"{path}[{index}]") for index, part in enumerate(node)]
        return _array(listed), _united(columns for _, columns in listed)
    if isinstance(node, str) and (named := frozenset(_COLUMN.findall(node))):
        return _template(node, named), named
    if isinstance(node, float):
        raise ValueError(f"{path}: write {node!r} as text, in quotes; a float is not exact")
    if node is not None and not isinstance(node, str | int):
        raise ValueError(f"{path}: {type(node).__name__} is not text, a number, an object or a list")
    return (lambda _: node), frozenset()


def _object(inner: dict[str, tuple[Part, frozenset[str]]]) -> Part:
    parts = [(name, part, bool(columns)) for name, (part, columns) in inner.items()]
    reads_columns = any(reads for *_, reads in parts)

    def make(values: Mapping[str, str]) -> dict[str, Any] | None:
        made: dict[str, Any] = {}
        found = not reads_columns
        for name, part, reads in parts:
            value = part(values)
            if value is not None:
                made[name] = value
                found = found or reads
        return made if found else None

    return make


def _array(listed: list[tuple[Part, frozenset[str]]]) -> Part:
    def make(values: Mapping[str, str]) -> list[Any] | None:
        return [value for part, _ in listed if (value := part(values)) is not None] or None

    return make


def _template(text: str, named: frozenset[str]) -> Part:
    def make(values: Mapping[str, str]) -> str | None:
        if not any(values.get(column, "").strip() for column in named):
            return None
        return _COLUMN.sub(lambda found: values.get(found[1], "").strip(), text)

    return make


def _united(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    at = ".".join(map(str, detail["loc"]))
    return f"{at}: {detail['msg']}" if at else detail["msg"]


def builtin_kinds() -> tuple[str, ...]:
    """The kinds of file that have a mapping of their own in `producers/files/maps`."""
    names = (entry.name for entry in (files("producers.files") / "maps").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_mapping(kind_or_path: str | Path) -> FileMapping:
    """The built-in mapping of a kind, or the one in a file. Raises MappingError."""
    name = str(kind_or_path)
    try:
        if name in builtin_kinds():
            text = (files("producers.files") / "maps" / f"{name}.yaml").read_text(encoding="utf-8")
        else:
            text = Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(f"{name}: {error.strerror}; built-in are {', '.join(builtin_kinds())}") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{name} is not UTF-8") from error
    try:
        said = read_yaml(text)
        if not isinstance(said, dict):
            raise MappingError(f"{name}: a mapping has `type`, `time` and `data`, each with a colon")
        return FileMapping.model_validate(said)
    except yaml.YAMLError as error:
        raise MappingError(f"{name} is not YAML: {error}") from error
    except ValidationError as error:
        raise MappingError(f"{name}: {_first(error)}") from error
