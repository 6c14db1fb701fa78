"""The mixture: shares in tokens, met closely, continued exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.episodes.mixture import TaskMixture, mixture_weights


def test_weights_by_hand():
    rows, tokens = [100, 400, 9000], [10.0, 5.0, 20.0]
    proportional = mixture_weights("proportional", rows, tokens, cap=2000)
    assert proportional.tolist() == pytest.approx([1000 / 43000, 2000 / 43000, 40000 / 43000])
    uniform = mixture_weights("uniform", rows, tokens)
    assert uniform.tolist() == pytest.approx([1 / 3] * 3)
    tempered = mixture_weights("temperature", rows, tokens, temperature=2.0)
    roots = [1000**0.5, 2000**0.5, 40000**0.5]
    assert tempered.tolist() == pytest.approx([root / sum(roots) for root in roots])


def test_temperature_one_is_proportional_and_a_large_one_is_uniform():
    rows, tokens = [100, 700], [10.0, 30.0]
    one = mixture_weights("temperature", rows, tokens, temperature=1.0)
    assert one.tolist() == pytest.approx(mixture_weights("proportional", rows, tokens).tolist())
    large = mixture_weights("temperature", rows, tokens, temperature=1e9)
    assert large.tolist() == pytest.approx([0.5, 0.5])


LENGTHS = st.integers(1, 100)
WEIGHTS = st.lists(st.floats(0.02, 1), min_size=1, max_size=6)


@given(WEIGHTS, st.integers(0, 3), st.data())
def test_every_task_stays_close_to_its_share(weights, seed, data):
    shares = np.asarray(weights) / sum(weights)
    lengths = [data.draw(LENGTHS) for _ in shares]
    mixture, tokens = TaskMixture(shares, seed), np.zeros(len(shares))
    for _ in range(300):
        task = mixture.next()
        mixture.count(task, lengths[task])
        tokens[task] += lengths[task]
        ahead = tokens - shares * tokens.sum()
        # Ahead by at most one sequence and the jitter, which is the mean sequence.
        assert ahead.max() <= 2 * max(lengths)
        assert ahead.min() >= -2 * max(lengths) * max(1, np.log2(len(shares)))


def test_shares_are_met_closely_in_the_long_run():
    shares, lengths = np.asarray([0.6, 0.3, 0.1]), [50, 900, 7]
    mixture, tokens = TaskMixture(shares, 0), np.zeros(3)
    for _ in range(3000):
        task = mixture.next()
        mixture.count(task, lengths[task])
        tokens[task] += lengths[task]
    assert (tokens / tokens.sum()).tolist() == pytest.approx(shares.tolist(), abs=0.01)


def test_a_task_of_share_zero_is_never_drawn():
    mixture = TaskMixture([0.5, 0.0, 0.5], 0)
    for _ in range(50):
        task = mixture.next()
        assert task != 1
        mixture.count(task, 10)


def test_orders_differ_by_seed():
    def draw(seed: int) -> list[int]:
        mixture, drawn = TaskMixture([0.25] * 4, seed), []
        for _ in range(20):
            drawn.append(mixture.next())
            mixture.count(drawn[-1], 10)
        return drawn

    assert draw(0) == draw(0)
    assert len({tuple(draw(seed)) for seed in range(4)}) == 4


@given(WEIGHTS, st.integers(0, 30), st.integers(0, 3))
def test_a_saved_mixture_goes_on_exactly(weights, after, seed):
    shares = np.asarray(weights) / sum(weights)
    mixture = TaskMixture(shares, seed)
    for step in range(after):
        mixture.count(mixture.next(), step % 7 + 1)
    other = TaskMixture(shares, seed + 1)
    other.load_state_dict(json.loads(json.dumps(mixture.state_dict())))
    for step in range(20):
        task = mixture.next()
        assert other.next() == task
        mixture.count(task, step + 1)
        other.count(task, step + 1)
