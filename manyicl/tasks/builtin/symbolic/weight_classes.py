"""Lots with a number and a weight: the range the weight lies in decides, the number does not."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# label: the weights from the first number to just below the second, in grams
RANGES: dict[str, tuple[int, int]] = {
    "pearl": (100, 300),
    "amber": (300, 500),
    "coral": (500, 800),
    "flint": (800, 1000),
}


@builtin_task(instruction="Name the class of the lot.", metric="accuracy", labels=tuple(RANGES))
def weight_classes(rng: random.Random) -> Example:
    """Lots to one of four words by the range of their weight; the lot's number is a distractor."""
    label = rng.choice(tuple(RANGES))
    return Example(f"lot {rng.randint(100, 999)}, {rng.randrange(*RANGES[label])} g", label)
