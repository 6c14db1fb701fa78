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
    day1, day2 = (DAYS[day] for day in sorted(rng.sample(range(len(DAYS)), 2)))
    day3 = rng.choice([day for day in DAYS if day not in (day1, day2)])
    a, b = rng.sample(range(4, 60), 2)
    goods, other_goods = rng.sample(GOODS, 2)
    town, other_town = rng.sample(TOWNS, 2)
    report = GRAMMAR.write(
        rng, "{report}. {aside}",
        town=town, a=a, b=b, goods=goods, day1=day1, day2=day2, day3=day3, c=rng.randint(3, 30),
    )  # fmt: skip
    true = label == "supported" or (label == "unknown" and rng.random() < 0.5)
    forms = [_bound, _comparison, _total]
    if label == "unknown":
        # As if it were about the report, but one thing that it says nothing of is put in.
        swap = rng.choice(("goods", "town", "day"))
        goods = other_goods if swap == "goods" else goods
        town = other_town if swap == "town" else town
        if swap == "day":
            day1, day2 = rng.choice(((day1, day3), (day3, day2)))
            forms = [_comparison]  # a known day alone could settle a bound or a sum
    statement = rng.choice(forms)(rng, (day1, a), (day2, b), true)
    return Example(
        f"Report: {report}\nStatement: {GRAMMAR.write(rng, statement, goods=goods, town=town)}",
        label,
    )


Count = tuple[str, int]  # a day and what came on it


def _bound(rng: random.Random, first: Count, second: Count, true: bool) -> str:
    day, number = rng.choice((first, second))
    step = rng.randint(1, 12)
    low, high = max(3, number - step), number + step
    return rng.choice(
        (
            f"{{town}} received at least {low if true else high} {{goods}} on {day}.",
            f"more than {low - 1 if true else high} {{goods}} came to {{town}} on {day}.",
            f"fewer than {high if true else low} {{goods}} came to {{town}} on {day}.",
            f"{{town}} received at most {high if true else low} {{goods}} on {day}.",
            f"exactly {number if true else rng.choice((low, high))} {{goods}} reached {{town}} "
            f"on {day}.",
        )
    )


def _comparison(rng: random.Random, first: Count, second: Count, true: bool) -> str:
    low, high = sorted((first, second), key=lambda count: count[1])
    more, less = (high[0], low[0]) if true else (low[0], high[0])
    return rng.choice(
        (
            f"more {{goods}} came to {{town}} on {more} than on {less}.",
            f"{{town}} had fewer {{goods}} on {less} than on {more}.",
        )
    )


def _total(rng: random.Random, first: Count, second: Count, true: bool) -> str:
    total, step = first[1] + second[1], rng.randint(1, 12)
    exact = total if true else total + rng.choice((-step, step))
    return rng.choice(
        (
            f"together {{town}} received {exact} {{goods}} on {first[0]} and {second[0]}.",
            f"{{town}} received at least {total - step if true else total + step} {{goods}} in all "
            f"on {first[0]} and {second[0]}.",
        )
    )
