"""Read all facts about some identifiers: what hangs together with them by links, by customers, and by what people joined."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from processors.cluster import Facts
from processors.identity_rules import IdentityRules
from schemas.identifiers import Identifier, Link, Pair, Standing
from schemas.identity import Mark, Member
from schemas.judgements import Judgement, Kind
from sinks.store import Settling


class Gathered(NamedTuple):
    """Facts, closed under what they link.

    members: by node. shut: identifiers found quarantined before, whose links were not followed: they are no part of this.
    ties: identifiers that events name together where links through what is shut do not say so. outside: identifiers that only
    what is seen with too many links to this; they are marked, and no part of it.
    """

    members: Mapping[str, Member]
    links: Sequence[Link]
    judgements: Sequence[Judgement]
    shut: frozenset[Identifier]
    ties: Sequence[Collection[Identifier]] = ()
    outside: frozenset[Identifier] = frozenset()

    @property
    def opened(self) -> set[Identifier]:
        """All identifiers whose links were followed."""
        return {member.identifier for member in self.members.values()} - self.shut

    @property
    def customers(self) -> set[str]:
        """All customers that there were."""
        return {member.customer for member in self.members.values() if member.customer is not None}

    @property
    def loose(self) -> set[str]:
        """All nodes that have to be locked themselves: those that have no customer, and those whose links link nothing as yet."""
        return {
            node
            for node, member in self.members.items()
            if member.customer is None or member.standing >= Standing.QUARANTINED
        }

    @property
    def facts(self) -> Facts:
        """What `cluster` decides by."""
        return Facts({member.identifier for member in self.members.values()}, self.links, self.judgements, self.shut)


MORE_FOR_PEOPLE = 25
"""How many times as much is looked at when a person has decided something about it."""


class TooLarge(Exception):
    """More hangs together than is to be looked at. Its argument: the identifiers met so far."""


def gather(
    tx: Settling,
    marks: Collection[Mark],
    rules: IdentityRules,
    ties: Sequence[Collection[Identifier]] = (),
    near: Collection[Identifier] = (),
) -> Gathered:
    """Read the facts about what is marked, and about all of `ties`. `near`: identifiers found to hang together with these before;
    where they still do, a single look is enough.

    An identifier that is seen with too many stands for nobody, so what it links is followed no further than to what was decided
    before; the others are marked, and come in turn.

    Raises TooLarge when more identifiers hang together with them than `rules` let be decided, or one of these is parked; when
    people decided, when very many more do.
    """
    judgements = tx.judgements()
    joins = [*_joins(judgements), *ties]
    trusted = {each for judgement in judgements if judgement.kind is Kind.TRUST for each in judgement.left}
    partners: dict[Identifier, set[Identifier]] = {}
    members: dict[str, Member] = {}
    links: dict[Pair, Link] = {}
    shut: set[Identifier] = set()
    met: set[Identifier] = set()
    wanted = {mark.identifier for mark in marks}.union(*ties)
    judged = {mark.identifier for mark in marks if mark.judged}
    freed: set[tuple[Identifier, Identifier]] = set()
    most = rules.largest * (MORE_FOR_PEOPLE if judged else 1)
    frontier = wanted.union(near)
    while frontier:
        met |= frontier
        found = tx.members(frontier)
        closed = {member.identifier for member in found if member.standing is Standing.QUARANTINED} - judged
        shut |= closed
        members.update((member.node, member) for member in found)
        parked = not judged and any(member.standing is Standing.PARKED for member in found)
        if parked or len(met) - len(shut) > most:
            raise TooLarge(sorted(met - shut))
        opened = frontier - closed
        was_shut = {member.identifier for member in found if member.why is not None}
        reached: set[Identifier] = set()
        for link in tx.links_at(opened):
            links[link.a, link.b, link.rule] = link
            for one, other in ((link.a, link.b), (link.b, link.a)):
                if one in opened:
                    partners.setdefault(one, set()).add(other)
            freed.update((a, b) for a, b in ((link.a, link.b), (link.b, link.a)) if a in was_shut)
        crowded = {each for each in opened & partners.keys() - trusted if rules.is_crowd(partners[each])}
        reached.update(*(partners[each] for each in opened & partners.keys() - crowded))
        if crowded:
            among = set().union(*(partners[each] for each in crowded))
            reached |= among - tx.marked(among)
        customers = {member.customer for member in found if member.customer and member.identifier in opened}
        for identifiers in tx.kin(customers).values():
            reached.update(identifiers)
        for group in joins:
            if not opened.isdisjoint(group):
                reached.update(group)
        frontier = reached - met
    # What was quarantined and may not be any more: events of its partners in quarantine may be its own now.
    ties = [*ties, *sorted(pair for pair in freed if pair[1] in shut)]
    wanted.update(*ties)
    members = {
        node: member for node, member in members.items() if member.identifier not in shut or member.identifier in wanted
    }
    outside = frozenset(other for others in partners.values() for other in others if other not in met)
    return Gathered(members, list(links.values()), judgements, frozenset(shut), ties, outside)


def _joins(judgements: Sequence[Judgement]) -> Iterator[set[Identifier]]:
    for judgement in judgements:
        if judgement.kind is Kind.JOIN:
            yield set(judgement.named)
