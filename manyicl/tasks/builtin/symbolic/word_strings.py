"""Rows of everyday words and what one fixed rule makes of them, a task for each rule."""

from __future__ import annotations

import random
from collections.abc import Callable

from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

WORDS = words(
    "apple river chair stone paper garden window bottle candle forest hammer island jacket kettle "
    "ladder market needle orange pencil rabbit silver ticket valley wagon yellow bridge coffee "
    "desert engine flower ginger honey iron jungle king lemon mirror night ocean pepper queen "
    "rope salt tiger uncle village winter cloud dream glass horse letter music north plate ring "
    "shadow train voice wheel"
)
# task: (what it does, the rule)
RULES: dict[str, tuple[str, Callable[[list[str]], list[str]]]] = {
    "words_reversed": ("they come back in reverse order", lambda row: row[::-1]),
    "words_last_first": (
        "the last word is moved to the front and said twice",
        lambda row: [row[-1], row[-1], *row[:-1]],
    ),
    "words_by_alphabet": ("they are put in alphabetical order", lambda row: sorted(row)),
}


def _register(name: str, what: str, rule: Callable[[list[str]], list[str]]) -> None:
    def generate(rng: random.Random) -> Example:
        while True:
            row = rng.sample(WORDS, rng.randint(3, 5))
            made = rule(row)
            if made != row:
                return Example(" ".join(row), " ".join(made))

    generate.__doc__ = f"Rows of three to five words; {what}."
    builtin_task(
        name=name, instruction="Change the words as in the examples.", metric="exact_match"
    )(generate)


for _name, (_what, _rule) in RULES.items():
    _register(_name, _what, _rule)
