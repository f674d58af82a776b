"""The links that events state: facts about which identifiers belong together."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.clean import CleanEvent
from schemas.identifiers import PERIOD_MS, SAME_EVENT, VERIFIED, Link, Pair, by_strength


def stated_links(events: Iterable[CleanEvent]) -> dict[Pair, Link]:
    """The links that events state: the strongest identifier of each with each of its others."""
    links: dict[Pair, Link] = {}
    for event in events:
        identifiers = event.identifiers
        if len(identifiers) < 2:
            continue
        a, time, key, verified = min(identifiers, key=by_strength), event.time, event.key, event.verified
        period = time // PERIOD_MS
        for b in identifiers:
            if b is a or b == a:
                continue
            pair = (a, b, VERIFIED if verified and b[0] in verified else SAME_EVENT)
            kept = links.get(pair)
            if kept is None:
                links[pair] = Link(a, b, time, key, pair[2], period)
            elif (time, key) < (kept.time, kept.key) or period > kept.last:
                first = min((time, key), (kept.time, kept.key))
                links[pair] = Link(a, b, *first, pair[2], max(period, kept.last))
    return links
