"""What the events say that the company itself records, and what stands of it, from examples worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from processors.portray import fold
from processors.service import percent
from schemas import portrait
from schemas.clean import Account, CleanEvent, Complaint, Score
from schemas.events import Score as Given
from schemas.portrait import Portrait
from tests.payloads import clean, event

OCTOBER = int(datetime(2026, 9, 30, 17, tzinfo=UTC).timestamp() * 1000)
"""The first of October in Viet Nam."""


def told(kind: str, time: str | None = None, id: str = "e-1", **data: Any) -> CleanEvent:
    document = event(kind, id=id)
    document["data"] |= data
    return clean(document | ({} if time is None else {"time": time}))


def drawn(events: list[CleanEvent]) -> Portrait:
    """The portrait of these events, which is the same in every order."""
    portraits = []
    for order in permutations(events):
        portraits.append(Portrait())
        for each in order:
            fold(portraits[-1], each, new_order=True)
    assert len({portrait.canonical(each) for each in portraits}) == 1
    return portraits[0]


def test_an_assignment_tells_the_relation_since_when_and_who_is_responsible_and_no_acquisition() -> None:
    found = told("crm.account_assigned.v1")
    assert found.recorded == Account("key_account", owner="Phạm Thu Hà", since=OCTOBER)
    assert (found.channel, found.acquisition, found.counts) == ("service", None, {"account_assigned": 1})
    assert found.problems == ()


@pytest.mark.parametrize(
    ("owner", "name"),
    [({"email": " ha@shop.example ", "id": "7"}, "ha@shop.example"), ({"id": "NV-7", "name": " "}, "NV-7"), ({}, None)],
)
def test_who_is_responsible_is_named_as_well_as_can_be(owner: dict[str, str], name: str | None) -> None:
    found = told("crm.account_assigned.v1", owner=owner).recorded
    assert isinstance(found, Account)
    assert found.owner == name


def test_what_is_to_begin_later_begins_with_the_event_and_that_is_noted() -> None:
    found = told("crm.account_assigned.v1", valid_from="2027-01-01T00:00:00+07:00")
    assert isinstance(found.recorded, Account)
    assert found.recorded.since == found.time
    assert found.problems == (("$.data.valid_from", "in_the_future"),)


def test_an_account_is_what_was_recorded_last_whatever_arrived_first() -> None:
    hà = told("crm.account_assigned.v1", "2026-11-01T09:00:00+07:00", "a")
    minh = told("crm.account_assigned.v1", "2026-11-05T09:00:00+07:00", "b", owner={"name": "Minh"})
    partner = told("crm.account_assigned.v1", "2026-11-02T09:00:00+07:00", "c", relation="partner", owner=None)
    over = told("crm.account_unassigned.v1", "2026-11-03T09:00:00+07:00", "d", relation="partner")
    assert drawn([hà, minh, partner, over]).accounts == {
        "key_account": ({"owner": "Minh", "since": OCTOBER}, minh.time, minh.key),
        "partner": (None, over.time, over.key),
    }


def test_a_complaint_and_its_resolution_may_come_in_any_order_even_with_one_time() -> None:
    opened, resolved = told("service.complaint_opened.v1", id="o"), told("service.complaint_resolved.v1", id="r")
    other = told("service.complaint_opened.v1", id="x", complaint={"id": "CP-2"})
    assert (opened.recorded, resolved.recorded) == (Complaint("CP-1", severity="high"), Complaint("CP-1", open=False))
    assert opened.counts == {"complaint": 1, "complaint:delivery": 1}
    found = drawn([opened, resolved, other])
    assert found.complaints == {
        "CP-1": (None, resolved.time, resolved.key),
        "CP-2": ({"severity": None}, other.time, other.key),
    }
    assert (found.complained, found.counts["complaint"], found.counts["complaint_resolved"]) == (other.time, 2, 1)


def test_a_complaint_that_is_made_again_is_open_again() -> None:
    opened = told("service.complaint_opened.v1", "2026-11-01T09:00:00+07:00", "o")
    resolved = told("service.complaint_resolved.v1", "2026-11-02T09:00:00+07:00", "r")
    again = told("service.complaint_opened.v1", "2026-11-03T09:00:00+07:00", "a", complaint={"id": "CP-1"})
    assert drawn([opened, resolved, again]).complaints == {"CP-1": ({"severity": None}, again.time, again.key)}


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ({"kind": "nps", "value": 0}, 0),
        ({"kind": "nps", "value": 7}, 70),
        ({"kind": "csat", "value": 1}, 0),
        ({"kind": "csat", "value": 4}, 75),
        ({"kind": "csat", "value": "5.5", "lowest": 1, "highest": 7}, 75),
        ({"kind": "csat", "value": 66.6, "lowest": 0, "highest": 100}, 66),
        ({"kind": "csat", "value": 0, "lowest": -3, "highest": 3}, 50),
    ],
)
def test_a_score_is_so_far_up_its_scale(score: dict[str, Any], expected: int) -> None:
    assert percent(Given.model_validate(score)) == expected


def test_of_scores_of_one_kind_the_newest_two_stand() -> None:
    answers = [
        told(
            "survey.answered.v1", f"2026-0{month}-01T09:00:00+07:00", f"s{month}", score={"kind": "nps", "value": value}
        )
        for month, value in ((3, 9), (5, 6), (7, 8), (9, 3))
    ]
    csat = told("survey.answered.v1", "2026-06-01T09:00:00+07:00", "c", score={"kind": "csat", "value": 5})
    assert answers[0].recorded == Score("nps", 90)
    assert drawn([*answers, csat]).scores == {
        "nps": [(answers[2].time, answers[2].key, 80), (answers[3].time, answers[3].key, 30)],
        "csat": [(csat.time, csat.key, 100)],
    }


def test_a_survey_states_motives_purpose_and_proficiency() -> None:
    found = told("survey.answered.v1", motives=["service", "novelty", "service"])
    assert {name: found.traits[name] for name in ("motives", "purpose", "proficiency")} == {
        "motives": ["novelty", "service"],
        "purpose": "gift",
        "proficiency": "expert",
    }


def test_what_the_company_records_is_an_event_and_no_channel_of_the_customer() -> None:
    found = drawn([told("crm.account_assigned.v1"), told("loyalty.card_scanned.v1", id="b")])
    assert (found.events, found.channels) == (2, {"loyalty": 1})


def test_the_portrait_of_whom_nothing_is_recorded_is_not_a_byte_longer() -> None:
    written = portrait.encode(drawn([told("loyalty.card_scanned.v1")]))
    assert not [name for name in (b"accounts", b"complain", b"scores") if name in written]


def test_a_scan_says_which_points_lapse_when() -> None:
    points = {"earned": 5, "expire_at": "2026-12-31T23:59:59+07:00", "expiring": 350}
    found = told("loyalty.card_scanned.v1", points=points)
    assert found.points == 5
    assert found.traits["points_lapse"] == {"at": "2026-12-31T16:59:59.000+00:00", "points": 350}
