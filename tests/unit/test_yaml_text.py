"""Whatever is wrong with YAML is one kind of error."""

from __future__ import annotations

import pytest
import yaml

from producers.yaml_text import read_yaml

WRONG = (
    "a: [",
    "a: 2026-13-32",
    "a: !!bool x",
    "a: !!timestamp x",
    "a: !!int x",
    "a: !!binary é",
    "a: &x [*y]",
    "a: !mine x",
    "? {a: b}\n: c",
    "[" * 2_000,
)


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_read_is_an_error_of_yaml(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match=r"."):
        read_yaml(text)


def test_what_can_be_read_is_read() -> None:
    assert read_yaml("sources:\n  - name: Cửa hàng\n    allow: ['/pos/*']\n") == {
        "sources": [{"name": "Cửa hàng", "allow": ["/pos/*"]}]
    }
