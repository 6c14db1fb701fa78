"""Opening hours of a place and of two smaller places in it, one of which names no hours."""

from __future__ import annotations

import random
from dataclasses import dataclass

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS, clock12
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("yes", "no", "not stated")
PLACES = {
    "library": ("children's corner", "map room", "coffee bar", "music room"),
    "swimming pool": ("sauna", "outdoor pool", "steam bath", "snack bar"),
    "museum": ("gift shop", "roof terrace", "archive", "print room"),
    "town hall": ("passport desk", "registry office", "cash desk", "lost property office"),
    "garden centre": ("tea room", "plant clinic", "machine hire", "pet corner"),
    "leisure centre": ("climbing wall", "ice rink", "bowling alley", "dance hall"),
    "recycling yard": ("second-hand hall", "paint desk", "repair bench", "compost yard"),
    "farm shop": ("milk bar", "petting zoo", "meat counter", "flower field"),
    "clinic": ("blood test room", "eye centre", "pharmacy", "visitors' cafe"),
    "college": ("copy shop", "canteen", "computer pool", "sports hall"),
}  # fmt: skip
GRAMMAR = Grammar(
    {
        "main": (
            "The {place} in {town} is open {first} from {hours1} and {second} from {hours2}, but "
            "never {closed}.",
            "{town} {place}: {first} {hours1}, {second} {hours2}, closed {closed}.",
            "Hours of the {place} at {town}: {hours1} {first}, {hours2} {second}; {closed} it "
            "stays shut.",
            "You find the {place} of {town} shut {closed}. It opens {first} from {hours1}, "
            "{second} from {hours2}.",
        ),
        "sub": (
            "The {unit} opens {days} only, from {hours}.",
            "Only {days}, from {hours}, you can also visit the {unit}.",
            "Our {unit} has shorter hours: {hours}, and only {days}.",
            "If you want to see the {unit}, come {days} from {hours}; it is shut otherwise.",
        ),
        "vague": (
            "Hours of the {unit} change, please ask at the door.",
            "For the {unit} see the note at its entrance.",
            "The new times of the {unit} will be announced.",
            "There is a {unit} too, with hours of its own.",
        ),
        "check": (
            "Is the {unit} open {day} at {time}?",
            "Could I visit the {unit} at {time} {day}?",
            "If I come {day} at {time}, is the {unit} open?",
            "We would like to see the {unit} {day} at {time}. Does that work?",
        ),
        "ask_open": (
            "From when is the {unit} open {day}?",
            "When does the {unit} open {day}?",
        ),
        "ask_close": (
            "Until when is the {unit} open {day}?",
            "When does the {unit} close {day}?",
        ),
    }
)


@dataclass(frozen=True)
class Hours:
    """The days a place is open, each with its opening and closing in minutes after midnight."""

    unit: str
    times: dict[str, tuple[int, int]]


def opening_text(rng: random.Random) -> tuple[str, Hours, Hours, str]:
    """Return the text, the place's hours, those of a part of it, and the part without hours."""
    place = rng.choice(tuple(PLACES))
    known, vague = rng.sample(PLACES[place], 2)
    shut = rng.randrange(7)
    week = [*DAYS[shut + 1 :], *DAYS[:shut]]
    cut = rng.randint(3, 5)
    hours1, hours2, hours3 = (_hours(rng, 7, 12), _hours(rng, 8, 14), _hours(rng, 9, 14))
    start = rng.randrange(4)
    days = week[start : start + rng.randint(2, 4)]
    main = {day: hours1 if place_of < cut else hours2 for place_of, day in enumerate(week)}
    parts = [
        GRAMMAR.write(
            rng, "{main}", place=place, town=rng.choice(TOWNS), closed=f"on {DAYS[shut]}",
            first=_span(week[:cut]), second=_span(week[cut:]), hours1=_said(hours1),
            hours2=_said(hours2),
        ),
        GRAMMAR.write(rng, "{sub}", unit=known, days=_span(days), hours=_said(hours3)),
        GRAMMAR.write(rng, "{vague}", unit=vague),
    ]  # fmt: skip
    if rng.random() < 0.5:
        parts[1:] = parts[:0:-1]
    part = Hours(known, dict.fromkeys(days, hours3))
    return " ".join(parts), Hours(place, main), part, vague


@builtin_task(
    instruction="Is it open then? Answer yes, no or not stated.",
    metric="accuracy",
    labels=LABELS,
)
def opening_check(rng: random.Random) -> Example:
    """Opening hours of a place and its parts; is one of them open at the hour in question?"""
    text, main, part, vague = opening_text(rng)
    label = rng.choice(LABELS)
    asked = rng.choice((main, part))
    day = rng.choice(tuple(asked.times))
    opens, closes = asked.times[day]
    hour = rng.randrange(opens + 30, closes, 30)
    if label == "no":
        late = [*range(7 * 60, opens, 30), *range(closes + 30, 22 * 60, 30)]
        away = [other for other in DAYS if other not in asked.times]
        if rng.random() < 0.6:
            hour = rng.choice(late)
        else:
            day = rng.choice(away)
    unit = vague if label == "not stated" else asked.unit
    question = GRAMMAR.write(rng, "{check}", unit=unit, day=f"on {day}", time=clock12(hour))
    return Example(f"{text}\nQuestion: {question}", label)


@builtin_task(
    instruction="Give the hour or day. If the text does not say it, answer 'unknown'.",
    metric="exact_match",
)
def opening_question(rng: random.Random) -> Example:
    """Opening hours of a place and its parts; when does one open or close? Some do not tell"""
    text, main, part, vague = opening_text(rng)
    asked = rng.choice((main, part))
    day = rng.choice(tuple(asked.times))
    side = rng.randrange(2)
    unit, answer = asked.unit, clock12(asked.times[day][side])
    if rng.random() < 0.2:
        unit, answer = vague, "unknown"
    question = GRAMMAR.write(rng, ("{ask_open}", "{ask_close}")[side], unit=unit, day=f"on {day}")
    if rng.random() < 0.12:
        question = f"On which day is the {main.unit} shut all day?"
        answer = next(day for day in DAYS if day not in main.times)
    return Example(f"{text}\nQuestion: {question}", answer)


def _hours(rng: random.Random, earliest: int, latest: int) -> tuple[int, int]:
    opens = rng.randrange(earliest * 60, latest * 60, 30)
    return opens, min(opens + rng.randrange(240, 540, 30), 21 * 60)


def _said(hours: tuple[int, int]) -> str:
    return f"{clock12(hours[0])} to {clock12(hours[1])}"


def _span(days: list[str]) -> str:
    if len(days) == 1:
        return f"on {days[0]}"
    return f"on {days[0]} and {days[1]}" if len(days) == 2 else f"{days[0]} to {days[-1]}"
