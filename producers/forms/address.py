"""Whose submission it is, as far as a network knows, and how many an address may send."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic

from producers.request.problems import Problem

Networks = Sequence[IPv4Network | IPv6Network]

_MOST = 20_000
"""Addresses that are remembered; of more than these the longest unseen is forgotten."""


def client_address(peer: str, forwarded: Sequence[str], trusted: Networks) -> str:
    """The address of the client. `peer` is who connected; `forwarded` are the values of `X-Forwarded-For`, in their order: they
    are read from the right, and only as far as those who wrote them are `trusted`. Of IPv6 it is the network of a household."""
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    found = _parsed(peer)
    while hops and found is not None and any(found in network for network in trusted):
        before = _parsed(hops.pop())
        if before is None:
            break
        found = before
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found or peer)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Also with a port, and in brackets, as some proxies write it."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class AddressRates:
    """A bucket for each source and address, which holds what may be sent in a minute. For one event loop."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, source: str, address: str, a_minute: int) -> None:
        """One submission. Raises Problem 429 when the address has sent its share."""
        now = self._clock()
        left, since = self._buckets.pop((source, address), (float(a_minute), now))
        left = min(float(a_minute), left + (now - since) * a_minute / 60)
        self._buckets[source, address] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        if left < 1:
            seconds = str(math.ceil((1 - left) * 60 / a_minute))
            headers = {"Retry-After": seconds, "X-RateLimit-Reset": seconds}
            raise Problem(429, "too_many_requests", f"too many forms from here; send it again in {seconds} s", headers)
