"""The route of a door: an address whose function reads the request and makes the response itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class DoorRoute(APIRoute):
    """In the document of the addresses as any other; but nothing of the request is read, and nothing injected, before the
    endpoint has it, `(Request) -> Response`.

    Whoever is wrong is answered by the application's own exception handlers.
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = app
