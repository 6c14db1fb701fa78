"""Letters apart from each other, moved along the alphabet by a hidden step."""

from __future__ import annotations

import random
import string

from manyicl.tasks.builtin.lexicon.nonsense import rule_random
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

STEP = rule_random("letter_shift").choice((1, 2, 3))


@builtin_task(instruction="Turn the letters into code.", metric="exact_match")
def letter_shift(rng: random.Random) -> Example:
    """Three to six letters, each replaced by one a fixed step further in the alphabet."""
    letters = [rng.choice(string.ascii_lowercase) for _ in range(rng.randint(3, 6))]
    coded = [chr((ord(letter) - ord("a") + STEP) % 26 + ord("a")) for letter in letters]
    return Example(" ".join(letters), " ".join(coded))
