"""The OpenAPI document of the collector: from the event models, with the examples of `schemas/examples`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from schemas.codec import MAX_EVENT_BYTES
from schemas.events import EVENT, EVENT_TYPES
from schemas.rejected import Reason

MAX_BATCH_EVENTS = 5_000
MEDIA_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json")

ABOUT = f"""Channel systems send their events here, as [CloudEvents 1.0](https://cloudevents.io) in JSON.

An answer of **200** means that Kafka has acknowledged every accepted event, and the letter that keeps each refused one; or,
with `"spooled": true`, that Kafka is away and all of it is safe on the collector's disk, to be sent when Kafka is back.
After any other answer, or none, send the same events again **with the same ids**: an event counts once however often it
arrives.

Limits: {MAX_EVENT_BYTES >> 20} MB an event, 5 MB (also when inflated) and {MAX_BATCH_EVENTS} events a request.
"""

SPOOLED = {
    "const": True,
    "description": "Only there when Kafka is away: it is on the collector's disk, and goes to Kafka later.",
}

_PROBLEMS = {
    400: "The body is not JSON, or not the gzip it is said to be.",
    401: "No access key, or none that is known.",
    403: "The key stands in web pages: it may send calls of the Segment API only.",
    404: "There is nothing at this address.",
    408: "The body took too long to arrive.",
    413: "Too large, or too many events.",
    415: "Another Content-Type or Content-Encoding than those named here.",
    429: "More events a second than this source may send. Nothing was accepted: send it again, same ids.",
    503: "Neither Kafka nor the spool takes it (code `spool_full`, `spool_failed`, or `unavailable` without a spool), or "
    "too much is on its way. Nothing was accepted for certain: send it again, same ids.",
}


def first_examples() -> dict[str, Any]:
    """One event of every type, decoded: the first of its valid examples by name."""
    root = files("schemas") / "examples"
    chosen = {}
    for event_type in EVENT_TYPES:
        first = min((root / event_type / "valid").iterdir(), key=lambda file: file.name)
        chosen[event_type] = json.loads(first.read_text(encoding="utf-8"))
    return chosen


def operation() -> dict[str, Any]:
    """What FastAPI cannot know of `POST /v1/events`: it reads the body itself."""
    events = first_examples()
    singles = {name: {"summary": name, "value": event} for name, event in events.items()}
    batch = {"batch": {"summary": "one event of every type", "value": list(events.values())}}
    one, many = {"$ref": "#/components/schemas/Event"}, {"$ref": "#/components/schemas/Batch"}
    gzip = {"type": "string", "enum": ["gzip", "identity"]}
    return {
        "requestBody": {
            "required": True,
            "content": {
                MEDIA_TYPES[0]: {"schema": one, "examples": singles},
                MEDIA_TYPES[1]: {"schema": many, "examples": batch},
                MEDIA_TYPES[2]: {"schema": {"anyOf": [one, many]}, "examples": singles | batch},
            },
        },
        "parameters": [
            {
                "name": "Content-Encoding",
                "in": "header",
                "required": False,
                "schema": gzip,
                "description": "gzip or none",
            }
        ],
        "security": [{"bearer": []}, {"basic": []}],
        "responses": {
            "200": {
                "description": "Kafka or the spool has all of it. Refused events are listed; they are kept, not accepted.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
            }
        }
        | {str(status): problem_response(status) for status in _PROBLEMS if status != 404},
    }


def problem_response(status: int) -> dict[str, Any]:
    """A documented error."""
    described: dict[str, Any] = {
        "description": _PROBLEMS[status],
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    if status == 429:
        described["headers"]["X-RateLimit-Reset"] = {"schema": {"type": "integer"}, "description": "seconds"}
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return described


def components() -> dict[str, Any]:
    """The schemas of events and answers, and how to authenticate."""
    event = EVENT.json_schema(ref_template="#/components/schemas/{model}")
    models = event.pop("$defs")
    text = {"type": "string"}
    rejected = {
        "type": "object",
        "required": ["index", "id", "code", "path", "message"],
        "additionalProperties": False,
        "properties": {
            "index": {"type": "integer", "minimum": 0, "description": "Its place in the request, from 0."},
            "id": {"type": ["string", "null"], "description": "The event's id, when it could be read."},
            "code": {"type": "string", "enum": [reason.value for reason in Reason]},
            "path": text | {"examples": ["$.data.order.total.currency"]},
            "message": text,
        },
    }
    answer = {
        "type": "object",
        "required": ["accepted", "rejected"],
        "additionalProperties": False,
        "properties": {
            "accepted": {"type": "integer", "minimum": 0},
            "rejected": {"type": "array", "items": {"$ref": "#/components/schemas/Refused"}},
            "spooled": SPOOLED,
        },
    }
    problem = {
        "type": "object",
        "description": "RFC 9457. `detail` and `message` are the same.",
        "required": ["type", "title", "status", "detail", "code", "message"],
        "additionalProperties": False,
        "properties": dict.fromkeys(("type", "title", "detail", "code", "message"), text)
        | {"status": {"type": "integer"}},
    }
    batch = {"type": "array", "maxItems": MAX_BATCH_EVENTS, "items": {"$ref": "#/components/schemas/Event"}}
    return {
        "schemas": models | {"Event": event, "Batch": batch, "Answer": answer, "Refused": rejected, "Problem": problem},
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "The access key of the sending system."},
            "basic": {"type": "http", "scheme": "basic", "description": "The access key as user name or as password."},
        },
    }
