"""`portrait serve`: answer over HTTP where events are."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.local.home import LOOPBACK, Home, LocalStackError, port_is_free
from ops.terminal import HomeOption, errors, example, settings_of


def register(portrait: typer.Typer) -> None:
    """Give this command to `portrait`."""
    portrait.command(
        "serve",
        rich_help_panel="Operate",
        epilog=example("portrait sources add portal --traces", "portrait serve --port 8090"),
    )(serve)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")] = 8090,
    home: HomeOption = None,
) -> None:
    """Answer `GET /v1/events/ID`, until it is stopped, as `portrait trace` does. For keys of `portrait sources add --traces`.

    `portrait up` runs it, as trace; by itself it is for elsewhere.
    """
    from ops.trace_service import serve as serve_trace
    from producers.keys import KeysError

    if host == LOOPBACK and not port_is_free(port):
        raise LocalStackError(f"port {port} is in use by another program; choose another one with --port")
    errors.print(f"http://{host}:{port}/v1/events/ID, for keys that trace")
    try:
        serve_trace(settings_of(home), Home.at(home), host, port)
    except KeysError as error:
        raise LocalStackError(f"{error}; `portrait sources add portal --traces` makes a key") from error
