"""Symbol relabelling: a fresh bijection from labels to arbitrary symbols for a whole episode.

With symbols, the mapping can only come from the demonstrations, which trains a model to read them
(symbol tuning, arXiv 2305.08298).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ONSETS = (*"bdfgklmnprstvz", "bl", "br", "dr", "fl", "gr", "kl", "pr", "st", "tr")
_VOWELS = (*"aeiou", "ai", "ea", "oo")


def draw_symbols(labels: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    """Return a bijection label -> symbol; symbols are distinct and none is a label of the task.

    One style an episode: numbers, letter pairs, or pronounceable nonsense words.
    """
    draw = (_number, _letters, _word)[int(rng.integers(3))]
    taken = {label.casefold() for label in labels}
    symbols: dict[str, str] = {}
    for label in labels:
        symbol, attempts = draw(rng), 1
        while symbol.casefold() in taken:
            # Many labels can exhaust the short styles; two words in one never run out.
            symbol = draw(rng) if attempts < 40 else _word(rng) + _word(rng)
            attempts += 1
        taken.add(symbol.casefold())
        symbols[label] = symbol
    return symbols


def _number(rng: np.random.Generator) -> str:
    return str(rng.integers(1, 1000))


def _letters(rng: np.random.Generator) -> str:
    return "".join(chr(65 + int(rng.integers(26))) for _ in range(2))


def _word(rng: np.random.Generator) -> str:
    def syllable() -> str:
        return _ONSETS[rng.integers(len(_ONSETS))] + _VOWELS[rng.integers(len(_VOWELS))]

    return syllable() + syllable()
