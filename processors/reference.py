"""What `prepare` knows about the world: rates, time zones, places, placeholders. Read once, then a value.

The files under `reference_data/` are the defaults; an installation names its own in the environment:
`PORTRAIT_CURRENCY` (ISO 4217, VND), `PORTRAIT_REGION` (two letters, VN), `PORTRAIT_TIMEZONE` (Asia/Ho_Chi_Minh),
and the paths of YAML files: `PORTRAIT_RATES`, `PORTRAIT_CATEGORIES`, `PORTRAIT_AGE_BANDS`, `PORTRAIT_PLACEHOLDERS`, and
`PORTRAIT_STORE_TIMEZONES` (a map of store id to time zone; there is no default file).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import phonenumbers

from processors.places import PlaceFile, Places, build_places
from processors.text import clean_text, fold_accents
from schemas.money import MINOR_DIGITS, to_minor

_DATA = Path(__file__).parent / "reference_data"
_EXACT = Context(prec=60)
_T = TypeVar("_T")

PLACEHOLDER_KINDS: tuple[str, ...] = ("phone", "email", "id", "name", "birthday", "text")


class BadReference(ValueError):
    """A setting or a reference file cannot be used. The message names it and says what is wrong."""


@dataclass(frozen=True, slots=True)
class Placeholders:
    """What one kind of text is never worth: exact folded values, and patterns that match all of the folded text."""

    values: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]

    def __contains__(self, folded: str) -> bool:
        if folded in self.values:
            return True
        for pattern in self.patterns:  # noqa: SIM110 - any() would take twice as long, and every new identifier comes by
            if pattern.fullmatch(folded):
                return True
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Everything that `prepare` looks up. Compared and hashed by identity, so that it can be part of a cache's key.

    `rates` are units of one common currency per unit of each. `age_bands` are (below this age or None, band), youngest
    first. `placeholders` has every kind of PLACEHOLDER_KINDS. `moved_mobile_prefixes` are Vietnamese, old to new.
    """

    base_currency: str
    region: str
    timezone: ZoneInfo
    store_timezones: Mapping[str, ZoneInfo]
    rates: Mapping[str, Decimal]
    age_bands: tuple[tuple[int | None, str], ...]
    sku_categories: Mapping[str, str]
    categories: Mapping[str, str]
    placeholders: Mapping[str, Placeholders]
    places: Places
    moved_mobile_prefixes: Mapping[str, str]

    def to_base(self, amount: Decimal, currency: str) -> int | None:
        """`amount` of `currency` in minor units of the base currency, rounded half to even; None when no rate is known.

        Raises ValueError for an unknown currency, and when the result is 10**15 minor units or more.
        """
        return _to_base(amount, currency, self)

    def timezone_of(self, store: str | None) -> ZoneInfo:
        """The time zone of a store, or that of the installation."""
        if store is None or not self.store_timezones:
            return self.timezone
        return self.store_timezones.get(store, self.timezone)

    def age_band(self, age: int) -> str:
        """The band for an age in whole years."""
        return next(band for below, band in self.age_bands if below is None or age < below)

    def category(self, sku: str, stated: str | None) -> str:
        """The category an item counts for: by its SKU, else by what the channel stated, else "other"."""
        return _category(sku, stated, self)


@lru_cache(65_536)  # prices repeat, and decimals are slow
def _to_base(amount: Decimal, currency: str, reference: Reference) -> int | None:
    base_currency, rates = reference.base_currency, reference.rates
    if currency == base_currency:
        return to_minor(amount, currency)
    if currency not in rates or base_currency not in rates:
        return None
    return to_minor(_EXACT.divide(_EXACT.multiply(amount, rates[currency]), rates[base_currency]), base_currency)


@lru_cache(65_536)
def _category(sku: str, stated: str | None, reference: Reference) -> str:
    by_sku = reference.sku_categories.get(sku)
    if by_sku is not None:
        return by_sku
    category = clean_text(stated or "")
    return reference.categories.get(fold_accents(category), category) or "other"


class _PlaceholderRules(msgspec.Struct, forbid_unknown_fields=True):
    values: list[str] = []
    patterns: list[str] = []


class _RateFile(msgspec.Struct, forbid_unknown_fields=True):
    as_of: str
    unit: str
    rates: dict[str, Decimal]


class _CategoryFile(msgspec.Struct, forbid_unknown_fields=True):
    skus: dict[str, str] = {}
    categories: dict[str, str] = {}


class _Band(msgspec.Struct, forbid_unknown_fields=True):
    band: str
    below: int | None = None


class _BandFile(msgspec.Struct, forbid_unknown_fields=True):
    bands: list[_Band]


class _PrefixFile(msgspec.Struct, forbid_unknown_fields=True):
    prefixes: dict[str, str]


def load_reference(environ: Mapping[str, str]) -> Reference:
    """Read the settings in `environ` and the files they name. Raises BadReference, which names what cannot be used."""
    currency = environ.get("PORTRAIT_CURRENCY") or "VND"
    if currency not in MINOR_DIGITS:
        raise BadReference(f"PORTRAIT_CURRENCY: {currency!r} is not an ISO 4217 currency")
    region = environ.get("PORTRAIT_REGION") or "VN"
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise BadReference(f"PORTRAIT_REGION: {region!r} is not a region such as VN")
    categories = _read(_path(environ, "PORTRAIT_CATEGORIES", "categories.yaml"), _CategoryFile)
    return Reference(
        base_currency=currency,
        region=region,
        timezone=_zone(environ.get("PORTRAIT_TIMEZONE") or "Asia/Ho_Chi_Minh", "PORTRAIT_TIMEZONE"),
        store_timezones=_store_timezones(environ.get("PORTRAIT_STORE_TIMEZONES")),
        rates=_rates(_path(environ, "PORTRAIT_RATES", "rates.yaml")),
        age_bands=_age_bands(_path(environ, "PORTRAIT_AGE_BANDS", "age_bands.yaml")),
        sku_categories=categories.skus,
        categories={fold_accents(name): category for name, category in categories.categories.items()},
        placeholders=_placeholders(_path(environ, "PORTRAIT_PLACEHOLDERS", "placeholders.yaml")),
        places=build_places(_read(_DATA / "provinces_vn.yaml", PlaceFile)),
        moved_mobile_prefixes=_read(_DATA / "mobile_prefixes_vn.yaml", _PrefixFile).prefixes,
    )


def _path(environ: Mapping[str, str], setting: str, default: str) -> Path:
    named = environ.get(setting)
    return Path(named) if named else _DATA / default


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise BadReference(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadReference(f"{path}: {error}") from error


def _zone(name: str, where: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadReference(f"{where}: {name!r} is not a time zone such as Asia/Ho_Chi_Minh") from error


def _store_timezones(named: str | None) -> dict[str, ZoneInfo]:
    if not named:
        return {}
    return {store: _zone(zone, f"{named}: {store}") for store, zone in _read(Path(named), dict[str, str]).items()}


def _rates(path: Path) -> dict[str, Decimal]:
    table = _read(path, _RateFile)
    rates = {table.unit: Decimal(1), **table.rates}
    for currency, rate in rates.items():
        if currency not in MINOR_DIGITS:
            raise BadReference(f"{path}: {currency!r} is not an ISO 4217 currency")
        if not rate.is_finite() or not Decimal("1e-12") <= rate <= Decimal("1e12"):
            raise BadReference(f"{path}: the rate of {currency} cannot be {rate}")
    if rates[table.unit] != 1:
        raise BadReference(f"{path}: one {table.unit} is worth one {table.unit}, not {rates[table.unit]}")
    return rates


def _age_bands(path: Path) -> tuple[tuple[int | None, str], ...]:
    bands = tuple((band.below, band.band) for band in _read(path, _BandFile).bands)
    bounds = [below for below, _ in bands[:-1] if below is not None]
    if not bands or bands[-1][0] is not None or len(bounds) != len(bands) - 1 or bounds != sorted(set(bounds)):
        raise BadReference(f"{path}: every band but the last has a `below`, each greater than the one before")
    return bands


def _placeholders(path: Path) -> dict[str, Placeholders]:
    rules = _read(path, dict[str, _PlaceholderRules])
    unknown = rules.keys() - {"any", *PLACEHOLDER_KINDS}
    if unknown:
        raise BadReference(f"{path}: unknown kind {min(unknown)!r}")
    everywhere = rules.get("any", _PlaceholderRules())
    found = {}
    for kind in PLACEHOLDER_KINDS:
        own = rules.get(kind, _PlaceholderRules())
        values = frozenset(" ".join(fold_accents(value).split()) for value in (*everywhere.values, *own.values))
        try:
            patterns = [re.compile(pattern) for pattern in (*everywhere.patterns, *own.patterns)]
            # one alternation is faster than many patterns; those with groups stay apart, for their numbers would change
            simple = [f"(?:{pattern.pattern})" for pattern in patterns if not pattern.groups]
            joined = [re.compile("|".join(simple))] if simple else []
        except re.error as error:
            raise BadReference(f"{path}: {kind}: {error.pattern!r} is not a pattern: {error}") from error
        found[kind] = Placeholders(values, (*joined, *(pattern for pattern in patterns if pattern.groups)))
    return found
