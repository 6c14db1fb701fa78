"""Random draws that are the same in every process and on every Python version.

Python promises that for `random.Random.random()` alone, so every draw the generators use is built
on it here. Not for statistics: choosing by multiplication has a bias of about n / 2**53.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")


def stable_digest(text: str) -> int:
    """Return a 64-bit number that depends on the text alone (SHA-256), unlike `hash`."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class StableRandom(random.Random):
    """Give `random.Random` whose draws below come from `random()` alone.

    Generators use these methods and `random()`, and no others.
    """

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        if stop is None:
            start, stop = 0, start
        count = len(range(start, stop, step))
        if not count:
            raise ValueError(f"nothing lies in range({start}, {stop}, {step})")
        return start + step * int(self.random() * count)

    def randint(self, a: int, b: int) -> int:
        return self.randrange(a, b + 1)

    def choice(self, seq: Sequence[T]) -> T:  # pyright: ignore[reportIncompatibleMethodOverride]
        return seq[int(self.random() * len(seq))]

    def shuffle(self, x: MutableSequence[T]) -> None:
        for last in range(len(x) - 1, 0, -1):
            other = int(self.random() * (last + 1))
            x[last], x[other] = x[other], x[last]

    def sample(
        self, population: Sequence[T], k: int, *, counts: Iterable[int] | None = None
    ) -> list[T]:
        if counts is not None:
            raise ValueError("counts are not supported")
        if k > len(population):
            raise ValueError(f"{k} distinct draws from {len(population)} things")
        rest = list(population)
        return [rest.pop(int(self.random() * len(rest))) for _ in range(k)]
