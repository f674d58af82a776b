"""What the questions of a form mean: a mapping, in the language of `producers.files.mapping`, whose columns are questions.

    questions: typeform                    # or google_forms, tally, fields, or {at: …, names: […], value: …}
    data:
      form: {id: tu-van, kind: contact}
      customer:
        full_name: "{Họ và tên}"           # a question by its title, its id or ref
        phone: {column: so_dien_thoai}
        consent:
          email: {column: "Nhận tin qua[Email]", to: boolean}    # QUESTION[CHOICE]: whether this was chosen
      page: {utm: {source: "{hidden.utm_source}"}}               # or anything else of the body, by its path

Names are compared without regard to spaces around and within them. `id` and `time` are known of the services that are
named; a form on a page has its arrival for time. What no part of the mapping reads is kept in `data.answers`.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from producers.files.mapping import EventMapping, MappingError, TimeOf
from producers.forms.fields_of_events import unknown_fields
from producers.forms.services import SERVICES, QuestionList, Service
from producers.forms.submission import plain
from producers.yaml_text import read_yaml

TYPES = ("web.form_submitted.v1", "survey.answered.v1")
"""Events that have a place for answers of any name."""

NOT_FROM_ANYBODY = frozenset(
    {"customer_no", "card_no", "facebook_id", "zalo_id", "tiktok_id", "instagram_id", "verified"}
)
"""Of a customer: what a form that anybody can send must not say, since it joins at full strength."""


class FormMapping(EventMapping):
    """A mapping that was read and checked. See the module for what each part means."""

    questions: Literal["fields", "google_forms", "tally", "typeform"] | QuestionList
    type: str = TYPES[0]
    time: TimeOf | None = None
    data: dict[str, Any] = Field(default={})

    @field_validator("type")
    @classmethod
    def _keeps_answers(cls, name: str) -> str:
        if name not in TYPES:
            raise ValueError(f"{name!r} is none of {', '.join(TYPES)}")
        return name

    @model_validator(mode="after")
    def _only_fields_that_are_stored(self) -> FormMapping:
        for path, near in unknown_fields(self.type, self.data):
            raise ValueError(f"{path}: events of {self.type} have no such field{near}")
        return self

    @cached_property
    def service(self) -> Service:
        """How its questions are found."""
        return SERVICES[self.questions] if isinstance(self.questions, str) else Service(self.questions.read)

    @cached_property
    def read_columns(self) -> frozenset[str]:
        """Every column that becomes part of the event, as `plain` has it."""
        named = self.columns_of_data | self.columns_of_id
        return frozenset(map(plain, named | {self.time.column} if self.time and self.time.column else named))

    def for_anybody(self, *, consent: bool) -> FormMapping:
        """The same, but for what is not believed of a form that anybody can send; with `consent`, that is. Nor does such a form
        say the event's id: who guesses the next one could send it first, and the right one would count as sent twice."""
        return self._believing_consent if consent else self._believing_little

    @cached_property
    def _believing_consent(self) -> FormMapping:
        return self._without(NOT_FROM_ANYBODY)

    @cached_property
    def _believing_little(self) -> FormMapping:
        return self._without(NOT_FROM_ANYBODY | {"consent"})

    def _without(self, distrusted: frozenset[str]) -> FormMapping:
        customer = self.data.get("customer")
        believed = self.model_dump() | {"id": None}
        if isinstance(customer, dict):
            kept = {name: part for name, part in customer.items() if name not in distrusted}
            believed |= {"data": self.data | {"customer": kept}}
        return type(self).model_validate(believed)


def text_of(path: Path) -> str:
    """The text of a file that should hold a mapping. Raises MappingError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path} is not UTF-8") from error


def load_form_mapping(path: Path) -> FormMapping:
    """The mapping in a file. Raises MappingError, with the line."""
    return read_form_mapping(text_of(path), str(path))


def read_form_mapping(text: str, name: str) -> FormMapping:
    """The mapping in a text; `name` is what the text is called. Raises MappingError, with the line."""
    try:
        said = read_yaml(text)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise MappingError(f"{name}{line}: this is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise MappingError(f"{name} is not YAML: {error}") from error
    if not isinstance(said, dict):
        raise MappingError(f"{name}: a mapping has `questions` and `data`, each with a colon")
    try:
        return FormMapping.model_validate(said)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        told = max(
            (each for each in errors if each["loc"][:1] == errors[0]["loc"][:1]), key=lambda each: len(each["loc"])
        )
        message = told["msg"].removeprefix("Value error, ")
        at = [part for part in told["loc"] if part not in ("QuestionList", _UNION)]
        inner = _PATH.match(message) if not at else None
        if inner:
            at = [int(part) if part.isdecimal() else part for part in re.findall(r"[^.\[\]]+", inner[1])]
        elif at:
            message = f"{'.'.join(map(str, at))}: {message}"
        raise MappingError(f"{name}{_line(text, at)}: {message}") from error


_PATH = re.compile(r"(data[^:\s]*): ")
_UNION = "literal['fields','google_forms','tally','typeform']"


def _line(text: str, at: list[Any]) -> str:
    """` line N`: where in the text a part is, or the nearest that is around it."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    found = None
    for part in at:
        if isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if getattr(key, "value", None) == str(part)]
            if not pairs:
                break
            key, node = pairs[0]
            found = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            found = node.start_mark.line + 1
        else:
            break
    return f" line {found}" if found else ""
