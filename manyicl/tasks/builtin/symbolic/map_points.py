"""Points on a map, on two sides of a slanting line that is nowhere drawn."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("hollow", "ridge")
SIZE = 99  # coordinates run from 0 to this
ACROSS, UP, LIMIT = 2, 3, 248  # the line is ACROSS * x + UP * y = LIMIT, near the middle of the map
MARGIN = 30  # points nearer to the line than this are not asked about


def height(x: int, y: int) -> int:
    """Return how far the point is above the line, in units of no meaning; below is negative."""
    return ACROSS * x + UP * y - LIMIT


@builtin_task(
    instruction="On which side of the border is the point?", metric="accuracy", labels=LABELS
)
def map_points(rng: random.Random) -> Example:
    """Two coordinates from 0 to 99 to one of two sides of a slanting line."""
    label = rng.randrange(2)
    while True:
        x, y = rng.randint(0, SIZE), rng.randint(0, SIZE)
        if abs(height(x, y)) >= MARGIN and (height(x, y) > 0) == bool(label):
            return Example(f"{x} east, {y} north", LABELS[label])
