"""Nonsense words whose last syllable decides the label, by a mapping fixed once."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import SYLLABLES, rule_random
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("red", "green", "blue", "grey")
SOUNDS = rule_random("syllable_endings").sample(SYLLABLES, 16)
LABEL_OF = {syllable: LABELS[index % 4] for index, syllable in enumerate(SOUNDS)}


@builtin_task(instruction="Sort the word.", metric="accuracy", labels=LABELS)
def syllable_endings(rng: random.Random) -> Example:
    """Hyphenated nonsense words to one of four colours by the last of their syllables."""
    syllables = [rng.choice(SOUNDS) for _ in range(rng.choice((3, 4, 4)))]
    return Example("-".join(syllables), LABEL_OF[syllables[-1]])
