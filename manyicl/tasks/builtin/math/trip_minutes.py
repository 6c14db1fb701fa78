"""Journeys: minutes under way, with stops and changes, and distances at a steady speed."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import clock
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

VEHICLES = ("bus", "train", "ferry", "tram", "coach")
GRAMMAR = Grammar(
    {
        "aside": (
            "",
            "",
            "The ticket costs {x} dollars.",
            "There are {x} seats left.",
            "It is line {x}.",
            "{who} carries {x} kilos of luggage.",
        ),
        # by bicycle or in a car there are no tickets, seats and lines
        "on_road": (
            "",
            "",
            "{who} carries {x} kilos of luggage.",
            "The road has {x} bends.",
            "The way leads over {x} bridges.",
        ),
        "arrive": (
            "A {vehicle} leaves {a} at {t1} and reaches {b} at {t2}. {aside}"
            " How many minutes does the trip take?",
            "{who} gets on the {vehicle} in {a} at {t1}. {aside} At {t2} it stops in {b}, where"
            " {they} gets off. How many minutes was {who} on board?",
        ),
        "change": (
            "The {vehicle} from {a} to {b} takes {m} minutes. There {who} waits {w} minutes for"
            " the bus to {c}, which takes {n} minutes. {aside} How many minutes is {who} under way"
            " in all?",
            "{who} needs {m} minutes from {a} to {b} by {vehicle} and {n} minutes from there to"
            " {c}. The wait between them is {w} minutes. {aside} How long is the whole trip in"
            " minutes?",
        ),
        "ride": (
            "From {a} to {b} the {vehicle} takes {m} minutes, with a delay of {w} minutes today."
            " {aside} {who} makes the trip {k} times today. How many minutes is that?",
        ),
        "speed": (
            "{who} cycles at {v} kilometres an hour from {a} to {b}. {on_road} After {h} hours"
            " {they} is there. How many kilometres is it?",
            "It is {d} kilometres from {a} to {b}. {who} drives at a steady {v} kilometres an hour."
            " {on_road} How many hours does it take?",
            "A {vehicle} covers {v} kilometres an hour. {aside} How many kilometres is {b} from {a}"
            " if it takes {h} hours?",
        ),
    }
)


@builtin_task(instruction="Answer with a number.", metric="numeric")
def trip_minutes(rng: random.Random) -> Example:
    """Travel problems: minutes between two clock times, trips with a wait, speed and distance."""
    a, b, c = rng.sample(TOWNS, 3)
    who = person(rng)
    start, m, w, n = rng.randrange(360, 1200, 5), rng.randrange(15, 95, 5), 0, 0
    w, n = rng.randrange(5, 30), rng.randrange(10, 80, 5)
    k, h, v = rng.randint(2, 4), rng.randint(2, 6), rng.randrange(12, 24)
    form = rng.choice(("arrive", "change", "ride", "speed"))
    template = rng.choice(GRAMMAR.rules[form])
    if "drives" in template or "covers" in template:
        v = rng.randrange(30, 95, 5)
    answer = {"arrive": m, "change": m + w + n, "ride": k * (m + w), "speed": v * h}[form]
    if "How many hours" in template:
        answer = h
    text = GRAMMAR.write(
        rng, template, a=a, b=b, c=c, who=who.first, they=who.they, vehicle=rng.choice(VEHICLES),
        t1=clock(start), t2=clock(start + m), m=m, w=w, n=n, k=k, h=h, v=v, d=v * h,
        x=rng.randint(3, 40),
    )  # fmt: skip
    return Example(text, str(answer))
