"""Every Kafka topic, declared once. What makes, reads or documents a topic derives from this table."""

from __future__ import annotations

from dataclasses import dataclass, field

_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: what is in it, who writes and reads it, how long it is kept, where what cannot be read goes."""

    name: str
    key: str
    value: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    about: str
    retention_ms: int | None
    compacted: bool = False
    partitions: int | None = None
    dead_letters: str | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, str]:
        """The topic's configuration as Kafka takes it."""
        kept = {"cleanup.policy": "compact"} if self.compacted else {"cleanup.policy": "delete"}
        if self.retention_ms is not None:
            kept["retention.ms"] = str(self.retention_ms)
        return kept | {"max.message.bytes": str(MAX_MESSAGE_BYTES)} | self.extra


MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Of one record. An event may have 1 MB; as a dead letter it is base64 and wrapped, as a clean event it carries its facts."""

REJECTED = "events.rejected"
VALID = "events.valid"
PROFILES = "profiles"
SEGMENT_CHANGES = "segment-changes"
IDENTITY_CHANGES = "identity-changes"
SERVICE = "service"
"""The channel of what the company itself records. No customer is met there, so it is not counted among a customer's channels."""


def _raw(channel: str, about: str) -> Topic:
    return Topic(
        name=f"events.{channel}",
        key="the strongest identifier, KIND:VALUE",
        value="CloudEvent",
        writers=("collector", "importer", "channel systems"),
        readers=("prepare",),
        about=about,
        retention_ms=30 * _DAY_MS,
        dead_letters=REJECTED,
        extra={"message.timestamp.type": "LogAppendTime"},  # the time of receipt is ours, not a channel's clock
    )


RAW: tuple[Topic, ...] = (
    _raw("web", "What visitors do on web sites and in apps: forms of every kind, views of pages, what is tracked."),
    _raw("loyalty", "What happens with loyalty cards: enrolment, scans at the till, returns, cancellation."),
    _raw("social", "What followers do on social platforms."),
    _raw(SERVICE, "What people of the company record of customers: accounts, complaints, answers to surveys."),
)

TOPICS: tuple[Topic, ...] = (
    *RAW,
    Topic(
        name=VALID,
        key="the strongest normalised identifier, KIND:VALUE",
        value="CleanEvent",
        writers=("prepare",),
        readers=("customers",),
        about="The clean log: validated, normalised, enriched.",
        retention_ms=90 * _DAY_MS,
    ),
    Topic(
        name=REJECTED,
        key="origin: TOPIC/PARTITION/OFFSET or collector/REQUEST/INDEX",
        value="DeadLetter",
        writers=("collector", "prepare"),
        readers=("letters",),
        about="What was refused, with the reason and the original bytes.",
        retention_ms=90 * _DAY_MS,
    ),
    Topic(
        name=PROFILES,
        key="customer id",
        value="Profile",
        writers=("relay",),
        readers=("downstream",),
        about="The portrait of each customer as it is now; a customer merged into another one gets a tombstone.",
        retention_ms=None,
        compacted=True,
    ),
    Topic(
        name=SEGMENT_CHANGES,
        key="customer id",
        value="SegmentChange",
        writers=("relay",),
        readers=("activation", "downstream"),
        about="Who entered or left which segment, when and why.",
        retention_ms=90 * _DAY_MS,
    ),
    Topic(
        name=IDENTITY_CHANGES,
        key="customer id",
        value="IdentityChange",
        writers=("relay",),
        readers=("downstream",),
        about="Which customer ids lead to another customer than before: merged, split, moved; and why.",
        retention_ms=90 * _DAY_MS,
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
RAW_NAMES: tuple[str, ...] = tuple(topic.name for topic in RAW)


_CHANNELS = {"crm": SERVICE, "survey": SERVICE}


def channel_of(event_type: str) -> str:
    """The channel of an event type: its first word, `web` of `web.form_submitted.v1`; but `service` of `crm.…` and `survey.…`."""
    first = event_type.partition(".")[0]
    return _CHANNELS.get(first, first)


def raw_topic(event_type: str) -> str:
    """The raw topic of a known event type: `web.form_submitted.v1` goes to `events.web`."""
    return f"events.{channel_of(event_type)}"
