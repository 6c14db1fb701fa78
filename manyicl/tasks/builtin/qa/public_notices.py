"""Notices about changes: the question asks what holds now, with the old values as wrong options."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS, clock12
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import STREETS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

COURSES = (
    "yoga class", "chess club", "reading group", "repair cafe", "choir rehearsal", "sewing evening",
    "toddler group", "computer class", "dance course", "language table", "pottery class",
    "flea market", "cooking class", "film night", "tenants' meeting",
)  # fmt: skip
# attribute: (a change from {old} to {new}, the value as it was and stays, the question)
CHANGES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "day": (
        ("the {course} moves from {old} to {new}", "from now on it is on {new}, no longer on {old}",
         "please note: {new} instead of {old}"),
        ("the {course} is on {new}", "as ever we meet on {new}, not on {old}"),
        ("On which day is the {course}?",),
    ),
    "time": (
        ("we start at {new} and not at {old} as printed", "instead of {old} we begin at {new}",
         "the start is put off to {new}, as {old} was too early for many"),
        ("we start at {new}", "doors open at {old}, we begin at {new}"),
        ("When does the {course} begin?",),
    ),
    "place": (
        ("because of building work we leave {old} and meet in {new}",
         "our new address is {new}; the rooms in {old} are closed",
         "do not come to {old}, the {course} is now in {new}"),
        ("we meet in {new}", "the address is {new}, round the corner from {old}"),
        ("Where does the {course} take place?",),
    ),
    "host": (
        ("{old} is ill, {new} stands in", "{new} takes over from {old}",
         "{old} has retired; the {course} is now led by {new}"),
        ("{new} leads the {course}", "{new} leads the {course}, {old} only did so last year"),
        ("Who leads the {course} now?",),
    ),
    "fee": (
        ("the fee goes up from {old} to {new}", "we had to charge {new} instead of {old}",
         "the printed price of {old} is wrong, it is {new}"),
        ("the fee is {new}", "it costs {new}, last year it was {old}"),
        ("What does the {course} cost?",),
    ),
}  # fmt: skip
GRAMMAR = Grammar()


@builtin_task(
    instruction="Read the notice and choose the right answer.",
    metric="accuracy",
    kind="multiple_choice",
)
def notice_choice(rng: random.Random) -> Example:
    """Notices about changed dates, places, people and fees; choose what holds now out of four."""
    course = rng.choice(COURSES)
    times = rng.sample(range(9 * 60, 20 * 60, 15), 4)
    times[:2] = sorted(times[:2])  # starts are put off, never brought forward; fees go up
    fees = rng.sample(range(2, 20), 4)
    fees[:2] = sorted(fees[:2])
    values = {
        "day": rng.sample(DAYS, 4),
        "time": [clock12(minutes) for minutes in times],
        "place": rng.sample(STREETS, 4),
        "host": [person.formal for person in people(rng, 4)],
        "fee": [f"{euros} euros" for euros in fees],
    }
    told = rng.sample(tuple(CHANGES), rng.choice((3, 4)))
    if "day" in told:  # so that 'instead of Monday' can be about nothing else
        told.remove("day")
        told.insert(0, "day")
    said = []
    for attribute in told:
        old, new = values[attribute][:2]
        template = rng.choice(CHANGES[attribute][0 if rng.random() < 0.7 else 1])
        said.append(GRAMMAR.write(rng, template + ".", course=course, old=old, new=new))
    head = GRAMMAR.write(
        rng, "(Notice|News|To all members|For the board): {course}.", course=course
    )
    asked = rng.choice(told)
    question = CHANGES[asked][2][0].format(course=course)
    options = rng.sample(values[asked], 4)
    listing = "\n".join(f"- {option}" for option in options)
    return Example(
        f"{head} {' '.join(said)}\nQuestion: {question}\n{listing}",
        values[asked][1],
        options=tuple(options),
    )
