"""Who a call is about: every identifier that it names, and the traits that we have a field for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from producers.composed import composed
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

_NOT_FROM_ANYBODY = frozenset({"card_no", "facebook_id", "zalo_id", "tiktok_id", "instagram_id"})
"""Kinds that join at full strength: of a sender whose key is public, any visitor could take somebody else's."""


_NAMED = (("userId", "customer_no"), ("anonymousId", "anonymous_id"), ("previousId", "anonymous_id"))


def identifiers(
    call: Mapping[str, Any],
    context: Mapping[str, Any],
    traits: Mapping[str, Any],
    *,
    previous: bool = False,
    public: bool = False,
    prefix: str | None = None,
) -> Found:
    """All that the call names; `previousId` with `previous` only. `traits` are those of the person; an account that is an
    e-mail address is one. With `public`, only what a visitor may say. With `prefix`, user ids are
    the site's own."""
    found: Found = []
    for name, kind in _NAMED if previous else _NAMED[:2]:
        value = text(call.get(name))
        if value is not None:
            if _is_address(value):
                kind = "email"
            elif name == "userId" and prefix is not None:
                value = _own(prefix, value)
            found.append((kind, value))
    named = {word(name): value for name, value in traits.items()}
    for kind in _OWN_IDENTIFIERS if named else ():
        value = text(named.get(kind))
        if value is not None:
            found.append((kind, value))
    for each in objects(context.get("externalIds")):
        named_kind, value = _EXTERNAL.get(word(text(each.get("type")) or "")), text(each.get("id"))
        if named_kind is not None and value is not None and text(each.get("encoding")) in (None, "none"):
            own = named_kind == "customer_no" and prefix is not None and word(str(each["type"])) != "customer_no"
            found.append((named_kind, _own(str(prefix), value) if own else value))
    device = mapping(context.get("device"))
    for name in ("id", "advertisingId", "token") if device else ():
        value = text(device.get(name))
        refused = name == "advertisingId" and device.get("adTrackingEnabled") is False
        if value is not None and not refused and not _NOBODY.fullmatch(value):
            found.append(("device_id", value))
    if len(found) < 2 and not public:
        return found
    return [each for each in dict.fromkeys(found) if not public or each[0] not in _NOT_FROM_ANYBODY]


_FOLDED = re.compile(r"[^0-9a-z_.@+]")


def _own(prefix: str, user_id: str) -> str:
    """A user id that no customer number is, and no other site's. Customer numbers are compared without case, spaces and
    dashes; here capitals have a ^ before them and all that could be lost is in percent encoding, so that two ids stay two."""
    return f"{prefix}:{_FOLDED.sub(_spelled, composed(user_id))}"


def _spelled(found: re.Match[str]) -> str:
    letter = found[0]
    if "A" <= letter <= "Z":
        return f"^{letter}"
    return "".join(f"%{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))


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


def profile(traits: Mapping[str, Any], *, public: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traits that we have fields for, by field, and the others as they came. A trait with one of our names is ours.
    With `public`, whether the customer agrees to anything is one of the others: any visitor could say so of anybody."""
    fields: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in traits.items():
        one = word(name)
        field = _FIELDS.get(one, one)
        if field in _PARTS:
            fields.setdefault(field, _part(value, *_PARTS[field]))
        elif field in _OURS and not (public and field == "consent"):
            fields.setdefault(field, value)
        elif field not in _OWN_IDENTIFIERS or (public and field in _NOT_FROM_ANYBODY):
            rest[name] = value
    return present(**fields), rest


def company(group_id: str | None, traits: Mapping[str, Any]) -> dict[str, Any]:
    """The company that a group is: its address, telephone and e-mail are not the customer's."""
    fields, others, _ = _PARTS["company"]
    told = _part(traits, fields, others, "name")
    return told if told.get("name") else present(**(told | {"name": group_id}))


def _part(value: Any, fields: Iterable[str], others: Mapping[str, str], whole: str) -> Any:
    """An object with our names; one line of text is its main field. What cannot be read stays, to be noted."""
    if not isinstance(value, dict):
        return {whole: value} if isinstance(value, str) else value
    named = {word(name): inner for name, inner in value.items()}
    wanted = {field: [field, *(name for name, ours in others.items() if ours == field)] for field in fields}
    return present(**{field: first(named, names) for field, names in sorted(wanted.items())})
