"""The OpenAPI document of the Segment HTTP tracking API: what its addresses take and answer."""

from __future__ import annotations

from typing import Any

from producers.openapi.events import SPOOLED, problem_response

_TEXT = {"type": ["string", "null"]}
_ID = {"type": ["string", "number", "null"], "description": "Numbers are read as text."}
_FREE = {"type": ["object", "null"], "additionalProperties": True}

EXAMPLES: dict[str, dict[str, Any]] = {
    "track": {
        "userId": "u-7",
        "event": "Order Completed",
        "properties": {
            "order_id": "50314",
            "total": 880000,
            "currency": "VND",
            "products": [{"sku": "G-1", "name": "Giày chạy bộ", "category": "Giày", "price": 440000, "quantity": 2}],
        },
    },
    "identify": {
        "userId": "u-7",
        "traits": {"name": "Nguyễn Thị Lan", "email": "lan@example.com", "phone": "0912 304 556"},
    },
    "page": {"anonymousId": "5b6a0f0e", "name": "Giày", "properties": {"url": "https://cuahang.example/giay"}},
    "screen": {"anonymousId": "5b6a0f0e", "name": "Home", "context": {"device": {"id": "B5372DB0"}}},
    "group": {"userId": "u-7", "groupId": "hoa-sen", "traits": {"name": "Công ty Hoa Sen", "industry": "Bán lẻ"}},
    "alias": {"previousId": "5b6a0f0e", "userId": "u-7"},
}
"""One call of every kind, complete but for the write key."""


def call_operation(kind: str) -> dict[str, Any]:
    """What FastAPI cannot know of `POST /v1/KIND`: it reads the body itself, whatever its Content-Type."""
    if kind == "batch":
        schema = "SegmentBatch"
        value: Any = {"batch": [{"type": name, **call} for name, call in EXAMPLES.items()]}
    else:
        schema, value = "SegmentCall", EXAMPLES[kind]
    body = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "examples": {kind: {"summary": kind, "value": value}}}
    return {
        "requestBody": {"required": True, "content": {"application/json": body}},
        "security": [{"basic": []}, {"bearer": []}, {}],
        "responses": {
            "200": {
                "description": "Kafka has all of it. Refused calls are listed; they are kept, and were not accepted.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SegmentAnswer"}}},
            }
        }
        | {str(status): problem_response(status) for status in (400, 401, 408, 413, 415, 429, 503)},
    }


def settings_operation() -> dict[str, Any]:
    """What FastAPI cannot know of `GET /v1/projects/{write_key}/settings`."""
    return {
        "responses": {
            "200": {
                "description": "Where to send calls.",
                "content": {"application/json": {"schema": {"type": "object", "required": ["integrations", "plan"]}}},
            },
            "401": problem_response(401),
        }
    }


def source_config_operation() -> dict[str, Any]:
    """What FastAPI cannot know of `GET /sourceConfig`."""
    key = {"name": "writeKey", "in": "query", "required": False, "schema": {"type": "string"}}
    source = {
        "type": "object",
        "required": ["id", "name", "enabled", "config", "destinations", "dataplanes"],
        "properties": {
            "enabled": {"const": True},
            "destinations": {"type": "array", "maxItems": 0, "description": "The client itself sends nowhere else."},
            "dataplanes": {
                "type": "object",
                "maxProperties": 0,
                "description": "The client sends to the address that it was given.",
            },
        },
    }
    told = {"type": "object", "required": ["source", "updatedAt"], "properties": {"source": source}}
    refused = {"type": "object", "required": ["message"], "properties": {"message": {"const": "Invalid write key"}}}
    return {
        "parameters": [key | {"description": "The write key, when no header has it."}],
        "security": [{"basic": []}, {"bearer": []}, {}],
        "responses": {
            "200": {
                "description": "The source is on, and the client may send.",
                "content": {"application/json": {"schema": told}},
            },
            "400": {
                "description": "The key is nobody's, in the words that these clients know.",
                "content": {"application/json": {"schema": refused}},
            },
            "401": problem_response(401),
        },
    }


def segment_schemas() -> dict[str, Any]:
    """The schemas that these operations name. They take more than they say: what cannot be used is refused call by call."""
    call = {
        "type": "object",
        "description": "A call of the Segment tracking API. What is not named here is kept with it.",
        "properties": {
            "writeKey": _TEXT | {"description": "The access key, when no header has it."},
            "type": _TEXT | {"description": "In a batch: track, identify, page, screen, group or alias."},
            "messageId": _ID | {"description": "The event's id: what comes twice counts once."},
            **dict.fromkeys(("userId", "anonymousId", "previousId", "groupId"), _ID),
            **dict.fromkeys(("event", "name", "category", "timestamp", "sentAt"), _TEXT),
            **dict.fromkeys(("traits", "properties", "context", "integrations"), _FREE),
        },
    }
    refused = {
        "type": "object",
        "required": ["index", "messageId", "path", "code", "message"],
        "additionalProperties": False,
        "properties": {
            "index": {"type": "integer", "minimum": 0, "description": "Its place in the batch, from 0."},
            "messageId": {"type": ["string", "null"]},
            "path": {"type": "string", "examples": ["$.properties.currency"]},
            "code": {"$ref": "#/components/schemas/Refused/properties/code"},
            "message": {"type": "string"},
        },
    }
    return {
        "SegmentCall": call,
        "SegmentBatch": {
            "type": "object",
            "required": ["batch"],
            "properties": {
                "batch": {"type": "array", "items": {"$ref": "#/components/schemas/SegmentCall"}},
                "writeKey": _TEXT,
                "sentAt": _TEXT,
                "context": _FREE | {"description": "Of every call that does not say otherwise."},
                "integrations": _FREE,
            },
        },
        "SegmentRefused": refused,
        "SegmentAnswer": {
            "type": "object",
            "required": ["success", "accepted", "rejected"],
            "additionalProperties": False,
            "properties": {
                "success": {"const": True},
                "accepted": {"type": "integer", "minimum": 0},
                "rejected": {"type": "array", "items": {"$ref": "#/components/schemas/SegmentRefused"}},
                "spooled": SPOOLED,
            },
        },
    }
