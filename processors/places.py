"""Vietnamese places: from any spelling, landline code or postcode to the province in force and its area."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import msgspec

from processors.text import fold_accents

_K = TypeVar("_K", str, tuple[int, str])


@dataclass(frozen=True, slots=True)
class Province:
    """A province in force since 2025-07-01: its Vietnamese name and the slug of its area (socio-economic region)."""

    name: str
    area: str


class Formed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A province as it was before, its landline code without 0, the first two digits of its postcodes, other names."""

    name: str
    landline: str
    postcodes: list[str]
    old_postcodes: list[str]
    aliases: list[str] = []


class InForce(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A province in force and the ones it was formed from."""

    name: str
    area: str
    formed_from: list[Formed]


class PlaceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `reference_data/provinces_vn.yaml` holds."""

    country_aliases: list[str]
    areas: dict[str, str]
    provinces: list[InForce]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Looks places up. `areas` maps the slug of each area to its Vietnamese name."""

    areas: Mapping[str, str]
    _by_name: Mapping[str, Province]
    _by_landline: Mapping[str, Province]
    _by_postcode: Mapping[tuple[int, str], Province]
    _vietnam: frozenset[str]

    def province(self, place: str) -> Province | None:
        """The province that `place` is or lies in: "TP.HCM", "Quận 1, Sài Gòn", "Tỉnh Bình Dương"; None: unknown."""
        return _province(place, self)

    def province_of_phone(self, phone: str) -> Province | None:
        """The province of a Vietnamese landline in E.164; None for mobile and foreign numbers."""
        if not phone.startswith("+842"):
            return None
        return self._by_landline.get(phone[3:5]) or self._by_landline.get(phone[3:6])

    def province_of_postcode(self, postcode: str) -> Province | None:
        """The province of a Vietnamese postcode of five digits, or of six as before 2018; None for any other text."""
        if not (postcode.isascii() and postcode.isdigit()):
            return None
        return self._by_postcode.get((len(postcode), postcode[:2]))

    def is_vietnam(self, country: str) -> bool:
        """Whether `country`, in any usual spelling, is Vietnam."""
        return place_key(country) in self._vietnam


def build_places(file: PlaceFile) -> Places:
    """Index `file`. Raises ValueError when an area is unknown or a name, code or postcode stands for two provinces."""
    by_name: dict[str, Province] = {}
    by_landline: dict[str, Province] = {}
    by_postcode: dict[tuple[int, str], Province] = {}
    for new in file.provinces:
        if new.area not in file.areas:
            raise ValueError(f"{new.name}: unknown area {new.area!r}")
        province = Province(new.name, new.area)
        _claim(by_name, place_key(new.name), province)
        for old in new.formed_from:
            for name in (old.name, *old.aliases):
                _claim(by_name, place_key(name), province)
            _claim(by_landline, old.landline, province)
            for prefix in old.postcodes:
                _claim(by_postcode, (5, prefix), province)
            for prefix in old.old_postcodes:
                _claim(by_postcode, (6, prefix), province)
    return Places(file.areas, by_name, by_landline, by_postcode, frozenset(map(place_key, file.country_aliases)))


def _claim(index: dict[_K, Province], key: _K, province: Province) -> None:
    if index.setdefault(key, province) != province:
        raise ValueError(f"{key!r} stands for both {index[key].name} and {province.name}")


def place_key(text: str) -> str:
    """`text` as a key for places: folded, letters and digits only."""
    return "".join(part for part in fold_accents(text) if part.isalnum())


_BEFORE = ("", "thanhpho", "tinh", "tp")
_AFTER = ("", "province", "city", "vietnam")
_SEPARATORS = re.compile(r"[,;/|()]| [-–] ")


@lru_cache(16_384)
def _province(place: str, places: Places) -> Province | None:
    # the whole first ("Bà Rịa - Vũng Tàu"), then its parts from the end, where addresses have the province
    candidates = [place, *reversed(_SEPARATORS.split(place))]
    return next((found for part in candidates if (found := _named(place_key(part), places._by_name))), None)


def _named(key: str, names: Mapping[str, Province]) -> Province | None:
    for before in _BEFORE:
        if not key.startswith(before):
            continue
        for after in _AFTER:
            if key.endswith(after):
                found = names.get(key[len(before) : len(key) - len(after)])
                if found is not None:
                    return found
    return None
