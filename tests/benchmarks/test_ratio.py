"""Ratios against known numbers, and where a ratio of medians must lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.benchmarks.ratio import Ratio, paired_ratio

speeds = st.floats(1e-3, 1e6)


def test_known_numbers():
    assert paired_ratio([2, 4, 9], [1, 2, 3]) == Ratio(2.0, 2.0, 3.0, 3)


def test_a_side_that_failed_leaves_the_common_rounds():
    assert paired_ratio([2, 4, 9], [1]) == Ratio(2.0, 2.0, 2.0, 1)
    assert paired_ratio([2, 4], []) is None


@given(st.lists(st.tuples(speeds, speeds), min_size=1, max_size=9))
def test_the_ratio_of_medians_lies_within_the_rounds(pairs):
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    found = paired_ratio(ours, theirs)
    assert found is not None
    assert found.low * (1 - 1e-9) <= found.value <= found.high * (1 + 1e-9)


@given(st.lists(speeds, min_size=1, max_size=9), st.floats(0.1, 10))
def test_a_side_that_is_always_so_many_times_as_fast(theirs, factor):
    found = paired_ratio([factor * speed for speed in theirs], theirs)
    assert found is not None
    assert found.value == pytest.approx(factor)
    assert found.low == pytest.approx(factor)
    assert found.high == pytest.approx(factor)
