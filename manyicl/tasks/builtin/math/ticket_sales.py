"""Tickets at two prices: what comes in, how many were sold, what is left after the costs."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

EVENTS = ("zoo", "puppet theatre", "circus", "castle", "boat tour", "steam railway", "planetarium",
          "swimming gala", "jazz night", "flea market", "film club", "maze")  # fmt: skip
GRAMMAR = Grammar(
    {
        "prices": (
            "at the {town} {event} adults pay {a} dollars and children {c}",
            "a ticket for the {event} in {town} is {a} dollars, for children {c}",
            "the {town} {event} charges {a} dollars for adults and {c} for children",
        ),
        "aside": (
            "",
            "",
            "It opens at {x}.",
            "The queue is {x} metres long.",
            "This is year number {x}.",
            "A programme costs {y} dollars.",
        ),
        "sold": (
            "on {day} {n} adults and {m} children come",
            "{n} adults and {m} children buy a ticket",
            "{day} brings {m} children and {n} adults",
        ),
        "income": ("How many dollars does that bring in?", "What is the income in dollars?",
                   "How many dollars do they pay together?"),
        "profit": (
            "The staff costs {k} dollars. How many dollars are left?",
            "{k} dollars of that go to the town. How many dollars remain?",
        ),
        "more": ("How many dollars more do the adults pay than the children?",),
        "people": ("How many people is that?", "How many visitors are that in all?"),
        "adults": (
            "{prices}. {aside} On {day} {total} dollars come in, {part} of them from children. How"
            " many adults were there?",
            "{prices}. {aside} {m} children come, and the income is {total} dollars. How many"
            " adults come?",
        ),
    }
)  # fmt: skip


@builtin_task(instruction="How many? Answer with a number.", metric="numeric")
def ticket_income(rng: random.Random) -> Example:
    """Tickets for adults and children: income, what is left, the difference, the missing count."""
    c = rng.randint(2, 6)
    a = c + rng.randint(2, 8)
    n, m = rng.randint(3, 25), rng.randint(3, 25)
    total = a * n + c * m
    k = rng.randint(5, min(90, total - 1))
    forms = [("income", total), ("income", total), ("profit", total - k), ("people", n + m),
             ("adults", n)]  # fmt: skip
    if a * n > c * m:
        forms.append(("more", a * n - c * m))
    form, answer = rng.choice(forms)
    text = GRAMMAR.write(
        rng, "{adults}" if form == "adults" else f"{{prices}}. {{aside}} {{sold}}. {{{form}}}",
        town=rng.choice(TOWNS), event=rng.choice(EVENTS), day=rng.choice(DAYS), a=a, c=c, n=n, m=m,
        k=k, total=total, part=c * m, x=rng.randint(8, 18), y=rng.randint(1, 5),
    )  # fmt: skip
    return Example(text, str(answer))
