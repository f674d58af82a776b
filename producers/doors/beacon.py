"""The page beacon: the collector serves the script that a shop's own pages load, and takes what it sends as calls of the
Segment API (docs/channels/web-page.md).

The script is `portrait.js`, served without its indentation and its comment, else as it stands: it is small enough to be read
by whoever puts it into a page.
"""

from __future__ import annotations

import re
from hashlib import sha256
from importlib.resources import files

from fastapi import FastAPI, Request, Response

from producers.doors.segment import for_browsers

_NOT_SERVED = re.compile(rb"^(?:\t+|//.*\n|\n)", re.MULTILINE)
_FRESH_SECONDS = 3600
"""So long a browser uses its copy without asking; after that it asks, and is told in a few bytes that it is current."""


def add_beacon(app: FastAPI) -> None:
    """Adds `GET /v1/portrait.js` to the application."""
    script = beacon()
    tag = f'"{sha256(script).hexdigest()[:16]}"'
    headers = {
        "Cache-Control": f"public, max-age={_FRESH_SECONDS}",
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }

    @app.api_route("/v1/portrait.js", methods=["GET", "HEAD"], include_in_schema=False)
    async def serve(request: Request) -> Response:
        known = request.headers.get("if-none-match", "")
        if known.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in known.split(",")):
            return for_browsers(Response(status_code=304, headers=headers))
        return for_browsers(Response(script, headers=headers, media_type="text/javascript"))


def beacon() -> bytes:
    """The script as it is served: plain JavaScript in UTF-8."""
    return _NOT_SERVED.sub(b"", (files("producers.doors") / "portrait.js").read_bytes())
