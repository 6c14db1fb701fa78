"""Sales: a percentage off, what is saved, what two or more cost, and dearer again."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, plural
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

GOODS = words(
    "coat, tent, desk, kettle, carpet, bicycle, mixer, guitar, suitcase, mirror, armchair, radio,"
    " drill, backpack, sleeping bag, heater, printer, bookcase, ladder, blanket",
    ", ",
)
PERCENT = (5, 10, 15, 20, 25, 30, 40, 50, 60, 75)
GRAMMAR = Grammar(
    {
        "sale": (
            "a {item} for {p} dollars is now {c} percent cheaper",
            "the shop takes {c} percent off a {item} that cost {p} dollars",
            "there is a discount of {c} percent on a {item} priced at {p} dollars",
            "a {item}, {p} dollars so far, comes with {c} percent off",
        ),
        "aside": (
            "",
            "",
            "The sale lasts {x} days.",
            "There are {x} of them in stock.",
            "{who} has {x} dollars in coins.",
            "It weighs {x} kilos.",
        ),
        "now": (
            "How many dollars is it now?",
            "What is the new price in dollars?",
            "How much does {who} pay for it?",
        ),
        "saved": ("How many dollars does {who} save?", "How many dollars is the discount?"),
        "several": ("{who} takes {k} {items}. How many dollars is that in all?",
                    "How many dollars do {k} {items} cost now?"),
        "delivery": ("Delivery costs {d} dollars more. How many dollars is that in all?",
                     "{who} also pays {d} dollars for delivery. How much does {who} pay?"),
        "rise": (
            "a {item} cost {p} dollars and has become {c} percent dearer. {aside} {now}",
            "the price of a {item}, {p} dollars, goes up by {c} percent. {aside} {now}",
        ),
    }
)  # fmt: skip


@builtin_task(instruction="Work out the price. Only a number.", metric="numeric")
def sale_price(rng: random.Random) -> Example:
    """Discounts and rises in percent: the new price, the saving, several pieces, with delivery."""
    item = rng.choice(GOODS)
    percent = rng.choice(PERCENT)
    # whole dollars: p * percent is a multiple of 100
    step = next(s for s in (2, 4, 5, 10, 20) if s * percent % 100 == 0)
    price = step * rng.randint(2, max(4, 240 // step))
    off, k, d = price * percent // 100, rng.randint(2, 4), rng.randint(3, 15)
    now = price - off
    form, answer = rng.choice(
        (
            ("{sale}. {aside} {now}", now),
            ("{sale}. {aside} {now}", now),
            ("{sale}. {aside} {saved}", off),
            ("{sale}. {aside} {several}", k * now),
            ("{sale}. {aside} {delivery}", now + d),
            ("{rise}", price + off),
        )
    )
    text = GRAMMAR.write(
        rng, form, item=item, items=plural(item), p=price, c=percent, k=k, d=d,
        x=rng.randint(3, 30), who=person(rng).first,
    )  # fmt: skip
    return Example(text, str(answer))
