"""What ends a worker on purpose."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

logger = logging.getLogger(__name__)

EXIT_UNKNOWN_ERROR = 70
EXIT_GAP = 71
EXIT_STALLED = 72


def fail_stop(message: str, code: int = EXIT_UNKNOWN_ERROR) -> NoReturn:
    """Log the current exception and end the process at once, so that nothing in flight is acknowledged.

    An exception that leaves a Faust agent would acknowledge its batch; ending hard does not.
    """
    logger.critical(
        "%s; the worker ends, its supervisor starts it again", message, exc_info=sys.exc_info()[0] is not None
    )
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
