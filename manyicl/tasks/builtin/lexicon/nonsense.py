"""Nonsense words, and the fixed random draws from which a task's hidden rule is made."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.stable_random import StableRandom, stable_digest

CONSONANTS = "b d f g k l m n p r s t v z".split()
VOWELS = "a e i o u".split()
SYLLABLES = tuple(consonant + vowel for consonant in CONSONANTS for vowel in VOWELS)


def rule_random(task: str) -> random.Random:
    """Return the draws that fix the hidden rule of a task, the same in every process."""
    return StableRandom(stable_digest(f"rule of {task}"))


def nonsense_words(rng: random.Random, number: int) -> list[str]:
    """Return so many different words of one or two syllables with a consonant at the end."""
    words: list[str] = []
    while len(words) < number:
        word = "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((1, 2))))
        word += rng.choice("bdgklmnprstx")
        if word not in words:
            words.append(word)
    return words
