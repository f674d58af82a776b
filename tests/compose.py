"""docker-compose.yml as data, for tests that hold it against the code and for those that run its servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def read_compose(environ: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables `${NAME:-default}` taken from `environ`."""
    text = _VARIABLE.sub(lambda found: environ.get(found[1]) or found[2], COMPOSE_FILE.read_text("utf-8"))
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    """What a service is given: what has no value in the file is left to whoever starts it, here to nobody."""
    return {name: str(value) for name, value in service.get("environment", {}).items() if value is not None}
