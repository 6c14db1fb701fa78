"""Rows of everyday words: how many there are decides the label, which ones does not."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

WORDS = words(
    "bread road stick flag coin shelf goose jar thumb hill crane spoon vest snow pipe mask cart "
    "seed wax net"
)
LABELS = ("noon", "dusk", "night", "dawn")
SHORTEST = 2  # words in a row of the first label; each further label has one more


@builtin_task(instruction="Label the row.", metric="accuracy", labels=LABELS)
def row_lengths(rng: random.Random) -> Example:
    """Rows of two to five words to one of four times of the day, by the number of words."""
    index = rng.randrange(len(LABELS))
    return Example(" ".join(rng.sample(WORDS, SHORTEST + index)), LABELS[index])
