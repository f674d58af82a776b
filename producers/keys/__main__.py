"""`python -m producers.keys [--public] FILE NAME [GLOB…]`: add a sender to the file of keys, and print its key."""

from __future__ import annotations

import sys
from pathlib import Path

from producers.keys.changes import add_source, said_of_new
from producers.keys.file import KeysError


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1, and why, when it cannot be added; 2 when the command is not complete."""
    stated = sys.argv[1:] if arguments is None else arguments
    given = [each for each in stated if each != "--public"]
    if len(given) < 2:
        sys.stderr.write("usage: python -m producers.keys [--public] FILE NAME [GLOB of CloudEvents source …]\n")
        return 2
    new = said_of_new(Path(given[0]))
    try:
        key = add_source(Path(given[0]), given[1], given[2:], public=given != stated)
    except KeysError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if new:
        sys.stderr.write(f"{new}\n")
    sys.stdout.write(f"{key}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
