"""The OpenAPI document of the webhooks: what platforms send to `/v1/hooks/NAME`, and are answered."""

from __future__ import annotations

from typing import Any

from producers.openapi.events import SPOOLED, problem_response

_WAYS = {
    "401": "The signature is missing, or is not that of a secret of this webhook. Nothing was kept.",
    "404": "There is no webhook of this name.",
    "503": "Neither Kafka nor the spool takes it, or there is no secret here to check the signature with. Send it again.",
}


_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "Of the source in the file of keys.",
}


def notice_operation() -> dict[str, Any]:
    """What FastAPI cannot know of `POST /v1/hooks/{name}`: it reads the body itself, since the signature is over its bytes."""
    signature = {"in": "header", "required": False, "schema": {"type": "string"}}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookNotice"}}},
        },
        "parameters": [
            _NAME,
            signature | {"name": "X-Hub-Signature-256", "description": "Meta: sha256= and the HMAC of the body."},
            signature
            | {"name": "Typeform-Signature", "description": "Typeform: sha256= and the HMAC of the body, in base64."},
            signature | {"name": "X-Portrait-Key", "description": "Other form services: the access key of the source."},
            signature | {"name": "X-ZEvent-Signature", "description": "Zalo: mac= and the digest of what is signed."},
        ],
        "responses": {
            "200": {
                "description": "All that counts is safe in Kafka or the spool. Refused items are listed; they are kept.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookAnswer"}}},
            }
        }
        | {str(status): problem_response(status) for status in (400, 408, 413, 415, 429)}
        | {status: problem_response(int(status)) | {"description": told} for status, told in _WAYS.items()},
    }


def challenge_operation() -> dict[str, Any]:
    """What FastAPI cannot know of `GET /v1/hooks/{name}`."""
    asked = {"in": "query", "required": False, "schema": {"type": "string"}}
    return {
        "parameters": [
            _NAME,
            asked | {"name": "hub.mode", "description": "subscribe"},
            asked | {"name": "hub.verify_token", "description": "The access key of the source."},
            asked | {"name": "hub.challenge", "description": "What is to be answered."},
        ],
        "responses": {
            "200": {
                "description": "The challenge, as it came.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            "403": problem_response(403)
            | {"description": "The token is not the access key of this source, or nothing was asked."},
            "404": problem_response(404)
            | {"description": "There is no webhook of this name that is asked in this way."},
        },
    }


def webhook_schemas() -> dict[str, Any]:
    """The schemas that these operations name."""
    return {
        "WebhookNotice": {
            "type": "object",
            "description": "As the platform sends it. What is not known here is kept.",
            "additionalProperties": True,
        },
        "WebhookAnswer": {
            "type": "object",
            "required": ["accepted", "rejected", "left_out"],
            "additionalProperties": False,
            "properties": {
                "accepted": {"type": "integer", "minimum": 0},
                "rejected": {"type": "array", "items": {"$ref": "#/components/schemas/Refused"}},
                "left_out": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "What no customer did: messages of the company itself, receipts of deliveries.",
                },
                "spooled": SPOOLED,
            },
        },
    }
