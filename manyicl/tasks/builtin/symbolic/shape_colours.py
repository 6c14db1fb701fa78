"""Coloured shapes: neither the colour nor the shape alone decides, only the two together."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import nonsense_words, rule_random
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

COLOURS = words("red green blue white")
SHAPES = words("circle square star cross")
SIZES = words("small large tiny huge thin wide")
PLACES = words("left right top bottom middle corner edge")
NUMBERS = words("one two three four five six")
LABELS = tuple(nonsense_words(rule_random("shape_colours"), 4))


def label_of(colour: str, shape: str) -> str:
    """Return the label: a Latin square, in which every row and column holds each label once."""
    return LABELS[(COLOURS.index(colour) + SHAPES.index(shape)) % len(LABELS)]


@builtin_task(instruction="Name the figure.", metric="accuracy", labels=LABELS)
def shape_colours(rng: random.Random) -> Example:
    """Coloured figures to one of four nonsense words that stand for pairs of colour and shape."""
    colour, shape = rng.choice(COLOURS), rng.choice(SHAPES)
    size, place, number = rng.choice(SIZES), rng.choice(PLACES), rng.choice(NUMBERS)
    return Example(f"{place} {number}: {size} {colour} {shape}", label_of(colour, shape))
