"""The OpenAPI document of forms on pages: what browsers send to `/v1/forms/NAME`, and are answered."""

from __future__ import annotations

from typing import Any

from producers.openapi.events import problem_response

_EXAMPLE = {
    "name": "Nguyễn Thị Lan",
    "email": "lan@example.com",
    "phone": "0912 304 556",
    "message": "Cho tôi hỏi giá sỉ.",
    "_id": "3d0c1f6e",
}


def form_operation() -> dict[str, Any]:
    """What FastAPI cannot know of `POST /v1/forms/{name}`: it reads the body itself."""
    schema = {
        "type": "object",
        "description": "The fields of the form, by name. What the mapping does not read is kept with the answers.",
        "additionalProperties": {"type": "string"},
    }
    body = {"schema": schema, "examples": {"contact": {"summary": "a question", "value": _EXAMPLE}}}
    name = {"in": "path", "name": "name", "required": True, "schema": {"type": "string"}}
    return {
        "parameters": [name | {"description": "The name of the source in the file of keys, or its key."}],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": body, "multipart/form-data": body},
        },
        "responses": {
            "303": {
                "description": "It is safe in Kafka or the spool; the browser goes to the page that is configured.",
                "headers": {"Location": {"schema": {"type": "string"}}},
            },
            "404": problem_response(400) | {"description": "There is no form of this name or key."},
            "429": problem_response(429) | {"description": "Too many from this address, or for this form."},
        }
        | {str(status): problem_response(status) for status in (400, 408, 413, 415, 503)},
    }
