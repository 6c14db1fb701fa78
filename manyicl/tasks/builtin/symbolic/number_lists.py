"""Lists of numbers and what one fixed function makes of them, a task for each function."""

from __future__ import annotations

import random
from collections.abc import Callable

from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# task: (what it does, the function)
FUNCTIONS: dict[str, tuple[str, Callable[[list[int]], list[int]]]] = {
    "list_swap_ends": (
        "the first and the last number change places",
        lambda numbers: [numbers[-1], *numbers[1:-1], numbers[0]],
    ),
    "list_keep_large": (
        "only the numbers above 50 stay",
        lambda numbers: [number for number in numbers if number > 50],
    ),
    "list_every_second": (
        "every second number stays, counted from the end",
        lambda numbers: numbers[::-2],
    ),
}


def _register(name: str, what: str, function: Callable[[list[int]], list[int]]) -> None:
    def generate(rng: random.Random) -> Example:
        while True:
            numbers = rng.sample(range(1, 100), rng.randint(4, 7))
            made = function(numbers)
            if made and made != numbers:
                return Example(" ".join(map(str, numbers)), " ".join(map(str, made)))

    generate.__doc__ = f"Lists of four to seven numbers; {what}."
    builtin_task(name=name, instruction="Apply the same rule to the list.", metric="exact_match")(
        generate
    )


for _name, (_what, _function) in FUNCTIONS.items():
    _register(_name, _what, _function)
