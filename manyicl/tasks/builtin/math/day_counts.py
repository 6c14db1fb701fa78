"""Days on the calendar: from one date to another, the date after so many days, whole weeks."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import MONTHS
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
THINGS = ("the exhibition", "the course", "the building work", "the rehearsal time", "the holiday",
          "the trial period", "the sale", "the harvest", "the cure", "the expedition")  # fmt: skip
GRAMMAR = Grammar(
    {
        "aside": (
            "",
            "",
            "{x} people take part.",
            "It costs {x} dollars.",
            "{who} is {x} years old.",
            "Last year it took {x} days.",
        ),
        "gap": (
            "{thing} begins on {d1} and {who} asks on {d0}. {aside} In how many days does it"
            " begin?",
            "today is {d0}. {aside} {thing} begins on {d1}. How many days are there to wait?",
            "{who} counts the days from {d0} to {d1}, not counting the first one. {aside} How many"
            " are there?",
        ),
        "both": (
            "{thing} lasts from {d0} to {d1}, both days included. {aside} How many days is that?",
            "{d0} is the first day of {thing}, {d1} the last. {aside} How many days does it last?",
        ),
        "after": (
            "it is {d0}. {thing} begins in {n} days. {aside} On which day of {month} is that?",
            "{who} books {thing} on {d0}; it begins {n} days later. {aside} Which day of {month} is"
            " that?",
        ),
        "weeks": (
            "{thing} takes {w} weeks and {r} days. {aside} How many days is that?",
            "{who} has {w} weeks and {r} days until {thing}. {aside} How many days is that?",
        ),
        "off": (
            "{thing} lasts from {d0} to {d1}, both days included. {aside} On {o} of these days"
            " there is a break. How many days are left?",
        ),
    }
)


@builtin_task(instruction="Count the days. Answer with a number.", metric="numeric")
def day_count(rng: random.Random) -> Example:
    """Days between two dates of one or two months, the date some days on, weeks in days."""
    month, day, n = rng.randrange(11), rng.randint(1, 25), rng.randint(4, 24)
    if month == 1 and day + n > 28:
        month = 4  # the length of February depends on the year
    end, late = day + n, month
    if end > LENGTHS[month]:
        end, late = end - LENGTHS[month], month + 1
    w, r, o = rng.randint(2, 9), rng.randint(2, 6), rng.randint(2, 3)
    form = rng.choice(("gap", "gap", "both", "after", "weeks", "off"))
    answer = {"gap": n, "both": n + 1, "after": end, "weeks": 7 * w + r, "off": n + 1 - o}[form]
    text = GRAMMAR.write(
        rng, f"{{{form}}}", thing=rng.choice(THINGS), who=person(rng).first,
        d0=f"{day} {MONTHS[month]}", d1=f"{end} {MONTHS[late]}", month=MONTHS[late], n=n, w=w, r=r,
        o=o, x=rng.randint(12, 60),
    )  # fmt: skip
    return Example(text, str(answer))
