"""Clean events as hypothesis strategies, and the shortest way to put them through the heart of the stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from ops.verify import Verdict, verify
from processors.ahead import Ahead, Overlay
from processors.apply import Applied, Decision, Rules, Slice, Stale, apply, decide, write
from processors.cluster import cluster
from processors.identity_rules import IdentityRules, identity_rules
from processors.refold import Observed, fingerprint, refold, store_hash
from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.settle import settle
from schemas.clean import Account, CleanEvent, Complaint, Purchase, Score
from schemas.identifiers import Identifier
from schemas.ids import event_key
from schemas.judgements import Judgement
from sinks.store import Base, Partition, Retryable, Span, Store

NOW = 1_760_000_000_000
DAY = 24 * 60 * 60 * 1000
_shipped = shipped_catalogue()
LIFECYCLE = Catalogue([each for each in _shipped.families if each.name == "lifecycle"], _shipped.zone)
RULES = Rules("VND", LIFECYCLE, identity_rules())
LOG = Partition("events.valid", 0)

_identifiers = st.sampled_from(
    [Identifier("card_no", f"C{n}") for n in range(4)]
    + [Identifier("email", f"kh{n}@example.vn") for n in range(4)]
    + [Identifier("phone", f"+8490123456{n}") for n in range(4)]
    + [Identifier("zalo_id", f"z{n}") for n in range(3)]
)
_times = st.integers(NOW - 400 * DAY, NOW) | st.sampled_from([NOW - 100 * DAY, NOW - 10 * DAY])
_purchases = st.builds(
    Purchase,
    amount=st.integers(-50_000, 500_000),
    currency=st.sampled_from(["VND", "USD"]),
    base=st.none() | st.integers(-50_000, 500_000),
    order_id=st.none() | st.sampled_from(["b1", "b2", "b3", "b'4\\\n"]),
    store=st.none() | st.sampled_from(["hcm-01", "hn-02"]),
    discount=st.integers(0, 1000),
    coupons=st.integers(0, 2),
    categories=st.dictionaries(st.sampled_from(["sữa", "bánh", "other"]), st.integers(-1000, 1000), max_size=3),
    hour=st.integers(0, 23),
    weekday=st.integers(0, 6),
    month=st.sampled_from(["2025-08", "2025-09"]),
)
_recorded = (
    st.builds(
        Account,
        relation=st.sampled_from(["key_account", "partner", "internal"]),
        held=st.booleans(),
        owner=st.none() | st.sampled_from(["Hà", "Minh"]),
        since=st.none() | st.integers(NOW - 400 * DAY, NOW),
    )
    | st.builds(
        Complaint,
        id=st.sampled_from(["k1", "k2"]),
        open=st.booleans(),
        severity=st.none() | st.sampled_from(["low", "high"]),
    )
    | st.builds(Score, measure=st.sampled_from(["nps", "csat"]), percent=st.integers(0, 100))
)


@st.composite
def stories(draw: Any, max_size: int = 14) -> list[CleanEvent]:
    """Some events about a few people, each event once, in no order."""
    events = []
    for number in range(draw(st.integers(1, max_size))):
        identifiers = draw(st.frozensets(_identifiers, max_size=3))
        purchase = draw(st.none() | _purchases)
        if purchase is not None and purchase.amount < 0:
            purchase = Purchase(**{f: getattr(purchase, f) for f in purchase.__struct_fields__} | {"order_id": None})
        events.append(
            CleanEvent(
                key=event_key("/test", str(number)),
                source="/test",
                id=str(number),
                type="loyalty.card_scanned.v1",
                channel=draw(st.sampled_from(["web", "loyalty", "social", "service"])),
                time=draw(_times),
                received=NOW,
                identifiers=tuple(sorted(identifiers)),
                traits=draw(
                    st.dictionaries(
                        st.sampled_from(["full_name", "email", "province"]), st.sampled_from(["Ân", "b\\", "c"])
                    )
                ),
                statuses=draw(
                    st.dictionaries(
                        st.sampled_from(["card:C1", "follow:zalo"]), st.sampled_from(["enrolled", "cancelled"])
                    )
                ),
                counts=draw(st.dictionaries(st.sampled_from(["scan", "form:survey"]), st.integers(1, 2))),
                purchase=purchase,
                points=draw(st.integers(-10, 10)),
                acquisition=draw(st.none() | st.sampled_from(["web", "store:hcm-01"])),
                recorded=draw(st.none() | _recorded),
                origin=f"events.loyalty/0/{number}",
            )
        )
    return events


def interaction(number: int, card: str) -> CleanEvent:
    """The plainest event there is, of whoever has this card."""
    return CleanEvent(
        key=event_key("/s", str(number)),
        source="/s",
        id=str(number),
        type="social.interacted.v1",
        channel="social",
        time=NOW,
        received=NOW,
        identifiers=(Identifier("card_no", card),),
        origin=f"events.social/0/{number}",
    )


def said(number: int, identifiers: Mapping[str, str], time: int = NOW, verified: Sequence[str] = ()) -> CleanEvent:
    """An event of nothing but identifiers, kind → value."""
    return CleanEvent(
        key=event_key("/t", str(number)),
        source="/t",
        id=str(number),
        type="t",
        channel="web",
        time=time,
        received=NOW,
        identifiers=tuple(sorted(Identifier(*each) for each in identifiers.items())),
        verified=tuple(sorted(verified)),
        origin=f"t/0/{number}",
    )


def feed(
    store: Store,
    events: Sequence[CleanEvent],
    *,
    batch: int = 500,
    first: int = 0,
    now: int = NOW,
    rules: Rules = RULES,
) -> list[Applied]:
    """Apply `events` as the records of one partition from offset `first` on, in batches; settle after each one."""
    applied = []
    for at in range(0, len(events), batch):
        applied.append(apply(store, [part(events[at : at + batch], first + at)], rules, now))
        settle(store, rules, now)
    return applied


class AheadFeed:
    """A worker that decides each batch while the one before it may not be written yet, as `processors.writer` does; one step at a
    time, so that a test can put what it likes in between. `stale` and `failed` count what was decided in vain, and bad luck.
    """

    def __init__(
        self,
        store: Store,
        events: Sequence[CleanEvent],
        *,
        batch: int,
        log: Partition = LOG,
        rules: Rules = RULES,
        settling: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._rules = rules
        self._settling = settling
        self._batches = [part(events[at : at + batch], at, log) for at in range(0, len(events), batch)]
        self._before: Overlay | None = None
        self._decided: tuple[Slice, Decision, Any, Base] | None = None
        self.stale = 0
        self.failed: list[Retryable] = []

    @property
    def done(self) -> bool:
        """Whether every batch is written."""
        return not self._batches and self._decided is None

    def step(self, confirm: bool = True) -> None:
        """Decide the next batch, and only then write the one before it."""
        decided, overlay = None, None
        if self._batches:
            batch = self._batches[0]
            ahead = Ahead(self._store.committed(), self._before)
            try:
                decision = decide(ahead, [batch], self._rules, NOW)
            except Retryable as error:
                self.failed.append(error)
                self._write(confirm)
                self._before = None
                self._apply(self._batches.pop(0))
                return
            rows = decision.changes and self._store.pack(decision.changes)
            decided, overlay = (batch, decision.without_changes(), rows, ahead.base), Overlay(decision, ahead.base)
        if self._write(confirm) and decided is not None:
            self._batches.pop(0)
        else:  # it was decided over what was not written so
            decided = overlay = None
        self._decided, self._before = decided, overlay

    def _write(self, confirm: bool) -> bool:
        if self._decided is None:
            return True
        batch, decision, rows, base = self._decided
        self._decided = None
        try:
            trusted = base if confirm else Base(base.generation, {}, base.assigned, {})
            write(self._store, decision, rows, trusted, self._rules, NOW)
        except Stale:
            self.stale += 1
        except Retryable as error:
            self.failed.append(error)
        else:
            self._settle()
            return True
        self._apply(batch)
        return False

    def _apply(self, batch: Slice) -> None:
        self._insist(lambda: apply(self._store, [batch], self._rules, NOW))
        self._settle()

    def _settle(self) -> None:
        if self._settling():
            self._insist(lambda: settle(self._store, self._rules, NOW))

    def _insist(self, call: Callable[[], object]) -> None:
        while True:
            try:
                call()
                return
            except Retryable as error:
                self.failed.append(error)


def expected_hash(
    events: Sequence[CleanEvent],
    judgements: Sequence[Judgement] = (),
    rules: IdentityRules | None = None,
    segments: Catalogue | None = None,
) -> str:
    """The hash that a store of these events must have, by the plainest means: who is who by all facts, then each one's fold, and
    its segments at NOW."""
    rules = identity_rules() if rules is None else rules
    observed = Observed()
    for event in events:
        observed.add(event)
    partition = cluster(observed.facts(judgements), rules)
    rows: list[tuple[str | None, CleanEvent]] = [
        (str(partition.clusters[partition.subject(e.identifiers, e.time)]) if e.identifiers else None, e)
        for e in events
    ]
    rows.sort(key=lambda row: (row[0] or "", row[1].key))
    folds = list(refold(rows))
    return store_hash(
        f.keys
        if f.customer is None
        else fingerprint(f.portrait, f.keys, () if segments is None else segments.evaluate(f.portrait, NOW).names)
        for f in folds
    )


def part(events: Sequence[CleanEvent], first: int, partition: Partition = LOG) -> Slice:
    """`events` as a slice of `partition` from offset `first` on."""
    return Slice(partition, Span(first, first + len(events)), list(enumerate(events, first)))


def verified(store: Store) -> Verdict:
    """The verdict on `store`, which must be that it equals a fresh fold."""
    verdict = verify(store, segments=RULES.segments, now=NOW)
    assert verdict.equal, verdict.differences
    return verdict
