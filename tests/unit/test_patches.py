"""Patches for refused events: what the two RFCs say, exact numbers, and no mistake passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ops.patches import BadPatch, Unpatched, differences, merged, read_patch

RFC_7396 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""Appendix A."""


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_a_merge_patch_does_what_the_rfc_says_and_changes_neither_side(target: Any, patch: Any, result: Any) -> None:
    before = json.dumps([target, patch])
    assert merged(target, patch) == result
    assert json.dumps([target, patch]) == before


def test_a_json_patch_is_applied_operation_by_operation() -> None:
    patch = read_patch(
        '[{"op": "test", "path": "/id", "value": "e"}, {"op": "move", "from": "/kind", "path": "/type"}]'
    )
    assert patch.apply(b'{"id": "e", "kind": "web.form_submitted.v1"}') == b'{"id":"e","type":"web.form_submitted.v1"}'


def test_what_is_not_patched_stays_exact() -> None:
    payload = '{"total":10.10,"tiny":1E-30,"order":90071992547409931234,"tên":"Nguyễn"}'.encode()
    assert read_patch('{"kind": "order"}').apply(payload) == payload[:-1] + b',"kind":"order"}'
    assert read_patch('[{"op": "add", "path": "/sum", "value": 0.30}]').apply(b'{"a":0.1}') == b'{"a":0.1,"sum":0.30}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not JSON"),
        ("{}", "empty"),
        ("[]", "empty"),
        ("7", "an object"),
        ('"/web"', "an object"),
        ('[{"op": "fly", "path": "/a"}]', "no JSON patch"),
        ('[{"op": "add", "path": "a", "value": 1}]', "no JSON patch"),
        ("[1]", "no JSON patch"),
        ('{"a": 1, "a": 2}', "stands twice"),
    ],
)
def test_what_is_no_patch_is_not_taken_for_one(text: str, said: str) -> None:
    with pytest.raises(BadPatch, match=said):
        read_patch(text)


@pytest.mark.parametrize(
    ("payload", "patch", "said"),
    [
        (b'{"a": 1', '{"a": 2}', "cannot be patched, only edited: not JSON"),
        (b'{"a": 1, "a": 2}', '{"a": 2}', "stands twice"),
        (b"\xff", '{"a": 2}', "not UTF-8"),
        (b'{"a": 1}', '[{"op": "remove", "path": "/b"}]', "does not fit"),
        (b'{"a": 1}', '[{"op": "test", "path": "/a", "value": 2}]', "does not fit"),
        (b"7", '[{"op": "remove", "path": "/b"}]', "does not fit"),
    ],
)
def test_where_a_patch_does_not_fit_nothing_is_made_up(payload: bytes, patch: str, said: str) -> None:
    with pytest.raises(Unpatched, match=said):
        read_patch(patch).apply(payload)


documents = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**60), 2**60) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
)


paths = some.sampled_from(["", "/", "/a", "/a/b", "/a/0", "/a/-", "/a/1/b", "/b", "/a~1b", "/~0", "a", "/a/-1"])
operations = some.fixed_dictionaries(
    {"op": some.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": paths},
    optional={"value": documents, "from": paths},
)
events = some.dictionaries(some.sampled_from(["a", "b", "", "~"]), documents, max_size=3)


@given(
    payload=some.binary() | (documents | events).map(lambda each: json.dumps(each).encode()),
    patch=some.text() | (documents | some.lists(operations, max_size=3)).map(json.dumps),
)
def test_whatever_the_patch_and_the_event_it_is_applied_or_refused_and_merging_twice_is_as_once(
    payload: bytes, patch: str
) -> None:
    try:
        read = read_patch(patch)
        once = read.apply(payload)
    except (BadPatch, Unpatched):
        return
    if isinstance(read.document, dict):
        assert read.apply(once) == once


def test_what_a_patch_changes_is_shown_line_by_line() -> None:
    assert list(differences(b'{"id":"e","data":{"a":1,"b":2}}', b'{"id":"e","data":{"a":3,"b":2}}')) == [
        "@@ -3,3 +3,3 @@",
        '   "data": {',
        '-    "a": 1,',
        '+    "a": 3,',
        '     "b": 2',
    ]


def test_what_a_patch_copies_within_one_event_does_not_come_into_the_next_one() -> None:
    patch = read_patch(
        '[{"op": "add", "path": "/tags", "value": []}, {"op": "copy", "from": "/id", "path": "/tags/-"}]'
    )
    assert [patch.apply(each) for each in (b'{"id":"a"}', b'{"id":"b"}')] == [
        b'{"id":"a","tags":["a"]}',
        b'{"id":"b","tags":["b"]}',
    ]
