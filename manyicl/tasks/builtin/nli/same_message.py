"""Two messages about two people: the same in other words, or with something changed."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, polish
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("same", "different")
# each line says one thing in several ways
DEEDS = (
    ("{a} will lend {b} the van", "{b} will borrow the van from {a}",
     "{b} will get the van from {a} on loan"),
    ("{a} will pick {b} up", "{b} will be picked up by {a}", "{a} will come and collect {b}"),
    ("{a} will give {b} a violin lesson", "{b} will have a violin lesson with {a} as teacher",
     "{b} will be taught the violin by {a}"),
    ("{a} will sell {b} the boat", "{b} will buy the boat from {a}",
     "the boat will be sold to {b} by {a}"),
    ("{a} will stand in for {b}", "{b} will be replaced by {a}", "{a} will take {b}'s place"),
    ("{a} will have {b} to dinner", "{b} will be {a}'s guest for dinner",
     "{b} will go to dinner at {a}'s place"),
    ("{a} will phone {b}", "{b} will get a call from {a}", "{a} will give {b} a ring"),
    ("{a} will look after {b}'s dog", "{b} will leave the dog with {a}",
     "{b}'s dog will stay with {a}"),
    ("{a} will help {b} with the move", "{b} will get help with the move from {a}",
     "{b} will move house with {a}'s help"),
    ("{a} will show {b} the flat", "{b} will be shown the flat by {a}",
     "{a} will be {b}'s guide round the flat"),
    ("{a} will drive {b} to work", "{b} will get a lift to work from {a}",
     "{b} will go to work in {a}'s car with {a} driving"),
    ("{a} will send {b} the photos", "{b} will receive the photos from {a}",
     "the photos will go from {a} to {b}"),
    ("{a} will follow {b} as chair", "{b} will hand the chair over to {a}",
     "{b}'s post as chair will go to {a}"),
    ("{a} will pay {b} the rent", "{b} will get the rent from {a}",
     "the rent will be paid to {b} by {a}"),
    ("{a} will report to {b}", "{b} will hear {a}'s report", "{b} will be briefed by {a}"),
    ("{a} will visit {b}", "{b} will have a visit from {a}", "{a} will come to see {b}"),
)  # fmt: skip
TIMES = (
    ("at noon", "at 12:00", "at twelve in the daytime"),
    ("in two weeks", "in a fortnight", "in fourteen days"),
    ("in an hour", "in sixty minutes"),
    ("on 1 May", "on the first of May", "on the first day in May"),
    ("at half past two in the afternoon", "at 14:30", "at 2:30 pm"),
    ("at a quarter to nine in the morning", "at 08:45", "at 8:45 am"),
    ("in six months", "in half a year"),
    ("the day after tomorrow", "in two days", "two days from now"),
    ("on New Year's Day", "on 1 January", "on the first day of the year"),
    ("on the last day of the year", "on 31 December", "on New Year's Eve"),
    ("at midnight", "at 12 at night", "when the day ends"),
    ("in seven days", "in one week", "a week from now"),
)
GRAMMAR = Grammar()


@builtin_task(instruction="Do the two messages say the same?", metric="accuracy", labels=LABELS)
def same_message(rng: random.Random) -> Example:
    """Two messages who does what for whom and when: the same, or one part changed or turned?"""
    label = rng.choice(LABELS)
    a, b = (person.first for person in people(rng, 2))
    deed, other_deed = rng.sample(DEEDS, 2)
    time, other_time = rng.sample(TIMES, 2)
    first_form, second_form = rng.sample(range(len(deed)), 2)
    second = _message(rng, deed[second_form], a, b, rng.choice(time))
    change = "" if label == "same" else rng.choice(("turned", "turned", "time", "time", "deed"))
    if change == "turned":
        a, b = b, a
    if change == "time":
        time = other_time
    if change == "deed":
        deed = other_deed
    return Example(f"{_message(rng, deed[first_form], a, b, rng.choice(time))}\n{second}", label)


def _message(rng: random.Random, deed: str, a: str, b: str, time: str) -> str:
    said = GRAMMAR.expand(rng, deed, a=a, b=b)
    return polish(f"{said} {time}." if rng.random() < 0.6 else f"{time} {said}.")
