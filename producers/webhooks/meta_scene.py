"""What all items of one entry of Meta have in common."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Scene(NamedTuple):
    """`account` is the id of the page, or of the account at Instagram. `stamp` is the entry's time as it came, `time` what that
    is: of items that name no time of their own."""

    source: str
    platform: str
    account: str
    stamp: str
    time: datetime

    @property
    def kind(self) -> str:
        """The kind of the ids that people have here. They are of this page, or account, only: another one knows the same person
        by another id."""
        return f"{self.platform}_id"
