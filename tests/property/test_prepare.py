"""Laws of the first stage: nothing raises, equal bytes give equal events, and what is normal stays as it is."""

from __future__ import annotations

import copy
import json
import unicodedata
from datetime import date
from typing import Any

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from processors.normalise import normalise, read_identifier
from processors.prepare import prepare
from processors.text import clean_text, fold_accents, plain_text
from schemas import clean as codec
from schemas.clean import CleanEvent
from schemas.events import EVENT_TYPES, Customer
from schemas.identifiers import STRENGTH
from schemas.rejected import Rejected
from tests.payloads import DATA, RECEIVED, REFERENCE, event, form

TODAY = date(2026, 11, 23)
ANY_TEXT = st.text(max_size=60)
CUSTOMER_FIELDS = tuple(
    name for name in Customer.model_fields if name not in ("address", "company", "verified", "consent")
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**19, 10**21, -(10**19), 1e30, 1e31, 5e-324, 0.1])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


def holds(payload: bytes | None, received_ms: int = RECEIVED) -> CleanEvent | Rejected:
    """What comes of `payload`, after checking what is true of every outcome."""
    outcome = prepare(payload, origin="t/0/1", received_ms=received_ms, reference=REFERENCE)
    if isinstance(outcome, Rejected):
        assert outcome.path.startswith("$")
        assert outcome.message
        return outcome
    assert codec.decode(codec.encode(outcome)) == outcome
    assert list(outcome.identifiers) == sorted(outcome.identifiers)
    assert outcome.time <= received_ms + 300_000
    assert json.loads(bytes(outcome.data)) is not None
    return outcome


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf")
@example(b"\xef\xbb\xbf ")
def test_arbitrary_bytes_never_raise(payload: bytes) -> None:
    holds(payload)


@given(JSON)
def test_arbitrary_json_never_raises(document: Any) -> None:
    holds(json.dumps(document).encode())
    holds(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [below for name, part in inner for below in _paths(part, (*path, name))]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid event in which up to three parts were replaced, removed or added, or its bytes cut."""
    document: Any = event(draw(st.sampled_from(EVENT_TYPES)))
    for _ in range(draw(st.integers(1, 3))):
        places = _paths(document)
        path = draw(st.sampled_from(places))
        at = document
        for name in path[:-1]:
            at = at[name]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            at[path[-1]] = draw(JSON)
        elif change == "remove":
            del at[path[-1]]
            if not document:
                break
        elif isinstance(at, dict):
            at[draw(st.sampled_from([*CUSTOMER_FIELDS, "address", "order", "basket", "discount"]))] = draw(JSON)
    payload = json.dumps(document).encode()
    return payload[: draw(st.integers(0, len(payload)))] if draw(st.integers(0, 9)) == 0 else payload


@settings(max_examples=400)
@given(mutated())
def test_a_mutated_event_never_raises_and_equal_bytes_give_equal_events(payload: bytes) -> None:
    assert holds(payload) == holds(bytes(payload))


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(CUSTOMER_FIELDS), ANY_TEXT, max_size=6),
    st.dictionaries(st.sampled_from(["city", "province", "country", "postcode", "street"]), ANY_TEXT, max_size=3),
)
def test_any_text_in_any_field_of_the_customer_costs_no_more_than_that_field(
    customer: dict[str, str], address: dict[str, str]
) -> None:
    assume(not any("\0" in text for text in (*customer.values(), *address.values())))
    payload = json.dumps(form({**customer, "customer_no": "K1", "address": address})).encode()
    outcome = holds(payload)
    assert isinstance(outcome, CleanEvent)
    texts = [value for value in outcome.traits.values() if isinstance(value, str)]
    texts += [value for kind, value in outcome.identifiers]
    assert all(unicodedata.is_normalized("NFC", text) and text == clean_text(text) != "" for text in texts)


@given(st.integers(0, 2**62), st.datetimes(), st.integers(-23 * 60, 23 * 60))
def test_any_time_and_any_time_of_arrival_give_an_event_or_a_reason(received: int, time: Any, offset: int) -> None:
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    for kind in ("web.form_submitted.v1", "loyalty.card_scanned.v1"):
        holds(json.dumps(event(kind, time=time.isoformat() + zone)).encode(), received)


@given(st.sampled_from(STRENGTH), ANY_TEXT)
@example("email", "İ@example.com")
@example("card_no", "ŉ1")
@example("card_no", "ß-\u0345")
def test_a_normalised_identifier_is_normal(kind: str, stated: str) -> None:
    found, _ = read_identifier(kind, stated, REFERENCE)
    if found is not None:
        assert read_identifier(kind, found.value, REFERENCE) == (found, None)


TRAITS = st.fixed_dictionaries(
    {},
    optional={name: ANY_TEXT for name in CUSTOMER_FIELDS if name not in STRENGTH}
    | {"birthday": st.dates(date(1850, 1, 1)).map(str), "household_size": st.integers(0, 40).map(str)},
)


@given(TRAITS)
def test_normalised_traits_are_normal(stated: dict[str, Any]) -> None:
    once = normalise(Customer(**stated), TODAY, REFERENCE).traits
    again = normalise(Customer(**{k: v for k, v in once.items() if k != "name_key"}), TODAY, REFERENCE)
    assert (again.traits, again.problems) == (once, [])


@given(ANY_TEXT)
def test_cleaning_and_folding_are_idempotent_whatever_the_composition(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
    assert plain_text(plain_text(text)) == plain_text(text)
    assert clean_text(unicodedata.normalize("NFD", text)) == clean_text(unicodedata.normalize("NFC", text))
    assert fold_accents(fold_accents(text)) == fold_accents(text)


SEPARATED = st.lists(st.sampled_from("0123456789"), min_size=7, max_size=12).flatmap(
    lambda digits: st.lists(
        st.sampled_from(["", "", "", " ", "-", "."]), min_size=len(digits), max_size=len(digits)
    ).map(lambda gaps: "".join(digit + gap for digit, gap in zip(digits, gaps, strict=True)))
)


@settings(max_examples=500)
@given(st.sampled_from(["", "0", "0", "+84", "84", "0084", "+84 (0)"]), SEPARATED)
def test_the_short_way_with_vietnamese_numbers_agrees_with_the_phone_library(prefix: str, rest: str) -> None:
    assume(not rest.strip().endswith(".0"))  # read as a number from a spreadsheet
    found, problem = read_identifier("phone", prefix + rest, REFERENCE)
    try:
        number = phonenumbers.parse(prefix + rest, "VN")
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_valid_number(number) and number.country_code == 84:
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert problem == "placeholder" or (found is not None and found.value == expected)
    if found is not None:
        assert phonenumbers.is_possible_number(phonenumbers.parse(found.value))


LOCAL = st.text("abcXYZ019._+-'", min_size=1, max_size=70)
DOMAIN = st.sampled_from(["gmail.com", "Example.VN", "a.b.co", "x", "-a.com", "a_b.com", "test", "x.test", "a..b", ""])


@settings(max_examples=300)
@given(LOCAL, DOMAIN)
def test_the_short_way_with_emails_agrees_with_the_email_library(local: str, domain: str) -> None:
    found, problem = read_identifier("email", f"{local}@{domain}", REFERENCE)
    assume(problem != "placeholder")
    try:
        expected = validate_email(f"{local}@{domain}".lower(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        expected = None
    assert (found.value if found else None) == expected


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_preparing_leaves_the_sample_as_it_was(kind: str) -> None:
    before = copy.deepcopy(DATA)
    holds(json.dumps(event(kind)).encode())
    assert before == DATA
