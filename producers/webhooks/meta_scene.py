"""What all items of one entry of Meta have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple


class Scene(NamedTuple):
    """`account` is the id of the page, or of the account at Instagram. `stamp` is the entry's time as it came, `time` what that
    is: of items that name no time of their own. `entry` is what else stands around the items."""

    source: str
    platform: str
    account: str
    stamp: str
    time: datetime
    entry: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind of the ids that people have here. They are of this page, or account, only: another one knows the same person
        by another id."""
        return f"{self.platform}_id"

    def around(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The properties of an item, and what stands around it: which page it was."""
        return ({"entry": dict(self.entry)} if self.entry else {}) | dict(properties)
