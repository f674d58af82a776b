"""Segments as data: families of rules in YAML, with conditions in the Common Expression Language, checked when they are read.

A family is one file. `choose: first` makes it a ladder: a customer is in the first of its segments whose condition holds, in one
at the most. `choose: every`: in every one whose condition holds. A condition may be a list: then it is enough that one of them
holds. See docs/segments.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cel
import yaml

from processors.segments.fields import FIELDS
from processors.segments.functions import FUNCTIONS
from processors.segments.kinds import misfit
from processors.segments.native import native, translated
from processors.segments.reach import Before
from processors.segments.telling import Tell, telling
from processors.segments.trial import tried
from processors.segments.view import View

_FIELDS = {field.name: field for field in FIELDS}
_FUNCTIONS = {function.name: function for function in FUNCTIONS}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CALLED = re.compile(r"""\b(in_segment|known)\s*\(\s*(?:"([^"]*)"|'([^']*)')?""")
_MACROS = ("all", "exists", "exists_one", "filter", "map", "has")
_TEXTS = ("size", "contains", "startsWith", "endsWith", "matches")
_BUILT_IN = frozenset((*_MACROS, *_TEXTS, "min", "max", "int", "double", "string", "bool", "type"))
_TELLING = re.compile(
    r"\b(?:purchases_in|days_bought_in|revenue_in|status|count|hours_share|days_share|days_since)\([^()]*\)"
)


class BadSegments(ValueError):
    """A file of segments cannot be used; the message says where and why."""


class Condition(NamedTuple):
    """One expression, compiled. needs: fields of it that may be unknown: then it does not hold. named: all its fields, and those
    that its functions look at. calls: what it asks of functions that says more than yes or no. uses: segments that it refers to.
    source, native: the same as Python source and as a function, if it could be translated. tell: why it holds, if that could."""

    text: str
    program: cel.Program
    needs: tuple[str, ...]
    named: tuple[str, ...]
    calls: tuple[tuple[str, cel.Program], ...]
    uses: frozenset[str]
    source: str | None
    native: Callable[[View], Any] | None
    tell: Tell | None

    @property
    def asked(self) -> set[str]:
        """Its fields, and those of which it asks no more than whether they are known."""
        return {
            *self.named,
            *(double or single for name, double, single in _CALLED.findall(self.text) if name == "known"),
        }


class Rule(NamedTuple):
    """`segment` applies when one of `when` holds. about: what it means. line: where it stands."""

    segment: str
    about: str
    when: tuple[Condition, ...]
    line: int

    @property
    def texts(self) -> list[str]:
        """Its conditions, as they are written."""
        return [condition.text for condition in self.when]


class Family(NamedTuple):
    """Segments that belong together: the rules, in order. where: what all of them need, None for nothing."""

    name: str
    about: str
    version: int
    choose: Literal["first", "every"]
    where: Condition | None
    rules: tuple[Rule, ...]
    source: str
    file: str

    @property
    def uses(self) -> set[str]:
        """Segments that its conditions refer to."""
        asked = [condition for rule in self.rules for condition in rule.when] + ([self.where] if self.where else [])
        return {segment for condition in asked for segment in condition.uses}


def read_family(text: str, file: str) -> Family:
    """Read and check one file. Raises BadSegments naming the file, the line and what is wrong."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _bad(file, 1 if mark is None else mark.line + 1, f"this is not YAML: {_said(error)}") from error
    if node is None:
        raise _bad(file, 1, "this file is empty")
    fields = _mapping(
        node, file, {"family", "about", "version", "choose", "source", "where", "segments"}, "a file of segments"
    )
    name = _text(fields, "family", file, node)
    if not _NAME.fullmatch(name):
        raise _bad(file, _line(fields["family"]), f"{name!r} is no name: use small letters, digits and _")
    choose = _text(fields, "choose", file, node, default="first")
    if choose not in ("first", "every"):
        raise _bad(file, _line(fields["choose"]), f"choose is first or every, not {choose!r}")
    version = _value(fields, "version", file, node)
    if type(version) is not int or version < 1:
        raise _bad(file, _line(fields["version"]), f"version is a whole number from 1 on, not {version!r}")
    where = _condition(fields["where"], name, file) if "where" in fields else None
    listed = fields.get("segments")
    if not isinstance(listed, yaml.SequenceNode) or not listed.value:
        raise _bad(file, _line(listed or node), "segments is a list of at least one segment")
    rules, before = list[Rule](), Before()
    for rule in (_rule(entry, file) for entry in listed.value):
        for other in rules:
            if other.segment == rule.segment:
                raise _bad(file, rule.line, f"{rule.segment} is there twice, first in line {other.line}")
        if why := before.why_never(rule.texts):
            raise _bad(file, rule.line, f"{rule.segment} can never apply: {why}")
        if choose == "first":
            before.add(rule.segment, rule.texts)
        rules.append(rule)
    return Family(
        name,
        _text(fields, "about", file, node),
        version,
        "first" if choose == "first" else "every",
        where,
        tuple(rules),
        _text(fields, "source", file, node, default=""),
        file,
    )


def read_file(path: Path) -> Family:
    """Read and check a file of segments. Raises BadSegments, also when it cannot be read at all."""
    try:
        return read_family(path.read_text("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise _bad(str(path), 1 + error.object.count(b"\n", 0, error.start), "this is not UTF-8") from error
    except OSError as error:
        raise BadSegments(f"{path}: {error.strerror}") from error


def in_order(families: Iterable[Family]) -> tuple[Family, ...]:
    """Families in an order in which each comes after those that it refers to. Raises BadSegments."""
    waiting = sorted(families, key=lambda family: (family.name != "lifecycle", family.name))
    home: dict[str, Family] = {}
    named: dict[str, Family] = {}
    for family in waiting:
        if (twice := named.setdefault(family.name, family)) is not family:
            raise _bad(family.file, 1, f"family {family.name} is there twice, also in {twice.file}")
        for rule in family.rules:
            if (other := home.setdefault(rule.segment, family)) is not family:
                raise _bad(family.file, rule.line, f"segment {rule.segment} is there twice, also in {other.file}")
    for family in waiting:
        for used in sorted(family.uses - home.keys()):
            lines = [rule.line for rule in family.rules for each in rule.when if used in each.uses]
            raise _bad(family.file, min(lines, default=1), f"it refers to {used}, and there is no such segment")
    ordered: list[Family] = []
    done: set[str] = set()
    while waiting:
        ready = [each for each in waiting if {home[used].name for used in each.uses} <= done]
        if not ready:
            circle = " → ".join(_circle(waiting, home))
            raise _bad(waiting[0].file, 1, f"families refer to each other in a circle: {circle}")
        ordered += ready
        done.update(family.name for family in ready)
        waiting = [each for each in waiting if each.name not in done]
    return tuple(ordered)


def _circle(families: list[Family], home: Mapping[str, Family]) -> list[str]:
    stuck = {family.name: family for family in families}
    path = [families[0].name]
    while True:
        family = stuck[path[-1]]
        used = {home[segment].name for segment in family.uses}
        path.append(min(used & stuck.keys()))
        if path[-1] in path[:-1]:
            return path[path.index(path[-1]) :]


def _rule(node: yaml.Node, file: str) -> Rule:
    fields = _mapping(node, file, {"segment", "about", "when"}, "a segment")
    segment, line = _text(fields, "segment", file, node), _line(node)
    if not _NAME.fullmatch(segment):
        raise _bad(file, line, f"{segment!r} is no name of a segment: use small letters, digits and _")
    when = fields.get("when")
    if when is None:
        raise _bad(file, line, f"{segment} has no condition: say when it applies (when: true, for everybody)")
    entries = when.value if isinstance(when, yaml.SequenceNode) else [when]
    conditions = tuple(_condition(entry, segment, file) for entry in entries)
    if not conditions:
        raise _bad(file, _line(when), f"{segment}: an empty list holds for nobody")
    return Rule(segment, _text(fields, "about", file, node), conditions, line)


def _condition(node: yaml.Node, segment: str, file: str) -> Condition:
    line = _line(node)
    if not isinstance(node, yaml.ScalarNode):
        raise _bad(file, line, f"{segment}: a condition is text, or a list of texts")
    code = node.value.strip()
    text = " ".join(code.split())
    if "//" in re.sub(r"\"[^\"]*\"|'[^']*'", "", code):
        raise _bad(file, line, f"{segment}: a condition has no comments: put them on lines of their own, after #")
    try:
        program = cel.compile(code)
    except ValueError as error:
        raise _bad(file, line, f"{segment}: {text!r} cannot be read: {_said(error)}") from error
    bound = set(re.findall(r"\.(?:all|exists|exists_one|filter|map)\s*\(\s*(\w+)", text))
    for name in sorted(bound & _FIELDS.keys()):
        raise _bad(file, line, f"{segment}: {name} is a field: call what the list is gone through with something else")
    named = [name for name in program.variables() if name not in bound]
    for name in named:
        if name not in _FIELDS:
            raise _bad(file, line, f"{segment}: there is no field {name}{_meant(name, _FIELDS)}")
    for name in program.functions():
        if re.fullmatch(r"\w+", name) and name not in _FUNCTIONS and name not in _BUILT_IN:
            raise _bad(file, line, f"{segment}: there is no function {name}{_meant(name, _FUNCTIONS)}")
    for function, double, single in _CALLED.findall(text):
        name = double or single
        if not name:
            raise _bad(file, line, f"{segment}: {function} takes a name in quotes")
        if function == "known" and name not in _FIELDS:
            raise _bad(file, line, f"{segment}: there is no field {name}{_meant(name, _FIELDS)}")
    if wrong := misfit(code) or tried(program):
        raise _bad(file, line, f"{segment}: {text!r}: {wrong}")
    needs = tuple(name for name in named if _FIELDS[name].optional)
    source = translated(code)
    looked_at = [] if "birthday" in named or "birthday_in" not in program.functions() else ["birthday"]
    told = [(call, cel.compile(call)) for call in dict.fromkeys(_TELLING.findall(code))]
    calls = tuple((call, program) for call, program in told if bound.isdisjoint(program.variables()))
    uses = frozenset(double or single for function, double, single in _CALLED.findall(code) if function == "in_segment")
    as_function = None if source is None else native(source)
    asked = (*named, *looked_at)
    tell = telling(text, asked, [call for call, _ in calls])
    return Condition(text, program, needs, asked, calls, uses, source, as_function, tell)


def _mapping(node: yaml.Node, file: str, known: set[str], what: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _bad(file, _line(node), f"{what} has fields: {', '.join(sorted(known))}")
    fields: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = str(key.value)
        if name not in known:
            raise _bad(file, _line(key), f"{what} has no field {name}{_meant(name, known)}")
        if name in fields:
            raise _bad(file, _line(key), f"{name} is there twice")
        fields[name] = value
    return fields


def _value(fields: Mapping[str, yaml.Node], name: str, file: str, node: yaml.Node) -> Any:
    if name not in fields:
        raise _bad(file, _line(node), f"{name} is missing")
    try:
        return yaml.SafeLoader("").construct_object(fields[name], deep=True)
    except Exception as error:  # tags and dates of YAML are read by functions that raise anything
        raise _bad(file, _line(fields[name]), f"{name} cannot be read: {_said(error)}") from error


def _text(fields: Mapping[str, yaml.Node], name: str, file: str, node: yaml.Node, default: str | None = None) -> str:
    if name not in fields and default is not None:
        return default
    value = _value(fields, name, file, node)
    if not isinstance(value, str) or not value.strip():
        raise _bad(file, _line(fields[name]), f"{name} is a text, not {value!r}")
    return " ".join(value.split())


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; is {close[0]} meant?" if close else f". There are {', '.join(sorted(known))}"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _said(error: Exception) -> str:
    return " ".join(str(error).replace("ERROR: <input>:", "").split())


def _bad(file: str, line: int, what: str) -> BadSegments:
    return BadSegments(f"{file}:{line}: {what}")
