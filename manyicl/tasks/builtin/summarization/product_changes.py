"""Announcements of a new model: what is more, what is new, what is gone; the rest stays."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import MONTHS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# product: (its measures with unit and values, its features)
PRODUCTS: dict[str, tuple[tuple[tuple[str, str, range], ...], tuple[str, ...]]] = {
    "coffee machine": (
        (("tank", "ml", range(800, 2000, 100)), ("cable", "cm", range(60, 160, 10)),
         ("warm-up time", "seconds", range(20, 90, 5))),
        ("milk frother", "child lock", "cup light", "timer", "water filter", "second spout"),
    ),
    "bike computer": (
        (("battery life", "hours", range(8, 40, 2)), ("screen", "mm", range(35, 80, 5)),
         ("memory", "routes", range(20, 200, 10))),
        ("compass", "night mode", "heart rate strap", "theft alarm", "weather page", "voice guide"),
    ),
    "e-reader": (
        (("memory", "books", range(500, 4000, 100)), ("weight", "grams", range(140, 260, 10)),
         ("battery life", "days", range(10, 60, 2))),
        ("reading light", "dictionary", "page key", "pen", "stereo speaker", "library link"),
    ),
    "vacuum cleaner": (
        (("dust box", "ml", range(300, 1500, 50)), ("cable", "cm", range(400, 900, 50)),
         ("noise level", "decibels", range(55, 82))),
        ("pet brush", "foot switch", "lamp", "cable rewind", "fine filter", "parquet brush"),
    ),
    "notes app": (
        (("free storage", "MB", range(100, 900, 50)),
         ("note length", "words", range(500, 5000, 250)), ("trash period", "days", range(7, 60))),
        ("dark mode", "sharing link", "audio note", "calendar view", "drawing tool", "app lock"),
    ),
    "camping stove": (
        (("weight", "grams", range(200, 900, 20)), ("boiling time", "seconds", range(90, 300, 10)),
         ("burning time", "minutes", range(40, 140, 5))),
        ("wind shield", "pot stand", "piezo lighter", "carry bag", "gas gauge", "folding base"),
    ),
    "hearing aid": (
        (("battery life", "hours", range(12, 40, 2)), ("range", "metres", range(5, 30)),
         ("charging time", "minutes", range(20, 180, 10))),
        ("phone link", "wind filter", "tinnitus mode", "music mode", "volume wheel", "flash light"),
    ),
}  # fmt: skip
NAMES = ("Luma", "Orvo", "Tekko", "Brill", "Sanda", "Norda", "Vento", "Pico", "Alba", "Rondo")
GRAMMAR = Grammar(
    {
        "opening": (
            "The new {name} {product} has been in our shop since {month}.",
            "Two years after the first one, here is the {name} {product} again.",
            "{a} and the team have gone over the {name} {product}.",
            "You wrote to us about the {name} {product}, {num} letters in all.",
        ),
        "change": (
            "The {measure}: {old} {unit} so far, {new} {unit} from now on.",
            "Where you had {old} {unit}, the {measure} now comes to {new} {unit}.",
            "With {new} {unit} instead of {old} the {measure} is not what it was.",
            "{measure} changed: {new} {unit}, it used to be {old}.",
        ),
        "same": (
            "The {other_measure} is still {kept} {other_unit}.",
            "At {kept} {other_unit} the {other_measure} is what it was.",
            "Nothing changes about the {other_measure}, {kept} {other_unit}.",
        ),
        "added": (
            "For the first time there is the {plus}.",
            "You will also find the {plus}, which the old one lacked.",
            "Tests with the {plus} went so well that it is now built in.",
            "Welcome to the {plus}, long asked for.",
        ),
        "removed": (
            "We say goodbye to the {minus}, which hardly anyone used.",
            "The {minus} had to go to keep the price down.",
            "Those who loved the {minus} will miss it from now on.",
            "There is no room for the {minus} any more.",
        ),
        "stays": (
            "The {stay} stays, of course.",
            "The {stay} has not been touched.",
        ),
        "waits": (
            "A {later} was discussed, but has to wait until {month2}.",
            "Some of you want a {later}; we are thinking about it.",
        ),
        "end": (
            "The price is the same as before.",
            "{a} shows it at the fair in {month2}.",
            "Old models are repaired until further notice.",
            "Spare parts fit both models.",
        ),
        "end_of_app": (
            "The price is the same as before.",
            "{a} shows it at the fair in {month2}.",
            "The old version works until further notice.",
        ),
    }
)


@builtin_task(
    instruction="Write the changelog line: what was changed, added and removed.",
    metric="rouge_l",
)
def changelog_line(rng: random.Random) -> Example:
    """Announcements of a new model to the changed value, the added and the removed feature"""
    product = rng.choice(tuple(PRODUCTS))
    measures, features = PRODUCTS[product]
    (measure, unit, span), (other, other_unit, other_span) = rng.sample(measures, 2)
    old, new = rng.sample(span, 2)
    plus, minus, stay, later = rng.sample(features, 4)
    month, month2 = rng.sample(MONTHS, 2)
    bound = {
        "name": rng.choice(NAMES), "product": product, "measure": measure, "unit": unit,
        "old": old, "new": new, "other_measure": other, "other_unit": other_unit,
        "kept": rng.choice(other_span), "plus": plus, "minus": minus, "stay": stay,
        "later": later, "month": month, "month2": month2, "a": people(rng, 1)[0].first,
        "num": rng.randrange(20, 400, 10),
    }  # fmt: skip
    parts = ["{change}", "{same}", "{added}", "{removed}", "{stays}", "{waits}"]
    parts.pop(rng.choice((1, 4, 5, 5)))
    rng.shuffle(parts)
    end = "{end_of_app}" if product.endswith("app") else "{end}"
    text = GRAMMAR.write(rng, " ".join(["{opening}", *parts, end]), **bound)
    return Example(
        text, f"{measure} {old} to {new} {unit}, {plus} added, {minus} removed".capitalize()
    )
