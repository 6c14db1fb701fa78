"""What people managed, forgot or meant to do: whether they did it follows from the verb, or not."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("entailment", "neutral", "contradiction")
# done, not done, or left open; {do} is the bare verb phrase, {doing} its -ing form
FRAMES = {
    "done": (
        "managed to {do}",
        "did not forget to {do}",
        "remembered to {do}",
        "was forced to {do} and did so at once",
        "went out of {their} way to {do}, with success",
        "did not fail to {do}",
        "finished {doing}",
        "was praised for {doing}",
        "was the only one to {do}",
        "got round to {doing} after all",
    ),
    "not done": (
        "forgot to {do}",
        "did not manage to {do}",
        "failed to {do}",
        "refused to {do} and stuck to it",
        "was prevented from {doing}",
        "got out of {doing}",
        "left without {doing}",
        "was too tired to {do}",
        "did not bother to {do}",
        "was the only one not to {do}",
    ),
    "open": (
        "promised to {do}",
        "was asked to {do}",
        "wanted to {do}",
        "planned on {doing}",
        "had nothing against {doing}",
        "was not afraid to {do}",
        "told {friend} to wait and thought of {doing}",
        "did not refuse to {do} when asked",
        "was willing to {do}",
        "talked about {doing}",
    ),
}
# verb phrases: bare, -ing, past
TASKS = tuple(
    tuple(form.format(rest) for form in forms)
    for forms, rests in (
        (("lock {}", "locking {}", "locked {}"), ("the shed", "the archive", "the side door")),
        (("call {}", "calling {}", "called {}"), ("the landlord", "the clinic", "the bank")),
        (("post {}", "posting {}", "posted {}"), ("the contract", "the parcel", "the tax form")),
        (("water {}", "watering {}", "watered {}"), ("the tomatoes", "the office plants")),
        (("pay {}", "paying {}", "paid {}"), ("the plumber", "the deposit", "the parking fine")),
        (("book {}", "booking {}", "booked {}"), ("the ferry", "the hall", "a table for ten")),
        (("repair {}", "repairing {}", "repaired {}"), ("the printer", "the fence", "the bike")),
        (("return {}", "returning {}", "returned {}"), ("the library books", "the spare key")),
        (("sign {}", "signing {}", "signed {}"), ("the lease", "the petition", "the report")),
        (("feed {}", "feeding {}", "fed {}"), ("the neighbour's cat", "the fish", "the horses")),
    )
    for rest in rests
)
GRAMMAR = Grammar(
    {
        "aside": (
            "{friend} had done it the week before",
            "{friend} was away",
            "it was raining",
            "there was not much time",
            "nobody had asked {friend}",
            "the train left at six",
        ),
    }
)


@builtin_task(
    instruction="Judge the second sentence by the first.",
    metric="accuracy",
    labels=LABELS,
)
def promise_nli(rng: random.Random) -> Example:
    """Did somebody do what they managed, forgot, refused or promised to do? Both are negated."""
    label = rng.choice(LABELS)
    positive = rng.random() < 0.5
    if label == "neutral":
        outcome = "open"
    else:
        outcome = "done" if (label == "entailment") == positive else "not done"
    who, friend = people(rng, 2)
    do, doing, did = rng.choice(TASKS)
    day = rng.choice(DAYS)
    frame = rng.choice(FRAMES[outcome])
    premise = GRAMMAR.write(
        rng,
        rng.choice(("on {day} {who} {frame}; {aside}.", "{who} {frame} on {day}.",
                    "{aside}. On {day} {who} {frame}.")),
        day=day, who=who.first, friend=friend.first,
        frame=GRAMMAR.expand(rng, frame, do=do, doing=doing, their=who.their, friend=friend.first),
    )  # fmt: skip
    hypothesis = f"{who.first} {did}" if positive else f"{who.first} did not {do}"
    return Example(f"1. {premise}\n2. {hypothesis} on {day}.", label)
