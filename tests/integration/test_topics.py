"""Topics in a real Kafka are made as declared, once, and differences are told."""

from uuid import uuid4

import pytest

from ops.topics import Difference, TopicReport, create_topics, main
from schemas.topics import TOPICS, Topic

pytestmark = pytest.mark.integration


def declared(name: str, **changes: object) -> Topic:
    facts: dict[str, object] = {
        "name": name,
        "key": "k",
        "value": "v",
        "writers": (),
        "readers": (),
        "about": "",
        "retention_ms": 86_400_000,
    }
    return Topic(**(facts | changes))  # type: ignore[arg-type]


def test_topics_are_made_as_declared_and_only_once(kafka: str) -> None:
    mark = uuid4().hex
    log, table = declared(f"log-{mark}"), declared(f"table-{mark}", compacted=True, retention_ms=None, partitions=1)
    assert create_topics(kafka, partitions=3, topics=(log, table)) == TopicReport((log.name, table.name), (), ())
    assert create_topics(kafka, partitions=3, topics=(log, table)) == TopicReport((), (log.name, table.name), ())


def test_what_differs_is_told_and_left_alone(kafka: str) -> None:
    name = f"log-{uuid4().hex}"
    create_topics(kafka, partitions=2, topics=(declared(name),))
    wanted = declared(name, retention_ms=1_000, extra={"message.timestamp.type": "LogAppendTime"})
    differences = (
        Difference(name, "partitions", "5", "2"),
        Difference(name, "retention.ms", "1000", "86400000"),
        Difference(name, "message.timestamp.type", "LogAppendTime", "CreateTime"),
    )
    assert create_topics(kafka, partitions=5, topics=(wanted,)) == TopicReport((), (name,), differences)
    assert create_topics(kafka, partitions=5, topics=(wanted,)).differences == differences
    assert str(differences[0]) == f"{name}: partitions is 2, declared is 5"


def test_ours_are_all_there_as_declared(kafka: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert create_topics(kafka) == TopicReport((), tuple(topic.name for topic in TOPICS), ())
    assert main(["--kafka", kafka]) == 0
    assert main(["--kafka", kafka, "--partitions", "9"]) == 1
    assert "events.web: partitions is 4, declared is 9" in capsys.readouterr().out
