"""Protocols of tests on three samples: which reached the required value, which was best."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, listed
from manyicl.tasks.builtin.lexicon.calendar import WEEKDAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# (what is tested, kind of test, unit, how a sample's value is told, smallest and largest value)
TESTS = (
    ("climbing ropes", "pull", "kg", "tore at {value} kg", 300, 900),
    ("shelf boards", "load", "kg", "gave way at {value} kg", 60, 220),
    ("batteries", "running time", "hours", "kept the lamp on for {value} hours", 20, 90),
    ("glues", "hold", "newtons", "came off at {value} newtons", 100, 400),
    ("paper bags", "load", "grams", "burst at {value} grams", 800, 4000),
    ("tents", "rain", "minutes", "stayed dry for {value} minutes", 60, 300),
    ("candles", "burning time", "minutes", "went out after {value} minutes", 100, 500),
    ("zips", "wear", "cycles", "jammed after {value} cycles", 1000, 9000),
    ("coatings", "scratch", "strokes", "showed the metal after {value} strokes", 50, 400),
    ("drill bits", "wear", "holes", "was blunt after {value} holes", 30, 160),
)
GRAMMAR = Grammar(
    {
        "opening": (
            "Protocol of {day}, {a} at the bench.",
            "{a} and {b} tested {goods} on {day}.",
            "Test of {goods}, room {room}, {day}.",
            "Weather outside: wet. Room at 21 degrees. {a} took the notes.",
        ),
        "rule": (
            "At least {limit} {unit} are required.",
            "The norm asks for {limit} {unit} or more.",
            "To pass the {kind} test, {goods} have to reach {limit} {unit}.",
            "The buyer wants no less than {limit} {unit}.",
        ),
        "plain": (
            "Sample {name} {told}.",
            "{name} {told}.",
            "The next one, {name}, {told}.",
            "With sample {name} it was quick to see: it {told}.",
        ),
        "again": (
            "Sample {name} {wrong}, but the clamp had slipped; on the second try it {told}.",
            "{name} first {wrong}. {b} found the gauge set wrongly, and when repeated it {told}.",
            "A reading for {name} was thrown out because it {wrong} on a loose base. Done again, "
            "it {told}.",
        ),
        "filler": (
            "The gauge was last checked in May.",
            "All three come from one maker in {town}.",
            "Photos are in the folder.",
            "Last year's {goods} reached {last} {unit} on average.",
            "A fourth sample was lost in the post.",
        ),
        "end": (
            "{b} signed for the values.",
            "Next test on {day2}.",
            "The bench was cleaned afterwards.",
            "What is left of them is in box {room}.",
        ),
    }
)


@builtin_task(
    instruction="State the outcome: which samples passed, which failed, and the best value.",
    metric="rouge_l",
)
def lab_outcome(rng: random.Random) -> Example:
    """Test protocols to the samples that reached the required value, the others, the best"""
    goods, kind, unit, told, least, most = rng.choice(TESTS)
    step = 5 if most < 1000 else 50
    limit = rng.randrange(least + (most - least) // 4, most - (most - least) // 4, step)
    names = rng.sample("BCDEFGHKLMNPRST", 3)  # A would be read as an article
    num_pass = rng.choice((1, 2))
    above = [*range(limit, most + step, step)][1:]
    below = [*range(least, limit, step)]
    values = rng.sample(above, num_pass) + rng.sample(below, 3 - num_pass)
    value_of = dict(zip(names, values, strict=True))
    order = sorted(names) if rng.random() < 0.5 else rng.sample(names, 3)
    repeated = rng.choice(order)
    wrong = rng.choice([value for value in above + below if value not in values])
    one, two = people(rng, 2)
    day, day2 = rng.sample(WEEKDAYS, 2)
    bound = {
        "goods": goods, "kind": kind, "unit": unit, "limit": limit, "a": one.first,
        "b": two.first, "day": day, "day2": day2, "room": rng.randint(3, 39),
        "last": rng.choice(above), "town": rng.choice(("the north", "Italy", "the valley")),
    }  # fmt: skip
    said = []
    for place, name in enumerate(order):
        templates = GRAMMAR.rules["again" if name == repeated else "plain"]
        if not place:
            templates = [template for template in templates if "next one" not in template]
        bound |= {"name": name, "told": told.format(value=value_of[name])}
        bound["wrong"] = told.format(value=wrong)
        said.append(GRAMMAR.write(rng, rng.choice(templates), **bound))
    rule, filler = "{rule}", "{filler}"
    parts = rng.choice(
        (
            ["{opening}", rule, filler, *said, "{end}"],
            ["{opening}", filler, *said, rule, "{end}"],
            ["{opening}", said[0], rule, *said[1:], filler, "{end}"],
        )
    )
    text = GRAMMAR.write(rng, " ".join(parts), **bound)
    passed = sorted(name for name in names if value_of[name] > limit)
    failed = sorted(set(names) - set(passed))
    best = max(names, key=value_of.__getitem__)
    return Example(
        text,
        f"{listed(passed)} passed, {listed(failed)} failed; best was {best} with "
        f"{value_of[best]} {unit}.",
    )
