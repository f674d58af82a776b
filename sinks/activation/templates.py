"""Templates of e-mails: Jinja in a sandbox, in which a name that is not known is an error."""

from __future__ import annotations

from typing import Any, NamedTuple

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from schemas.activation import Customer
from schemas.profile import SegmentChange
from sinks.activation.targets import BadTarget

LONGEST = 1_000_000
"""Characters of one part of a message."""


class BadTemplate(Exception):
    """A template cannot be used, or not for this customer; the message says where and why."""


class Rendered(NamedTuple):
    """A message for one customer. `subject` is one line."""

    subject: str
    text: str
    html: str | None


def _nothing_for_none(value: Any) -> Any:
    return "" if value is None else value


def _environment(*, escape: bool) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=escape,
        finalize=_nothing_for_none,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


_plain, _html = _environment(escape=False), _environment(escape=True)


class Templates:
    """The parts of a message, compiled. Raises BadTemplate when one of them is wrong."""

    def __init__(self, subject: str, text: str, html: str | None) -> None:
        self._subject = _compiled("subject", subject, _plain)
        self._text = _compiled("text", text, _plain)
        self._html = None if html is None else _compiled("html", html, _html)

    def render(self, customer: Customer, change: SegmentChange) -> Rendered:
        """The message for one customer. Raises BadTemplate when a part needs what is not known of the customer."""
        known = {"customer": customer, "change": change}
        return Rendered(
            subject=" ".join(_rendered("subject", self._subject, known).split()),  # a header is one line
            text=_rendered("text", self._text, known),
            html=None if self._html is None else _rendered("html", self._html, known),
        )


def check_templates(templates: Templates, change: SegmentChange) -> None:
    """Render for one of whom much is known and for one of whom only the address is. Raises BadTarget."""
    bare = Customer(change.customer_id, None, "a@example.com", None, None, None, None, "potential", 0, (), {}, {})
    traits = {"full_name": "Trần Thị An", "email": "an@example.com", "given_name": "An", "birthday": "1991-08-17"}
    full = bare._replace(full_name="Trần Thị An", phone="+84901234567", language="vi", traits=traits)
    for who, customer in (("for one of whom much is known", full), ("for one of whom only the address is known", bare)):
        try:
            rendered = templates.render(customer, change)
        except BadTemplate as error:
            raise BadTarget(f'{error}, {who}; `| default("…")` says what to write instead') from error
        if not rendered.subject:
            raise BadTarget(f"the subject is empty {who}")


def _compiled(part: str, source: str, environment: ImmutableSandboxedEnvironment) -> Template:
    try:
        return environment.from_string(source)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise BadTemplate(f"the template of the {part}{f', line {line}' if line else ''}: {error.message}") from error


def _rendered(part: str, template: Template, known: dict[str, Any]) -> str:
    try:
        text = template.render(known)
    except Exception as error:  # a template calls what it likes: any error is the template's
        raise BadTemplate(f"the template of the {part}: {error}") from error
    if len(text) > LONGEST:
        raise BadTemplate(f"the template of the {part}: {len(text):,} characters, more than {LONGEST:,}")
    return text
