"""Programmes of a day with times, rooms and speakers."""

from __future__ import annotations

import random
from dataclasses import dataclass

from manyicl.tasks.builtin.lexicon.calendar import clock
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

TITLES = (
    "Solar roofs", "Bread at home", "Old maps", "Writing letters", "Bees in town", "First aid",
    "Family trees", "Tax basics", "Night photography", "Bike repair", "Reading labels",
    "Wild mushrooms", "Folk songs", "Planning a garden", "Stars in winter", "Saving water",
    "Dealing with noise", "Basket weaving", "Radio plays", "Local history", "Tea tasting",
    "Safe passwords", "Quick soups", "Sign language",
)  # fmt: skip
ROOMS = ("Room 1", "Room 2", "Room 3", "the hall", "the library", "the garden room", "the studio")


@dataclass(frozen=True)
class Slot:
    start: str
    title: str
    room: str
    speaker: str


@builtin_task(
    instruction="Look up the answer in the programme.",
    metric="exact_match",
)
def schedule_question(rng: random.Random) -> Example:
    """Programmes of five to seven talks; look-ups by time, room, speaker, and what comes next."""
    count = rng.randint(5, 7)
    minutes = rng.randrange(8 * 60, 11 * 60, 15)
    slots = []
    for title, speaker in zip(rng.sample(TITLES, count), people(rng, count), strict=True):
        slots.append(Slot(clock(minutes), title, rng.choice(ROOMS), speaker.formal))
        minutes += rng.randrange(30, 105, 15)
    form = rng.choice(("{0} {1}, {3} ({2})", "{0} - {1} - {2} - {3}", "{3}: {1}, {0}, {2}"))
    lines = [form.format(slot.start, slot.title, slot.room, slot.speaker) for slot in slots]
    question, answer = _ask(rng, slots)
    return Example("\n".join([*lines, f"Question: {question}"]), answer)


def _ask(rng: random.Random, slots: list[Slot]) -> tuple[str, str]:
    place = rng.randrange(len(slots) - 1)
    now, later = slots[place], slots[place + 1]
    return rng.choice(
        (
            (f"Who speaks at {now.start}?", now.speaker),
            (f"When does {now.speaker} begin?", now.start),
            (f"Where is '{now.title}'?", now.room),
            (f"Which room is {now.speaker} in?", now.room),
            (f"What comes right after '{now.title}'?", later.title),
            (f"Who speaks right after {now.speaker}?", later.speaker),
            (f"Which talk comes just before '{later.title}'?", now.title),
            (f"When does the talk after '{now.title}' start?", later.start),
            ("What is the last talk of the day?", slots[-1].title),
            ("Who opens the day?", slots[0].speaker),
        )
    )
