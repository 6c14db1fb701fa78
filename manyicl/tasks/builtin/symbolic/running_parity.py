"""Sequential parity: after every bit, whether the number of ones so far is odd."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example


@builtin_task(instruction="Continue as in the examples.", metric="exact_match")
def running_parity(rng: random.Random) -> Example:
    """Ten to fourteen bits to their running parities."""
    bits, parities = [0], [0]
    while parities == bits:
        bits = [rng.randrange(2) for _ in range(rng.randint(10, 14))]
        parities = [sum(bits[: place + 1]) % 2 for place in range(len(bits))]
    return Example(" ".join(map(str, bits)), " ".join(map(str, parities)))
