"""Words of everyday kinds under arbitrary symbols: what a symbol means, only the examples tell."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import nonsense_words, rule_random
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

KINDS = (
    words("shirt coat sock hat glove belt skirt vest boot apron"),
    words("copper tin zinc lead gold nickel cobalt chrome bronze brass"),
    words("knee elbow chin thumb heel wrist cheek ankle throat rib"),
    words("rain snow hail fog storm frost thunder drizzle sleet mist"),
    words("waltz tango polka samba ballet rumba jig foxtrot minuet salsa"),
)
SYMBOLS = tuple(nonsense_words(rule_random("odd_symbols"), len(KINDS)))


@builtin_task(instruction="Which symbol belongs to these words?", metric="accuracy", labels=SYMBOLS)
def odd_symbols(rng: random.Random) -> Example:
    """Four words, three of them of one kind, to the arbitrary symbol of that kind."""
    kind, other = rng.sample(range(len(KINDS)), 2)
    shown = [*rng.sample(KINDS[kind], 3), rng.choice(KINDS[other])]
    rng.shuffle(shown)
    return Example(", ".join(shown), SYMBOLS[kind])
