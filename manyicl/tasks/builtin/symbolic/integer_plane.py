"""Integer vectors on two sides of a hidden plane through the origin."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.nonsense import rule_random
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("kel", "dov")
SIZE = 6
MARGIN = 12  # vectors nearer to the plane than this are not asked about
_rule = rule_random("integer_plane")
NORMAL = tuple(_rule.choice((-3, -2, -1, 1, 2, 3)) for _ in range(SIZE))


@builtin_task(
    instruction="Which of the two classes do the numbers belong to?",
    metric="accuracy",
    labels=LABELS,
)
def integer_plane(rng: random.Random) -> Example:
    """Six integers to one of two classes, divided by a hidden plane (linear classification)."""
    label = rng.randrange(2)
    while True:
        vector = [rng.randint(-9, 9) for _ in range(SIZE)]
        side = sum(weight * value for weight, value in zip(NORMAL, vector, strict=True))
        if abs(side) >= MARGIN:
            break
    if (side > 0) != (label == 0):  # the mirror image lies on the other side
        vector = [-value for value in vector]
    return Example(" ".join(map(str, vector)), LABELS[label])
