"""Short guides to three towns: the answer needs two facts, one leading to the other."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import RIVERS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

PRODUCTS = (
    "cheese", "glass", "clocks", "honey", "rope", "paper", "knives", "cider", "lace", "tiles",
    "boats", "candles", "wool", "salt", "violins", "gloves",
)  # fmt: skip
SIGHTS = (
    "wind mill", "round tower", "toy museum", "rose garden", "stone bridge", "old mint",
    "wooden church", "salt mine", "lighthouse", "clock gallery", "deer park", "water wheel",
)  # fmt: skip
# relation: (ways to say it of {town}, ways to ask for it in {that} town, ways to point to a town)
RELATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "river": (
        ("the {value} flows through {town}", "{town} lies on the {value}",
         "{town} was built where one could wade through the {value}"),
        ("Which river flows through {that}?", "On which river lies {that}?"),
        ("the town on the {value}",),
    ),
    "product": (
        ("{town} is known for its {value}", "half of {town} lives on making {value}",
         "people come to {town} to buy {value}"),
        ("What is {that} known for?", "What is made in {that}?"),
        ("the town that is known for {value}", "the town where {value} (is|are) made"),
    ),
    "sight": (
        ("the {value} of {town} opens in summer only", "in {town} stands a fine {value}",
         "guests of {town} should see the {value}"),
        ("What can be seen in {that}?", "What is there to see in {that}?"),
        ("the town with the {value}",),
    ),
    "mayor": (
        ("{value} is mayor of {town}", "the mayor of {town} is called {value}",
         "{town} elected {value} as its mayor"),
        ("Who is mayor of {that}?", "What is the name of the mayor of {that}?"),
        ("the town that {value} is mayor of",),
    ),
    "resident": (
        ("{value} moved to {town} last year", "{value} has a shop in {town}",
         "{town} is where {value} lives"),
        (),
        ("the town where {value} lives or works", "{value}'s town"),
    ),
}  # fmt: skip
GRAMMAR = Grammar()


@builtin_task(
    instruction="Answer with a name or a word from the text.",
    metric="exact_match",
)
def town_two_hop(rng: random.Random) -> Example:
    """Guides to three towns; the question points to a town by one fact and asks for another."""
    towns = rng.sample(TOWNS, 3)
    names = [person.full for person in people(rng, 6)]
    values = {
        "river": rng.sample(RIVERS, 3),
        "product": rng.sample(PRODUCTS, 3),
        "sight": rng.sample(SIGHTS, 3),
        "mayor": names[:3],
        "resident": names[3:],
    }
    kept = rng.sample(tuple(RELATIONS), 3)
    asked = rng.choice([relation for relation in kept if RELATIONS[relation][1]])
    given = rng.choice([relation for relation in kept if relation != asked])
    target = rng.randrange(3)
    said = []
    for number, town in enumerate(towns):
        for relation in kept:
            needed = number == target and relation in (asked, given)
            if needed or rng.random() < 0.85:
                template = rng.choice(RELATIONS[relation][0])
                value = values[relation][number]
                said.append(GRAMMAR.write(rng, template + ".", town=town, value=value))
    rng.shuffle(said)
    pointer = rng.choice(RELATIONS[given][2])
    pointer = pointer.replace("(is|are)", "are" if values[given][target].endswith("s") else "is")
    that = GRAMMAR.expand(rng, pointer, value=values[given][target])
    question = GRAMMAR.write(rng, rng.choice(RELATIONS[asked][1]), that=that)
    return Example(f"{' '.join(said)}\nQuestion: {question}", values[asked][target])
