"""The AsyncAPI 3.0 document: every topic, who writes and reads it, and what a message looks like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.events import EVENT_TYPES
from schemas.topics import RAW_NAMES, TOPICS, Topic, raw_topic

Document = dict[str, Any]
_KAFKA = "0.5.0"
_JSON_SCHEMA = "application/schema+json;version=draft-2020-12"
_TOMBSTONE = "Tombstone"


def document(version: str, schema_files: Mapping[str, str], examples: Mapping[str, Any]) -> Document:
    """The whole document.

    `schema_files`: message name → file of its JSON Schema. `examples`: message name → one payload.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Portrait",
            "version": version,
            "description": "The Kafka topics of Portrait, generated from schemas/topics.py and the models.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": {**_messages(schema_files, examples), _TOMBSTONE: _tombstone()}},
    }


def messages_of(topic: Topic) -> tuple[str, ...]:
    """The names of what can be in a topic. A raw topic has the event types of its channel."""
    if topic.name in RAW_NAMES:
        return tuple(name for name in EVENT_TYPES if raw_topic(name) == topic.name)
    return (topic.value, _TOMBSTONE) if topic.compacted else (topic.value,)


def _channel(topic: Topic) -> Document:
    config: Document = {name: _number(value) for name, value in topic.config().items()}
    config["cleanup.policy"] = config["cleanup.policy"].split(",")
    binding: Document = {"topic": topic.name, "topicConfiguration": config, "bindingVersion": _KAFKA}
    if topic.partitions is not None:
        binding["partitions"] = topic.partitions
    channel: Document = {
        "address": topic.name,
        "description": topic.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(topic)},
        "bindings": {"kafka": binding},
        "x-key": topic.key,
    }
    if topic.dead_letters is not None:
        channel["x-dead-letters"] = {"$ref": f"#/channels/{topic.dead_letters}"}
    return channel


def _number(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdecimal() else text


def _operations() -> Iterator[tuple[str, Document]]:
    for topic in TOPICS:
        for action, actors in (("send", topic.writers), ("receive", topic.readers)):
            for actor in actors:
                name = f"{actor.replace(' ', '-')}.{action}.{topic.name}"
                yield name, {"action": action, "title": actor, "channel": {"$ref": f"#/channels/{topic.name}"}}


def _messages(schema_files: Mapping[str, str], examples: Mapping[str, Any]) -> Document:
    keys = {name: topic.key for topic in TOPICS for name in messages_of(topic)}
    found: Document = {}
    for name, key in keys.items():
        if name not in schema_files:
            continue
        found[name] = {
            "name": name,
            "contentType": "application/json",
            "payload": {"schemaFormat": _JSON_SCHEMA, "schema": {"$ref": f"./{schema_files[name]}"}},
            "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": _KAFKA}},
        }
        if name in examples:
            found[name]["examples"] = [{"payload": examples[name]}]
    return found


def _tombstone() -> Document:
    return {
        "name": _TOMBSTONE,
        "summary": "There is no such customer any more: merged into another one, or erased.",
        "payload": {"type": "null"},
    }
