"""Money: how many decimals a currency has, and the ways between text and minor units."""

import re
from decimal import Decimal
from fractions import Fraction

# ISO 4217, without funds and metals. Two decimals unless the tables below say otherwise.
_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN
    BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW
    KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD
    NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
    SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED
    VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
_NO_DECIMALS_CODES = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_NO_DECIMALS = frozenset(_NO_DECIMALS_CODES.split())
_THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))

# What fits a 64-bit integer, so that MongoDB can hold it.
LARGEST = 2**63 - 1

_PLAIN = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def decimals(currency: str) -> int:
    """Return how many decimals amounts of a currency have; 2 for one that ISO does not know."""
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def to_minor(amount: Decimal | int | str, currency: str) -> int:
    """Return an amount in minor units, exactly.

    Raises ValueError where it is no plain decimal, too large, or has too many decimals.
    """
    text = (
        format(amount, "f") if isinstance(amount, Decimal) and _is_modest(amount) else str(amount)
    )
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{str(amount)[:40]!r} is not an amount of money")
    scale: int = 10 ** decimals(currency)
    minor = Fraction(text) * scale
    if minor.denominator != 1:
        raise ValueError(f"{text} has more decimals than {currency} has ({decimals(currency)})")
    if abs(minor.numerator) > LARGEST:
        raise ValueError(f"{text} {currency} is too large")
    return minor.numerator


def to_text(minor: int, currency: str) -> str:
    """Return minor units as decimal text, with all the currency's decimals: 1234 USD is "12.34"."""
    places = decimals(currency)
    digits = str(abs(minor)).rjust(places + 1, "0")
    sign = "-" if minor < 0 else ""
    if places == 0:
        return sign + digits
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def round_half_away(amount: Fraction | Decimal | float) -> int:
    """Round to the nearest integer, halves away from zero. The amount must be finite."""
    exact = Fraction(amount)
    return divide_half_away(exact.numerator, exact.denominator)


def divide_half_away(numerator: int, denominator: int) -> int:
    """Divide integers and round to the nearest, halves away from zero."""
    whole, rest = divmod(abs(numerator), abs(denominator))
    if 2 * rest >= abs(denominator):
        whole += 1
    return whole if (numerator < 0) == (denominator < 0) else -whole


def _is_modest(amount: Decimal) -> bool:
    # Written out in full, Decimal("1e999999") is a million digits.
    return amount.is_finite() and abs(amount.adjusted()) <= 36
