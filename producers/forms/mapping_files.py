"""The mappings of forms: files beside the file of keys, read again when they change."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from producers.files.mapping import MappingError
from producers.forms.mapping import FormMapping, load_form_mapping, read_form_mapping
from producers.versions import Version, version_of

log = logging.getLogger(__name__)


class _Read(NamedTuple):
    """`passing`: the problem is not what the file says, and may pass, as too many open files do."""

    version: Version | None
    mapping: FormMapping | None
    problem: str = ""
    passing: bool = False


class MappingFiles:
    """The mappings in `directory`, by the names of their files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, _Read] = {}

    def read(self, name: str) -> FormMapping:
        """The mapping in the file `name`: the last one that could be read. Raises MappingError when none could; what is wrong
        is logged once for each version of the file, and a file that cannot be read is tried again each time."""
        path = self._directory / name
        known = self._read.get(name)
        version = version_of(path)
        if known is None or known.version != version or known.passing:
            known = self._read[name] = self._read_again(path, version, known)
        if known.mapping is None:
            raise MappingError(known.problem)
        return known.mapping

    @staticmethod
    def _read_again(path: Path, version: Version | None, known: _Read | None) -> _Read:
        try:
            mapping = load_form_mapping(path)
        except MappingError as error:
            problem, kept = str(error), known.mapping if known else None
            if known is None or (known.version, known.problem) != (version, problem):
                log.error("%s; %s", problem, "the mapping stays as it was" if kept else "what comes is answered 503")
            return _Read(version, kept, problem, isinstance(error.__cause__, OSError))
        log.info("%s: read", path)
        return _Read(version, mapping)


def page_form() -> FormMapping:
    """The mapping of a form on a page whose fields have the usual names."""
    name = "page_form.yaml"
    return read_form_mapping((files("producers") / "forms" / name).read_text(encoding="utf-8"), name)
