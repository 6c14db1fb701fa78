"""Short reports with numbers, and statements that compare, add or bound them."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("supported", "refuted", "unknown")
GOODS = (
    "pallets", "parcels", "crates", "sacks", "bottles", "tyres", "letters", "chairs", "barrels",
    "boxes", "bicycles", "batteries",
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "report": (
            "the depot in {town} took in {a} {goods} on {day1} and {b} on {day2}",
            "on {day1} {a} {goods} reached the {town} depot, on {day2} it was {b}",
            "{town} depot: {day1} {a} {goods}, {day2} {b} {goods}",
            "after {a} {goods} on {day1} the depot in {town} received {b} more on {day2}",
        ),
        "aside": (
            "The {day3} figures are not in yet.",
            "{c} workers were on duty.",
            "The gate closed at {hour}.",
            "The scales were out of order for {c} minutes.",
            "",
        ),
        "hour": ("four", "five", "six", "seven"),
    }
)


@builtin_task(
    instruction="Check the statement against the report.",
    metric="accuracy",
    labels=LABELS,
)
def number_nli(rng: random.Random) -> Example:
    """Statements with more, fewer, at least, in total about a report with two numbers."""
    label = rng.choice(LABELS)
    day1, day2, day3 = rng.sample(DAYS, 3)
    a, b = rng.sample(range(4, 60), 2)
    goods, other_goods = rng.sample(GOODS, 2)
    town, other_town = rng.sample(TOWNS, 2)
    report = GRAMMAR.write(
        rng, "{report}. {aside}",
        town=town, a=a, b=b, goods=goods, day1=day1, day2=day2, day3=day3, c=rng.randint(3, 30),
    )  # fmt: skip
    if label == "unknown":
        # As if it were about the report, but one thing it says nothing of is put in.
        swap = rng.randrange(3)
        goods = other_goods if swap == 0 else goods
        town = other_town if swap == 1 else town
        if swap == 2:
            day1, day2 = rng.choice(((day1, day3), (day3, day2)))
    true = label == "supported" or (label == "unknown" and rng.random() < 0.5)
    statement = _statement(rng, a, b, goods, town, day1, day2, true, both=label == "unknown")
    return Example(f"Report: {report}\nStatement: {statement}", label)


def _statement(
    rng: random.Random, a: int, b: int, goods: str, town: str, day1: str, day2: str, true: bool,
    both: bool,
) -> str:  # fmt: skip
    """Write a statement that is true or false of a and b; with `both` it must name both days."""
    first = rng.random() < 0.5
    day, number = (day1, a) if first else (day2, b)
    step = rng.randint(1, 12)
    low, high = max(1, number - step), number + step
    # To be true, a bound from below must be at or below the number; to be false, above it.
    single = (
        f"{town} received at least {low if true else high} {goods} on {day}",
        f"more than {max(0, low - 1) if true else high} {goods} came to {town} on {day}",
        f"fewer than {high if true else low} {goods} came to {town} on {day}",
        f"{town} received at most {high if true else low} {goods} on {day}",
        f"exactly {number if true else rng.choice((low, high))} {goods} reached {town} on {day}",
    )
    total = a + b
    more, less = (day1, day2) if (a > b) == true else (day2, day1)
    double = (
        f"more {goods} came to {town} on {more} than on {less}",
        f"{town} had fewer {goods} on {less} than on {more}",
        f"together {town} received {total if true else total + rng.choice((-step, step))} {goods} "
        f"on {day1} and {day2}",
        f"{town} received at least {total - step if true else total + step} {goods} in all on "
        f"{day1} and {day2}",
    )
    return GRAMMAR.write(rng, rng.choice(double if both or rng.random() < 0.5 else single) + ".")
