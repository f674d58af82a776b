"""Make the topics of `schemas.topics` in Kafka, and say where those that are there differ from what is declared."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from schemas.topics import TOPICS, Topic

DEFAULT_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """A topic that is not as declared. `setting` is "partitions" or the name of a topic configuration."""

    topic: str
    setting: str
    declared: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.found}, declared is {self.declared}"


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What `create_topics` did and saw."""

    created: tuple[str, ...]
    present: tuple[str, ...]
    differences: tuple[Difference, ...]


def create_topics(
    bootstrap: str,
    partitions: int = DEFAULT_PARTITIONS,
    replication: int = -1,
    topics: tuple[Topic, ...] = TOPICS,
    timeout: float = 30.0,
) -> TopicReport:
    """Create what is missing of `topics` and leave alone what is there; run it as often as you like.

    A topic that declares its own number of partitions has that, the others have `partitions`. `replication` −1 is the
    broker's default. Nothing that exists is changed: more partitions would move keys, and a shorter retention deletes.
    Raises kafka.errors.KafkaError when Kafka does not answer within `timeout` seconds or refuses.
    """
    admin = KafkaAdminClient(
        bootstrap_servers=bootstrap.split(","),
        client_id="portrait-topics",
        bootstrap_timeout_ms=int(timeout * 1000),
        request_timeout_ms=int(timeout * 1000),
    )
    try:
        existing = set(admin.list_topics())
        created = tuple(topic.name for topic in topics if _created(admin, topic, existing, partitions, replication))
        admin.wait_for_topics([topic.name for topic in topics], timeout_ms=int(timeout * 1000))
        present = tuple(topic.name for topic in topics if topic.name not in created)
        return TopicReport(created, present, _differences(admin, topics, partitions))
    finally:
        admin.close()


def _created(admin: KafkaAdminClient, topic: Topic, existing: set[str], partitions: int, replication: int) -> bool:
    if topic.name in existing:
        return False
    wanted = {
        "num_partitions": topic.partitions or partitions,
        "replication_factor": replication,
        "configs": topic.config(),
    }
    try:
        admin.create_topics({topic.name: wanted})
    except TopicAlreadyExistsError:  # another process was faster
        return False
    return True


def _differences(admin: KafkaAdminClient, topics: tuple[Topic, ...], partitions: int) -> tuple[Difference, ...]:
    found_partitions = {
        entry["name"]: len(entry["partitions"]) for entry in admin.describe_topics([t.name for t in topics])
    }
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    found_configs = admin.describe_configs(resources, config_filter="all")["topic"]
    differences: list[Difference] = []
    for topic in topics:
        declared = {"partitions": str(topic.partitions or partitions)} | topic.config()
        found = {name: str(entry["value"]) for name, entry in found_configs[topic.name].items()}
        found["partitions"] = str(found_partitions[topic.name])
        differences += (
            Difference(topic.name, setting, wanted, found.get(setting, "not there"))
            for setting, wanted in declared.items()
            if found.get(setting) != wanted
        )
    return tuple(differences)


def main(arguments: list[str] | None = None) -> int:
    """`python -m ops.topics`: 0 when all is as declared, 1 when something differs, 2 when Kafka does not answer."""
    parser = argparse.ArgumentParser(prog="python -m ops.topics", description=__doc__)
    parser.add_argument("--kafka", default=os.environ.get("PORTRAIT_KAFKA"), help="HOST:PORT (default: PORTRAIT_KAFKA)")
    parser.add_argument("--partitions", type=int, default=DEFAULT_PARTITIONS)
    parser.add_argument("--replication", type=int, default=-1, help="copies of each partition (default: the broker's)")
    asked = parser.parse_args(arguments)
    if not asked.kafka:
        parser.error("where is Kafka? Give --kafka HOST:PORT or set PORTRAIT_KAFKA")
    try:
        report = create_topics(asked.kafka, asked.partitions, asked.replication)
    except KafkaError as error:
        print(f"Kafka at {asked.kafka}: {error}", file=sys.stderr)
        return 2
    for name in report.created:
        print(f"created {name}")
    for difference in report.differences:
        print(difference)
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
