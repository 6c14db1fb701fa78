"""Beds, lawns and yards: fence, area, rows of plants, and the missing side."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

PLOTS = ("lawn", "vegetable bed", "chicken run", "rose bed", "terrace", "strawberry field",
         "playground", "herb garden", "paddock", "flower bed")  # fmt: skip
PLANTS = ("leeks", "tulips", "lettuces", "cabbages", "strawberries", "onions", "beans", "dahlias")
GRAMMAR = Grammar(
    {
        "sides": (
            "{who}'s {plot} is {a} metres long and {b} metres wide",
            "a {plot} measures {a} by {b} metres",
            "{who} marks out a {plot}, {a} metres by {b} metres",
            "the school's {plot} is {b} metres wide and {a} metres long",
        ),
        "aside": (
            "",
            "",
            "It was laid out {x} years ago.",
            "The hedge is {x} years old.",
            "{who} works there for {x} hours.",
            "The nearest tap is {x} steps away.",
        ),
        "fence": (
            "How many metres of fence go all the way round?",
            "{who} walks round it once. How many metres is that?",
            "What is its perimeter in metres?",
        ),
        "area": (
            "How many square metres is it?",
            "How many square metres of turf cover it?",
            "What is its area in square metres?",
        ),
        "gate": (
            "A gate of {g} metres stays open. How many metres of fence are needed for the rest?",
            "{who} puts a fence round it, except for a gap of {g} metres. How many metres of fence"
            " is that?",
        ),
        "path": (
            "{s} square metres of it are paved. How many square metres are left?",
            "A shed takes up {s} square metres of it. How many square metres are free?",
        ),
        "rows": (
            "{who} plants {a} rows of {b} {plants}. {aside} How many {plants} are there?",
            "there are {a} rows with {b} {plants} in each. {aside} snails eat {s} of the {plants}."
            " How many {plants} are left?",
        ),
        "side": (
            "a {plot} of {area_n} square metres is {b} metres wide. {aside} How many metres long is"
            " it?",
            "{who} has {area_n} {plants} and puts {b} in a row. {aside} How many rows does that"
            " make?",
        ),
    }
)


@builtin_task(instruction="Answer with the number only.", metric="numeric")
def garden_plot(rng: random.Random) -> Example:
    """Plots with two sides: perimeter, area, what is left, rows of plants, the missing side."""
    a, b = rng.randint(4, 20), rng.randint(3, 12)
    if a == b:
        a += 1
    g, s = rng.randint(1, 3), rng.randint(2, 9)
    form = rng.choice(("fence", "area", "gate", "path", "rows", "side"))
    template = rng.choice(GRAMMAR.rules[form])
    answer = {"fence": 2 * (a + b), "area": a * b, "gate": 2 * (a + b) - g, "path": a * b - s,
              "rows": a * b - s if "snails" in template else a * b, "side": a}[form]  # fmt: skip
    if form not in ("rows", "side"):
        template = f"{{sides}}. {{aside}} {template}"
    text = GRAMMAR.write(
        rng, template, who=person(rng).first, plot=rng.choice(PLOTS), plants=rng.choice(PLANTS),
        a=a, b=b, g=f"{g}", s=s, x=rng.randint(3, 40), area_n=a * b,
    )  # fmt: skip
    return Example(text.replace(" of 1 metres", " of 1 metre"), str(answer))
