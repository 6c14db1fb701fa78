"""Buying in a shop: totals, change and what one part cost; some numbers do not matter."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, counted
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# item: (lowest, highest price in dollars)
ITEMS = {
    "notebook": (2, 6), "lamp": (15, 40), "mug": (4, 12), "poster": (5, 15), "scarf": (8, 25),
    "pen": (1, 4), "cushion": (10, 25), "frame": (6, 18), "candle": (3, 9), "game": (12, 35),
    "postcard": (1, 2), "bag of rice": (3, 8), "jar of jam": (3, 7), "ball": (5, 15),
    "pair of socks": (4, 9), "plant": (6, 20), "umbrella": (9, 22), "basket": (7, 18),
}  # fmt: skip
NOTES = (20, 50, 100, 200)
GRAMMAR = Grammar(
    {
        "aside": (
            "",
            "",
            "The shop closes at {n}.",
            "There are {n} people in the queue.",
            "{they} has a bonus card with {n} points.",
            "The bus home leaves in {n} minutes.",
            "A {third} would cost {p}.",
        ),
        "buys": ("{who} buys {first} and {second}.", "In {who}'s basket are {first} and {second}.",
                 "{who} takes {first} and {second} to the till."),
    }
)  # fmt: skip


@builtin_task(instruction="Solve the problem. Give the number only.", metric="numeric")
def shop_change(rng: random.Random) -> Example:
    """Shopping problems of one to three steps: total, change, price difference."""
    who = person(rng)
    first, second, third = rng.sample(tuple(ITEMS), 3)
    a, b = rng.randint(1, 6), rng.randint(2, 5)
    price = {item: rng.randint(*ITEMS[item]) for item in (first, second, third)}
    cost_a, cost_b = a * price[first], b * price[second]
    total = cost_a + cost_b
    each = (
        f"A {first} costs {counted(price[first], 'dollar')} and a {second} "
        f"{counted(price[second], 'dollar')}."
    )
    note = next(note for note in NOTES if note > total) if total < NOTES[-1] else 500
    pays = f"{who.they} pays with {note} dollars."
    forms = [
        ("How much must {name} pay?", total, ""),
        ("How many dollars does {name} get back?", note - total, pays),
        ("How many dollars are left of what {name} gave?", note - total, pays),
    ]
    if cost_a > cost_b:
        forms.append(
            ("How much more does {name} pay for the {items_a} than for the {items_b}?",
             cost_a - cost_b, "")
        )  # fmt: skip
    question, answer, extra = rng.choice(forms)
    body = [each, "{buys}"]
    rng.shuffle(body)
    text = GRAMMAR.write(
        rng, " ".join([*body, extra, "{aside}", question]),
        who=who.first, they=who.they, name=who.first, first=counted(a, first),
        second=counted(b, second), third=third, n=rng.randint(5, 12),
        p=counted(price[third], "dollar"),
        items_a=counted(a, first).split(" ", 1)[1], items_b=counted(b, second).split(" ", 1)[1],
    )  # fmt: skip
    return Example(text, str(answer))
