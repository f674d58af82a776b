"""The rules of identity, read from `identity_rules.yaml`: what each kind of identifier is worth, and how far it goes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
import yaml

from schemas.identifiers import STRENGTH, VERIFIED, Identifier


class Tier(IntEnum):
    """How much a link weighs: as much as the weaker of its ends. What weighs more is decided first."""

    JUDGED = 0
    STRONG = 1
    WEAK = 2
    DEVICE = 3


_TIERS = {"strong_unique": Tier.STRONG, "strong": Tier.STRONG, "weak": Tier.WEAK, "device": Tier.DEVICE}


class KindRule(NamedTuple):
    """One kind of identifier.

    priority: 0 is the first. values: how many a customer has at the most. seen_with: what is seen with more than so many
    different ones is quarantined. window: ms, None where a value does not change hands. blocked: whole values that stand
    for nobody.
    """

    name: str
    priority: int
    tier: Tier
    unique: bool
    values: int
    seen_with: int
    window: int | None
    blocked: re.Pattern[str] | None


class IdentityRules(NamedTuple):
    """All kinds by name, in order of priority. largest: identifiers of one component, at the most."""

    version: int
    largest: int
    kinds: Mapping[str, KindRule]

    def tier(self, a: Identifier, b: Identifier, rule: str) -> Tier:
        """What a link of these two by this rule weighs."""
        if rule == VERIFIED:
            return max(Tier.STRONG, self.kinds[a.kind].tier)
        return max(self.kinds[a.kind].tier, self.kinds[b.kind].tier)

    def is_crowd(self, seen: Collection[Identifier]) -> bool:
        """Whether an identifier that was seen with all of these is seen with too many to stand for anybody."""
        counts: dict[str, int] = {}
        for kind, _ in seen:
            counts[kind] = counts.get(kind, 0) + 1
        return any(count > self.kinds[kind].seen_with for kind, count in counts.items())

    def blocked(self, identifier: Identifier) -> bool:
        """Whether the rules say that this value stands for nobody."""
        pattern = self.kinds[identifier.kind].blocked
        return pattern is not None and pattern.fullmatch(identifier.value) is not None


class _Block(msgspec.Struct, forbid_unknown_fields=True):
    exactly: list[str] = msgspec.field(default_factory=list, name="is")
    like: list[str] = []


class _Kind(msgspec.Struct, forbid_unknown_fields=True):
    tier: str = msgspec.field(name="class")
    values: int
    seen_with: int
    window: int | None = None
    block: _Block = msgspec.field(default_factory=_Block)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    largest: int
    kinds: dict[str, Any]


_DAY_MS = 24 * 60 * 60 * 1000


def read_identity_rules(text: str, name: str) -> IdentityRules:
    """Read and check a file of rules. Raises ValueError naming the file, the kind and what is wrong with it."""
    try:
        told = msgspec.convert(yaml.safe_load(text), _File)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{name}: {error}") from error
    if set(told.kinds) != set(STRENGTH):
        wrong = sorted(set(told.kinds) ^ set(STRENGTH))
        raise ValueError(f"{name}: kinds must be exactly {', '.join(STRENGTH)}; missing or unknown: {', '.join(wrong)}")
    if tuple(told.kinds) != STRENGTH:
        first = next(kind for kind, due in zip(told.kinds, STRENGTH, strict=True) if kind != due)
        raise ValueError(f"{name}: {first}: kinds must come in the order of Kafka's keys: {', '.join(STRENGTH)}")
    if told.version < 1 or told.largest < 10:
        raise ValueError(f"{name}: version is 1 or more, largest 10 or more")
    kinds = {}
    for priority, (kind, value) in enumerate(told.kinds.items()):
        place = f"{name}: {kind}"
        try:
            each = msgspec.convert(value, _Kind)
        except msgspec.ValidationError as error:
            raise ValueError(f"{place}: {error}") from error
        if each.tier not in _TIERS:
            raise ValueError(f"{place}: class {each.tier!r} is not one of {', '.join(_TIERS)}")
        if not 1 <= each.values <= each.seen_with:
            raise ValueError(f"{place}: values must be 1 or more, and seen_with not less than values")
        if each.window is not None and (each.window < 1 or each.tier != "weak"):
            raise ValueError(f"{place}: window is a number of days, for kinds of class weak")
        kinds[kind] = KindRule(
            kind,
            priority,
            _TIERS[each.tier],
            each.tier == "strong_unique",
            each.values,
            each.seen_with,
            None if each.window is None else each.window * _DAY_MS,
            _blocked(each.block, place),
        )
    return IdentityRules(told.version, told.largest, kinds)


def _blocked(block: _Block, place: str) -> re.Pattern[str] | None:
    patterns = [re.escape(value) for value in block.exactly] + block.like
    try:
        for pattern in patterns:
            re.compile(pattern)
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
    except re.error as error:
        raise ValueError(f"{place}: {error} in a pattern of block") from error


@cache
def identity_rules() -> IdentityRules:
    """The rules that ship, read once."""
    return read_identity_rules((files("processors") / "identity_rules.yaml").read_text("utf-8"), "identity_rules.yaml")
