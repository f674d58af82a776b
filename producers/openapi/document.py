"""The whole OpenAPI document of the collector: what FastAPI knows of the addresses, and the schemas of every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from producers.openapi.events import components
from producers.openapi.segment import segment_schemas
from producers.openapi.webhooks import webhook_schemas


def documented(generate: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """What makes the document, around what FastAPI makes."""

    def document() -> dict[str, Any]:
        described = generate()
        described["components"] = components()
        described["components"]["schemas"] |= segment_schemas() | webhook_schemas()
        return described

    return document
