"""Cue phrases follow Zipf's law, and 32 examples show enough of them to learn a task from."""

from bisect import bisect_right
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import chisquare

from manyicl.tasks.builtin.registry import Unseen, draw_cue
from manyicl.tasks.builtin.stable_random import StableRandom
from manyicl.tasks.task import Example


class Drawn(StableRandom):
    """A source that gives one known number, and only once."""

    def __init__(self, number: float) -> None:
        super().__init__(0)
        self.numbers = [number]

    def random(self) -> float:
        return self.numbers.pop()


def zipf_weights(count: int) -> list[Fraction]:
    """Return the exact shares of `count` cues: 1, 1/2, 1/3 ..., divided by their sum."""
    raw = [Fraction(1, rank) for rank in range(1, count + 1)]
    return [weight / sum(raw) for weight in raw]


def cues_of(count: int) -> list[str]:
    return [f"cue {place}" for place in range(count)]


@pytest.mark.parametrize("count", [2, 5, 8, 12, 30])
def test_cue_i_is_drawn_with_weight_1_in_i_plus_1(count):
    rng, draws = StableRandom(count), 40_000
    found = Counter(draw_cue(rng, cues_of(count))[0] for _ in range(draws))
    expected = [float(weight) * draws for weight in zipf_weights(count)]
    # The seed is fixed: a right draw fails either always or never.
    assert chisquare([found[cue] for cue in cues_of(count)], expected).pvalue > 0.001


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True))
@example(1, 0.0)
@example(12, 1 - 2**-53)  # the largest number random() gives
def test_one_random_number_decides_by_the_exact_shares(count, number):
    ends = [sum(zipf_weights(count)[: place + 1]) for place in range(count)]
    cue, _ = draw_cue(Drawn(number), cues_of(count))  # a second draw would be an error
    exact = bisect_right(ends, Fraction(number))
    near_an_end = any(abs(end - Fraction(number)) < Fraction(1, 10**12) for end in ends)
    assert cue == f"cue {exact}" or near_an_end


@pytest.mark.parametrize(
    ("count", "kept"), [(1, 0), (2, 0), (3, 1), (5, 1), (8, 1), (9, 2), (11, 2), (12, 2), (15, 3)]
)
def test_the_last_sixth_of_the_cues_is_unseen_and_rare(count, kept):
    ends = [0.0, *(float(sum(zipf_weights(count)[: place + 1])) for place in range(count))]
    kinds = [draw_cue(Drawn((low + high) / 2), cues_of(count)) for low, high in pairwise(ends)]
    assert [cue for cue, _ in kinds] == cues_of(count)
    assert [kind for _, kind in kinds] == [Example] * (count - kept) + [Unseen] * kept
    rng, draws = StableRandom(7), 20_000
    share = sum(draw_cue(rng, cues_of(count))[1] is Unseen for _ in range(draws)) / draws
    exact = sum(zipf_weights(count)[count - kept :])
    assert share == pytest.approx(float(exact), abs=0.01)
    assert exact <= Fraction(kept, count)  # rarer than with even draws
