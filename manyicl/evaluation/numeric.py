"""Numeric match: the last number of the output against the last number of the gold answer.

Reads numbers as English text writes them; number words and decimal commas are not read.
"""

from __future__ import annotations

import re
from decimal import Decimal

RELATIVE_TOLERANCE = Decimal("1e-6")

_INTEGER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_INTEGER}(?:\.\d+)?|(?<![\d.])\.\d+)"
_EXPONENT = r"(?:[eE][+-]?\d{1,3}(?!\w))?"
_NUMBER = re.compile(
    # A minus is a sign unless something stands before it that could be subtracted from.
    r"(?P<sign>(?<![\w)\]}.%])-[$€£¥₹]?)?"
    # In 12/11/2010 no slash is a division bar: neither part of a fraction touches another slash.
    rf"(?:(?:(?P<whole>(?<![\d/]){_INTEGER})\s+)?"
    rf"(?P<over>(?<![\d/]){_DECIMAL})/(?P<under>{_DECIMAL})(?![\d/])"
    rf"|(?P<plain>{_DECIMAL}{_EXPONENT}))",
    re.ASCII,
)
_LATEX_MIXED = re.compile(r"(?<=\d)\s*(?=\\[dt]?frac)")
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_LATEX_SHORT = re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)(?!\d)")  # \\frac12
_UNIT_POWER = re.compile(  # of 12 m^2, 7 cm3, 5\\text{ ft}^2
    r"(\d\s*(?:\\(?:text|mathrm|rm)\s*\{\s*)?"
    r"(?:[kcdmµ]?m|ft|in|yd|mi|s|met(?:er|re)s?|inch(?:es)?|feet|foot|units?)\}?)"
    r"\s*(?:\^\s*\{?[+-]?\d\}?|[23])(?!\w|[.,]\d)",
    re.IGNORECASE,
)
_LATEX_COMMA = re.compile(r"\{,\}")
_SIGNS = str.maketrans({"−": "-", "－": "-", "\\": None})


def last_number(text: str) -> Decimal | None:
    """Return the last number written in `text`, or None.

    Understands a sign, a currency sign, thousands separators (`1,250`), decimals, exponents,
    fractions (`3/4`, `\\frac{3}{4}`) and mixed numbers (`1 3/4`). A percent sign is ignored: `50%`
    is 50.

    >>> last_number("18 - 3 = 15, so she has -$1,250.50 left.")
    Decimal('-1250.50')
    """
    text = _LATEX_MIXED.sub(" ", _LATEX_COMMA.sub(",", text))
    text = _LATEX_SHORT.sub(r"\1/\2", text)
    text = _UNIT_POWER.sub(r"\1", _LATEX_FRACTION.sub(r"\1/\2", text)).translate(_SIGNS)
    found = None
    for match in _NUMBER.finditer(text):
        found = match
    return None if found is None else _value(found)


def numeric_match(prediction: str, reference: str) -> float | None:
    """Return 1 if the last numbers are equal within a relative 1e-6, else 0.

    None where the reference holds no number, so that there is nothing to compare.
    """
    gold = last_number(reference)
    if gold is None:
        return None
    found = last_number(prediction)
    return float(found is not None and abs(found - gold) <= RELATIVE_TOLERANCE * abs(gold))


def _value(match: re.Match[str]) -> Decimal:
    part = {name: Decimal(text.replace(",", "")) for name, text in _numerals(match).items()}
    sign = -1 if match["sign"] else 1
    if "plain" in part:
        return sign * part["plain"]
    if not part["under"]:  # 3/0 is no number; what is written last is 0
        return part["under"]
    value = part["over"] / part["under"]
    if "whole" not in part:
        return sign * value
    if part["over"] < part["under"]:
        return sign * (part["whole"] + value)
    return value  # `4 7/2` is two numbers, the sign before the first


def _numerals(match: re.Match[str]) -> dict[str, str]:
    return {name: text for name, text in match.groupdict().items() if text and name != "sign"}
