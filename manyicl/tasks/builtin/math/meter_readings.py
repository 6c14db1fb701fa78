"""Readings of instruments: average, range, change, and the missing reading."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, listed
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# what is read, and in what
READINGS = (
    ("the water level", "centimetres"), ("the parcel counter", "parcels"),
    ("the temperature of the compost", "degrees"), ("the rain gauge", "millimetres"),
    ("the power meter", "kilowatt hours"), ("the weight of the parcels", "kilos"),
    ("the car counter", "cars"), ("the wind", "kilometres an hour"), ("the pool", "visitors"),
    ("the waiting time", "minutes"), ("the egg count", "eggs"), ("the bike counter", "bikes"),
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "list": (
            "readings for {thing} in {town}: {all} {unit}",
            "in {town} {who} wrote down for {thing}: {all} {unit}",
            "{thing} in {town}, {k} readings in {unit}: {all}",
        ),
        "aside": (
            "",
            "",
            "The device is {x} years old.",
            "It is read {x} times a month.",
            "The log has {x} pages.",
            "{who} has done this for {x} years.",
        ),
        "average": ("What is the average?", "What is the mean of the readings?",
                    "How many {unit} is that on average?"),
        "range": ("How far are the highest and the lowest reading apart?",
                  "By how much is the highest reading above the lowest?"),
        "sum": ("How many {unit} is that in total?", "What do the readings add up to?"),
        "high": ("What is the highest reading?", "Which reading is the largest?"),
        "low": ("What is the lowest reading?", "Which reading is the smallest?"),
        "missing": (
            "the average of {k} readings for {thing} in {town} is {mean} {unit}. {aside} All but"
            " one are known: {known}. What is the missing one?",
        ),
    }
)  # fmt: skip


@builtin_task(instruction="Give one number for the readings.", metric="numeric")
def reading_series(rng: random.Random) -> Example:
    """Three to five readings: average, range, total, highest, lowest, or one from the average."""
    k = rng.choice((3, 3, 4, 5))
    values = rng.sample(range(5, 60), k)
    values[-1] += -sum(values) % k  # a whole average
    form = rng.choice(("average", "average", "range", "sum", "high", "low", "missing"))
    mean = sum(values) // k
    answer = {"average": mean, "range": max(values) - min(values), "sum": sum(values),
              "high": max(values), "low": min(values), "missing": values[-1]}[form]  # fmt: skip
    known = listed([str(value) for value in values[:-1]])
    if form != "missing":
        rng.shuffle(values)
    thing, unit = rng.choice(READINGS)
    template = "{missing}" if form == "missing" else f"{{list}}. {{aside}} {{{form}}}"
    text = GRAMMAR.write(
        rng, template, thing=thing, unit=unit, town=rng.choice(TOWNS), who=person(rng).first,
        k=k, all=listed([str(value) for value in values]), known=known, mean=mean,
        x=rng.randint(2, 30),
    )  # fmt: skip
    return Example(text, str(answer))
