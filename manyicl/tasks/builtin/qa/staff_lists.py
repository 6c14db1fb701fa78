"""Notes on the staff of a firm: one relation leads to a person, a second fact is asked for."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import MONTHS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

JOBS = (
    "accountant", "driver", "cook", "designer", "buyer", "electrician", "press officer", "lawyer",
    "safety officer", "store keeper", "trainer", "web editor", "caretaker", "receptionist",
)  # fmt: skip
CARS = ("grey van", "blue van", "red estate car", "small white car", "old jeep", "electric car")
# relation of {name} to {other}: how the note says it, how a question points to {other}
LINKS: dict[str, tuple[tuple[str, ...], str]] = {
    "boss": (
        ("{name} reports to {other}", "{other} is the boss of {name}",
         "{other} signs the leave forms of {name}"),
        "{name}'s boss",
    ),
    "mentor": (
        ("{other} is {name}'s mentor", "{name} was taught the job by {other}, the mentor",
         "{name} has {other} as a mentor"),
        "{name}'s mentor",
    ),
    "office": (
        ("{name} shares an office with {other}", "{name} and {other} sit in one office"),
        "the colleague in {name}'s office",
    ),
    "deputy": (
        ("{other} is deputy to {name}", "{other} fills in as deputy whenever {name} is away",
         "{name} has {other} as deputy"),
        "{name}'s deputy",
    ),
}  # fmt: skip
# fact about {name}: how the note says it, how it is asked of {that} person, how it points to them
FACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "town": (
        ("{name} works in {value}", "{name}'s desk is in {value}", "in {value} you find {name}"),
        ("In which town does {that} work?", "Where is the desk of {that}?"),
        "the one who works in {value}",
    ),
    "job": (
        ("{name} is our {value}", "{name} was hired as a {value}", "the {value} is {name}"),
        ("What is the job of {that}?", "What does {that} work as?"),
        "our {value}",
    ),
    "month": (
        ("{name} started in {value}", "{name} has been with us since {value}"),
        ("In which month did {that} start?", "Since when has {that} been with the firm?"),
        "the one who started in {value}",
    ),
    "car": (
        ("{name} drives the {value}", "the {value} is used by {name}"),
        ("Which car does {that} drive?", "Which car is used by {that}?"),
        "the one who drives the {value}",
    ),
}  # fmt: skip
GRAMMAR = Grammar()


@builtin_task(
    instruction="Answer from the notes. If they do not say, answer 'unknown'.",
    metric="exact_match",
)
def staff_two_hop(rng: random.Random) -> Example:
    """Staff notes; the question goes over a boss, mentor, deputy or office to another fact"""
    names = [person.first for person in people(rng, 4)]
    values = {
        "town": rng.sample(TOWNS, 4),
        "job": rng.sample(JOBS, 4),
        "month": rng.sample(MONTHS, 4),
        "car": rng.sample(CARS, 4),
    }
    link, other_link = rng.sample(tuple(LINKS), 2)
    asked, given = rng.sample(tuple(FACTS), 2)
    one, two, three, four = rng.sample(range(4), 4)
    # Of person two the question asks a fact, reached from person one; three and four distract.
    facts = [(two, asked), (four, asked), (three, asked), (one, given), (three, given)]
    links = [(link, one, two), (other_link, one, three), (link, three, four)]
    if link == "office":  # three persons in one office would be found by one question
        links[2] = (other_link, two, four)
    forward = rng.random() < 0.6
    unknown = rng.random() < 0.18
    if unknown:
        facts.remove((two, asked)) if forward else links.remove((link, one, two))
    said = [
        GRAMMAR.write(
            rng, rng.choice(FACTS[fact][0]) + ".", name=names[who], value=values[fact][who]
        )
        for who, fact in facts
    ]
    said += [
        GRAMMAR.write(rng, rng.choice(LINKS[kind][0]) + ".", name=names[who], other=names[other])
        for kind, who, other in links
    ]
    rng.shuffle(said)
    if forward:
        that = LINKS[link][1].format(name=names[one])
        question = GRAMMAR.write(rng, rng.choice(FACTS[asked][1]), that=that)
        answer = values[asked][two]
    else:
        that = FACTS[given][2].format(value=values[given][one])
        who = {"boss": "Who is the boss of {that}?", "mentor": "Who is the mentor of {that}?",
               "office": "Who sits in one office with {that}?",
               "deputy": "Who is deputy to {that}?"}[link]  # fmt: skip
        question, answer = who.format(that=that), names[two]
    return Example(f"{' '.join(said)}\nQuestion: {question}", "unknown" if unknown else answer)
