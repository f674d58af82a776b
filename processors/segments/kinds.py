"""Tell of a condition, when it is read, what does not fit together by its types: what it compares, adds up, gives to functions.

The library finds that out value by value, behind an `&&` for some customers only; and `orders == "a"` it takes for false, not for
wrong. What cannot be told here (what a macro binds, say) is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, NoReturn

from processors.segments.fields import FIELDS
from processors.segments.functions import FUNCTIONS
from processors.segments.tokens import ForTheLibrary, Tokens
from processors.segments.view import span

_TYPES = {field.name: field.type for field in FIELDS}
_CALLS = {function.name: function for function in FUNCTIONS}
_COMPARING = {"<", "<=", ">", ">=", "==", "!=", "in"}
_ANY = ""
_WORDS = {
    "int": "a whole number",
    "number": "a number",
    "instant": "an instant",
    "span": "a span",
    "bool": "true or false",
    "text": "a text",
    "texts": "a list of texts",
    "ints": "a list of whole numbers",
    "counts": "a list of counts",
}
_NUMERIC = {"int", "instant", "span"}
_LISTED = {"text": "texts", "int": "ints"}
_GIVES = {
    **dict.fromkeys(("contains", "startsWith", "endsWith", "matches", "all", "exists", "exists_one", "bool"), "bool"),
    **dict.fromkeys(("size", "int"), "int"),
    "double": "number",
    "string": "text",
}
_OF_TEXTS = {"contains", "startsWith", "endsWith", "matches"}
_WANTED = {
    "instant": {"instant", "int"},
    "span": {"span", "int"},
    '"name"': {"text"},
    '"field"': {"text"},
    "first": {"int"},
    "before": {"int"},
    "day": {"int"},
}
_LARGEST = {"first": 23, "before": 24, "day": 6}


class Part(NamedTuple):
    """A part of a condition: its text, and of which kind its value is; "" where that is not known."""

    text: str
    kind: str


class _Wrong(Exception):
    """The condition is wrong; the message says why."""


def misfit(text: str) -> str | None:
    """What does not fit together in the condition `text`, None when nothing was found."""
    try:
        _Reading(text).whole()
    except _Wrong as error:
        return str(error)
    except (ForTheLibrary, RecursionError):
        return None
    return None


class _Reading:
    """Recursive descent, by CEL's grammar, as in `native`; which knows less of the language, and is exact about it."""

    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)

    def whole(self) -> None:
        self._choice()
        if self._tokens.peek():
            raise ForTheLibrary

    def _since(self, first: int, kind: str) -> Part:
        """What was taken from token `first` on."""
        return Part(self._tokens.text(first, self._tokens.at), kind)

    def _choice(self) -> Part:
        first = self._tokens.at
        condition = self._logic("||", lambda: self._logic("&&", self._comparison))
        if self._tokens.peek() != "?":
            return condition
        _true_or_false(condition)
        self._tokens.take()
        yes = self._choice()
        self._tokens.take(":")
        no = self._choice()
        return self._since(first, yes.kind if yes.kind == no.kind else _ANY)

    def _logic(self, token: str, side: Callable[[], Part]) -> Part:
        first, part = self._tokens.at, side()
        while self._tokens.peek() == token:
            _true_or_false(part)
            self._tokens.take()
            _true_or_false(side())
            part = self._since(first, "bool")
        return part

    def _comparison(self) -> Part:
        first, part = self._tokens.at, self._sum()
        while self._tokens.peek() in _COMPARING:
            token, other = self._tokens.take(), self._sum()
            (_listed if token == "in" else _comparable)(part, other)  # noqa: S105
            part = self._since(first, "bool")
        return part

    def _sum(self) -> Part:
        return self._reckoned("+-", lambda: self._reckoned("*/%", self._unary))

    def _reckoned(self, signs: str, side: Callable[[], Part]) -> Part:
        first, part = self._tokens.at, side()
        while self._tokens.peek() and self._tokens.peek() in signs:
            sign, other = self._tokens.take(), side()
            kinds = {"int" if each.kind in _NUMERIC else each.kind for each in (part, other)}
            kind = kinds.pop() if len(kinds) == 1 else _ANY
            joined = {"int", "number", "text", "texts", "ints"} if sign == "+" else {"int", "number"}
            if _ANY not in (part.kind, other.kind) and kind not in joined:
                _do_not_fit(part, other, f"{sign} is not for these")
            part = self._since(first, kind)
        return part

    def _unary(self) -> Part:
        first = self._tokens.at
        if self._tokens.peek() == "!":
            self._tokens.take()
            _true_or_false(self._unary())
            return self._since(first, "bool")
        if self._tokens.peek() == "-":
            self._tokens.take()
            return self._since(first, self._unary().kind)
        return self._member()

    def _member(self) -> Part:
        first, part = self._tokens.at, self._primary()
        while self._tokens.peek() in (".", "["):
            if self._tokens.take() == "[":
                self._choice()
                self._tokens.take("]")
                kind = {"counts": "int", "texts": "text", "ints": "int"}.get(part.kind, _ANY)
            else:
                name, kind = self._tokens.take(), _ANY
                if self._tokens.peek() == "(":
                    if name in _OF_TEXTS and part.kind not in ("text", _ANY):
                        raise _Wrong(f"{part.text} is {_WORDS[part.kind]}: {name} is for a text")
                    self._entries(")")
                    kind = _GIVES.get(name, part.kind if name == "filter" else _ANY)
            part = self._since(first, kind)
        return part

    def _primary(self) -> Part:
        first, found = self._tokens.at, self._tokens.take()
        if found == "(":
            kind = self._choice().kind
            self._tokens.take(")")
        elif found == "[":
            self._tokens.at -= 1
            kinds = {each.kind for each in self._entries("]")}
            kind = _LISTED.get(kinds.pop(), _ANY) if len(kinds) == 1 else _ANY
        elif found[0].isdigit():
            kind = "number" if "." in found else "int"
        elif found[0] in "\"'":
            kind = "text"
        elif found in ("true", "false"):
            kind = "bool"
        elif self._tokens.peek() == "(":
            kind = self._called(found)
        elif found.isidentifier():
            kind = _TYPES.get(found, _ANY)
        else:
            raise ForTheLibrary
        return self._since(first, kind)

    def _called(self, name: str) -> str:
        given = self._entries(")")
        if name not in _CALLS:
            return _GIVES.get(name, _ANY)
        wanted = _CALLS[name].arguments.split(", ")
        if len(given) != len(wanted) and "…" not in wanted:
            raise _Wrong(f"{name} takes ({_CALLS[name].arguments})")
        for at, part in enumerate(given):
            want = wanted[min(at, len(wanted) - 1)]
            _given(name, part, wanted[0] if want == "…" else want)
        return _CALLS[name].type

    def _entries(self, end: str) -> list[Part]:
        self._tokens.take()
        entries: list[Part] = []
        while self._tokens.peek() != end:
            if entries:
                self._tokens.take(",")
            entries.append(self._choice())
        self._tokens.take(end)
        return entries


def _true_or_false(part: Part) -> None:
    if part.kind not in ("bool", _ANY):
        raise _Wrong(f"{part.text} is {_WORDS[part.kind]}, where something true or false is needed")


def _comparable(part: Part, other: Part) -> None:
    kinds = {"number" if each.kind in _NUMERIC else each.kind for each in (part, other)}
    if len(kinds) > 1 and _ANY not in kinds:
        _do_not_fit(part, other, "these are never compared")


def _listed(part: Part, other: Part) -> None:
    inside = {"texts": "text", "counts": "text", "ints": "int", _ANY: part.kind}.get(other.kind)
    if inside is None:
        raise _Wrong(f"{other.text} is {_WORDS[other.kind]}, and no list to be in")
    kind = "int" if part.kind in _NUMERIC else part.kind
    if kind not in (_ANY, "number" if inside == "int" else _ANY, inside) and other.kind:
        _do_not_fit(part, other, "it is never in there")


def _given(name: str, part: Part, want: str) -> None:
    """Look at one argument of a function."""
    if want == "span" and part.text[0] in "\"'":
        try:
            span(part.text[1:-1])
        except ValueError as error:
            raise _Wrong(str(error)) from error
    elif part.kind != _ANY and part.kind not in _WANTED[want]:
        raise _Wrong(f"{part.text} is {_WORDS[part.kind]}: {name} takes ({_CALLS[name].arguments})")
    if want in _LARGEST and part.text.isdigit() and int(part.text) > _LARGEST[want]:
        raise _Wrong(f"{name} takes 0 to {_LARGEST[want]} there, not {part.text}")


def _do_not_fit(part: Part, other: Part, why: str) -> NoReturn:
    raise _Wrong(f"{part.text} is {_WORDS[part.kind]}, and {other.text} is {_WORDS[other.kind]}: {why}")
