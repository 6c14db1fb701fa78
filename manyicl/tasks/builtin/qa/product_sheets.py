"""Product descriptions: about a third of the questions is not answered by them."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

UNKNOWN = "unknown"
# product: (weights in kg, prices in euros, materials, what comes with it)
PRODUCTS: dict[str, tuple[range, range, tuple[str, ...], tuple[str, ...]]] = {
    product: kind
    for products, kind in (
        (
            ("garden bench", "picnic table", "folding ladder", "letter box", "bicycle trailer"),
            (range(7, 30), range(60, 260, 5),
             ("steel", "beech wood", "aluminium", "recycled plastic", "oak"),
             ("two spare bolts", "a rain cover", "six screws", "an oil can", "a wall hook")),
        ),
        (
            ("tent", "rucksack", "hammock", "beach bag", "sleeping bag", "awning"),
            (range(2, 6), range(25, 160, 3),
             ("canvas", "cotton", "nylon", "felt", "linen"),
             ("two straps", "a repair kit", "a rain cover", "four pegs", "a spare buckle")),
        ),
        (
            ("desk fan", "reading lamp", "radio", "sewing machine", "ice cream maker", "toaster"),
            (range(2, 9), range(19, 140, 3),
             ("steel", "bamboo", "brass", "recycled plastic", "aluminium"),
             ("a spare cable", "a cleaning brush", "two fuses", "a cotton bag", "a recipe card")),
        ),
    )
    for product in products
}  # fmt: skip
# attribute: (values unless the product has its own, ways to say it, ways to ask)
FACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "weight": (
        (),
        ("it weighs {value}", "at {value} it is easy to carry", "the packed weight is {value}"),
        ("How heavy is it?", "What does it weigh?"),
    ),
    "price": (
        (),
        ("it costs {value}", "you get it for {value}", "the price is {value}"),
        ("What does it cost?", "How much do I pay for it?"),
    ),
    "guarantee": (
        ("one year", "two years", "three years", "five years", "ten years"),
        ("the maker gives a guarantee of {value}", "if it breaks within {value} we replace it",
         "it is guaranteed for {value}"),
        ("How long is the guarantee?", "For how long would you replace it?"),
    ),
    "material": (
        (),
        ("the main parts are made of {value}", "{value} is used for all that must last",
         "it is all made of {value}"),
        ("What is it made of?", "Which material is used?"),
    ),
    "colour": (
        ("dark green", "light grey", "red", "navy blue", "orange", "white", "sand", "black"),
        ("it comes in {value}", "the colour is {value}", "for now we only have it in {value}"),
        ("What colour is it?", "In which colour can I have it?"),
    ),
    "origin": (
        TOWNS,
        ("it is put together by hand in {value}", "our workshop in {value} makes it",
         "every piece leaves the factory in {value} tested"),
        ("Where is it made?", "Which town does it come from?"),
    ),
    "delivery": (
        ("two days", "three days", "four days", "a week", "ten days", "two weeks"),
        ("you will have it within {value}", "allow {value} for delivery", "it ships in {value}"),
        ("How long does delivery take?", "How soon can I have it?"),
    ),
    "set": (
        (),
        ("{value} (come|comes) with it", "in the box you also find {value}",
         "we add {value} free of charge"),
        ("What else is in the box?", "What do I get with it?"),
    ),
    "returns": (
        ("14 days", "20 days", "30 days", "60 days", "100 days"),
        ("you may send it back within {value}", "there are {value} to change your mind",
         "unused, it can be returned for {value}"),
        ("Until when can I return it?", "How many days do I have to send it back?"),
    ),
}  # fmt: skip
GRAMMAR = Grammar()


@builtin_task(
    instruction="Answer from the description. If it does not say, answer 'unknown'.",
    metric="f1",
)
def product_question(rng: random.Random) -> Example:
    """Product descriptions with a customer's question; a third of them cannot be answered."""
    product = rng.choice(tuple(PRODUCTS))
    told = rng.sample(tuple(FACTS), 5)
    weights, prices, materials, extras = PRODUCTS[product]
    values = {fact: rng.choice(FACTS[fact][0]) for fact in FACTS if FACTS[fact][0]} | {
        "weight": f"{rng.choice(weights)} kg",
        "price": f"{rng.choice(prices)} euros",
        "material": rng.choice(materials),
        "set": rng.choice(extras),
    }
    said = []
    for fact in told:
        template = rng.choice(FACTS[fact][1])
        several = values[fact].startswith(("two ", "four ", "six "))
        template = template.replace("(come|comes)", "come" if several else "comes")
        said.append(GRAMMAR.write(rng, template + ".", value=values[fact]))
    opening = GRAMMAR.write(
        rng,
        "(Our|This|The) {product} (is a favourite of many customers|has been improved this year|"
        "is new in our shop|is back in stock|is made for daily use).",
        product=product,
    )
    known = rng.random() < 0.68
    asked = rng.choice(told if known else [fact for fact in FACTS if fact not in told])
    question = rng.choice(FACTS[asked][2])
    answer = values[asked] if known else UNKNOWN
    return Example(f"{opening} {' '.join(said)}\nCustomer: {question}", answer)
