"""What producers put into Kafka."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One record. Records of one key keep their order."""

    topic: str
    key: bytes | None
    value: bytes
