"""Decide which identifiers are one customer: a pure function of the set of facts, so the order in which they came cannot matter.

Links are taken in one canonical order, the most trustworthy first (Kruskal's algorithm), and each one joins what it links unless
that would break a rule. What is refused, and why, is part of the answer. Components that share no identifier do not influence one
another, so a part of the facts that is closed under links gives the same answer for its identifiers as the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from processors.identity_rules import IdentityRules, Tier
from schemas.identifiers import PERIOD_MS, Identifier, Link, Standing, by_strength
from schemas.identity import Refusal
from schemas.judgements import Judgement, Kind

TOO_MANY = "seen with too many others to stand for one person"


class Facts(NamedTuple):
    """What identity is decided by. Links are one each of (a, b, rule); `quarantined` are identifiers found to be so before, whose
    links may be missing here."""

    identifiers: Collection[Identifier]
    links: Collection[Link]
    judgements: Sequence[Judgement] = ()
    quarantined: Collection[Identifier] = ()


class Node(NamedTuple):
    """An identifier, and of a recycled one the part of its life that begins at `since` (ms; 0: its first)."""

    kind: str
    value: str
    since: int = 0

    @property
    def identifier(self) -> Identifier:
        """Without its time."""
        return Identifier(self.kind, self.value)

    @property
    def strength(self) -> tuple[int, str, int]:
        """A sort key: the strongest kind first, then by value and time."""
        return *by_strength(self.identifier), self.since


class Partition(NamedTuple):
    """Who is who.

    clusters: each node → the smallest node of its cluster. refused: (a, b) → why they are not joined by their link.
    quarantined: identifier → why. turns: recycled identifier → the ascending times (ms) at which it changed hands.
    standing: of every identifier.
    """

    clusters: Mapping[Node, Node]
    refused: Mapping[tuple[Identifier, Identifier], Refusal]
    quarantined: Mapping[Identifier, str]
    turns: Mapping[Identifier, tuple[int, ...]]
    standing: Mapping[Identifier, Standing]

    def node(self, identifier: Identifier, time: int) -> Node:
        """The node that an event of this time (ms) means by this identifier."""
        since = 0
        for turn in self.turns.get(identifier, ()):
            if turn <= time:
                since = turn
        return Node(*identifier, since)

    def subject(self, identifiers: Sequence[Identifier], time: int) -> Node:
        """The node that an event of `identifiers` belongs to: the strongest one that stands for somebody, if any does."""
        standing = [each for each in identifiers if each not in self.quarantined]
        return self.node(min(standing or identifiers, key=by_strength), time)


def cluster(facts: Facts, rules: IdentityRules) -> Partition:
    """Divide `facts.identifiers` into customers."""
    quarantined = _quarantined(facts, rules)
    graph = _Graph(rules, facts, quarantined)
    refused: dict[tuple[Identifier, Identifier], Refusal] = {}
    joined: set[tuple[Identifier, Identifier]] = set()
    known = set(facts.identifiers)
    for a, b in _joins(facts.judgements):
        if known.issuperset((a, b)):  # else it is decided about others
            graph.join(Node(*a), Node(*b), Tier.JUDGED)
    for link, tier in _in_order(facts.links, rules):
        pair = link.a, link.b
        refusal = graph.take(link, tier)
        if refusal is None:
            joined.add(pair)
        else:
            refused.setdefault(pair, refusal)
    refused = {pair: refusal for pair, refusal in refused.items() if pair not in joined}
    return graph.partition(refused, quarantined, _crowded(facts.links, quarantined, rules))


def _joins(judgements: Sequence[Judgement]) -> Iterator[tuple[Identifier, Identifier]]:
    for judgement in sorted(judgements):
        if judgement.kind is Kind.JOIN:
            first, *others = judgement.named
            yield from ((first, other) for other in others)


def _in_order(links: Collection[Link], rules: IdentityRules) -> list[tuple[Link, Tier]]:
    """The canonical order: by what the link weighs, what its stronger end weighs, the priority of its weaker end, and time."""
    kinds = rules.kinds

    def place(weighed: tuple[Link, Tier]) -> tuple[object, ...]:
        (a, b, time, key, rule, _), tier = weighed
        return tier, kinds[a.kind].tier, kinds[b.kind].priority, time, key, a, b, rule

    return sorted([(link, rules.tier(link.a, link.b, link.rule)) for link in links], key=place)


def _quarantined(facts: Facts, rules: IdentityRules) -> dict[Identifier, str]:
    """Identifiers that stand for nobody, and why: those that people or rules block, and those seen with too many others."""
    trusted = {each for judgement in facts.judgements if judgement.kind is Kind.TRUST for each in judgement.left}
    found = dict.fromkeys(facts.quarantined, TOO_MANY)
    partners: dict[Identifier, set[Identifier]] = {}
    for a, b, *_ in facts.links:
        partners.setdefault(a, set()).add(b)
        partners.setdefault(b, set()).add(a)
    found.update((identifier, TOO_MANY) for identifier, seen in partners.items() if rules.is_crowd(seen))
    for identifier in facts.identifiers:
        if rules.blocked(identifier):
            found[identifier] = "blocked by the rules"
    found = {identifier: why for identifier, why in found.items() if identifier not in trusted}
    for judgement in sorted(facts.judgements):
        if judgement.kind is Kind.BLOCK:
            found.update(dict.fromkeys(judgement.left, f"blocked by judgement {judgement.number}"))
    return found


def _crowded(links: Collection[Link], quarantined: Collection[Identifier], rules: IdentityRules) -> set[Identifier]:
    """Identifiers seen with so many that are quarantined that, with those which a customer may have, they could be too many."""
    seen: dict[tuple[Identifier, str], set[str]] = {}
    for a, b, *_ in links:
        if b in quarantined:
            seen.setdefault((a, b.kind), set()).add(b.value)
        if a in quarantined:
            seen.setdefault((b, a.kind), set()).add(a.value)
    kinds = rules.kinds
    return {each for (each, kind), values in seen.items() if len(values) > kinds[kind].seen_with - kinds[kind].values}


class _Group:
    """A cluster in the making: its nodes, its values by kind, and which sides of which judgements are in it."""

    __slots__ = ("nodes", "sides", "values")

    def __init__(self, node: Node, sides: Collection[tuple[int, bool]]) -> None:
        self.nodes = [node]
        self.values: dict[str, set[str]] = {node.kind: {node.value}}
        self.sides = set(sides)


class _Graph:
    """Union-find over nodes that asks the rules before it joins."""

    def __init__(self, rules: IdentityRules, facts: Facts, quarantined: Mapping[Identifier, str]) -> None:
        self._rules = rules
        self._quarantined = quarantined
        self._sides: dict[Identifier, list[tuple[int, bool]]] = {}
        self._judged: set[Identifier] = set()
        for judgement in facts.judgements:
            self._judged.update(judgement.named)
            if judgement.kind is Kind.APART:
                for side, members in enumerate((judgement.left, judgement.right)):
                    for member in set(members).difference((judgement.left, judgement.right)[not side]):
                        self._sides.setdefault(member, []).append((judgement.number, bool(side)))
        self._groups: dict[Node, _Group] = {}
        self._turns: dict[Identifier, list[int]] = {}
        self._last: dict[Node, int] = {}
        for identifier in facts.identifiers:
            self._add(Node(*identifier))

    def _add(self, node: Node) -> _Group:
        group = self._groups.get(node)
        if group is None:
            group = self._groups[node] = _Group(node, self._sides.get(node.identifier, ()))
        return group

    def take(self, link: Link, tier: Tier) -> Refusal | None:
        """Join what `link` links, or say why not. A value with a window may turn out to have changed hands."""
        a, b = self._at(link.a, link.time), self._at(link.b, link.time)
        refusal = self.join(a, b, tier)
        if refusal is not None and refusal.code in ("limit", "told_apart"):
            window = self._rules.kinds[b.kind].window
            if window is not None and self._unseen_since(b, link) > window:
                turn = Node(b.kind, b.value, link.time)
                if turn not in self._groups:
                    if self.join(a, turn, tier) is None:
                        self._turns.setdefault(link.b, []).append(link.time)
                        b, refusal = turn, None
                    else:
                        del self._groups[turn]
        if refusal is None:
            for node in (a, b):
                self._last[node] = max(link.last, self._last.get(node, link.last))
        return refusal

    def _at(self, identifier: Identifier, time: int) -> Node:
        turns = [turn for turn in self._turns.get(identifier, ()) if turn <= time]
        node = Node(*identifier, max(turns, default=0))
        self._add(node)
        return node

    def _unseen_since(self, node: Node, link: Link) -> int:
        """For how many ms, at the least, `node` was not seen with its customer when `link` was first seen."""
        last = self._last.get(node)
        return 0 if last is None else link.time - (last + 1) * PERIOD_MS

    def join(self, a: Node, b: Node, tier: Tier) -> Refusal | None:
        """Make one group of those of `a` and `b`, or say why not."""
        for node in (a, b):
            if node.identifier in self._quarantined:
                return Refusal("quarantined", f"{node.kind}: {self._quarantined[node.identifier]}")
        mine, other = self._add(a), self._add(b)
        if mine is other:
            return None
        refusal = self._against(mine, other, tier)
        if refusal is None:
            if len(mine.nodes) < len(other.nodes):
                mine, other = other, mine
            for node in other.nodes:
                self._groups[node] = mine
            mine.nodes += other.nodes
            mine.sides |= other.sides
            for kind, values in other.values.items():
                mine.values[kind] = mine.values.get(kind, set()) | values
        return refusal

    def _against(self, mine: _Group, other: _Group, tier: Tier) -> Refusal | None:
        for number, side in sorted(mine.sides):
            if (number, not side) in other.sides:
                return Refusal("judgement", f"judgement {number} keeps them apart")
        if tier is Tier.JUDGED:
            return None
        shared = [rule for kind, rule in self._rules.kinds.items() if kind in mine.values and kind in other.values]
        for rule in shared:
            together = len(mine.values[rule.name] | other.values[rule.name])
            if together > rule.values:
                return Refusal("limit", f"would have {together} {rule.name}, at most {rule.values}")
        if tier is Tier.WEAK:
            for rule in shared:
                if rule.tier is Tier.STRONG:
                    return Refusal("told_apart", f"each has a {rule.name} of its own")
        if tier is Tier.DEVICE and self._identified(mine) and self._identified(other):
            return Refusal("device", "a device or browser alone does not make two customers one")
        return None

    def _identified(self, group: _Group) -> bool:
        return any(self._rules.kinds[kind].tier is not Tier.DEVICE for kind in group.values)

    def partition(
        self,
        refused: Mapping[tuple[Identifier, Identifier], Refusal],
        quarantined: Mapping[Identifier, str],
        crowded: Collection[Identifier],
    ) -> Partition:
        """The answer."""
        clusters: dict[Node, Node] = {}
        for node, group in self._groups.items():
            if node not in clusters:
                clusters.update(dict.fromkeys(group.nodes, min(group.nodes)))
        refusing = {each for (a, b), why in refused.items() if why.code != "quarantined" for each in (a, b)}
        touched = {clusters[Node(*each)] for each in refusing | self._judged if Node(*each) in clusters}
        for identifier, turns in self._turns.items():
            touched |= {clusters[Node(*identifier, since)] for since in (0, *turns)}
        standing: dict[Identifier, Standing] = {}
        for node, first in clusters.items():
            identifier = node.identifier
            if identifier in quarantined:
                standing[identifier] = Standing.QUARANTINED
            elif identifier in self._turns:
                standing[identifier] = Standing.RECYCLED
            else:
                contested = first in touched or identifier in crowded
                standing[identifier] = Standing.CONTESTED if contested else Standing.PLAIN
        times = {identifier: tuple(sorted(turns)) for identifier, turns in self._turns.items()}
        return Partition(clusters, refused, dict(quarantined), times, standing)
