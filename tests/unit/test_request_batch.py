"""Cutting a batch: each element's exact bytes, whatever is wrong inside of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.request.batch import _split_tolerantly, is_array, split_array

LIMIT = 5_000
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
spaces = st.text(alphabet=" \t\r\n", max_size=3).map(str.encode)


@given(st.lists(st.tuples(spaces, documents, st.booleans(), spaces), max_size=8), spaces, spaces)
def test_both_ways_give_the_exact_bytes_of_every_element(
    parts: list[tuple[bytes, object, bool, bytes]], before: bytes, after: bytes
) -> None:
    elements = [
        json.dumps(document, ensure_ascii=ascii_).encode(errors="surrogatepass") for _, document, ascii_, _ in parts
    ]
    inside = b",".join(left + element + right for (left, _, _, right), element in zip(parts, elements, strict=True))
    body = before + b"[" + inside + b"]" + after
    assert split_array(body, LIMIT) == elements
    assert _split_tolerantly(body, LIMIT) == elements


@given(st.binary(max_size=60) | st.text(alphabet='[]{},":1\\ \n', max_size=40).map(str.encode))
def test_the_tolerant_way_takes_whatever_the_strict_way_takes_and_never_fails(body: bytes) -> None:
    strict = split_array(body, LIMIT)
    tolerant = _split_tolerantly(body, LIMIT)
    assert strict == tolerant or strict is None


@pytest.mark.parametrize(
    "bad",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": "line\nbreak"}',
        b'{"a": 01}',
        b'{"a" 1}',
        b"nonsense",
        b"[" * 5_000 + b"]" * 5_000,
        b'{"text": "brackets ]}[{ and a comma, and \\" and \\\\"}',
    ],
)
def test_a_bad_element_leaves_its_neighbours_as_they_are(bad: bytes) -> None:
    assert split_array(b'[{"n":1}, ' + bad + b' ,{"n" : 3}]', LIMIT) == [b'{"n":1}', bad, b'{"n" : 3}']


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"]",
        b"[1",
        b"1]",
        b"[1,]",
        b"[,1]",
        b"[1,,2]",
        b"[,]",
        b"[1] 2",
        b"[1][2]",
        b'["a]',
        b"[{]}",
        b"[}",
        b'"[1]"',
    ],
)
def test_what_is_not_one_whole_array_is_refused(body: bytes) -> None:
    assert split_array(body, LIMIT) is None


def test_an_empty_array_has_no_elements() -> None:
    assert split_array(b" [ ] ", LIMIT) == []


def test_a_byte_order_mark_is_passed_over() -> None:
    assert split_array(b"\xef\xbb\xbf[1, 2]", LIMIT) == [b"1", b"2"]
    assert is_array(b"\xef\xbb\xbf \n[")
    assert not is_array(b' {"a": [1]}')


def test_an_array_of_millions_is_not_taken_apart_to_the_end() -> None:
    found = split_array(b"[" + b"1," * 2_000_000 + b"1]", LIMIT)
    assert found is not None
    assert len(found) == LIMIT + 1
