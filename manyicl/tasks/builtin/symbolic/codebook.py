"""A codebook: every code word stands for a sign, and only the examples tell which."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import nonsense_words, rule_random
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

_words = nonsense_words(rule_random("codebook"), 8 + 32 + 30)
SIGNS, FILLERS = tuple(_words[:8]), tuple(_words[40:])
# code word -> sign; four code words a sign
CODES = {word: SIGNS[index % 8] for index, word in enumerate(_words[8:40])}


@builtin_task(instruction="Find the sign for the message.", metric="accuracy", labels=SIGNS)
def codebook(rng: random.Random) -> Example:
    """Messages of three or four nonsense words to one of eight signs; one word of each decides."""
    word = rng.choice(tuple(CODES))
    message = [*rng.sample(FILLERS, rng.choice((2, 3))), word]
    rng.shuffle(message)
    return Example(" ".join(message), CODES[word])
