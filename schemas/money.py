"""Money is an integer of minor units and an ISO 4217 currency; it never passes through a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
MINOR_DIGITS: dict[str, int] = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}
"""How many decimal digits a currency has (ISO 4217, list one)."""

MAX_MINOR = 10**13
"""Amounts are smaller than this, in minor units: sums of half a million of them still fit a 64-bit integer."""


_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def to_minor(amount: Decimal, currency: str) -> int:
    """`amount` in major units as minor units of `currency`, rounded half to even (12.345 USD is 1234).

    Raises ValueError for an unknown currency and for an amount of 10**13 minor units or more.
    """
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency")
    if not amount.is_finite() or amount.adjusted() > 18:
        raise ValueError("the amount is too large")
    minor = int(_EXACT.to_integral_value(_EXACT.scaleb(amount, digits)))
    if abs(minor) >= MAX_MINOR:
        raise ValueError("the amount is too large")
    return minor


def is_whole(amount: Decimal, currency: str) -> bool:
    """Whether an amount that `to_minor` accepts is a whole number of minor units: half a đồng is not."""
    scaled = _EXACT.scaleb(amount, MINOR_DIGITS[currency])
    return scaled == _EXACT.to_integral_value(scaled)


def to_major(minor: int, currency: str) -> str:
    """Minor units as decimal text in major units: (1234, "USD") is "12.34", (-5, "USD") is "-0.05"."""
    digits = MINOR_DIGITS[currency]
    if digits == 0:
        return str(minor)
    sign, text = ("-", str(-minor)) if minor < 0 else ("", str(minor))
    text = text.rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"
