"""Nonsense words, and the fixed random draws from which a task's hidden rule is made."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.stable_random import StableRandom, stable_digest

CONSONANTS = words("b d f g k l m n p r s t v z")
VOWELS = words("a e i o u")
SYLLABLES = tuple(consonant + vowel for consonant in CONSONANTS for vowel in VOWELS)


def rule_random(task: str) -> random.Random:
    """Return the draws that fix the hidden rule of a task, the same in every process."""
    return StableRandom(stable_digest(f"rule of {task}"))


def nonsense_words(rng: random.Random, number: int) -> list[str]:
    """Return so many different words of one or two syllables with a consonant at the end."""
    made: list[str] = []
    while len(made) < number:
        word = "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((1, 2))))
        word += rng.choice("bdgklmnprstx")
        if word not in made:
            made.append(word)
    return made
