"""Conditions as Python functions: what most of them say, five times as fast as the library that defines what they mean.

Only what means the same in both languages is translated: logic, comparisons, reckoning with whole numbers, texts without escapes,
lists, calls. (Whole numbers beyond 64 bits are an error there, and none here.) For all else, and whenever a translation fails for
some values, `cel` decides (`tests/property/test_native.py`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from processors.segments.fields import FIELDS
from processors.segments.functions import FUNCTIONS
from processors.segments.tokens import ForTheLibrary, Tokens
from processors.segments.view import View, span

_TYPES = {field.name: field.type for field in FIELDS}
_CALLS = {function.name: function for function in FUNCTIONS}
_FORMS = {
    "+": "({} + {})",
    "-": "({} - {})",
    "*": "({} * {})",
    "/": "divided({}, {})",
    "%": "remainder({}, {})",
}
_PASSING = {"within": "view.is_before({} + {})", "older": "(not view.is_before({} + {}))"}
_LOOKING = {"<", "<=", ">", ">=", "==", "!=", "in"}


def translated(text: str) -> str | None:
    """The condition `text` as Python source over `NAMES`, in which a field is its name between two NULs; None when it is not
    translated."""
    return _source(text, "bool")


def translated_value(text: str) -> str | None:
    """The same of any expression, whatever its value is: not for what is to be true or false."""
    return _source(text)


def _source(text: str, wanted: str | None = None) -> str | None:
    """`wanted`: of which kind its value is to be."""
    try:
        source = _Translation(text).whole(wanted)
        native(source)
    except (
        ForTheLibrary,
        SyntaxError,
        RecursionError,
        MemoryError,
    ):  # Python has its limits: two hundred parentheses, say
        return None
    return source


def filled(source: str, read: Callable[[str], str]) -> str:
    """What was translated, with its fields as `read` reads each."""
    return re.sub("\0(\\w+)\0", lambda found: read(found[1]), source)


def native(source: str) -> Callable[[View], Any]:
    """What was `translated`, as a function of what is seen. What it raises says nothing."""
    body = filled(source, "view.get({!r})".format)
    return eval(f"lambda view: {body}", NAMES)  # type: ignore[no-any-return]  # noqa: S307 - made of nothing but tokens known here


def _divided(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) is (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    return a - b * _divided(a, b)


NAMES: dict[str, Any] = {
    "divided": _divided,
    "remainder": _remainder,
    **{f"call_{name}": function.call for name, function in _CALLS.items()},
}
"""What translated conditions call."""

_KINDS = {
    "int": "int",
    "instant": "int",
    "span": "int",
    "bool": "bool",
    "text": "text",
    "texts": "texts",
    "counts": "",
    "number": "number",
}
"""Which types are one as far as comparing and reckoning go; "" is left to the library."""


class _Translation:
    """Recursive descent, by CEL's grammar: https://github.com/google/cel-spec/blob/master/doc/langdef.md. Every method returns
    source, in parentheses where it needs any, and of which kind its value is."""

    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)

    def whole(self, wanted: str | None) -> str:
        source, kind = self._choice()
        if self._tokens.peek() or wanted not in (None, kind):
            raise ForTheLibrary
        return source

    def _of(self, wanted: str, part: Callable[[], tuple[str, str]]) -> str:
        source, kind = part()
        if kind != wanted:
            raise ForTheLibrary
        return source

    def _choice(self) -> tuple[str, str]:
        condition, kind = self._logic("||", "or", lambda: self._logic("&&", "and", self._comparison))
        if self._tokens.peek() != "?":
            return condition, kind
        if kind != "bool":
            raise ForTheLibrary
        self._tokens.take()
        yes, kind = self._choice()
        self._tokens.take(":")
        return f"({yes} if {condition} else {self._of(kind, self._choice)})", kind

    def _logic(self, token: str, word: str, part: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        source, kind = part()
        if self._tokens.peek() != token:
            return source, kind
        if kind != "bool":
            raise ForTheLibrary
        sides = [source]
        while self._tokens.peek() == token:
            self._tokens.take()
            sides.append(self._of("bool", part))
        return f"({f' {word} '.join(sides)})", kind

    def _comparison(self) -> tuple[str, str]:
        source, kind = self._sum()
        if self._tokens.peek() not in _LOOKING:
            return source, kind
        token = self._tokens.take()
        other, other_kind = self._sum()
        if token == "in":  # noqa: S105
            fits = kind in ("int", "text") and other_kind == f"{kind}s"
        else:
            fits = {kind, other_kind} in ({"text"}, {"int"}, {"number"}, {"int", "number"})
        if not fits or self._tokens.peek() in _LOOKING:
            raise ForTheLibrary
        return f"({source} {token} {other})", "bool"

    def _sum(self) -> tuple[str, str]:
        return self._reckoned("+-", lambda: self._reckoned("*/%", self._unary))

    def _reckoned(self, signs: str, part: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        source, kind = part()
        while self._tokens.peek() and self._tokens.peek() in signs:
            if kind != "int":
                raise ForTheLibrary
            form = _FORMS[self._tokens.take()]
            source = form.format(source, self._of("int", part))
        return source, kind

    def _unary(self) -> tuple[str, str]:
        for sign, word, kind in (("!", "not ", "bool"), ("-", "-", "int")):
            if self._tokens.peek() == sign:
                self._tokens.take()
                return f"({word}{self._of(kind, self._unary)})", kind
        return self._primary()

    def _primary(self) -> tuple[str, str]:
        found = self._tokens.take()
        if found == "(":
            inside = self._choice()
            self._tokens.take(")")
            return inside
        if found == "[":
            entries = self._entries("]")
            kinds = {kind for _, kind in entries}
            if len(kinds) != 1:
                raise ForTheLibrary
            return f"[{', '.join(source for source, _ in entries)}]", f"{kinds.pop()}s"
        if found[0].isdigit():
            return (repr(float(found)), "number") if "." in found else (str(int(found)), "int")
        if found[0] in "\"'" and "\\" not in found:
            return repr(found[1:-1]), "text"
        if found in ("true", "false"):
            return found.capitalize(), "bool"
        if self._tokens.peek() == "(" and found in _CALLS:
            self._tokens.take()
            return self._called(found)
        if self._tokens.peek() == "(" and found == "size":
            self._tokens.take()
            return self._size()
        if self._tokens.peek() in ("(", "[") or not _KINDS.get(_TYPES.get(found, "")):
            raise ForTheLibrary
        return f"\0{found}\0", _KINDS[_TYPES[found]]

    def _called(self, name: str) -> tuple[str, str]:
        entries = self._entries(")")
        if name == "known":
            return f"(\0{_named(entries)}\0 is not None)", "bool"
        if name == "in_segment":
            return f"({_named(entries)!r} in view.held)", "bool"
        wanted = _CALLS[name].arguments.split(", ")
        for at, (source, kind) in enumerate(entries):
            if wanted[min(at, len(wanted) - 1)] == "span" and kind == "text":
                entries[at] = str(_milliseconds(source)), "int"
            elif kind not in ("int", "text"):
                raise ForTheLibrary
        sources = [source for source, _ in entries]
        if name == "span" and len(sources) == 1:
            return sources[0], "int"
        if name in _PASSING:
            if [kind for _, kind in entries] != ["int", "int"]:
                raise ForTheLibrary
            return _PASSING[name].format(*sources), "bool"
        return f"call_{name}(view, {', '.join(sources)})", _KINDS[_CALLS[name].type]

    def _size(self) -> tuple[str, str]:
        entries = self._entries(")")
        if [kind for _, kind in entries] != ["texts"]:  # of a text, the library counts bytes
            raise ForTheLibrary
        return f"len({entries[0][0]})", "int"

    def _entries(self, end: str) -> list[tuple[str, str]]:
        entries: list[tuple[str, str]] = []
        while self._tokens.peek() != end:
            if entries:
                self._tokens.take(",")
            entries.append(self._choice())
        self._tokens.take(end)
        return entries


def _named(entries: Sequence[tuple[str, str]]) -> str:
    """The only argument, when it is a name in quotes."""
    if len(entries) != 1 or not re.fullmatch(r"'\w+'", entries[0][0]):
        raise ForTheLibrary
    return entries[0][0][1:-1]


def _milliseconds(source: str) -> int:
    """Of a span that is a text in quotes."""
    try:
        return span(ast.literal_eval(source))
    except (ValueError, SyntaxError) as error:  # not a literal, or no span
        raise ForTheLibrary from error
