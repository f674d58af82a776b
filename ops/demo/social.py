"""What people do on Facebook and Zalo. The platform knows an account; a lead form there ties it to the person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ops.demo.people import Person
from ops.demo.story import Calendar, Event, Told, cloud_event, phone_as_typed, said

PLATFORMS = ("facebook", "zalo")
_ACTIONS = ("react", "react", "react", "comment", "comment", "message", "share", "join_minigame", "check_in")
_WORDS = ("Shop ơi còn hàng không?", "Giá bao nhiêu ạ?", "Đẹp quá!", "Mình ở Đà Nẵng có giao không?", "Great service!")


def interactions(person: Person, calendar: Calendar, since: datetime) -> Iterator[Told]:
    """Everything the person does on each platform where there is an account, after `since`, one lead form among it."""
    for platform in PLATFORMS:
        account = person.facebook_id if platform == "facebook" else person.zalo_id
        if account is not None:
            yield from _account(person, platform, account, calendar, since)


def _account(person: Person, platform: str, account: str, calendar: Calendar, since: datetime) -> Iterator[Told]:
    chance = person.chance(platform)
    seconds = max((calendar.before(hours=25) - since).total_seconds(), 0)
    actions = ["follow", *chance.choices(_ACTIONS, k=chance.choice((2, 3, 4, 6, 8, 12, 20)))]
    # Often the lead comes last: what the account did before is the customer's history only from then on.
    actions.insert(chance.choice((1, len(actions) // 2, len(actions))), "submit_lead")
    if chance.random() < 0.08:
        actions.append("unfollow")
    moments = sorted(chance.random() for _ in actions)
    for number, (action, share) in enumerate(zip(actions, moments, strict=True)):
        at = since + timedelta(seconds=int(seconds * share))
        lead = action == "submit_lead"
        customer = said(
            **{f"{platform}_id": account},
            full_name=person.full_name if lead or number == 0 else None,
            **(_contact(person, chance.randint(0, 5)) if lead else {}),
        )
        content = said(
            id=f"post-{chance.randint(1, 240)}",
            text=chance.choice(_WORDS) if action in ("comment", "message") else None,
            campaign="minigame-trung-thu" if action == "join_minigame" else None,
        )
        yield Told(
            at,
            person.number,
            cloud_event(
                "social.interacted.v1",
                f"/demo/social/{platform}",
                f"{action}-{person.number}-{number}",
                at,
                said(platform=platform, action=action, customer=customer, content=content),
            ),
        )


def _contact(person: Person, style: int) -> Event:
    """What the lead form asks for: the telephone number, or an address when there is none."""
    if person.phone is not None:
        return {"phone": phone_as_typed(person, style)}
    return said(email=person.email)
