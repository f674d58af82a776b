"""The straight way to a door: to an address whose function reads the request and makes the response itself.

Of a request of one event, a tenth of the time was spent in layers that a door has no need of. So a door answers for itself
whatever is wrong with a request (`producers.request.problems`); what it raises is answered with 500.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class DoorRoute(APIRoute):
    """In the document of the addresses as any other; but nothing of the request is read, and nothing injected, before the
    endpoint has it, `(Request) -> Response`."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = app


def straight(app: FastAPI, went_wrong: Callable[[Request, Exception], Awaitable[Response]]) -> ASGIApp:
    """`app`, but requests to the very address of a door go to it past all that the application does for any address.

    `went_wrong` answers when a door raises what it should not.
    """
    doors = {
        (method, route.path): route.app
        for route in app.routes
        if isinstance(route, DoorRoute)
        for method in route.methods or ()
    }

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        door = doors.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        await (door or app)(scope, receive, send)

    return ServerErrorMiddleware(choose, handler=went_wrong)
