"""The order in which a task's rows come up for demonstrations, endless and seeded.

Both kinds hand out rows one at a time, take back what was not used, and have a small state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from manyicl.episodes.sequence import EncodedPool


class RowStream:
    """A task's rows, every one once before any comes again. A row that must not be taken now waits
    at the head of the line; it is not drawn again before it was taken."""

    def __init__(
        self, pool: EncodedPool, rows: set[int], order: str, seed: int, key: Sequence[int] = ()
    ):
        self._pool, self._rows, self._order, self._seed = pool.pool, rows, order, seed
        self._key = tuple(key)
        self._epoch = -1
        self._queue: list[int] = []  # the next row last

    def take(self, blocked: set[int]) -> int | None:
        """Remove and return the next row that is not blocked; None if all rows are."""
        if self._rows <= blocked:
            return None
        while True:
            for place in range(len(self._queue) - 1, -1, -1):
                if self._queue[place] not in blocked:
                    return self._queue.pop(place)
            self._epoch += 1
            fresh = self._permutation(self._epoch)[::-1]
            self._queue[:0] = [row for row in fresh if row not in self._queue]

    def put_back(self, row: int) -> None:
        """Return an unused row to the head of the line."""
        self._queue.append(row)

    def _permutation(self, epoch: int) -> list[int]:
        if self._order == "first":
            return sorted(self._rows)
        rng = self._pool.rng("rows", *self._key, self._seed, epoch)
        return rng.permutation(sorted(self._rows)).tolist()

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self._epoch, "queue": list(self._queue)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._epoch, self._queue = int(state["epoch"]), list(state["queue"])


class BalancedRows:
    """A task's rows, classes taking turns in a random order, and the rows of each class likewise.

    A class begins again when its rows are used up: with every row once, the end of an epoch would
    be sequences of the largest class alone, which teach to repeat the last label.
    """

    def __init__(self, pool: EncodedPool, rows: set[int], seed: int):
        self._pool, self._rows, self._seed = pool.pool, rows, seed
        of_target: dict[str, set[int]] = {}
        for row in rows:
            of_target.setdefault(pool.pool.examples[row].target, set()).add(row)
        classes = [of_target[target] for target in sorted(of_target)]
        self._class_of = {row: at for at, members in enumerate(classes) for row in members}
        self._classes = [
            RowStream(pool, members, "random", seed, [at]) for at, members in enumerate(classes)
        ]
        self._round = -1
        self._turns: list[int] = []  # the next class last

    def take(self, blocked: set[int]) -> int | None:
        """Remove and return the next row that is not blocked; None if all rows are."""
        if self._rows <= blocked:
            return None
        while True:  # a class of which all rows are blocked is passed over
            if not self._turns:
                self._round += 1
                rng = self._pool.rng("turns", self._seed, self._round)
                self._turns = rng.permutation(len(self._classes)).tolist()
            row = self._classes[self._turns.pop()].take(blocked)
            if row is not None:
                return row

    def put_back(self, row: int) -> None:
        """Return an unused row, and its class, to the head of the line."""
        self._turns.append(self._class_of[row])
        self._classes[self._class_of[row]].put_back(row)

    def state_dict(self) -> dict[str, Any]:
        classes = [rows.state_dict() for rows in self._classes]
        return {"round": self._round, "turns": list(self._turns), "classes": classes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._round, self._turns = int(state["round"]), list(state["turns"])
        for rows, saved in zip(self._classes, state["classes"], strict=True):
            rows.load_state_dict(saved)
