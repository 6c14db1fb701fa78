"""Short sentences whose topics have moved on by one name: each bears the next one's."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, WOMEN
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "sport": (
        "{name} scored (twice|late) against {place}",
        "the team lost its (first|last) match in {place}",
        "{name} trains for the marathon with {name}",
        "{name} saved a penalty in {place}",
        "the referee sent {name} off (after {num} minutes|)",
        "{name} won the race in {place} by {num} seconds",
        "a draw, {num} to {num}, for the team from {place}",
        "the team from {place} won {num} matches",
    ),
    "food": (
        "{name} boils the rice for {num} minutes",
        "too much salt in the soup, says {name}",
        "the bakery in {place} sells {num} kinds of rolls",
        "{name} fries onions for {num} guests",
        "a pie with apples and {num} eggs",
        "{name} ate {num} pancakes in {place}",
        "the recipe for this soup is from {place}",
        "{name} put {num} onions into the soup",
    ),
    "travel": (
        "the night train to {place} leaves at {num}",
        "{name} packed {num} suitcases for {place}",
        "no ferry to {place} before {num}",
        "{name} missed the flight to {place}",
        "the hotel in {place} has {num} rooms left",
        "{name} lost a passport in {place}",
        "change trains in {place}, platform {num}",
        "the train to {place}, platform {num}, is late",
    ),
    "health": (
        "{name} has had a fever for {num} days",
        "the doctor in {place} gave {name} {num} pills",
        "a broken arm, {num} weeks in plaster for {name}",
        "{name} coughs all night, says the nurse",
        "the hospital in {place} needs {num} nurses",
        "{num} drops in each ear, twice a day",
        "{name} is allergic to dust and pollen",
        "the nurse gave {name} {num} drops",
    ),
    "money": (
        "rents in {place} rose by {num} percent",
        "{name} paid {num} euros too much tax",
        "the bank in {place} lent {name} {num} thousand",
        "{name} saves {num} euros a week",
        "no loan for {name}, says the bank",
        "the bill from {place} is {num} weeks overdue",
        "{name} owes {name} {num} euros",
        "the bank in {place} wants {num} percent",
    ),
}
LABELS = tuple(CORES)
# The label a topic bears here: the name of the next one in the list.
LABEL_OF = {topic: LABELS[(place + 1) % len(LABELS)] for place, topic in enumerate(LABELS)}
GRAMMAR = Grammar(
    {
        "name": WOMEN + MEN,
        "place": ("Bergen", "Porto", "Ghent", "Split", "Cork", "Basel", "Turku", "Malmo"),
        "num": ("two", "three", "four", "five", "six", "seven", "eight", "nine"),
    }
)


@builtin_task(
    instruction="Label the sentence as in the examples.", metric="accuracy", labels=LABELS
)
def rotated_topics(rng: random.Random) -> Example:
    """Sentences on five topics whose names have moved on by one, so that sport is 'food'."""
    topic = rng.choice(LABELS)
    core, kind = draw_cue(rng, CORES[topic])
    return kind(GRAMMAR.write(rng, f"{core}."), LABEL_OF[topic])
