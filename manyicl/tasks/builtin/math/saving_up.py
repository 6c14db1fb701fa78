"""Saving up: so much a week, with a start, a gift or spending; how long, how much is missing."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

AIMS = ("a skateboard", "a tent", "a sewing machine", "a trip to the sea", "a guitar", "a camera",
        "a winter coat", "driving lessons", "a new phone", "a kayak", "a drum kit", "a puppy",
        "a dance course", "a desk")  # fmt: skip
GRAMMAR = Grammar(
    {
        "aside": (
            "",
            "",
            "{who} has talked about it for {x} months.",
            "{who} lives at number {x}.",
            "{friend} has {x} dollars.",
            "The shop is {x} kilometres away.",
        ),
        "weekly": ("puts aside {w} dollars a week", "saves {w} dollars each week",
                   "earns {w} dollars a week with odd jobs and keeps it all"),
        "weeks": (
            "{who} wants {aim} for {goal} dollars and {weekly}. {aside} How many weeks does it"
            " take?",
            "{aim} costs {goal} dollars. {aside} {who} {weekly}. After how many weeks is there"
            " enough?",
        ),
        "weeks_start": (
            "{who} wants {aim} for {goal} dollars, has {s} dollars and {weekly}. {aside} How many"
            " weeks does it take?",
            "with {s} dollars in the tin, {who} {weekly} for {aim}, which costs {goal} dollars."
            " {aside} How many more weeks are needed?",
        ),
        "amount": (
            "{who} {weekly} for {aim}. {aside} How many dollars is that after {n} weeks?",
            "for {n} weeks {who} {weekly}. {aside} How many dollars is that?",
        ),
        "amount_start": (
            "{who} has {s} dollars and {weekly}. {aside} How many dollars are there after {n}"
            " weeks?",
            "{friend} gives {who} {s} dollars, and for {n} weeks {who} {weekly}. {aside} How many"
            " dollars is that in all?",
        ),
        "amount_spent": (
            "for {n} weeks {who} {weekly}, then spends {s} dollars. {aside} How many dollars are"
            " left?",
        ),
        "missing": (
            "{aim} costs {goal} dollars. {who} {weekly}, so far for {n} weeks. {aside} How many"
            " dollars are missing?",
            "{who} {weekly} for {aim} at {goal} dollars. {aside} {n} weeks have gone by. How many"
            " dollars are still needed?",
        ),
        "rate": (
            "{who} wants to have {goal} dollars for {aim} in {n} weeks. {aside} How many dollars"
            " must {who} save a week?",
        ),
    }
)  # fmt: skip


@builtin_task(instruction="Find the number asked for.", metric="numeric")
def saving_plan(rng: random.Random) -> Example:
    """Saving so much a week for something: the weeks, the sum, what is missing, the weekly part."""
    w, n, s = rng.randint(3, 25), rng.randint(3, 14), rng.randint(5, 60)
    saved = w * n
    form = rng.choice(
        ("weeks", "weeks_start", "amount", "amount_start", "amount_spent", "missing", "rate")
    )
    if form == "amount_spent":
        s = rng.randint(2, saved - 1)
    goal = saved + (s if form in ("weeks_start", "missing") else 0)
    answer = {"weeks": n, "weeks_start": n, "amount": saved, "amount_start": saved + s,
              "amount_spent": saved - s, "missing": s, "rate": w}[form]  # fmt: skip
    who, friend = (person.first for person in people(rng, 2))
    text = GRAMMAR.write(
        rng, f"{{{form}}}", who=who, friend=friend, aim=rng.choice(AIMS), w=w, n=n, s=s, goal=goal,
        x=rng.randint(3, 40),
    )  # fmt: skip
    return Example(text, str(answer))
