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
    version: Version | None
    mapping: FormMapping | None
    problem: str


class MappingFiles:
    """The mappings in `directory`, by the names of their files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, _Read] = {}

    def read(self, name: str) -> FormMapping:
        """The mapping in the file `name`: the last one that could be read. Raises MappingError when none could; what is wrong
        is logged once for each version of the file."""
        path = self._directory / name
        known = self._read.get(name)
        version = version_of(path)
        if known is None or known.version != version:
            mapping, problem = known.mapping if known else None, ""
            try:
                mapping = load_form_mapping(path)
                log.info("%s: read", path)
            except MappingError as error:
                problem = str(error)
                log.error("%s; %s", problem, "the mapping stays as it was" if mapping else "what comes is answered 503")
            known = self._read[name] = _Read(version, mapping, problem)
        if known.mapping is None:
            raise MappingError(known.problem)
        return known.mapping


def page_form() -> FormMapping:
    """The mapping of a form on a page whose fields have the usual names."""
    name = "page_form.yaml"
    return read_form_mapping((files("producers") / "forms" / name).read_text(encoding="utf-8"), name)
