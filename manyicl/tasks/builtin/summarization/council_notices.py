"""Letters of a town council: which street is closed, to whom, from when to when and why."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import MONTHS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import STREETS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# reason as the headline names it: how the letter tells it
REASONS = {
    "pipe works": ("the water company has to change the old pipes", "old mains will be dug up"),
    "tree felling": ("nine sick lime trees have to come down", "the storm left trees to be felled"),
    "street party": ("the residents want to dance outside", "tables and music will fill the road"),
    "film shoot": ("a crew is making a crime film there", "scenes for a series will be filmed"),
    "resurfacing": ("the tar is full of holes and will be laid anew", "a new surface is put down"),
    "bridge check": ("engineers look at the old bridge", "cracks in the bridge are measured"),
    "cable laying": ("fast internet needs new cables in the ground", "the power firm lays cables"),
    "cycle race": ("the riders of the summer tour come through", "sixty cyclists race here"),
    "flea market": ("two hundred stalls with old things will be set up",
                    "people sell what they find in their attics"),
    "crane work": ("a roof is lifted onto the new school", "a crane needs the whole width"),
}  # fmt: skip
USERS = {
    "cars": ("cars have to keep out", "no cars can get through", "drivers of cars must go round"),
    "buses": ("buses cannot pass", "bus drivers have to take another way", "no buses run there"),
    "lorries": ("lorries are not let in", "lorries must stay out", "no lorries may enter"),
    "cyclists": ("cyclists have to go round", "no cyclists are let through"),
    "all traffic": ("nobody gets through on wheels", "cars, buses and bicycles must go round"),
}  # fmt: skip
GRAMMAR = Grammar(
    {
        "opening": (
            "To all households in {town}.",
            "The council of {town} met last week, and one point was {other}.",
            "Dear residents, this letter is about traffic.",
            "Town hall {town}, roads department, {name}.",
        ),
        "plan": (
            "At first {other} was to be closed; {reason}, though, and that is in {street}.",
            "In {street} {reason}.",
            "You may have heard that {reason}: this concerns {street}, not {other}.",
            "As for {street}, {reason}.",
        ),
        "dates": (
            "{use} from {from_day} to {to_day} {month}, one week later than announced.",
            "From {from_day} to {to_day} {month} {use}.",
            "That means: {use}, starting on {from_day} {month} and ending on {to_day} {month}.",
            "{use}; it begins on {from_day} {month}, and on {to_day} {month} all will be over.",
        ),
        "around": (
            "Signs will point the way by {other}.",
            "The number {num} tram is not affected.",
            "People on foot can pass at any time.",
            "Bins should be put out at the corner of {other}.",
            "{other} gets new lamps in {month2}, which needs no closing.",
            "Parking in {other} is free during that time.",
        ),
        "end": (
            "{name} answers questions on weekdays until noon.",
            "Costs are shared with the county.",
            "We know it has been a noisy year.",
            "The plan can be seen at the library.",
            "The last such work was {num} years ago.",
        ),
    }
)


@builtin_task(
    instruction="Write a headline: which street is closed to whom, from when to when, and why.",
    metric="rouge_l",
)
def closure_headline(rng: random.Random) -> Example:
    """Council letters to a headline with street, users, dates and reason; others are named"""
    street, other = rng.sample(STREETS, 2)
    reason, users = rng.choice(tuple(REASONS)), rng.choice(tuple(USERS))
    if reason == "cycle race" and users == "cyclists":
        users = "cars"
    month, month2 = rng.sample(MONTHS, 2)
    first = rng.randint(1, 20)
    last = first + rng.randint(2, 8)
    bound = {
        "town": rng.choice(TOWNS), "street": street, "other": other, "month": month,
        "month2": month2, "from_day": first, "to_day": last, "num": rng.randint(3, 19),
        "name": people(rng, 1)[0].formal, "reason": rng.choice(REASONS[reason]),
        "use": rng.choice(USERS[users]),
    }  # fmt: skip
    around = rng.sample(GRAMMAR.rules["around"], 3)
    point = ["{plan}", "{dates}"]
    parts = rng.choice(
        (
            ["{opening}", *point, *around, "{end}"],
            ["{opening}", around[0], *point, *around[1:], "{end}"],
            ["{opening}", around[0], "{end}", around[1], *point],
        )
    )
    text = GRAMMAR.write(rng, " ".join(parts), **bound)
    return Example(text, f"{street} closed to {users} from {first} to {last} {month} for {reason}")
