"""Which files of segments are in a directory."""

from __future__ import annotations

from pathlib import Path

from processors.segments.rules import BadSegments


def files_in(directory: Path) -> list[Path]:
    """The files of segments in a directory, in order. Raises BadSegments when nobody can say which there are."""
    try:
        return sorted(file for file in directory.iterdir() if file.suffix == ".yaml")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadSegments(f"{directory} is no directory: it should hold your segments, *.yaml") from error
    except OSError as error:
        raise BadSegments(f"{directory}: {error.strerror}") from error
