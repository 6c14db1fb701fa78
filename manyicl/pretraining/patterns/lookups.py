"""From exact look-ups to fuzzy matching: what decides an answer must be found in the document."""

from __future__ import annotations

import random

from manyicl.pretraining.patterns.layout import Line, draw_labels, lay_out
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary


def dictionary(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Keys of one to three words, each with its label, drawn again and again."""
    num_keys = rng.choice((4, 6, 8, 12, 16, 24))
    length = rng.choice((1, 1, 1, 2, 3))
    labels = draw_labels(rng, vocabulary, rng.choice((2, 3, 4, min(8, num_keys), num_keys)))
    label_of = {
        " ".join(vocabulary.word(rng) for _ in range(length)): rng.choice(labels)
        for _ in range(num_keys)
    }
    keys = rng.choices(list(label_of), k=size)
    return lay_out(rng, vocabulary, [Line(key, label_of[key], (key,)) for key in keys])


def noisy_keys(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """One word of each line decides; fillers stand around it."""
    num_keys = rng.choice((4, 6, 8, 12, 16))
    labels = draw_labels(rng, vocabulary, rng.choice((2, 3, 4, 6, 8)))
    label_of = {vocabulary.word(rng): labels[i % len(labels)] for i in range(num_keys)}
    fillers = _fillers(rng, vocabulary, rng.choice((5, 20, 60)))
    most = rng.choice((1, 2, 4, 8, 16))
    lines = []
    for key in rng.choices(list(label_of), k=size):
        words = [key, *(rng.choice(fillers) for _ in range(rng.randint(1, most)))]
        rng.shuffle(words)
        lines.append(Line(" ".join(words), label_of[key], (key,)))
    return lay_out(rng, vocabulary, lines)


def word_sets(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Classes are sets of words; a line holds some words of its class among fillers."""
    labels = draw_labels(rng, vocabulary, rng.choice((2, 3, 4, 6, 8)))
    per_class = rng.choice((4, 6, 10, 16))
    members = vocabulary.distinct_words(rng, per_class * len(labels))
    sets = [members[start : start + per_class] for start in range(0, len(members), per_class)]
    fillers = _fillers(rng, vocabulary, rng.choice((10, 30)))
    num_words, most = rng.choice((1, 2, 3, 4)), rng.choice((0, 2, 5, 10, 20))
    lines = []
    for _ in range(size):
        index = rng.randrange(len(labels))
        cues = [rng.choice(sets[index]) for _ in range(num_words)]
        words = [*cues, *(rng.choice(fillers) for _ in range(rng.randint(0, most)))]
        rng.shuffle(words)
        lines.append(Line(" ".join(words), labels[index], tuple(cues)))
    return lay_out(rng, vocabulary, lines)


def _fillers(rng: random.Random, vocabulary: Vocabulary, number: int) -> list[str]:
    common = rng.sample(vocabulary.common, min(20, len(vocabulary.common)))
    return [vocabulary.word(rng) for _ in range(number)] + common


LOOKUPS: dict[str, Pattern] = {
    "dictionary": dictionary,
    "noisy_keys": noisy_keys,
    "word_sets": word_sets,
}
