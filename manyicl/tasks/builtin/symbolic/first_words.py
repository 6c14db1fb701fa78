"""Rows of words from one small list: the first word decides, the same words later do not."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import rule_random
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("tin", "oak", "silk")
_words = rule_random("first_words").sample(
    words("anchor basket carpet dragon feather guitar helmet jungle kitten ladder magnet napkin"),
    12,
)
LABEL_OF = {word: LABELS[index % len(LABELS)] for index, word in enumerate(_words)}


@builtin_task(instruction="Which material goes with the row?", metric="accuracy", labels=LABELS)
def first_words(rng: random.Random) -> Example:
    """Rows of four words out of twelve to one of three materials by the first word alone."""
    row = rng.sample(tuple(LABEL_OF), 4)
    return Example(" ".join(row), LABEL_OF[row[0]])
