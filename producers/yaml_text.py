"""YAML that people wrote: files of keys and mappings."""

from __future__ import annotations

from typing import Any

import yaml


def read_yaml(text: str) -> Any:
    """What it says. Raises yaml.YAMLError, whatever is wrong with it."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise
    except Exception as error:  # tags, dates and depth of YAML are read by functions that raise anything
        raise yaml.YAMLError(f"something in it cannot be read: {error}") from error
