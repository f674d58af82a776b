"""The part of the port (`sinks.store`) by which everybody is evaluated again: by new rules, or because all others moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from schemas.portrait import Listed
from schemas.ranks import Bounds


class Evaluating(Protocol):
    """What a transaction offers for it."""

    def begin_sweep(self, digest: str) -> None:
        """Let everybody be evaluated by the rules of this digest, unless they are those that were begun with last."""

    def go_by(self, digest: str) -> None:
        """Note that a worker goes by the rules of this digest; nobody waits for that. Everybody is evaluated by them once more if
        another worker went by others meanwhile, and none does any more; also if nobody goes by those begun with last for long."""

    def sweep(self, digest: str) -> str | None:
        """Lock the sweep by the rules of this digest: the customer id that it has come to. None: it is finished, or locked."""

    def customers_after(self, customer: str, limit: int) -> list[Listed]:
        """The next customers by id."""

    def bring_forward(self, dues: Mapping[str, int]) -> None:
        """Let these customers be due at these instants (Unix ms), if they are not before."""

    def swept(self, digest: str, customer: str | None) -> None:
        """The sweep has come up to this customer; None: it is finished."""

    def forget_sweep(self, digest: str) -> None:
        """Give it up, as if rules of nobody had been begun with after it: whichever worker starts begins anew."""

    def keep_failures(self, failures: Mapping[str, tuple[str, int]], now: int) -> None:
        """Remember for operators which rules fail: segment → (why, how many times)."""

    def forget_failures(self) -> None:
        """Other rules are in use now."""

    def begin_ranking(self, now: int) -> bool:
        """Lock the ranking of everybody. False: it is not time (Unix ms), somebody else is at it, or a sweep goes on."""

    def measure(self, now: int) -> Bounds | None:
        """What all customers' values come to; None when nobody has bought. Reads everybody."""

    def keep_bounds(self, bounds: Bounds | None, next_at: int) -> None:
        """Put bounds in force; it is time to compute them again at `next_at` (Unix ms)."""

    def waiting(self, now: int, limit: int) -> int:
        """How many customers are due, counted up to `limit`."""

    def ranked_elsewhere(self, bounds: Bounds, now: int, limit: int) -> list[str]:
        """Up to `limit` customers, not due, whose scores are others by these bounds.

        Who has no scores is not among them as long as a sweep goes on. Reads everybody.
        """
