"""Deadlines by date, weekday or hour, and what came in when; some dates are not told."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS, MONTHS, clock
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("supported", "contradicted", "not told")
PAPERS = words(
    "the tax form, the essay, the grant report, the entry form, the holiday request, the visa form,"
    " the meter reading, the loan application, the recipe for the contest, the travel claim,"
    " the health form, the project plan, the building permit, the course choice, the lease,"
    " the poster design",
    ", ",
)
GRAMMAR = Grammar(
    {
        "rule": (
            "{paper} is due by {limit}",
            "{paper} may be handed in until {limit}",
            "the deadline for {paper} is {limit}",
            "the office takes {paper} until {limit} and not later",
        ),
        "came": (
            "{who} handed it in {when}",
            "{who} brought it to the office {when}",
            "{who}'s came in {when}",
            "{who} handed it in {when}, {other} {other_when}",
        ),
        # says nothing of the day it came in, except that this was not earlier
        "begun": ("{who} began to work on it {when}", "{who} first heard of it {when}"),
        "yes": ("{who} kept the deadline", "{who} was in time", "{who} was not too late"),
        "no": ("{who} missed the deadline", "{who} was too late", "{who} was not in time"),
    }
)


@builtin_task(
    instruction="Is the claim supported, contradicted or not told?",
    metric="accuracy",
    labels=LABELS,
)
def deadline_nli(rng: random.Random) -> Example:
    """Was it handed in on time? Dates, weekdays and hours are compared; some are not told."""
    label = rng.choice(LABELS)
    affirmed = rng.random() < 0.5
    who, other = (person.first for person in people(rng, 2))
    paper = rng.choice(PAPERS)
    late = (label == "supported") != affirmed
    limit, moments = _moments(rng, steps=rng.randint(2, 4))
    if label == "not told":
        when, form = rng.choice(
            ((moments[0], "{begun}"), (moments[2], "{came}"), (moments[2], "{came}"))
        )
    else:
        when, form = moments[1 if late else 0], "{came}"
        if late and rng.random() < 0.3:
            form = "{begun}"
        if rng.random() < 0.25:
            when = moments[4 if late else 3]
    text = GRAMMAR.write(
        rng, f"{{rule}}. {form}.", paper=paper, limit=limit, when=when, who=who, other=other,
        other_when=rng.choice(moments[:2]),
    )  # fmt: skip
    claim = GRAMMAR.write(rng, "{yes}." if affirmed else "{no}.", who=who)
    return Example(f"{text}\n{claim}", label)


def _moments(rng: random.Random, steps: int) -> tuple[str, tuple[str, str, str, str, str]]:
    """Return a limit, and times earlier, later, unclear, vaguely earlier and vaguely later."""
    kind = rng.choice(("date", "weekday", "hour"))
    if kind == "date":
        day, month = rng.randint(8, 22), rng.randint(1, 10)
        name = MONTHS[month]
        return f"{day} {name}", (
            f"on {day - steps} {name}",
            f"on {day + steps} {name}",
            f"in {name}",
            f"in {MONTHS[month - 1]}",
            f"in {MONTHS[month + 1]}",
        )
    if kind == "weekday":
        day = rng.randint(1, 5)
        early, late = rng.randrange(day), rng.randrange(day + 1, 7)
        return f"{DAYS[day]}", (
            f"on the {DAYS[early]} before",
            f"on the {DAYS[late]} after",
            "that week",
            "in the week before that",
            "in the week after that",
        )
    limit = rng.randrange(11 * 60, 16 * 60, 30)
    return f"{clock(limit)} today", (
        f"at {clock(limit - 20 * steps)}",
        f"at {clock(limit + 20 * steps)}",
        "today",
        rng.choice(("yesterday", "an hour before that")),
        "an hour after that",
    )
