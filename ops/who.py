"""Who works here, for what is noted with a deed."""

from __future__ import annotations

import getpass
import os


def who_works() -> str:
    """The name that this machine knows; in a container that may be none, and then the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
