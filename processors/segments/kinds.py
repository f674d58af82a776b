"""Tell of a condition, when it is read, what does not fit together by its types: what it compares, adds up, gives to functions.

The library finds that out value by value, behind an `&&` for some customers only; and `orders == "a"` it takes for false, not for
wrong. What cannot be told here (what a macro binds, say) is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from processors.segments.fields import FIELDS
from processors.segments.functions import FUNCTIONS
from processors.segments.view import span

_TOKEN = re.compile(
    r"""\s*(?:(\d+(?:\.\d+)?)(?![\w.])|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_]\w*)|(\|\||&&|[<>=!]=|[-+*/%<>!?:().,\[\]]))"""
)
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


class _Untold(Exception):
    """This is for the library."""


class _Wrong(Exception):
    """The condition is wrong; the message says why."""


def misfit(text: str) -> str | None:
    """What does not fit together in the condition `text`, None when nothing was found."""
    try:
        _Reading(text).whole()
    except _Wrong as error:
        return str(error)
    except (_Untold, RecursionError):
        return None
    return None


class _Reading:
    """Recursive descent, by CEL's grammar, as in `native`; which knows less of the language, and is exact about it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, int, int]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise _Untold
            token = found[found.lastindex or 0]
            self._tokens.append((token, found.end() - len(token), found.end()))
            at = found.end()
        self._at = 0

    def whole(self) -> None:
        self._choice()
        if self._at < len(self._tokens):
            raise _Untold

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            raise _Untold
        self._at += 1
        return token

    def _since(self, first: int, kind: str) -> Part:
        """What was taken from token `first` on."""
        text = self._text[self._tokens[first][1] : self._tokens[self._at - 1][2]]
        return Part(" ".join(text.split()), kind)

    def _choice(self) -> Part:
        first = self._at
        condition = self._logic("||", lambda: self._logic("&&", self._comparison))
        if self._peek() != "?":
            return condition
        _true_or_false(condition)
        self._take()
        yes = self._choice()
        self._take(":")
        no = self._choice()
        return self._since(first, yes.kind if yes.kind == no.kind else _ANY)

    def _logic(self, token: str, side: Callable[[], Part]) -> Part:
        first, part = self._at, side()
        while self._peek() == token:
            _true_or_false(part)
            self._take()
            _true_or_false(side())
            part = self._since(first, "bool")
        return part

    def _comparison(self) -> Part:
        first, part = self._at, self._sum()
        while self._peek() in _COMPARING:
            token, other = self._take(), self._sum()
            (_listed if token == "in" else _comparable)(part, other)  # noqa: S105
            part = self._since(first, "bool")
        return part

    def _sum(self) -> Part:
        return self._reckoned("+-", lambda: self._reckoned("*/%", self._unary))

    def _reckoned(self, signs: str, side: Callable[[], Part]) -> Part:
        first, part = self._at, side()
        while self._peek() and self._peek() in signs:
            sign, other = self._take(), side()
            kinds = {"int" if each.kind in _NUMERIC else each.kind for each in (part, other)}
            kind = kinds.pop() if len(kinds) == 1 else _ANY
            joined = {"int", "number", "text", "texts", "ints"} if sign == "+" else {"int", "number"}
            if _ANY not in (part.kind, other.kind) and kind not in joined:
                _do_not_fit(part, other, f"{sign} is not for these")
            part = self._since(first, kind)
        return part

    def _unary(self) -> Part:
        first = self._at
        if self._peek() == "!":
            self._take()
            _true_or_false(self._unary())
            return self._since(first, "bool")
        if self._peek() == "-":
            self._take()
            return self._since(first, self._unary().kind)
        return self._member()

    def _member(self) -> Part:
        first, part = self._at, self._primary()
        while self._peek() in (".", "["):
            if self._take() == "[":
                self._choice()
                self._take("]")
                kind = {"counts": "int", "texts": "text", "ints": "int"}.get(part.kind, _ANY)
            else:
                name, kind = self._take(), _ANY
                if self._peek() == "(":
                    if name in _OF_TEXTS and part.kind not in ("text", _ANY):
                        raise _Wrong(f"{part.text} is {_WORDS[part.kind]}: {name} is for a text")
                    self._entries(")")
                    kind = _GIVES.get(name, part.kind if name == "filter" else _ANY)
            part = self._since(first, kind)
        return part

    def _primary(self) -> Part:
        first, found = self._at, self._take()
        if found == "(":
            kind = self._choice().kind
            self._take(")")
        elif found == "[":
            self._at -= 1
            kinds = {each.kind for each in self._entries("]")}
            kind = _LISTED.get(kinds.pop(), _ANY) if len(kinds) == 1 else _ANY
        elif found[0].isdigit():
            kind = "number" if "." in found else "int"
        elif found[0] in "\"'":
            kind = "text"
        elif found in ("true", "false"):
            kind = "bool"
        elif self._peek() == "(":
            kind = self._called(found)
        else:
            kind = _TYPES.get(found, _ANY)
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
        self._take()
        entries: list[Part] = []
        while self._peek() != end:
            if entries:
                self._take(",")
            entries.append(self._choice())
        self._take(end)
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
