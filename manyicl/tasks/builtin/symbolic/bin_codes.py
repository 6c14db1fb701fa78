"""Codes on parts and the bin each goes to: the letters before the first dash decide."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import rule_random
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

BINS = ("left", "middle", "right", "floor")
LETTERS = "BCDFGHKLMNPRSTVWXZ"
FINISHES = words("red blue raw zinc black oiled")
_rule = rule_random("bin_codes")
_prefixes: list[str] = []
while len(_prefixes) < 16:
    _prefix = "".join(_rule.choice(LETTERS) for _ in range(2))
    if _prefix not in _prefixes:
        _prefixes.append(_prefix)
BIN_OF = {prefix: BINS[index % len(BINS)] for index, prefix in enumerate(_prefixes)}


@builtin_task(instruction="Which bin is the part for?", metric="accuracy", labels=BINS)
def bin_codes(rng: random.Random) -> Example:
    """Product codes to one of four bins; four of the sixteen first letter pairs belong to each."""
    prefix = rng.choice(tuple(BIN_OF))
    tail = rng.choice(tuple(BIN_OF))  # a pair that decides nothing at the end of the code
    text = f"{prefix}-{rng.randint(10, 99)}-{tail}, {rng.choice(FINISHES)}"
    return Example(text, BIN_OF[prefix])
