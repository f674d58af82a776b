"""Whose submission it is, and how many it may send."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from producers.forms.address import AddressRates, client_address
from producers.request.problems import Problem

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "127.0.0.1", "2001:db8:1::/48")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("203.0.113.9", [], (), "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], (), "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1"], (), "127.0.0.1"),
        ("203.0.113.9", ["198.51.100.1"], PROXIES, "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.2.3.4"], PROXIES, "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1:4711"], PROXIES, "198.51.100.1"),
        ("10.0.0.1", ["nonsense"], PROXIES, "10.0.0.1"),
        ("10.0.0.1", [""], PROXIES, "10.0.0.1"),
        ("10.0.0.1", [], PROXIES, "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"], PROXIES, "10.0.0.2"),
        ("2001:db8:2:3:4::5", [], (), "2001:db8:2:3::/64"),
        ("2001:db8:1::1", ["[2001:db8:2:3::9]:443"], PROXIES, "2001:db8:2:3::/64"),
        ("::ffff:203.0.113.9", [], (), "203.0.113.9"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        ("fe80::1%eth0", [], (), "fe80::/64"),
        ("", ["198.51.100.1"], PROXIES, ""),
        ("testclient", ["198.51.100.1"], PROXIES, "testclient"),
    ],
)
def test_only_what_trusted_proxies_say_is_believed(
    peer: str, forwarded: list[str], trusted: tuple[object, ...], address: str
) -> None:
    assert client_address(peer, forwarded, trusted) == address  # type: ignore[arg-type]


def test_an_address_has_its_share_of_each_minute_and_of_each_form() -> None:
    now = [1000.0]
    rates = AddressRates(lambda: now[0])

    def taken(source: str = "contact", address: str = "203.0.113.9") -> str:
        try:
            rates.take(source, address, 6)
        except Problem as problem:
            return f"{problem.status} {problem.headers['Retry-After']}"
        return "taken"

    assert [taken() for _ in range(8)] == ["taken"] * 6 + ["429 10"] * 2
    assert (taken("newsletter"), taken(address="203.0.113.10")) == ("taken", "taken")
    now[0] += 9.5
    assert taken() == "429 1"
    now[0] += 0.5
    assert [taken(), taken()] == ["taken", "429 10"]
    now[0] += 3600
    assert [taken() for _ in range(7)] == ["taken"] * 6 + ["429 10"]


def test_memory_of_addresses_is_bounded() -> None:
    rates = AddressRates(lambda: 0.0)
    for number in range(20_100):
        rates.take("contact", str(number), 1)
    assert len(rates._buckets) == 20_000
