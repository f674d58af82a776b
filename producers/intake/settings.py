"""What the collector is told by its environment, checked before anything is served."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

_PROCESSES = min(2, os.cpu_count() or 1)


class SettingsError(Exception):
    """A setting is missing or wrong. The message names it and says what to do."""


@dataclass(frozen=True)
class CollectorSettings:
    """`kafka` is `HOST:PORT[,HOST:PORT…]`, `keys` the file of access keys, `spool` the directory for what Kafka does not
    take, None for none. Sizes are bytes, times are seconds. `processes`: in a second one large requests are judged.
    `public_url` is the address under which browsers reach the collector; None when it is that of each request.
    `trusted_proxies` are the networks whose `X-Forwarded-For` is believed.
    """

    kafka: str
    keys: Path
    host: str = "127.0.0.1"
    port: int = 8080
    publish_seconds: float = 2.5
    body_seconds: float = 30.0
    in_flight_bytes: int = 64 * 1024 * 1024
    processes: int = _PROCESSES
    public_url: str | None = None
    spool: Path | None = None
    spool_bytes: int = 1024 * 1024 * 1024
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> CollectorSettings:
        """Read the settings. Raises SettingsError for the first that is missing or wrong."""
        kafka = environ.get("PORTRAIT_KAFKA", "").strip()
        if not kafka:
            raise SettingsError("PORTRAIT_KAFKA is not set: give the address of Kafka, HOST:PORT")
        for address in kafka.split(","):
            host, _, port = address.strip().rpartition(":")
            if not host or not port.isdecimal():
                raise SettingsError(f"PORTRAIT_KAFKA: {address.strip()!r} is not HOST:PORT")
        keys = environ.get("PORTRAIT_KEYS", "").strip()
        if not keys:
            raise SettingsError(
                "PORTRAIT_KEYS is not set: give the file of access keys; "
                "`python -m producers.keys FILE NAME` makes one with a first key"
            )
        if not Path(keys).is_file():
            raise SettingsError(
                f"PORTRAIT_KEYS: there is no file {keys}; `python -m producers.keys {keys} NAME` makes it"
            )
        spool = environ.get("PORTRAIT_SPOOL", "").strip() or str(Path(keys).parent / "spool")
        return cls(
            kafka=kafka,
            keys=Path(keys),
            host=environ.get("PORTRAIT_COLLECTOR_HOST", "").strip() or cls.host,
            port=_whole(environ, "PORTRAIT_COLLECTOR_PORT", cls.port, 0, 65535),
            in_flight_bytes=_whole(environ, "PORTRAIT_COLLECTOR_MEMORY_MB", 64, 16, 65536) * 1024 * 1024,
            processes=_whole(environ, "PORTRAIT_COLLECTOR_PROCESSES", _PROCESSES, 1, 2),
            public_url=_address(environ, "PORTRAIT_COLLECTOR_PUBLIC_URL"),
            spool=None if spool == "off" else Path(spool),
            spool_bytes=_whole(environ, "PORTRAIT_SPOOL_MB", 1024, 1, 1024 * 1024) * 1024 * 1024,
            trusted_proxies=_networks(environ, "PORTRAIT_COLLECTOR_TRUSTED_PROXIES"),
        )


def _networks(environ: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    given = [each.strip() for each in environ.get(name, "").split(",") if each.strip()]
    try:
        return tuple(ip_network(each) for each in given)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}; give addresses, or networks such as 10.0.0.0/8") from None


def _address(environ: Mapping[str, str], name: str) -> str | None:
    address = environ.get(name, "").strip().rstrip("/")
    if address and not re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s]*)?", address):
        raise SettingsError(f"{name}: {address!r} is not an address such as https://events.example.com")
    return address or None


def _whole(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SettingsError(f"{name}: {text!r} is not a whole number from {least} to {most}")
    return int(text)
