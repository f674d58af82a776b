"""Who may be written to."""

from __future__ import annotations

from typing import Any

import pytest

from sinks.activation.consent import consent_of, why_not_written
from tests.unit.test_email import CUSTOMER

NOBODY_ASKED = CUSTOMER._replace(statuses={}, traits={})


@pytest.mark.parametrize(
    ("statuses", "traits", "consent"),
    [
        ({}, {}, None),
        ({"follow:zalo": "followed"}, {"full_name": "An"}, None),
        ({"consent:email": "given"}, {}, True),
        ({"consent:email": "withdrawn"}, {}, False),
        ({"consent:email": "có lẽ"}, {}, False),
        ({"consent:email": "withdrawn", "consent": "given"}, {"email_consent": True}, False),
        ({"consent:email": "given", "consent": "withdrawn"}, {}, True),
        ({}, {"email_consent": True}, True),
        ({}, {"email_consent": False}, False),
        ({}, {"marketing_consent": "Yes "}, True),
        ({}, {"consent": None}, False),
    ],
)
def test_the_most_special_flag_that_is_there_decides(
    statuses: dict[str, str], traits: dict[str, Any], consent: bool | None
) -> None:
    assert consent_of(CUSTOMER._replace(statuses=statuses, traits=traits)) is consent


@pytest.mark.parametrize(
    ("flag", "require", "why"),
    [
        ("given", True, None),
        ("given", False, None),
        ("refused", True, "consent withheld"),
        ("refused", False, "consent withheld"),
        (None, True, "consent not asked"),
        (None, False, None),
    ],
)
def test_a_refusal_holds_everywhere_and_silence_where_the_target_says_so(
    flag: str | None, require: bool, why: str | None
) -> None:
    customer = NOBODY_ASKED._replace(statuses={} if flag is None else {"consent:email": flag})
    assert why_not_written(customer, require_consent=require) == why


def test_without_an_address_nobody_is_written_to() -> None:
    assert why_not_written(CUSTOMER._replace(email=None), require_consent=True) == "no address"
