"""Stock that goes in and out: up to four movements of one article, others do not count."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import WEEKDAYS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# (place, articles kept there)
STORES = (
    ("the bakery", ("loaves", "rolls", "pies", "buns", "tarts")),
    ("the library", ("novels", "maps", "comics", "atlases", "films")),
    ("the warehouse", ("crates", "barrels", "pallets", "sacks", "boxes")),
    ("the nursery", ("roses", "ferns", "cacti", "herbs", "shrubs")),
    ("the school office", ("pencils", "folders", "erasers", "notebooks", "rulers")),
    ("the bike rental", ("bikes", "helmets", "locks", "trailers", "pumps")),
    ("the kitchen", ("plates", "bowls", "cups", "forks", "trays")),
    ("the farm", ("hens", "ducks", "goats", "sheep", "geese")),
)
GRAMMAR = Grammar(
    {
        "start": (
            "on {day} {place} has {n} {goods}",
            "{place} starts the day with {n} {goods}",
            "there are {n} {goods} in stock at {place}",
        ),
        # {goods} is left out unless another article was spoken of just before
        "in": ("{n} more {goods} come in", "{n} {goods} are added",
               "a van brings another {n} {goods}",
               "another {n} {goods} arrive"),
        "out": ("{n} {goods} are taken away", "{n} {goods} leave", "{n} {goods} are picked up",
                "{n} {goods} have to be given up"),
        "other": (
            "besides, there are {n} {others}",
            "a van brings {n} {others}",
            "{n} {others} are taken away",
            "someone asks for {n} {others}",
        ),
        "question": (
            "How many {goods} are there now?",
            "How many {goods} does {place} have in the end?",
            "How many {goods} are left?",
        ),
    }
)  # fmt: skip


@builtin_task(instruction="Work out the number that is asked for.", metric="numeric")
def store_stock(rng: random.Random) -> Example:
    """Stock problems: a starting number and two to four movements, with another article between."""
    place, articles = rng.choice(STORES)
    goods, others = rng.sample(articles, 2)
    count = rng.randint(12, 60)
    day = rng.choice(WEEKDAYS)
    parts = [GRAMMAR.expand(rng, "{start}.", day=day, place=place, n=count, goods=goods)]
    moves = rng.choice((2, 2, 3, 4))
    aside = rng.choice((*range(moves + 1), None, None))
    for move in range(moves):
        name = ""
        if move == aside:
            parts.append(_aside(rng, others))
            name = goods
        leaves = count > 6 and rng.random() < 0.5
        moved = rng.randint(2, min(25, count - 1) if leaves else 25)
        count += -moved if leaves else moved
        parts.append(
            GRAMMAR.expand(rng, f"then {'{out}' if leaves else '{in}'}.", n=moved, goods=name)
        )
    if aside == moves:
        parts.append(_aside(rng, others))
    parts.append(GRAMMAR.expand(rng, "{question}", goods=goods, place=place))
    return Example(GRAMMAR.write(rng, " ".join(parts)), str(count))


def _aside(rng: random.Random, others: str) -> str:
    return GRAMMAR.expand(rng, "{other}.", n=rng.randint(3, 40), others=others)
