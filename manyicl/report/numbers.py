"""How numbers are written, in the page and in the terminal alike."""

from __future__ import annotations

from manyicl.errors import plural as plural

MINUS = "−"  # as wide as the plus sign


def percent(value: float) -> str:
    """Write a score in [0, 1] as per cent without the sign.

    >>> percent(0.58349)
    '58.3'
    """
    return f"{100 * value:.1f}"


def change(value: float) -> str:
    """Write a difference of scores in percentage points, always with a sign unless it is 0.

    >>> change(-0.0213), change(0.0001)
    ('−2.1', '0.0')
    """
    text = f"{100 * value:+.1f}"
    if text in ("+0.0", "-0.0"):
        return "0.0"
    return text.replace("-", MINUS)


def count(value: float) -> str:
    """Write a large number with thousands separators.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.4g}"


def shots(value: float) -> str:
    """Write a number of shots, with one decimal where it is a mean that is not whole."""
    return f"{value:.1f}".removesuffix(".0")


def duration(seconds: float) -> str:
    """Write seconds the way people say them.

    >>> duration(7265), duration(65.2), duration(3.21)
    ('2 h 1 min', '1 min 5 s', '3.2 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
