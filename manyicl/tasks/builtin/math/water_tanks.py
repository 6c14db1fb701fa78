"""Tanks, barrels and pools: so many litres a minute in and out, how long, how much."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

TANKS = ("rain barrel", "fish pond", "bath tub", "paddling pool", "water tank", "cattle trough",
         "fire engine", "milk tank", "fountain", "wine vat")  # fmt: skip
GRAMMAR = Grammar(
    {
        "flow": (
            "{f} litres a minute run into a {tank}",
            "a pipe in {town} fills a {tank} with {f} litres a minute",
            "{who} fills a {tank} at {f} litres a minute",
        ),
        "aside": (
            "",
            "",
            "The hose is {x} metres long.",
            "It stands {x} steps from the house.",
            "The tap is {x} years old.",
            "It was cleaned {x} days ago.",
        ),
        "leak": ("through a leak {l} litres a minute are lost", "{l} litres a minute run out again",
                 "at the same time {who} draws off {l} litres a minute"),
        "time": ("It is empty and holds {v} litres. How many minutes until it is full?",
                 "How many minutes does it take to fill in {v} litres?"),
        "amount": ("How many litres is that in {m} minutes?",
                   "How many litres are in it after {m} minutes, if it was empty?"),
        "start": ("There were {s} litres in it. How many litres is that after {m} minutes?",
                  "It held {s} litres before. How many litres does it hold {m} minutes later?"),
        "drain": (
            "a {tank} in {town} holds {v} litres and loses {f} litres a minute. {aside} In how many"
            " minutes is it empty?",
            "{who} empties a {tank} of {v} litres with a pump for {f} litres a minute. {aside} How"
            " many minutes does that take?",
        ),
        "cans": (
            "{who} fills a {tank} of {v} litres with a can that holds {f} litres. {aside} How many"
            " cans is that?",
            "{who} carries {m} cans of {f} litres each to a {tank}. {aside} How many litres is"
            " that?",
        ),
    }
)  # fmt: skip


@builtin_task(instruction="Solve it and give the number.", metric="numeric")
def tank_filling(rng: random.Random) -> Example:
    """Water in and out at a steady rate: minutes until full or empty, litres after a while."""
    flow, leak = rng.randint(5, 24), rng.randint(2, 4)
    m, s = rng.randint(3, 15), rng.randint(6, 80)
    form = rng.choice(("time", "amount", "start", "drain", "cans"))
    leaks = form in ("time", "amount", "start") and rng.random() < 0.45
    gained = m * (flow - leak if leaks else flow)
    template = rng.choice(GRAMMAR.rules[form])
    answer = {"time": m, "amount": gained, "start": gained + s, "drain": m,
              "cans": gained if "{m}" in template else m}[form]  # fmt: skip
    if form in ("time", "amount", "start"):
        template = f"{{flow}}{', and {leak}' if leaks else ''}. {{aside}} {template}"
    text = GRAMMAR.write(
        rng, template, tank=rng.choice(TANKS), f=flow, l=leak, m=m, s=s, v=gained,
        who=person(rng).first, town=rng.choice(TOWNS), x=rng.randint(6, 60),
    )  # fmt: skip
    return Example(text, str(answer))
