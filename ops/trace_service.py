"""Where events are, over HTTP, as a process of its own: the application is `ops.trace_api`.

Run it with `python -m ops.trace_service`, set by the environment alone, or with `portrait serve`, which knows a home.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping

import uvicorn

from ops.local.home import LOOPBACK, Home
from ops.sources import keys_file
from ops.trace_api import create_app
from producers.keys import KeyFile, KeysError

log = logging.getLogger(__name__)

HOST, PORT = "PORTRAIT_TRACE_HOST", "PORTRAIT_TRACE_PORT"
DEFAULT_PORT = 8090


def serve(settings: Mapping[str, str], home: Home, host: str, port: int) -> None:
    """Answer until SIGTERM or SIGINT; `settings` as for `portrait trace`. Raises KeysError when the keys cannot be read."""
    app = create_app(settings, home, KeyFile(keys_file(settings, home)))
    # uvicorn, when it has finished, raises the signal that ended it once more: to be told to stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, proxy_headers=False, log_config=None)


def main() -> int:
    """Serve with the settings of the environment. 78 when one of them is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a line for each try; what matters of it is in the answer
    # It tells each question to the collector, with the id that was asked for: nothing for a log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    told = {name: value for name, value in os.environ.items() if name.startswith("PORTRAIT_") and value.strip()}
    port = told.get(PORT, "").strip() or str(DEFAULT_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        log.error("%s: %r is not a port", PORT, port)
        return os.EX_CONFIG
    try:
        serve(told, Home.at(environ=told), told.get(HOST, LOOPBACK), int(port))
    except KeysError as error:
        log.error("%s", error)
        return os.EX_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main())
