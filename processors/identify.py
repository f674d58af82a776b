"""Decide who each event of a batch is about, at a glance: by what the store says of the identifiers that the events name.

Most of what is new about identity joins plainly: a new identifier for a customer, two customers that are one, and no rule is near
its limit. That is decided here, and is what `processors.cluster` would decide from all facts. Whatever is not plain is left as it
was: each event goes to the customer of its strongest identifier, the links are kept as facts, and what is unsettled is named, for
`processors.settle` to decide from all facts.

The oldest customer of those that are one survives; the others become its aliases. (Customer ids begin with the time, so the
smallest id is the oldest.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from processors.identity_rules import IdentityRules, Tier
from processors.link import stated_links
from schemas.clean import CleanEvent
from schemas.identifiers import (
    UNPLACED,
    Identifier,
    Known,
    Link,
    Pair,
    Standing,
    by_strength,
    node_of,
)

Part = Identifier | str
"""What may turn out to be one customer with others: an identifier, or a customer that there is."""


class Identity(NamedTuple):
    """Who is who, after a batch.

    customers: event key → customer id, for each event of a known customer. nodes: event key → node of the identifier that the
    event belongs to. assigned: identifiers not known before, as known from now on. created: customers that are new → the
    identifier that they began with. merged: customer that ends → the customer that it is part of from now on. links: one per pair
    and rule. unsettled: identifiers about which all facts have to be asked.
    """

    customers: Mapping[str, str]
    nodes: Mapping[str, str]
    assigned: Mapping[Identifier, Known]
    created: Mapping[str, Identifier]
    merged: Mapping[str, str]
    links: Sequence[Link]
    unsettled: frozenset[Identifier]


class Asked(NamedTuple):
    """What `identify` asks the store besides who is known.

    kin: the identifiers of each of these customers. recorded: those of these links that are stored.
    """

    kin: Callable[[Collection[str]], Mapping[str, Collection[Identifier]]]
    recorded: Callable[[Collection[Pair]], Mapping[Pair, Link]]


def identify(
    known: Mapping[Identifier, Known],
    events: Iterable[CleanEvent],
    rules: IdentityRules,
    asked: Asked,
    new_customer_id: Callable[[], str],
) -> Identity:
    """Assign each event to a customer. `known` has those identifiers of these events that are stored."""
    events = [event for event in events if event.identifiers]
    return _Sight(known, rules, stated_links(events), asked).identity(events, new_customer_id)


class _Sight:
    """One batch: which links join plainly, and which are unsettled."""

    def __init__(
        self, known: Mapping[Identifier, Known], rules: IdentityRules, links: Mapping[Pair, Link], asked: Asked
    ) -> None:
        self._known = known
        self._rules = rules
        self._links = links
        self._parent: dict[Part, Part] = {}
        self._nobody, self.unsettled = set[Identifier](), set[Identifier]()
        plain, doubtful, void = self._weigh()
        for a, b, _ in plain:
            self._parent[self._root(b)] = self._root(a)
        if doubtful:
            self._doubt(doubtful, asked.recorded(doubtful))
        if void:
            self._count(void, asked)
        self.joined = self._groups(plain, asked) if plain else {}

    def _weigh(self) -> tuple[list[Pair], list[Pair], list[Pair]]:
        """Pairs that can be decided at a glance, those that need a look at what is recorded, and those that link nothing."""
        plain, doubtful, void = list[Pair](), list[Pair](), list[Pair]()
        known = self._known.get
        for pair in self._links:
            one, other = known(pair[0]), known(pair[1])
            if one is not None and one == other and one.standing is Standing.PLAIN and one.customer is not None:
                continue  # it is joined
            standing = max(self._standing(pair[0]), self._standing(pair[1]))
            if standing is Standing.PLAIN:
                plain.append(pair)
            elif standing < Standing.QUARANTINED:
                doubtful.append(pair)
            elif standing is Standing.QUARANTINED:
                void.append(pair)
        return plain, doubtful, void

    def _standing(self, identifier: Identifier) -> Standing:
        known = self._known.get(identifier)
        if known is not None:
            if known.standing is Standing.QUARANTINED:
                self._nobody.add(identifier)
            return known.standing if known.customer is not None else max(known.standing, Standing.CONTESTED)
        if self._rules.kinds[identifier[0]].blocked is not None and self._rules.blocked(identifier):
            self._nobody.add(identifier)
            self.unsettled.add(identifier)
            return Standing.QUARANTINED
        return Standing.PLAIN

    def _doubt(self, pairs: Sequence[Pair], recorded: Mapping[Pair, Link]) -> None:
        """A pair that is recorded was considered, unless something of it is new that matters."""
        for pair in pairs:
            link, kept = self._links[pair], recorded.get(pair)
            recycled = any(self._standing(each) is Standing.RECYCLED for each in pair[:2])
            if kept is None or (link.time, link.key) < (kept.time, kept.key) or (recycled and link.last > kept.last):
                self.unsettled.update(pair[:2])

    def _count(self, pairs: Sequence[Pair], asked: Asked) -> None:
        """What links nothing counts nevertheless, among the others that an identifier was seen with: whoever is seen with one
        more of these may be seen with too many. One is never too many for an identifier that is new."""
        seen: dict[Identifier, list[Pair]] = {}
        for pair in pairs:
            for each in pair[:2]:
                if each not in self._nobody:
                    seen.setdefault(each, []).append(pair)
        seen = {each: among for each, among in seen.items() if each in self._known or len(among) > 1}
        recorded = asked.recorded([pair for among in seen.values() for pair in among]) if seen else {}
        self.unsettled.update(each for each, among in seen.items() if not recorded.keys() >= set(among))

    def _root(self, node: Part) -> Part:
        """Of an identifier that was not met before: its customer."""
        parent = self._parent
        if node not in parent:
            known = self._known.get(node) if isinstance(node, Identifier) else None
            if known is None or known.customer is None:
                parent[node] = node
            else:
                parent[node] = self._root(known.customer)
        top = node
        while (above := parent[top]) is not top:
            top = above
        while (above := parent[node]) is not top:
            parent[node], node = top, above
        return top

    def _groups(self, plain: Sequence[Pair], asked: Asked) -> dict[Part, set[str]]:
        """root → customers, of those groups of which all that is new is plain; the others are unsettled."""
        pairs: dict[Part, list[Pair]] = {}
        for pair in plain:
            pairs.setdefault(self._root(pair[0]), []).append(pair)
        customers: dict[Part, set[str]] = {root: set() for root in pairs}
        fresh: dict[Part, set[Identifier]] = {root: set() for root in pairs}
        for root, linked in pairs.items():
            for a, b, _ in linked:
                for each in (a, b):
                    known = self._known.get(each)
                    if known is None or known.customer is None:
                        fresh[root].add(each)
                    else:
                        customers[root].add(known.customer)
        changing = {each for root in pairs if fresh[root] or len(customers[root]) > 1 for each in customers[root]}
        kin = asked.kin(changing) if changing else {}
        joined: dict[Part, set[str]] = {}
        for root, linked in pairs.items():
            parts: list[Collection[Identifier]] = [kin.get(each, ()) for each in customers[root]]
            parts += [(each,) for each in fresh[root]]
            if len(parts) == 1 or self._is_plain(parts, linked):
                joined[root] = customers[root]
            else:
                self.unsettled.update(each for pair in linked for each in pair[:2])
        return joined

    def _is_plain(self, parts: Sequence[Collection[Identifier]], linked: Sequence[Pair]) -> bool:
        """Whether all `parts` may be one customer without any link of them being refused, as far as can be seen at a glance."""
        rules = self._rules.kinds
        counts: dict[str, int] = {}
        for part in parts:
            for kind, _ in part:
                counts[kind] = counts.get(kind, 0) + 1
        devices = False
        for kind, count in counts.items():
            rule = rules[kind]
            devices = devices or rule.tier is Tier.DEVICE
            if count > 1 and (count > rule.values or (rule.tier is Tier.STRONG and not rule.unique)):
                return False
        return not devices or self._joined_without_devices(parts, linked)

    def _joined_without_devices(self, parts: Sequence[Collection[Identifier]], linked: Sequence[Pair]) -> bool:
        """Whether links that are not of devices join all parts that have anything but devices. An identifier may be in none of
        them, when others moved it between two questions: then this will not stand anyway."""
        kinds = self._rules.kinds
        group = {each: number for number, part in enumerate(parts) for each in part}
        merged = list(range(len(parts)))

        def top(number: int) -> int:
            while merged[number] != number:
                number = merged[number]
            return number

        for a, b, rule in linked:
            if a in group and b in group and self._rules.tier(a, b, rule) is not Tier.DEVICE:
                merged[top(group[a])] = top(group[b])
        identified = {top(group[each]) for part in parts for each in part if kinds[each[0]].tier is not Tier.DEVICE}
        return len(identified) <= 1

    def identity(self, events: Sequence[CleanEvent], new_customer_id: Callable[[], str]) -> Identity:
        """The answer for `events`."""
        known = self._known
        owners, merged = self._survivors()
        customers, nodes = dict[str, str](), dict[str, str]()
        created: dict[str, Identifier] = {}
        subjects: dict[Identifier, tuple[str | None, str]] = {}
        others: set[Identifier] = set()
        for event in events:
            identifiers, key = event.identifiers, event.key
            if len(identifiers) == 1:
                subject = identifiers[0]
            else:
                subject = self._subject(identifiers)
                others.update(identifiers)
            found = subjects.get(subject)
            if found is None:
                owner = self._owner(subject, owners, created, new_customer_id)
                owner = owner and merged.get(owner, owner)
                found = subjects[subject] = owner, node_of(subject, UNPLACED if owner is None else 0)
            owner, nodes[key] = found
            if owner is not None:
                customers[key] = owner
        assigned = {each: self._assignment(each, found[0]) for each, found in subjects.items() if each not in known}
        for each in others:
            if each not in subjects and each not in known:
                place = self._place(each)
                assigned[each] = self._assignment(each, None if place is each else owners.get(place))
        links, unsettled = list(self._links.values()), frozenset(self.unsettled)
        return Identity(customers, nodes, assigned, created, merged, links, unsettled)

    def _owner(
        self,
        subject: Identifier,
        owners: dict[Part, str],
        created: dict[str, Identifier],
        new_customer_id: Callable[[], str],
    ) -> str | None:
        """The customer of events about `subject`; None, and it is unsettled, where that is not known yet."""
        stored, owner = self._known.get(subject), None
        if stored is not None:
            owner = None if stored.standing is Standing.RECYCLED else stored.customer
        elif self._standing(subject) is Standing.PLAIN:
            place = self._place(subject)
            owner = owners.get(place)
            if owner is None:
                owner = owners[place] = new_customer_id()
                created[owner] = subject
        if owner is None and (stored is None or stored.standing is not Standing.PARKED):
            self.unsettled.add(subject)
        return owner

    def _survivors(self) -> tuple[dict[Part, str], dict[str, str]]:
        """Of the groups that are joined: root → the customer that survives, and who ends → the survivor."""
        owners, merged = dict[Part, str](), dict[str, str]()
        for root, members in self.joined.items():
            if members:
                owners[root] = survivor = min(members)
                merged.update((each, survivor) for each in sorted(members) if each != survivor)
        return owners, merged

    def _place(self, identifier: Identifier) -> Part:
        """What stands for the customer of an identifier that is not stored: the root of its group; by itself, it itself."""
        if identifier in self._parent and (root := self._root(identifier)) in self.joined:
            return root
        return identifier

    def _assignment(self, identifier: Identifier, owner: str | None) -> Known:
        return Known(owner, Standing.CONTESTED if identifier in self.unsettled else Standing.PLAIN)

    def _subject(self, identifiers: Sequence[Identifier]) -> Identifier:
        """The strongest identifier that stands for somebody, if any does."""
        if self._nobody:
            return min([each for each in identifiers if each not in self._nobody] or identifiers, key=by_strength)
        return min(identifiers, key=by_strength)
