"""Where form services put questions and answers in what they send.

Typeform: answers have the id and ref of their field; its title is in `definition`
(https://www.typeform.com/developers/webhooks/example-payload/). Tally: `data.fields`, what was chosen as ids of `options`
(https://tally.so/help/webhooks). Google Forms: as the script in docs/channels/forms.md writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from producers.forms.submission import Answer, leaves, text_of

Reader = Callable[[Mapping[str, Any]], Iterator[Answer]]


class QuestionList(BaseModel):
    """A service that sends a list of questions. Paths are dotted: `at` (where the list is) from the whole, the
    others within a question. Of `names` the last is what people read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Annotated[str, Field(min_length=1)]
    names: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    value: Annotated[str, Field(min_length=1)] = "value"
    options: Annotated[str, Field(min_length=1)] | None = None

    def read(self, document: Mapping[str, Any]) -> Iterator[Answer]:
        """Every question with what was answered. `options` is a list of {id, text}: what was chosen is told by id."""
        for question in _objects(_at(document, self.at)):
            names = tuple(text_of(_at(question, path)) or "" for path in self.names)
            value = _at(question, self.value)
            if self.options is not None:
                options = _objects(_at(question, self.options))
                value = _named(
                    value, {key: each.get("text") for each in options if isinstance(key := each.get("id"), str)}
                )
            yield Answer(names, value)


class Service(NamedTuple):
    """How to read what a service sends, and which columns have the response's id and time, where it tells them."""

    read: Reader
    id: str | None = None
    time: str | None = None


def _typeform(document: Mapping[str, Any]) -> Iterator[Answer]:
    response = _object(document.get("form_response"))
    titles = dict(_titles(_at(response, "definition.fields")))
    for answer in _objects(response.get("answers")):
        field = _object(answer.get("field"))
        field_id, ref = text_of(field.get("id")) or "", text_of(field.get("ref")) or ""
        yield Answer((field_id, ref, titles.get(field_id, "")), _typeform_value(answer))
    for name, value in _object(response.get("hidden")).items():
        yield Answer((f"hidden.{name}",), value)
    for each in _objects(response.get("variables")):
        value = each.get(text_of(each.get("type")) or "")
        yield Answer((f"variables.{text_of(each.get('key')) or ''}",), value)


def _titles(fields: Any) -> Iterator[tuple[str, str]]:
    """Of questions, and of those in groups."""
    waiting = list(_objects(fields))
    while waiting:
        field = waiting.pop()
        field_id, title = field.get("id"), field.get("title")
        if isinstance(field_id, str) and isinstance(title, str):
            yield field_id, title
        waiting.extend(_objects(_at(field, "properties.fields")))


def _typeform_value(answer: Mapping[str, Any]) -> Any:
    kind = answer.get("type")
    value = answer.get(kind) if isinstance(kind, str) else None
    if kind == "choice" and isinstance(value, dict):
        return value.get("label", value.get("other"))
    if kind == "choices" and isinstance(value, dict):
        labels = value.get("labels")
        other = value.get("other")
        return [*(labels if isinstance(labels, list) else []), *([other] if other is not None else [])]
    return value


def _at(value: Any, path: str) -> Any:
    """What is at a dotted path, None when nothing is."""
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and len(name) < 7 and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _named(value: Any, texts: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_named(each, texts) for each in value]
    return texts.get(value, value) if isinstance(value, str) else value


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


FIELDS = "fields"
"""Each field is a question: a plain form on a page, or any other JSON."""

SERVICES: dict[str, Service] = {
    FIELDS: Service(leaves),
    "google_forms": Service(QuestionList(at="answers", names=["id", "title"]).read, "response_id", "submitted_at"),
    "tally": Service(
        QuestionList(at="data.fields", names=["key", "label"], options="options").read, "data.responseId", "createdAt"
    ),
    "typeform": Service(_typeform, "form_response.token", "form_response.submitted_at"),
}
