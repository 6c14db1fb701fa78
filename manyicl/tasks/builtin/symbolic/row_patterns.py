"""Rows of words whose pattern of repeats decides the label, whatever is repeated."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

WORDS = words(
    "cup moon brick fern lamp drum kite salt boot wolf nail rope tent plum sock gate bell pond "
    "fork leaf"
)
# label: which of the drawn words stand in the row
PATTERNS: dict[str, tuple[int, ...]] = {
    "moss": (0, 1, 2, 3),  # no word twice
    "reed": (0, 1, 2, 0),  # the first word again at the end
    "clay": (0, 0, 1, 2),  # the first word twice in a row
}


@builtin_task(
    instruction="Which label fits the row of words?", metric="accuracy", labels=tuple(PATTERNS)
)
def row_patterns(rng: random.Random) -> Example:
    """Rows of four words to three labels: none twice, first and last alike, first two alike."""
    label = rng.choice(tuple(PATTERNS))
    drawn = rng.sample(WORDS, 4)
    return Example(" ".join(drawn[place] for place in PATTERNS[label]), label)
