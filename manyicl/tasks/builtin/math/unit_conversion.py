"""Changes of unit: metres, grams, minutes, dozens; also added up and compared."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# large unit, small unit, how many small ones, what is so large, biggest number of large units
UNITS = (
    ("metres", "centimetres", 100, ("a rope", "a curtain", "a plank", "a scarf", "a hose"), 12),
    ("kilometres", "metres", 1000, ("a trail", "a swim", "a road", "a run", "a canal"), 9),
    ("kilos", "grams", 1000, ("a pumpkin", "a parcel", "a ham", "a cheese", "a fish"), 9),
    ("litres", "millilitres", 1000, ("a jug", "a bucket", "a can", "a pot", "a tub"), 9),
    ("hours", "minutes", 60, ("a film", "a flight", "a concert", "a class", "a hike"), 7),
    ("minutes", "seconds", 60, ("a song", "a race", "a call", "a speech", "a video"), 9),
    ("weeks", "days", 7, ("a course", "a trip", "a loan", "a sale", "a job"), 12),
    ("days", "hours", 24, ("a storm", "a voyage", "a charge", "a match", "a trek"), 6),
    ("years", "months", 12, ("a lease", "a study", "a warranty", "a contract", "a project"), 9),
    ("dozen", "eggs", 12, ("an order", "a delivery", "a crate", "a tray", "a stock"), 12),
)
TIMES = ("hours", "minutes", "weeks", "days", "years")
GRAMMAR = Grammar(
    {
        "is": (
            "{thing} is put down as {n} {big} and {m} {small}",
            "{who} writes down for {thing}: {n} {big} and {m} {small}",
            "{thing} of {n} {big} and {m} {small} is on {who}'s list",
        ),
        "even": (
            "{thing} is put down as {n} {big}",
            "{who} writes down for {thing}: {n} {big}",
            "{thing} of {n} {big} is on {who}'s list",
        ),
        "aside": (
            "",
            "",
            "It costs {x} dollars.",
            "{who} is {x} years old.",
            "It is number {x} in the book.",
        ),
        "ask": ("How many {small} is that?", "What is that in {small}?"),
        "add": (
            "{thing2} is {k} {small} more than that. How many {small} is {thing2}?",
            "Then {k} {small} are added. How many {small} is that in all?",
        ),
        "less": (
            "Of this, {k} {small} are {gone} already. How many {small} are left?",
            "{k} {small} of it do not count. How many {small} do count?",
        ),
        "back": (
            "{thing} is put down as {t} {small}. {aside} How many {big} is that?",
            "{who} writes down for {thing}: {t} {small}. {aside} What is that in {big}?",
        ),
    }
)


@builtin_task(instruction="Convert. Answer with a number.", metric="numeric")
def unit_change(rng: random.Random) -> Example:
    """From metres to centimetres, from dozens to eggs: converted, with some added or taken off."""
    big, small, size, things, most = rng.choice(UNITS)
    thing, thing2 = rng.sample(things, 2)
    n = rng.randint(2, most)
    m = rng.randrange(10, size, 10) if size >= 60 else rng.randrange(2, size)
    even = rng.random() < 0.4
    total = n * size + (0 if even else m)
    k = rng.randrange(5, size, 5) if size >= 24 else rng.randrange(2, size)
    form = rng.choice(("ask", "ask", "add", "less", "back"))
    answer = {"ask": total, "add": total + k, "less": total - k, "back": n}[form]
    start = "{even}" if even else "{is}"
    text = GRAMMAR.write(
        rng, "{back}" if form == "back" else f"{start}. {{aside}} {{{form}}}",
        thing=thing, thing2=thing2, big=big, small=small, n=n, m=m, k=k, t=n * size,
        who=person(rng).first, x=rng.randint(12, 60), gone="over" if big in TIMES else "gone",
    )  # fmt: skip
    return Example(text, str(answer))
