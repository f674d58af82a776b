"""The table of topics is whole: what one line says, the others bear out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.asyncapi import messages_of
from schemas.events import EVENT_TYPES
from schemas.generate import STRUCTS
from schemas.topics import BY_NAME, PROFILES, RAW, RAW_NAMES, REJECTED, SEGMENT_CHANGES, TOPICS, VALID, Topic, raw_topic

DAY_MS = 24 * 60 * 60 * 1000
names = [topic.name for topic in TOPICS]


def test_names_are_unique_and_such_as_kafka_takes() -> None:
    assert len(set(names)) == len(names)
    for name in names:
        assert len(name) <= 249
        assert all(part.isascii() and (part.isalnum() or part in ".-") for part in name), name
        assert "_" not in name, "Kafka's metrics cannot tell _ from ."


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_type_has_a_raw_topic_that_lists_it(event_type: str) -> None:
    assert event_type in messages_of(BY_NAME[raw_topic(event_type)])


def test_every_raw_topic_has_an_event_type() -> None:
    assert {raw_topic(event_type) for event_type in EVENT_TYPES} == set(RAW_NAMES)


@pytest.mark.parametrize("topic", TOPICS, ids=names)
def test_every_topic_says_who_writes_who_reads_and_what(topic: Topic) -> None:
    values = {"CloudEvent", *(struct.__name__ for struct in STRUCTS)}
    assert topic.value in values
    assert topic.writers
    assert topic.readers
    assert topic.key
    assert topic.about.endswith(".")


@pytest.mark.parametrize("topic", TOPICS, ids=names)
def test_what_is_read_from_outside_has_a_place_for_what_cannot_be_read(topic: Topic) -> None:
    if topic.dead_letters is None:
        assert topic.name not in RAW_NAMES
    else:
        assert BY_NAME[topic.dead_letters].value == "DeadLetter"


@pytest.mark.parametrize("topic", TOPICS, ids=names)
def test_every_topic_is_either_compacted_or_kept_for_a_time(topic: Topic) -> None:
    assert topic.compacted == (topic.retention_ms is None)
    config = topic.config()
    assert config["cleanup.policy"] == ("compact" if topic.compacted else "delete")
    assert ("retention.ms" in config) != topic.compacted


def test_what_was_refused_outlives_the_raw_record_and_a_raw_record_is_stamped_by_the_broker() -> None:
    rejected = BY_NAME[REJECTED].retention_ms or 0
    for topic in RAW:
        assert rejected > (topic.retention_ms or 0)
        assert topic.config()["message.timestamp.type"] == "LogAppendTime"


def test_the_configuration_is_what_kafka_is_given() -> None:
    assert {name: BY_NAME[name].config() for name in (VALID, PROFILES, SEGMENT_CHANGES)} == {
        VALID: {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS), "max.message.bytes": "4194304"},
        PROFILES: {"cleanup.policy": "compact", "max.message.bytes": "4194304"},
        SEGMENT_CHANGES: {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS), "max.message.bytes": "4194304"},
    }
    assert replace(BY_NAME[VALID], extra={"min.insync.replicas": "2"}).config()["min.insync.replicas"] == "2"


def test_every_internal_writer_of_a_topic_reads_one_or_stands_at_the_edge() -> None:
    readers = {reader for topic in TOPICS for reader in topic.readers}
    writers = {writer for topic in TOPICS for writer in topic.writers}
    edges_in = {"collector", "importer", "channel systems", "relay"}
    edges_out = {"activation", "downstream", "letters", "customers"}
    assert writers - readers == edges_in
    assert readers - writers == edges_out
