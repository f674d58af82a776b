"""A mapping reads a file in the encoding that the file is in."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from ops.local.home import LocalStackError
from ops.terminal import errors
from producers.files.encodings import Unrecognised, recognise_file
from producers.files.mapping import FileMapping
from producers.files.rows import format_of


def in_its_encoding(file: Path, mapping: FileMapping) -> FileMapping:
    """The mapping with the encoding of the file, unless it names one; where nobody can tell it, that is said, and it stays.
    Raises OSError, and LocalStackError for a file that must not be read.
    """
    if "encoding" in mapping.model_fields_set or format_of(file, mapping.format) != "csv":
        return mapping
    found = recognise_file(file)
    if not isinstance(found, Unrecognised):
        return mapping.model_copy(update={"encoding": found.encoding})
    if not found.text:
        raise LocalStackError(f"{file.name} is not read. {found.why}")
    told = f"{file.name}: {found.why} Until then lines that hold such bytes are refused."
    errors.print(f"[yellow]{escape(told)}[/yellow]")
    return mapping
