"""Wages: hours, rates, bonuses and deductions."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import WEEKDAYS
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

JOBS = ("in a cafe", "at a garden centre", "as a courier", "at the front desk", "in a bakery",
        "as a lifeguard", "in a bookshop", "at the car wash", "as a night guard")  # fmt: skip
GRAMMAR = Grammar(
    {
        "aside": (
            "",
            "",
            "{who} has worked there for {y} years.",
            "The way to work takes {x} minutes.",
            "{x} people work in the team.",
            "The youngest colleague is {x}.",
        ),
        "plain": (
            "{who} works {k} shifts of {h} hours {job} for {r} dollars an hour. {aside}",
            "{who} earns {r} dollars an hour {job}. {aside} This week {they} did {k} shifts of {h}"
            " hours each.",
        ),
        "bonus": (
            "On top comes a bonus of {b} dollars.",
            "For the {day} shift {they} gets {b} dollars extra.",
        ),
        "minus": (
            "{b} dollars are taken off for the uniform.",
            "{they} pays back {b} dollars of an advance.",
        ),
        "ask": (
            "How many dollars does {who} get?",
            "What does {who} get paid, in dollars?",
            "How much is paid out to {who}?",
        ),
        "hours": (
            "{who} {job} earns {r} dollars an hour. {aside} {they} wants to earn {total} dollars."
            " How many hours must {they} work?",
            "{who} got {total} dollars for working {job}. {aside} The pay is {r} dollars an hour."
            " How many hours was that?",
        ),
    }
)


@builtin_task(instruction="Answer the question with a number.", metric="numeric")
def shift_pay(rng: random.Random) -> Example:
    """Pay problems: shifts times hours times rate, with a bonus or a deduction, or backwards."""
    who = person(rng)
    k, h, r = rng.randint(2, 6), rng.randint(3, 8), rng.randint(9, 22)
    b = rng.randrange(5, 60, 5)
    total, hours = k * h * r, rng.randint(4, 38)
    form, answer = rng.choice(
        (
            ("{plain} {ask}", total),
            ("{plain} {bonus} {ask}", total + b),
            ("{plain} {minus} {ask}", total - b),
            ("{plain} {bonus} {ask}", total + b),
            ("{hours}", hours),
        )
    )
    text = GRAMMAR.write(
        rng, form, who=who.first, they=who.they, k=k, h=h, r=r, b=b, x=rng.randint(17, 45),
        job=rng.choice(JOBS), day=rng.choice(WEEKDAYS),
        total=hours * r, y=rng.randint(2, 9),
    )  # fmt: skip
    return Example(text, str(answer))
