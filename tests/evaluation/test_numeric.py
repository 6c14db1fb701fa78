from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.evaluation.numeric import last_number, numeric_match


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is 49.", "49"),
        ("first 3, then 4", "4"),
        ("$1,250.50", "1250.50"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("−7", "-7"),
        ("50%", "50"),
        ("1,234,567", "1234567"),
        ("1,234,5678", "5678"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("2.5e-3 m", "0.0025"),
        ("3/4", "0.75"),
        ("1 3/4", "1.75"),
        ("-1 3/4", "-1.75"),
        ("7 9/3", "3"),
        ("\\frac{3}{4}", "0.75"),
        ("-\\dfrac{1}{2}", "-0.5"),
        ("2\\frac{1}{2}", "2.5"),
        ("1{,}000", "1000"),
        ("10-3", "3"),
        ("10 - 3 = 7", "7"),
        ("x=-5", "-5"),
        ("(2)-3", "3"),
        ("12/11/2010", "2010"),
        ("1/0", "0"),
        ("19.02", "19.02"),
        ("v1.2.3", "3"),
        ("12 m^2", "12"),
        ("12m^2", "12"),
        ("7.5 cm3", "7.5"),
        ("20 s^{-1}", "20"),
        ("\\frac12", "0.5"),
        ("12 m2.", "12"),
        ("12\\text{ m}^2", "12"),
        ("12 cm3, I think", "12"),
        ("Rs2", "2"),
        ("it costs CHF3", "3"),
        ("the answer is:B3", "3"),
    ],
)
def test_the_last_number_of_known_texts(text: str, expected: str) -> None:
    assert last_number(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["", "none", "-", "$", "one", "..."])
def test_a_text_without_digits_has_no_number(text: str) -> None:
    assert last_number(text) is None


@given(st.integers(-(10**15), 10**15), st.text("abc ,.", max_size=8))
def test_any_integer_is_read_back_with_and_without_separators(value: int, before: str) -> None:
    assert last_number(f"{before} {value}") == value
    assert last_number(f"{before} {value:,}") == value


@given(st.decimals(-(10**9), 10**9, places=4))
def test_any_decimal_is_read_back(value: Decimal) -> None:
    assert last_number(f"so it is {value:,f}.") == value


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = last_number(text)
    assert found is None or found.is_finite()


def test_very_long_numbers_are_compared_exactly_enough() -> None:
    assert numeric_match("9" * 5000, "9" * 5000) == 1.0
    assert numeric_match("9" * 5000, "9" * 4999) == 0.0


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("0.66666667", "2/3", 1.0),
        ("0.6667", "2/3", 0.0),
        ("1000000", "1000001", 1.0),
        ("100000", "100001", 0.0),
        ("0.0000001", "0", 0.0),
        ("-5", "5", 0.0),
        ("I do not know", "5", 0.0),
        ("The answer is 1,200 dollars", "gives 15 * 80 = 1200\nThe answer is 1200.", 1.0),
    ],
)
def test_numeric_match_is_within_a_relative_millionth(prediction, reference, expected) -> None:
    assert numeric_match(prediction, reference) == expected


def test_a_reference_without_a_number_cannot_be_matched_by_number() -> None:
    assert numeric_match("5", "no solution") is None
