"""Numbers as they stand in the page."""

from __future__ import annotations


def times(value: float) -> str:
    """
    >>> times(2.345), times(0.5), times(123.4)
    ('2.35×', '0.50×', '123×')
    """
    return f"{value:.2f}×" if value < 10 else f"{value:.1f}×" if value < 100 else f"{value:,.0f}×"


def percent(share: float) -> str:
    """
    >>> percent(0.413), percent(0.035)
    ('41 %', '3.5 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def megabytes(number: float) -> str:
    """
    >>> megabytes(1_500_000), megabytes(2_345_000_000)
    ('1.5 MB', '2.35 GB')
    """
    if number >= 1e9:
        return f"{number / 1e9:.2f} GB"
    return f"{number / 1e6:.1f} MB" if number < 1e8 else f"{number / 1e6:.0f} MB"


def speed(value: float) -> str:
    """
    >>> speed(12345.6), speed(0.1234)
    ('12,346', '0.123')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def rate(value: float) -> str:
    """Return operations a second in words.

    >>> rate(98e9), rate(7.1e14)
    ('98 GFLOP/s', '710 TFLOP/s')
    """
    return f"{value / 1e12:,.0f} TFLOP/s" if value >= 1e13 else f"{value / 1e9:,.0f} GFLOP/s"
