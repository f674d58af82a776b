"""The portraits and the ids of customers whose identifiers were decided anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from processors.cluster import Node, Partition
from processors.gather import Gathered
from processors.portray import fold, is_new_order, merge
from processors.redraw import Part
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link, node_of
from schemas.identity import Name, Turn
from schemas.judgements import Kind
from schemas.portrait import Portrait
from sinks.store import Settling


class Scattered(Exception):
    """Events belong to identifiers that were not looked at together with what they belonged to before. Its argument: of each such
    event, the identifiers."""


class TooMany(Exception):
    """So many events have to be folded that the stream is not to wait for it. Its argument: the nodes where events of what was
    marked wait (`Part.waiting`)."""


class TooMuch(Exception):
    """Several components together need more events than one may: fewer at a time."""


class Folded:
    """Events folded before anybody was made to wait, by a partition that has to be found unchanged then."""

    def __init__(self) -> None:
        self.partition: Partition | None = None
        self.portraits: dict[Node, Portrait] = {}
        self.orders: set[tuple[str, str]] = set()
        self.moved: dict[str, str] = {}
        self.keys: set[str] = set()

    def holds(self, partition: Partition) -> bool:
        """Whether what was folded is still what has to be."""
        mine = self.partition
        return mine is not None and mine._replace(refused={}, standing={}) == partition._replace(
            refused={}, standing={}
        )


class _Changing(NamedTuple):
    """A component, which of its clusters change, and the events that wait for it (node, event)."""

    part: Part
    changed: Sequence[Node]
    waiting: Sequence[tuple[str, CleanEvent]]


class Drawing:
    """What becomes of components.

    owners: cluster → its customer, None while it has no event. portraits: of the customers that change. moved: event key → its
    node, where that changes. ended: customer that lives no more → the one it leads to. names, turns: see
    `schemas.identity.Resettled`. elsewhere: identifiers of events that belong to what was not looked at together with this.
    """

    def __init__(
        self,
        tx: Settling,
        gathered: Gathered,
        partition: Partition,
        new_id: Callable[[], str],
        *,
        most_events: int | None = None,
        together: int | None = None,
        folded: Folded | None = None,
    ) -> None:
        self._most_events, self._together = most_events, together
        self._folded = folded or Folded()
        self._tx = tx
        self._gathered = gathered
        self._partition = partition
        self._new_id = new_id
        self._cluster_of: dict[str, Node] = {}
        self._nodes_of: dict[Node, list[Node]] = {}
        for node, first in sorted(partition.clusters.items(), key=lambda each: each[0].strength):
            self._cluster_of[node_of(node.identifier, node.since)] = first
            self._nodes_of.setdefault(first, []).append(node)
        self.owners: dict[Node, str | None] = {}
        self.portraits: dict[str, Portrait] = {}
        self.moved: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self.names: list[Name] = []
        self.turns: list[Turn] = []
        self.elsewhere: list[tuple[Identifier, ...]] = []
        self._linked: dict[str, list[Link]] | None = None
        self._refusals: dict[Node, str] | None = None

    def add(self, parts: Sequence[Part]) -> None:
        """Find out what becomes of these components, asking once for all. Raises TooMany. Where there is something `elsewhere`,
        nothing of it holds."""
        waiting = self._waiting(parts)
        changing: list[_Changing] = []
        for part in parts:
            waits = [event for node in part.waiting for event in waiting.get(node, ())]
            homes = [self._home(part, event) for _, event in waits]
            changed = {*part.changed, *(home[0] for home in homes if home is not None)}
            for cluster in part.after:
                before = part.before_of(cluster)
                self.owners[cluster] = before[0] if before and cluster not in changed else None
            if changed:
                changing.append(_Changing(part, sorted(changed), waits))
        if changing and not self.elsewhere:
            drawn = self._draw(changing)
            if not self.elsewhere:
                self._name(changing, drawn)

    def _waiting(self, parts: Sequence[Part]) -> dict[str, list[tuple[str, CleanEvent]]]:
        """node → the events that wait there, each with the node."""
        found: dict[str, list[tuple[str, CleanEvent]]] = {}
        nodes = {node for part in parts for node in part.waiting}
        for node, event in self._tx.events_at(nodes) if nodes else ():
            found.setdefault(node, []).append((node, event))
        return found

    def _home(self, part: Part, event: CleanEvent) -> tuple[Node, str] | None:
        """The cluster that an event belongs to, and the node; None, and it is noted, when that is no part of this component."""
        subject = self._partition.subject(event.identifiers, event.time)
        node = node_of(subject.identifier, subject.since)
        cluster = self._cluster_of.get(node)
        if cluster is not None and cluster in part.after:
            return cluster, node
        self.elsewhere.append(event.identifiers)
        return None

    def _draw(self, changing: Sequence[_Changing]) -> dict[Node, Portrait]:
        """The portraits of those of the changed clusters that have events."""
        tx, drawn, orders = self._tx, dict[Node, Portrait](), self._folded.orders
        whole = [(part, each) for part, changed, _ in changing for each in changed if each not in part.afresh]
        customers = {customer for part, each in whole for customer in part.before_of(each)}
        stored = tx.portraits(customers)
        had = tx.orders_of(customers) if customers else {}
        for part, each in whole:
            mine: set[str] = set()
            for customer in part.before_of(each):
                theirs = had.get(customer, set())
                merge(drawn.setdefault(each, Portrait()), stored[customer], shared_orders=len(mine & theirs))
                mine |= theirs
            orders |= {(str(each), order) for order in mine}
        self._draw_afresh(changing, drawn)
        for part, _, waits in changing:
            self.moved.update(self._fold(part, waits, drawn, orders))
        return drawn

    def _draw_afresh(self, changing: Sequence[_Changing], drawn: dict[Node, Portrait]) -> None:
        """Fold the events of customers that were divided, as they come from the store: whosever they are."""
        part_of: dict[str, Part] = {}
        together = 0
        for part, changed, _ in changing:
            afresh = part.afresh.intersection(changed)
            if not afresh:
                continue
            former, nodes = part.divided(afresh)
            events = sum(portrait.events for portrait in self._tx.portraits(former).values())
            if self._most_events is not None and events > self._most_events:
                raise TooMany(part.waiting)
            together += events
            if self._together is not None and together > self._together:
                raise TooMuch
            part_of.update(dict.fromkeys(nodes, part))
            drawn.update((each, portrait) for each, portrait in self._folded.portraits.items() if each in afresh)
        self.moved.update(self._folded.moved)
        for node, event in self._tx.events_at(part_of, self._folded.keys) if part_of else ():
            self.moved.update(self._fold(part_of[node], ((node, event),), drawn, self._folded.orders))

    def _fold(
        self,
        part: Part,
        events: Iterable[tuple[str, CleanEvent]],
        drawn: dict[Node, Portrait],
        orders: set[tuple[str, str]],
        keys: set[str] | None = None,
    ) -> Iterator[tuple[str, str]]:
        """Add events to the portraits of their clusters; yields those that move (key, node), and notes the keys of all."""
        for node, event in events:
            found = self._home(part, event)
            if found is None:
                continue
            home, at = found
            if at != node:
                yield event.key, at
            if keys is not None:
                keys.add(event.key)
            fold(drawn.setdefault(home, Portrait()), event, new_order=is_new_order(event, str(home), orders))

    def fold_ahead(self, part: Part) -> Folded:
        """Fold what `add` would have to, and write nothing: it will be spared. Events that wait are not folded."""
        folded = Folded()
        folded.partition = self._partition
        _, nodes = part.divided(part.afresh)
        events = self._tx.events_at(nodes) if nodes else ()
        folded.moved.update(self._fold(part, events, folded.portraits, folded.orders, folded.keys))
        return folded

    def _name(self, changing: Sequence[_Changing], drawn: Mapping[Node, Portrait]) -> None:
        """Give each drawn cluster the oldest id that began with one of its identifiers; the others of these lead there."""
        customers = {customer for part, changed, _ in changing for customer in part.customers_of(changed)}
        names: dict[str, list[Name]] = {}
        for name in self._tx.names(customers) if customers else ():
            names.setdefault(name.customer, []).append(name)
        for part, changed, _ in changing:
            self._name_part(
                part, part.customers_of(changed), names, {each: drawn[each] for each in changed if each in drawn}
            )

    def _name_part(
        self,
        part: Part,
        customers: Sequence[str],
        names_of: Mapping[str, Sequence[Name]],
        drawn: Mapping[Node, Portrait],
    ) -> None:
        ids: dict[Node, list[Name]] = {each: [] for each in drawn}
        for name in sorted(name for customer in customers for name in names_of.get(customer, ())):
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
        return min(mine or had, key=lambda node: node.strength)

    def _why_apart(self, cluster: Node) -> str:
        """The first reason for which a link of this cluster's is refused."""
        if self._refusals is None:
            clusters, self._refusals = self._partition.clusters, {}
            for (a, b), refusal in sorted(self._partition.refused.items()):
                for end in (a, b):
                    if (home := clusters.get(Node(*end))) is not None:
                        self._refusals.setdefault(home, f"{a.kind} and {b.kind}: {refusal.message}")
        return self._refusals.get(cluster, "no link holds them together any more")

    def _why_joined(self, part: Part, one: str, other: str) -> str:
        """The earliest link between the identifiers of two customers that are one now."""
        mine, theirs = part.before.get(one, frozenset()), part.before.get(other, frozenset())
        if self._linked is None:
            self._linked = {}
            for link in self._gathered.links:
                for end in (link.a, link.b):
                    self._linked.setdefault(node_of(end), []).append(link)
        joining = [
            (link.time, link.key, f"{link.a.kind} and {link.b.kind}: {link.rule}")
            for node in mine
            for link in self._linked.get(node, ())
            if node_of(link.a) in theirs or node_of(link.b) in theirs
        ]
        if joining:
            return min(joining)[2]
        for judgement in sorted(self._gathered.judgements):
            if judgement.kind is Kind.JOIN:
                ends = {node_of(each) for each in judgement.named}
                if not ends.isdisjoint(mine) and not ends.isdisjoint(theirs):
                    return f"joined by judgement {judgement.number}"
        return "joined through others"
