"""Two entries about appointments: day, hour and street are the same, differ, or do not belong."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS, NUMBER_WORDS, clock, clock12
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import STREETS
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("agree", "clash", "unrelated")
EVENTS = words(
    "piano lesson, eye test, haircut, driving lesson, job interview, flat viewing, flu jab,"
    " swimming class, tax advice, team lunch, dental check, photo session, French course,"
    " yoga class, car inspection, violin exam, blood test, school visit",
    ", ",
)
GRAMMAR = Grammar(
    {
        "entry": (
            "{event} for {who} {what}",
            "{who}: {event} {what}",
            "{who}'s {event} is {what}",
            "{who} goes to the {event} {what}",
            "don't forget {who}'s {event} {what}",
            "{event}, {who}, {what}",
        ),
    }
)
Details = dict[str, object]


@builtin_task(
    instruction="Do the two notes agree, clash, or speak of different appointments?",
    metric="accuracy",
    labels=LABELS,
)
def diary_match(rng: random.Random) -> Example:
    """Two notes on appointments, hours written in three ways: do they agree, clash or not meet?"""
    label = rng.choice(LABELS)
    who, other = (person.first for person in people(rng, 2))
    event, other_event = rng.sample(EVENTS, 2)
    second = {"day": rng.choice(DAYS), "time": _hour(rng), "place": rng.choice(STREETS)}
    first: Details = dict(second)
    left_out = rng.sample(("day", "time", "place"), 2)
    if rng.random() < 0.4:
        left_out[1] = left_out[0]
    told = ([k for k in second if k != left_out[0]], [k for k in second if k != left_out[1]])
    both = [kind for kind in told[0] if kind in told[1]]
    if label == "clash" or (label == "unrelated" and rng.random() < 0.5):
        kind = rng.choice(both)
        first[kind] = _another(rng, kind, second[kind])
    entries = [_entry(rng, who, event, second, told[1])]
    if label == "unrelated":
        who, event = rng.choice(((other, event), (who, other_event)))
    entries.append(_entry(rng, who, event, first, told[0]))
    rng.shuffle(entries)
    return Example("\n".join(entries), label)


def _hour(rng: random.Random) -> int:
    return rng.randrange(9 * 60, 18 * 60, 15)


def _another(rng: random.Random, kind: str, value: object) -> object:
    if kind == "time":
        return rng.choice([t for t in range(9 * 60, 18 * 60, 15) if t != value])
    return rng.choice([v for v in (DAYS if kind == "day" else STREETS) if v != value])


def _entry(rng: random.Random, who: str, event: str, details: Details, told: list[str]) -> str:
    forms = {
        "day": f"on {details['day']}",
        "time": f"at {rng.choice((clock, clock12, spoken))(int(str(details['time'])))}",
        "place": f"in {details['place']}",
    }
    parts = [forms[kind] for kind in told]
    rng.shuffle(parts)
    what = rng.choice((" ", ", ")).join(parts)
    return GRAMMAR.write(rng, "{entry}.", who=who, event=event, what=what)


def spoken(minutes: int) -> str:
    """Write minutes after midnight as 'half past two' or 'a quarter to nine'."""
    hour, quarter = divmod(minutes, 60)
    name = NUMBER_WORDS[(hour + (quarter == 45) - 1) % 12 + 1]
    return {
        0: f"{name} o'clock",
        15: f"a quarter past {name}",
        30: f"half past {name}",
        45: f"a quarter to {name}",
    }[quarter]
