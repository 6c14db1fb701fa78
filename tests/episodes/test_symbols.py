"""Symbols: a fresh bijection onto words that are no labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.episodes.symbols import draw_symbols

LABELS = st.lists(
    st.text(min_size=1, max_size=5) | st.integers(0, 1200).map(str), unique=True, max_size=60
)


@given(LABELS, st.integers(0, 1000))
def test_symbols_are_a_bijection_onto_words_that_are_no_labels(labels, seed):
    symbols = draw_symbols(labels, np.random.default_rng(seed))
    assert list(symbols) == labels
    folded = [symbol.casefold() for symbol in symbols.values()]
    assert len(set(folded)) == len(labels)
    assert not set(folded) & {label.casefold() for label in labels}
    assert all(symbol.isalnum() and symbol.isascii() for symbol in symbols.values())


def test_draws_are_seeded_and_fresh():
    rng = np.random.default_rng(0)
    draws = [tuple(draw_symbols(["a", "b"], rng).values()) for _ in range(50)]
    assert len(set(draws)) > 45
    assert draws[0] == tuple(draw_symbols(["a", "b"], np.random.default_rng(0)).values())


def test_all_three_styles_occur_and_an_episode_keeps_to_one():
    styles = set()
    for seed in range(30):
        symbols = list(draw_symbols(["a", "b", "c"], np.random.default_rng(seed)).values())
        kinds = {
            "number" if s.isdigit() else "letters" if s.isupper() and len(s) == 2 else "word"
            for s in symbols
        }
        assert len(kinds) == 1
        styles |= kinds
    assert styles == {"number", "letters", "word"}


@pytest.mark.parametrize("taken", ["numbers", "letters"])
def test_labels_that_use_up_a_style_do_not_stop_the_draw(taken):
    letters = [a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    labels = [str(i) for i in range(1000)] if taken == "numbers" else letters
    for seed in range(6):
        symbols = draw_symbols(labels, np.random.default_rng(seed))
        assert len(set(symbols.values()) - set(labels)) == len(labels)
