"""The portraits and the ids of customers whose identifiers were decided anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from processors.cluster import Node, Partition
from processors.gather import Gathered
from processors.identity_rules import IdentityRules
from processors.portray import fold, is_new_order, merge
from processors.redraw import Part
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, node_of
from schemas.identity import Name, Turn
from schemas.portrait import Portrait
from sinks.store import Settling


class Scattered(Exception):
    """Events belong to identifiers that were not looked at together with what they belonged to before. Its argument: of each such
    event, the identifiers."""


class Drawing:
    """What becomes of components, one after the other.

    owners: cluster → its customer, None while it has no event. portraits: of the customers that change. moved: event key → its
    node, where that changes. ended: customer that lives no more → the one it leads to. names, turns: see
    `schemas.identity.Resettled`.
    """

    def __init__(
        self,
        tx: Settling,
        gathered: Gathered,
        partition: Partition,
        rules: IdentityRules,
        new_id: Callable[[], str],
    ) -> None:
        self._tx = tx
        self._gathered = gathered
        self._partition = partition
        self._rules = rules
        self._new_id = new_id
        self._cluster_of: dict[str, Node] = {}
        self._nodes_of: dict[Node, list[Node]] = {}
        for node, first in sorted(
            partition.clusters.items(), key=lambda each: (rules.kinds[each[0].kind].priority, each[0])
        ):
            self._cluster_of[node_of(node.identifier, node.since)] = first
            self._nodes_of.setdefault(first, []).append(node)
        self.owners: dict[Node, str | None] = {}
        self.portraits: dict[str, Portrait] = {}
        self.moved: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self.names: list[Name] = []
        self.turns: list[Turn] = []

    def add(self, part: Part) -> None:
        """Find out what becomes of one component. Raises Scattered."""
        waiting = list(self._tx.events_at(part.waiting)) if part.waiting else []
        changed = {*part.changed, *(home for home, _ in self._homes(part, waiting))}
        for cluster in part.after:
            before = part.before_of(cluster)
            self.owners[cluster] = before[0] if before and cluster not in changed else None
        if changed:
            self._name(part, changed, self._draw(part, changed, waiting))

    def _homes(self, part: Part, events: Sequence[tuple[str, CleanEvent]]) -> list[tuple[Node, str]]:
        """Of each event, the cluster that it belongs to, and the node. Raises Scattered when some are not of this component."""
        homes: list[tuple[Node, str]] = []
        elsewhere: list[tuple[Identifier, ...]] = []
        for _, event in events:
            subject = self._partition.subject(event.identifiers, event.time, self._rules)
            node = node_of(subject.identifier, subject.since)
            cluster = self._cluster_of.get(node)
            if cluster is None or cluster not in part.after:
                elsewhere.append(event.identifiers)
            else:
                homes.append((cluster, node))
        if elsewhere:
            raise Scattered(elsewhere)
        return homes

    def _draw(
        self, part: Part, changed: Collection[Node], waiting: Sequence[tuple[str, CleanEvent]]
    ) -> dict[Node, Portrait]:
        """The portraits of those of the changed clusters that have events."""
        drawn: dict[Node, Portrait] = {}
        orders: set[tuple[str, str]] = set()
        whole = [each for each in sorted(changed) if each not in part.afresh]
        customers = {customer for each in whole for customer in part.before_of(each)}
        stored = self._tx.portraits(customers)
        had = self._tx.orders_of(customers) if customers else {}
        for each in whole:
            mine: set[str] = set()
            for customer in part.before_of(each):
                theirs = had.get(customer, set())
                merge(drawn.setdefault(each, Portrait()), stored[customer], shared_orders=len(mine & theirs))
                mine |= theirs
            orders |= {(str(each), order) for order in mine}
        afresh = part.afresh.intersection(changed)
        if afresh:
            nodes = {node for each in afresh for node in part.after[each]}
            former = {*part.orphans, *(customer for each in afresh for customer in part.before_of(each))}
            nodes |= {node for customer in former for node in part.before[customer]}
            waiting = [*self._tx.events_at(nodes), *waiting]
        for (node, event), (home, at) in zip(waiting, self._homes(part, waiting), strict=True):
            if at != node:
                self.moved[event.key] = at
            fold(drawn.setdefault(home, Portrait()), event, new_order=is_new_order(event, str(home), orders))
        return drawn

    def _name(self, part: Part, changed: Collection[Node], drawn: Mapping[Node, Portrait]) -> None:
        """Give each drawn cluster the oldest id that began with one of its identifiers; the others of these lead there."""
        customers = sorted({*part.orphans, *(customer for each in changed for customer in part.before_of(each))})
        ids: dict[Node, list[Name]] = {each: [] for each in sorted(drawn)}
        for name in self._tx.names(customers) if customers else ():
            home = self._cluster_of.get(name.anchor)
            if home is None or home not in ids:
                heir = self._heir(part, name, ids)
                home, name = self._partition.clusters[heir], name._replace(anchor=node_of(heir.identifier, heir.since))
            ids[home].append(name)
        leads: dict[str, str] = {}
        for each, names in ids.items():
            living = min((name.id for name in names), default=None)
            if living is None:
                living, first = self._new_id(), self._nodes_of[each][0]
                self.names.append(Name(living, node_of(first.identifier, first.since), living))
                for former in part.before_of(each)[:1]:
                    self.turns.append(Turn("split", living, former, self._why_apart(each)))
            self.owners[each], self.portraits[living] = living, drawn[each]
            for name in names:
                leads[name.id] = living
                self._lead(name, living, part, each)
        self.ended.update((each, leads[each]) for each in customers if each not in self.portraits)

    def _lead(self, name: Name, living: str, part: Part, cluster: Node) -> None:
        self.names.append(name._replace(customer=living))
        if name.customer == living:
            return
        if name.id == living:
            self.turns.append(Turn("split", living, name.customer, self._why_apart(cluster)))
        elif name.id == name.customer:
            self.turns.append(Turn("merged", name.id, living, self._why_joined(part, name.customer, living)))
        else:
            self.turns.append(Turn("moved", name.id, living, self._why_apart(cluster)))

    def _heir(self, part: Part, name: Name, drawn: Collection[Node]) -> Node:
        """Where an id leads that began with an identifier that has no events of its own now: the strongest identifier, of those
        its customer had, that is of a customer with events."""
        had = {node for first in part.after for node in self._nodes_of[first] if first in drawn}
        mine = [node for node in had if node_of(node.identifier, node.since) in part.before[name.customer]]
        return min(mine or had, key=lambda node: (self._rules.kinds[node.kind].priority, node))

    def _why_apart(self, cluster: Node) -> str:
        """The first reason for which a link of this cluster's is refused."""
        clusters = self._partition.clusters
        for (a, b), refusal in sorted(self._partition.refused.items()):
            if cluster in (clusters.get(Node(*a)), clusters.get(Node(*b))):
                return f"{a.kind} and {b.kind}: {refusal.message}"
        return "no link holds them together any more"

    def _why_joined(self, part: Part, one: str, other: str) -> str:
        """The earliest link between the identifiers of two customers that are one now."""
        mine, theirs = part.before.get(one, frozenset()), part.before.get(other, frozenset())
        joining = [
            (link.time, link.key, f"{link.a.kind} and {link.b.kind}: {link.rule}")
            for link in self._gathered.links
            for a, b in ((node_of(link.a), node_of(link.b)),)
            if (a in mine and b in theirs) or (b in mine and a in theirs)
        ]
        return min(joining)[2] if joining else "joined through others, or by a judgement"
