"""Who a call is about: every identifier that it names, and the traits that we have a field for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from producers.segment_api.values import first, mapping, objects, present, text, word
from schemas.events import Address, Company, Customer
from schemas.identifiers import STRENGTH

Found = list[tuple[str, str]]
"""(kind, value) of identifiers as the client wrote them, what is worth most first within a kind."""


class Who(NamedTuple):
    """`customer` has at most one identifier of each kind, as an event has; `others` are those beyond."""

    customer: dict[str, Any]
    others: Found


_NOBODY = re.compile(r"[0-]*")
"""An advertising id that the customer has switched off is zeros."""

_EXTERNAL: dict[str, str] = {kind: kind for kind in STRENGTH} | {
    "user_id": "customer_no",
    "userid": "customer_no",
    "customer_id": "customer_no",
    "loyalty_card": "card_no",
    "phone_number": "phone",
    "facebook": "facebook_id",
    "zalo": "zalo_id",
    "tiktok": "tiktok_id",
    "instagram": "instagram_id",
    **dict.fromkeys(("ios_id", "ios_idfa", "ios_push_token"), "device_id"),
    **dict.fromkeys(("android_id", "android_idfa", "android_push_token"), "device_id"),
}
"""The `type` of an external id, as one word → our kind."""

_OWN_IDENTIFIERS = tuple(kind for kind in STRENGTH if kind not in ("customer_no", "anonymous_id"))
"""Kinds that traits may name. Who signed in, and on which browser, is said by the call itself."""


_NAMED = (("userId", "customer_no"), ("anonymousId", "anonymous_id"), ("previousId", "anonymous_id"))


def identifiers(
    call: Mapping[str, Any], context: Mapping[str, Any], traits: Mapping[str, Any], *, previous: bool = False
) -> Found:
    """All that the call names; `previousId` with `previous` only. `traits` are those of the person; an account that is an
    e-mail address is one."""
    found: Found = []
    for name, kind in _NAMED if previous else _NAMED[:2]:
        value = text(call.get(name))
        if value is not None:
            found.append(("email" if _is_address(value) else kind, value))
    named = {word(name): value for name, value in traits.items()}
    for kind in _OWN_IDENTIFIERS if named else ():
        value = text(named.get(kind))
        if value is not None:
            found.append((kind, value))
    for each in objects(context.get("externalIds")):
        named_kind, value = _EXTERNAL.get(word(text(each.get("type")) or "")), text(each.get("id"))
        if named_kind is not None and value is not None and text(each.get("encoding")) in (None, "none"):
            found.append((named_kind, value))
    device = mapping(context.get("device"))
    for name in ("id", "advertisingId", "token"):
        value = text(device.get(name))
        refused = name == "advertisingId" and device.get("adTrackingEnabled") is False
        if value is not None and not refused and not _NOBODY.fullmatch(value):
            found.append(("device_id", value))
    return list(dict.fromkeys(found))


def _is_address(value: str) -> bool:
    if "@" not in value:
        return False
    local, at, domain = value.partition("@")
    return bool(local and at) and "." in domain and "@" not in domain


def who(found: Found) -> Who:
    """The identifiers as an event takes them."""
    customer: dict[str, Any] = {}
    others: Found = []
    for kind, value in found:
        if kind in customer:
            others.append((kind, value))
        else:
            customer[kind] = value
    return Who(customer, others)


_FIELDS: dict[str, str] = {
    "name": "full_name",
    "first_name": "given_name",
    "firstname": "given_name",
    "last_name": "family_name",
    "lastname": "family_name",
    "birth_date": "birthday",
    "date_of_birth": "birthday",
    "locale": "language",
    "title": "occupation",
}
"""Reserved traits, as one word, that have another name here."""

_ADDRESS = {"state": "province", "postal_code": "postcode", "postalcode": "postcode", "zip": "postcode"}
_COMPANY = {"industry": "sector", "employees": "staff", "employee_count": "staff", "vat": "tax_code"}

_PARTS: dict[str, tuple[frozenset[str], Mapping[str, str], str]] = {
    "address": (frozenset(Address.model_fields), _ADDRESS, "street"),
    "company": (frozenset(Company.model_fields), _COMPANY, "name"),
}
"""Traits that are objects: their fields, other names of these, and what it is when it is text."""

_OURS = frozenset(Customer.model_fields) - {"verified", *STRENGTH}
"""Whether an address was verified is not for a browser to say."""


def profile(traits: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traits that we have fields for, by field, and the others as they came. A trait with one of our names is ours."""
    fields: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in traits.items():
        one = word(name)
        field = _FIELDS.get(one, one)
        if field in _PARTS:
            fields.setdefault(field, _part(value, *_PARTS[field]))
        elif field in _OURS:
            fields.setdefault(field, value)
        elif field not in _OWN_IDENTIFIERS:
            rest[name] = value
    return present(**fields), rest


def company(group_id: str | None, traits: Mapping[str, Any]) -> dict[str, Any]:
    """The company that a group is: its address, telephone and e-mail are not the customer's."""
    fields, others, _ = _PARTS["company"]
    told = _part(traits, fields, others, "name")
    return told if told.get("name") else present(**told, name=group_id)


def _part(value: Any, fields: Iterable[str], others: Mapping[str, str], whole: str) -> Any:
    """An object with our names; one line of text is its main field. What cannot be read stays, to be noted."""
    if not isinstance(value, dict):
        return {whole: value} if isinstance(value, str) else value
    named = {word(name): inner for name, inner in value.items()}
    wanted = {field: [field, *(name for name, ours in others.items() if ours == field)] for field in fields}
    return present(**{field: first(named, names) for field, names in sorted(wanted.items())})
