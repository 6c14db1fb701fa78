"""Bills that friends share: equal parts, a tip, a voucher, somebody who does not pay."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

WHAT = (
    "dinner", "a taxi", "a birthday present", "a holiday flat", "pizza", "a rowing boat",
    "a box of plums", "concert seats", "a picnic", "a hired van", "a bowling lane", "paint",
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "bill": (
            "{n} friends share the bill for {what}, {total} dollars",
            "{who} and {m} friends split {total} dollars for {what}",
            "{what} costs {total} dollars, and {n} people pay equal parts",
            "a group of {n} spends {total} dollars on {what} and shares the cost",
        ),
        "aside": (
            "",
            "",
            "It is the {x}th of the month.",
            "They stay for {x} minutes.",
            "{who} is {x} years old.",
            "The walk home takes {x} minutes.",
        ),
        "tip": ("They add a tip of {t} dollars.", "On top come {t} dollars for the driver."),
        "voucher": (
            "A voucher takes {t} dollars off.",
            "{who} has a voucher for {t} dollars, which is used first.",
        ),
        "ask": ("How many dollars does each one pay?", "What is each share in dollars?"),
        "free": (
            "It is {other}'s birthday, so {other} pays nothing and the rest share.",
            "{other} has no money on {them} and is let off; the others share.",
        ),
        "back": (
            "{n} friends share the cost of {what} equally. {aside} Each one pays {s} dollars. How"
            " many dollars was it in all?",
            "each of {n} people gives {s} dollars for {what}. {aside} How many dollars is that"
            " together?",
        ),
    }
)


@builtin_task(instruction="How many dollars? Give a number.", metric="numeric")
def bill_share(rng: random.Random) -> Example:
    """Bills shared equally, with a tip, a voucher or somebody let off, or the sum from a share."""
    who, other = people(rng, 2)
    n, share, t = rng.randint(3, 9), rng.randint(4, 30), rng.randint(2, 9)
    form = rng.choice(("plain", "tip", "voucher", "free", "back"))
    paying = n - 1 if form == "free" else n
    total = share * paying + {"tip": -t, "voucher": t}.get(form, 0)
    middle = f"{{{form}}}" if form in ("tip", "voucher", "free") else ""
    template = "{back}" if form == "back" else f"{{bill}}. {{aside}} {middle} {{ask}}"
    text = GRAMMAR.write(
        rng, template, n=n, m=n - 1, s=share, t=t, total=total, who=who.first, other=other.first,
        them=other.them, what=rng.choice(WHAT), x=rng.choice((14, 15, 16, 17, 18, 19, 20)),
    )  # fmt: skip
    return Example(text, str(share * n if form == "back" else share))
