"""What RudderStack's clients want besides the Segment API: the configuration of their source, and the address of beacons.

The clients for browsers and apps ask `/sourceConfig` before they send anything, and send nothing without an answer.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from fastapi import FastAPI, Request, Response

from producers.doors.segment import BATCH, for_browsers, permit, receiver, unknown_key
from producers.intake.collector import Collector
from producers.keys import Source
from producers.openapi.segment import source_config_operation
from producers.request.access import recognise

INVALID_KEY = b'{"message":"Invalid write key"}'
"""The client for iOS compares the whole body with this, and asks again after any other."""

_UNCHANGED = {"Cache-Control": "no-store"}


def add_rudder_api(app: FastAPI) -> None:
    """Adds `/sourceConfig` and `/beacon/v1/batch` to the application."""

    async def configure(request: Request) -> Response:
        collector: Collector = app.state.collector
        shown, stated = request.headers.get("authorization"), request.query_params.get("writeKey")
        if not shown and not stated:
            return for_browsers(unknown_key().response())
        known = recognise(shown, collector.keys, stated)
        if known is None:
            return for_browsers(Response(INVALID_KEY, 400, _UNCHANGED, "application/json"))
        answer = msgspec.json.encode(_configuration(*known, datetime.now(UTC)))
        return for_browsers(Response(answer, headers=_UNCHANGED, media_type="application/json"))

    beacons = receiver(app, BATCH)
    # Clients for browsers put a slash at the end, those for apps do not, and none follows a redirection with its key.
    for slash in ("", "/"):
        app.add_api_route(
            f"/sourceConfig{slash}",
            configure,
            methods=["GET"],
            summary="What a client of RudderStack asks for when it starts",
            tags=["Segment"],
            include_in_schema=not slash,
            openapi_extra=source_config_operation(),
        )
        # With `sendAdblockPage` a client asks so whether something on the page keeps it from asking.
        app.add_api_route(f"/sourceConfig{slash}", configure, methods=["HEAD"], include_in_schema=False)
        app.add_api_route(f"/beacon/v1/batch{slash}", beacons, methods=["POST"], include_in_schema=False)
        for path in (f"/sourceConfig{slash}", f"/beacon/v1/batch{slash}"):
            app.add_api_route(path, permit, methods=["OPTIONS"], include_in_schema=False)


def _configuration(source: Source, key: str, now: datetime) -> dict[str, object]:
    """A source that is on, without destinations that the client itself would send to. No data plane is named: the client
    then sends to the one that it was given. Nothing is reported about the client to anybody."""
    changed = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    quiet = {"enabled": False}
    return {
        "source": {
            "id": source.name,
            "name": source.name,
            "writeKey": key,
            "workspaceId": "portrait",
            "enabled": True,
            "config": {"statsCollection": {"errors": quiet, "metrics": quiet}},
            "destinations": [],
            "dataplanes": {},
            "updatedAt": changed,
        },
        "updatedAt": changed,
    }
