from __future__ import annotations

import doctest

import pytest

from manyicl.report import numbers
from manyicl.report.numbers import change, count, duration, percent, shots


def test_the_examples_in_the_documentation_hold() -> None:
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (percent(0), "0.0"),
        (percent(1), "100.0"),
        (change(-0.0004), "0.0"),
        (change(0.5), "+50.0"),
        (change(-1), "−100.0"),
        (count(5308.7), "5,309"),
        (count(0.5), "0.5"),
        (shots(37.46), "37.5"),
        (shots(16.0), "16"),
        (shots(10), "10"),
        (duration(59.9), "59.9 s"),
        (duration(3600), "1 h 0 min"),
    ],
)
def test_known_numbers_are_written_as_expected(written: str, expected: str) -> None:
    assert written == expected
