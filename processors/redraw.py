"""What follows for customers when it is decided anew who their identifiers are: which portraits are merged, which folded again.

Where customers only become one, their portraits are merged; where a customer is divided, or an identifier changes its meaning,
the events say what each one's portrait is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from processors.cluster import Node, Partition
from processors.gather import Gathered
from schemas.identifiers import UNPLACED, Identifier, Standing, node_of
from schemas.identity import Member
from schemas.judgements import Kind


class Part(NamedTuple):
    """One component, before and after.

    before: customer → its nodes. after: name of the cluster → its nodes. waiting: nodes that may have events which are stored and
    not counted yet. afresh: clusters that have to be folded from events; all others are whole customers put together.
    """

    before: Mapping[str, frozenset[str]]
    after: Mapping[Node, frozenset[str]]
    waiting: frozenset[str]
    afresh: frozenset[Node]

    @property
    def changed(self) -> list[Node]:
        """The clusters that are not just one of the customers that there were."""
        kept = set(self.before.values())
        return sorted(cluster for cluster, nodes in self.after.items() if cluster in self.afresh or nodes not in kept)

    @property
    def orphans(self) -> list[str]:
        """Customers of whose nodes none is left: a part of an identifier's life that turned out not to be one."""
        left = {node for nodes in self.after.values() for node in nodes}
        return sorted(customer for customer, had in self.before.items() if had.isdisjoint(left))

    def divided(self, clusters: Collection[Node]) -> tuple[set[str], set[str]]:
        """The customers that these clusters are made of, and all nodes of either, before and after."""
        former = (
            {*self.orphans, *(customer for each in clusters for customer in self.before_of(each))}
            if clusters
            else set()
        )
        nodes = {node for each in clusters for node in self.after[each]}
        return former, nodes | {node for customer in former for node in self.before[customer]}

    def customers_of(self, changed: Collection[Node]) -> list[str]:
        """The customers that change with these clusters, the oldest first."""
        return sorted({*self.orphans, *(customer for each in changed for customer in self.before_of(each))})

    def before_of(self, cluster: Node) -> list[str]:
        """The customers that `cluster` has nodes of, the oldest first."""
        nodes = self.after[cluster]
        return sorted(customer for customer, had in self.before.items() if not had.isdisjoint(nodes))


def parts(gathered: Gathered, partition: Partition, seeds: Collection[Identifier]) -> list[Part]:
    """The components of what was gathered, in a fixed order."""
    groups = _Groups()
    wanted = set(seeds).union(*gathered.ties)
    clusters: dict[str, Node] = {}
    for node, first in partition.clusters.items():
        if node.identifier in gathered.outside or (node.identifier in gathered.shut and node.identifier not in wanted):
            continue
        clusters[node_of(node.identifier, node.since)] = first
        groups.join(node.identifier, first.identifier)
    kin: dict[str, Identifier] = {}
    for member in gathered.members.values():
        if member.customer is not None:
            groups.join(member.identifier, kin.setdefault(member.customer, member.identifier))
    away = gathered.shut | gathered.outside
    for link in gathered.links:
        if not {link.a, link.b} & away:
            groups.join(link.a, link.b)
    known = {member.identifier for member in gathered.members.values()}
    joined = [each.named for each in gathered.judgements if each.kind is Kind.JOIN]
    for tie in (*gathered.ties, *(known.intersection(each) for each in joined)):
        for each in tie:
            groups.join(min(tie), each)
    members: dict[Identifier, list[Member]] = {}
    nodes: dict[Identifier, list[str]] = {}
    for member in gathered.members.values():
        members.setdefault(groups.top(member.identifier), []).append(member)
    for node in partition.clusters:
        name = node_of(node.identifier, node.since)
        if name in clusters:
            nodes.setdefault(groups.top(node.identifier), []).append(name)
    waiting: dict[Identifier, list[str]] = {}
    parked = {member.identifier for member in gathered.members.values() if member.standing is Standing.PARKED}
    for seed in sorted(parked.union(seeds)):
        waiting.setdefault(groups.top(seed), []).append(node_of(seed, UNPLACED))
    return [_part(members.get(top, []), nodes[top], waiting.get(top, ()), clusters, partition) for top in sorted(nodes)]


def _part(
    members: Iterable[Member],
    nodes: Iterable[str],
    waiting: Iterable[str],
    clusters: Mapping[str, Node],
    partition: Partition,
) -> Part:
    before: dict[str, set[str]] = {}
    owner: dict[str, str] = {}
    opaque = False
    turns: dict[Identifier, set[int]] = {}
    for member in members:
        if member.customer is not None:
            before.setdefault(member.customer, set()).add(member.node)
            owner[member.node] = member.customer
        opaque = opaque or (member.why is not None) != (member.identifier in partition.quarantined)
        if member.since:
            turns.setdefault(member.identifier, set()).add(member.since)
    after_: dict[Node, set[str]] = {}
    for node in nodes:
        after_.setdefault(clusters[node], set()).add(node)
    identifiers = {member.identifier for member in members} | {first.identifier for first in after_}
    opaque = opaque or any(turns.get(each, set()) != set(partition.turns.get(each, ())) for each in identifiers)
    divided = {customer for customer, had in before.items() if len({clusters.get(node) for node in had}) > 1}
    afresh = {cluster for cluster, held in after_.items() if opaque or any(owner.get(node) in divided for node in held)}
    return Part(
        before={customer: frozenset(had) for customer, had in before.items()},
        after={cluster: frozenset(held) for cluster, held in after_.items()},
        waiting=frozenset(waiting),
        afresh=frozenset(afresh),
    )


class _Groups:
    """Union-find over identifiers; the smallest of a group is its top."""

    def __init__(self) -> None:
        self._above: dict[Identifier, Identifier] = {}

    def top(self, identifier: Identifier) -> Identifier:
        above = self._above
        while (next_one := above.setdefault(identifier, identifier)) != identifier:
            above[identifier] = above[next_one]
            identifier = above[identifier]
        return identifier

    def join(self, a: Identifier, b: Identifier) -> None:
        first, second = sorted((self.top(a), self.top(b)))
        self._above[second] = first
