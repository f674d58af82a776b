"""All segments together, evaluated for one portrait at one instant, with a reason for each.

A rule that fails takes nobody else's segments with it: within its family the customer stays as before, and the failure is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import tzinfo
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import cel

from processors.segments.compiled import compiled
from processors.segments.field import shown
from processors.segments.fields import FIELDS, READ
from processors.segments.files import files_in
from processors.segments.rules import BadSegments, Condition, Family, Rule, in_order, read_family, read_file
from processors.segments.seeing import Seeing
from processors.segments.view import View
from schemas.computed import NOTHING, Computed
from schemas.portrait import Portrait, Segments
from schemas.ranks import Bounds, Ranked

SLOW_SECONDS = 0.05
"""A rule that takes longer than this for one customer is taken out of use, with its family, until the process ends."""

SHIPPED = "processors/segments/shipped"
"""Where the segments that ship are, and what the names of their files begin with."""

MEANING = 1
"""Raise this when a field or function comes to mean something else: then everybody is evaluated again."""

Timer = Callable[[], float]

_LOOK_AGAIN_MS = 60 * 60 * 1000

_TYPES = {field.name: field.type for field in FIELDS}


class Failure(NamedTuple):
    """Why a rule could not be evaluated, the last time, and how often that was."""

    message: str
    times: int


class Catalogue:
    """Families of segments, ready to be evaluated, by several threads at once. `zone` is where days begin; `timer` (seconds)
    tells how long rules take, None lets them; `clock` (seconds), whether it is worth asking that: a timer that counts a thread's
    own time alone may be a call of the system each. `bounds` may be replaced at any time.

    Raises BadSegments when the families do not fit together.
    """

    def __init__(
        self, families: Collection[Family], zone: tzinfo, timer: Timer | None = None, clock: Timer | None = None
    ) -> None:
        self._timer = timer
        self._clock = clock or timer
        self.families = in_order(families)
        self.zone = zone
        self.family_of: Mapping[str, Family] = {
            rule.segment: family for family in self.families for rule in family.rules
        }
        self.rule_of: Mapping[str, Rule] = {rule.segment: rule for family in self.families for rule in family.rules}
        self.bounds: Bounds | None = None
        self.failing: dict[str, Failure] = {}
        self._out_of_use: set[str] = set()
        self._evaluate = compiled(self.families)
        self._idle: list[Seeing] = []

    @property
    def digest(self) -> str:
        """Names what these rules say, and whether customers are ranked: 32 hex digits, equal for equal rules."""
        said = [
            (
                each.name,
                each.version,
                each.choose,
                each.where and each.where.text,
                [(rule.segment, [when.text for when in rule.when]) for rule in each.rules],
            )
            for each in self.families
        ]
        ranking = self.bounds is not None  # when there are bounds for the first time, everybody is evaluated
        return blake2b(f"{MEANING}\0{self.zone}\0{said}\0{ranking}".encode(), digest_size=16).hexdigest()

    @property
    def whole(self) -> bool:
        """Whether no family is out of use."""
        return not self._out_of_use

    def evaluate(
        self,
        portrait: Portrait,
        now: int,
        before: Collection[str] = (),
        ranked: Ranked | None = None,
        computed: Computed = NOTHING,
    ) -> Segments:
        """Where a customer who was in the segments `before` belongs at `now` (Unix ms). Until `due`, and without a new event, the
        answer stays the same. `ranked`: where the customer is to stand among all, whatever the bounds say. `computed`: what jobs
        computed of the customer."""
        view = self.see(portrait, now, computed=computed)
        view.stands(ranked)
        return self.decide(view, before)

    def see(self, portrait: Portrait, now: int, held: Collection[str] = (), computed: Computed = NOTHING) -> View:
        """A customer as the conditions see it; `held` are the segments that it is in."""
        return View(READ, portrait, now, self.zone, held, self.bounds, computed)

    def decide(self, view: View, before: Collection[str] = ()) -> Segments:
        """The same as `evaluate`, of what is seen; which holds the segments from then on, so that it can be asked for reasons."""
        names: list[str] = []
        view.held = names
        begun = self._clock() if self._clock else 0.0
        lifecycle = self._evaluate(view, names, before, self._choose)
        if self._clock and self._timer and self._clock() - begun > SLOW_SECONDS:
            self._look_for_slow_ones(self._timer, view)
        return Segments(lifecycle, tuple(names), view.due, view.ranked, view.computed)

    def _choose(self, family: Family, view: View, names: list[str], at: int, before: Collection[str]) -> None:
        """Choose of one family, rule by rule: `names` has `at` of others."""
        del names[at:]
        try:
            if family.name in self._out_of_use:
                view.turns_at(view.now + _LOOK_AGAIN_MS)
                names += self._as_before(family, before)
            else:
                names += self._chosen(family, view)
        except Exception as error:  # whatever a rule does wrong is no reason to hold up the others
            self._note(family, error, view.portrait, view.now, names[:at], view.computed)
            names += self._as_before(family, before)

    def _as_before(self, family: Family, before: Collection[str]) -> list[str]:
        return [each for each in before if self.family_of.get(each) is family]

    def holds(
        self, segment: str, portrait: Portrait, now: int, held: Collection[str] = (), computed: Computed = NOTHING
    ) -> bool:
        """Whether the condition of a segment holds, whatever its family says. Raises what is wrong with the rule."""
        view, where = self.see(portrait, now, held, computed), self.family_of[segment].where
        return (where is None or self._holds(where, view)) and any(
            self._holds(condition, view) for condition in self.rule_of[segment].when
        )

    def reason(
        self, segment: str, portrait: Portrait, now: int, held: Collection[str] = (), computed: Computed = NOTHING
    ) -> str:
        """Why a customer is in a segment: the condition that holds, and the values of all that it asks."""
        return self.reason_seen(segment, self.see(portrait, now, held, computed))

    def reason_seen(self, segment: str, view: View) -> str:
        """The same, of what is seen."""
        rule = self.rule_of[segment]
        try:
            return self._reason(rule, view)
        except Exception as error:  # it holds, all the same
            self._fail(segment, f"{type(error).__name__}: {error}")
            return rule.about

    def _reason(self, rule: Rule, view: View) -> str:
        condition = rule.when[0]
        if len(rule.when) > 1:
            condition = next((each for each in rule.when if self._holds(each, view)), condition)
        if condition.tell is not None:
            try:
                return condition.tell(view)
            except Exception:  # noqa: S110 - the library says what is wrong
                pass
        values = [f"{name} is {shown(_TYPES[name], view.get(name), self.zone)}" for name in condition.named]
        values += [f"{call} is {self._ask(program, view)}" for call, program in condition.calls]
        return f"{condition.text} ({', '.join(values)})" if values else rule.about

    def values(self, segment: str, portrait: Portrait, now: int, computed: Computed = NOTHING) -> dict[str, str]:
        """Everything that the conditions of a segment ask, as a person would read it."""
        view, told = self.see(portrait, now, computed=computed), dict[str, str]()
        for condition in self.rule_of[segment].when:
            told |= {name: shown(_TYPES[name], view.get(name), self.zone) for name in condition.named}
            if all(view.get(name) is not None for name in condition.needs):
                told |= {call: str(self._ask(program, view)) for call, program in condition.calls}
        return told

    def _note(
        self,
        family: Family,
        error: Exception,
        portrait: Portrait,
        now: int,
        held: Collection[str],
        computed: Computed,
    ) -> None:
        """Find the rule that failed, and remember it."""
        for rule in family.rules:
            try:
                self.holds(rule.segment, portrait, now, held, computed)
            except Exception as found:
                self._fail(rule.segment, f"{type(found).__name__}: {found}")
                return
        self._fail(family.rules[0].segment, f"{type(error).__name__}: {error}")

    def _fail(self, segment: str, message: str) -> None:
        known = self.failing.get(segment)
        self.failing[segment] = Failure(" ".join(message.split())[:300], 1 + (known.times if known else 0))

    def _look_for_slow_ones(self, timer: Timer, view: View) -> None:
        """One customer took long. If a rule does again, take its family out of use."""
        for family in self.families:
            for rule in family.rules:
                begun = timer()
                with suppress(Exception):
                    self.holds(rule.segment, view.portrait, view.now, computed=view.computed)
                if (took := timer() - begun) > SLOW_SECONDS:
                    self._fail(
                        rule.segment, f"took {took * 1000:.0f} ms for one customer: out of use until the next start"
                    )
                    self.take_out(family.name)

    def take_out(self, family: str) -> None:
        """Take a family out of use, until the process ends."""
        self._out_of_use.add(family)
        self._evaluate = compiled(self.families, self._out_of_use)

    def _chosen(self, family: Family, view: View) -> list[str]:
        chosen: list[str] = []
        if family.where is None or self._holds(family.where, view):
            for rule in family.rules:
                for condition in rule.when:
                    if self._holds(condition, view):
                        chosen.append(rule.segment)
                        if family.choose == "first":
                            return chosen
                        break
        return chosen

    def _holds(self, condition: Condition, view: View) -> bool:
        for name in condition.needs:
            if view.get(name) is None:
                return False
        if condition.native is not None:
            try:
                return bool(condition.native(view))
            except Exception:  # noqa: S110 - the library says what is wrong, or that one side of an `||` was enough
                pass
        holds = self._ask(condition.program, view)
        if holds is True or holds is False:
            return holds
        raise TypeError(f"is neither true nor false, but {holds!r}: {condition.text}")

    def _ask(self, program: cel.Program, view: View) -> Any:
        try:
            seeing = self._idle.pop()
        except IndexError:
            seeing = Seeing()
        seeing.view = view
        try:
            return program.execute(seeing.context)
        finally:
            self._idle.append(seeing)


@cache
def shipped_catalogue() -> Catalogue:
    """The segments that ship, for Viet Nam, read once."""
    return read_catalogue(ZoneInfo("Asia/Ho_Chi_Minh"))


def read_catalogue(
    zone: tzinfo, directory: Path | None = None, timer: Timer | None = None, clock: Timer | None = None
) -> Catalogue:
    """The segments that ship, and those of `directory` (`*.yaml`): a family of the same name replaces the one that ships.

    Raises BadSegments naming file and line, and when there is no family `lifecycle`.
    """
    shipped = files("processors.segments") / "shipped"
    families = {
        family.name: family
        for entry in sorted(shipped.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
        for family in (read_family(entry.read_text("utf-8"), f"{SHIPPED}/{entry.name}"),)
    }
    own: dict[str, Family] = {}
    if directory is not None:
        for file in files_in(directory):
            family = read_file(file)
            if family.name in own:
                raise BadSegments(f"{file}:1: family {family.name} is there twice, also in {own[family.name].file}")
            own[family.name] = family
    return Catalogue([*(families | own).values()], zone, timer, clock)
