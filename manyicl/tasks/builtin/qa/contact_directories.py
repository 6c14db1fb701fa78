"""Lists of who deals with what, in which room and on which extension; one person is away."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.calendar import WEEKDAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

HOUSES: dict[str, tuple[str, ...]] = {
    "Town hall": ("parking permits", "dog tax", "market stalls", "birth papers", "bus passes",
                  "waste bins", "street lights", "building plans", "voting cards", "noise"),
    "Hospital": ("visiting hours", "patient records", "parking cards", "lost property",
                 "wheelchairs", "invoices", "room phones", "blood donors", "meal orders"),
    "College": ("exam dates", "student cards", "room bookings", "housing", "language courses",
                "library fines", "grants", "lost keys", "lab access", "sports passes"),
    "Office": ("payroll", "travel costs", "badges", "laptops", "contracts", "meeting rooms",
               "trainees", "bicycle leasing", "the newsletter", "first aid", "parking spaces"),
    "Hotel group": ("group bookings", "complaints", "gift cards", "weddings", "the press",
                    "job offers", "lost luggage", "suppliers", "loyalty points", "garage places"),
}  # fmt: skip
LINES = (
    "{name}, {duty}, room {room}, ext. {ext}",
    "{duty}: {name} (room {room}, extension {ext})",
    "{ext} - {name} - {duty} - room {room}",
    "Room {room}: {name}, {duty}, phone {ext}",
    "For {duty} ask {name}, {ext}, room {room}",
)
AWAY = (
    "{away} is on leave until {day}, {stand_in} takes over.",
    "Until {day} {stand_in} stands in for {away}.",
    "{away} is away until {day}; calls go to {stand_in}.",
    "Please note: {stand_in} does the work of {away} until {day}.",
)


@builtin_task(
    instruction="Answer from the list. If it does not say, answer 'unknown'.",
    metric="exact_match",
)
def directory_question(rng: random.Random) -> Example:
    """Contact lists with a note on who stands in for whom; look-ups, two steps, some not listed"""
    house = rng.choice(tuple(HOUSES))
    *names, absent = [person.full for person in people(rng, 6)]
    *duties, missing = rng.sample(HOUSES[house], 6)
    rooms = rng.sample(range(101, 399), 5)
    first_digit = rng.randint(2, 9)
    phones = [f"{first_digit}{ending}" for ending in rng.sample(range(101, 999), 5)]
    template = rng.choice(LINES)
    lines = [
        template.format(name=name, duty=duty, room=room, ext=ext)
        for name, duty, room, ext in zip(names, duties, rooms, phones, strict=True)
    ]
    lines = [line[:1].upper() + line[1:] for line in lines]
    away, stand_in, one = rng.sample(range(5), 3)
    note = rng.choice(AWAY).format(
        away=names[away], stand_in=names[stand_in], day=rng.choice(WEEKDAYS)
    )
    plain = (
        (f"Who deals with {duties[one]}?", names[one]),
        (f"What does {names[one]} deal with?", duties[one]),
        (f"Which number do I call about {duties[one]}?", phones[one]),
        (f"On which number do I reach {names[one]}?", phones[one]),
        (f"Which room do I go to about {duties[one]}?", rooms[one]),
        (f"In which room does {names[one]} sit?", rooms[one]),
        (f"Whose number is {phones[one]}?", names[one]),
        (f"Whose room is {rooms[one]}?", names[one]),
    )
    two_steps = (
        (f"Who deals with {duties[away]} at the moment?", names[stand_in]),
        (f"Which number do I call about {duties[away]} at the moment?", phones[stand_in]),
        (f"Which room do I go to about {duties[away]} at the moment?", rooms[stand_in]),
        (f"On which number do I reach the one who stands in for {names[away]}?", phones[stand_in]),
    )
    not_listed = (
        (f"Who deals with {missing}?", "unknown"),
        (f"What does {absent} deal with?", "unknown"),
        (f"Which number do I call about {missing}?", "unknown"),
        (f"On which number do I reach {absent}?", "unknown"),
        (f"Which room do I go to about {missing} at the moment?", "unknown"),
    )
    question, answer = rng.choice(rng.choice((plain, plain, two_steps, not_listed)))
    head = f"{house} {rng.choice(TOWNS)}, who to ask"
    notes = [head, *lines, note] if rng.random() < 0.7 else [head, note, *lines]
    return Example("\n".join([*notes, f"Question: {question}"]), str(answer))
