"""Whether a customer may be written to."""

from __future__ import annotations

from typing import Any

from schemas.activation import Customer

FLAGS = ("consent:email", "consent_email", "email_consent", "consent:marketing", "marketing_consent", "consent")
"""Names of the status or trait that says so, the most special one first: the first that is there decides."""

_GIVEN = frozenset({"given", "granted", "opted_in", "subscribed", "yes", "true", "1"})


def consent_of(customer: Customer) -> bool | None:
    """What the customer has decided: True, given. False, refused, withdrawn, or a word that is not known. None: not asked."""
    for flag in FLAGS:
        for known in (customer.statuses, customer.traits):
            if flag in known:
                return _is_given(known[flag])
    return None


def why_not_written(customer: Customer, *, require_consent: bool) -> str | None:
    """Why the customer is not written to: "consent withheld", "consent not asked", "no address"; None: no reason."""
    consent = consent_of(customer)
    if consent is False:
        return "consent withheld"
    if consent is None and require_consent:
        return "consent not asked"
    if not customer.email:
        return "no address"
    return None


def _is_given(stated: Any) -> bool:
    return stated is True or str(stated).strip().lower() in _GIVEN
