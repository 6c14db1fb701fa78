"""Integer vectors on two sides of a hidden plane through the middle of their range."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import rule_random
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("kel", "dov")
SIZE = 6
MIDDLE = 9
MARGIN = 12  # vectors nearer to the plane than this are not asked about
_rule = rule_random("integer_plane")
NORMAL = tuple(_rule.choice((-3, -2, -1, 1, 2, 3)) for _ in range(SIZE))


def side_of(vector: list[int]) -> int:
    """Return how far the vector lies from the plane, with the sign of the side."""
    return sum(weight * (value - MIDDLE) for weight, value in zip(NORMAL, vector, strict=True))


@builtin_task(
    instruction="Which of the two classes do the numbers belong to?",
    metric="accuracy",
    labels=LABELS,
)
def integer_plane(rng: random.Random) -> Example:
    """Six integers from 0 to 18 to one of two classes, divided by a hidden plane."""
    label = rng.randrange(2)
    while True:
        vector = [rng.randint(0, 2 * MIDDLE) for _ in range(SIZE)]
        side = side_of(vector)
        if abs(side) >= MARGIN:
            break
    if (side > 0) != (label == 0):  # the mirror image lies on the other side
        vector = [2 * MIDDLE - value for value in vector]
    return Example(" ".join(map(str, vector)), LABELS[label])
