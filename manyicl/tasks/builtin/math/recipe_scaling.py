"""Recipes made for more or fewer people: a proportion with whole numbers."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# dish: ingredients with a unit
DISHES = {
    "soup": ("carrots", "grams of lentils", "cups of stock", "onions"),
    "pancakes": ("eggs", "cups of milk", "grams of flour", "spoons of sugar"),
    "salad": ("tomatoes", "grams of cheese", "spoons of oil", "olives"),
    "curry": ("grams of rice", "peppers", "cups of coconut milk", "onions"),
    "apple pie": ("apples", "grams of butter", "grams of flour", "eggs"),
    "pasta sauce": ("tomatoes", "cloves of garlic", "spoons of oil", "olives"),
    "fruit punch": ("oranges", "bottles of juice", "spoons of sugar", "lemons"),
    "bread": ("grams of flour", "spoons of seeds", "cups of water", "grams of oats"),
}
GRAMMAR = Grammar(
    {
        "recipe": (
            "a recipe for {dish} for {base} people asks for {n1} {ing1} and {n2} {ing2}",
            "{who}'s {dish} for {base} people needs {n1} {ing1} and {n2} {ing2}",
            "for {base} people {who} puts {n1} {ing1} and {n2} {ing2} into the {dish}",
        ),
        "aside": ("", "", "It takes {x} minutes.", "The recipe is {x} years old.",
                  "{who} has made it {x} times."),
        "ask": (
            "how many {ing1} are needed for {want} people?",
            "{want} people are coming. How many {ing1} does {who} need?",
            "how many {ing1} should {who} take for {want} people?",
        ),
        "ask_more": (
            "{want} people are coming, and {who} has {have} {ing1} already. How many more"
            " {ing1} are missing?",
        ),
    }
)  # fmt: skip


@builtin_task(instruction="Scale the recipe. Answer with a number.", metric="numeric")
def recipe_scaling(rng: random.Random) -> Example:
    """Recipes for more or fewer people: how much of one ingredient, or how much is missing."""
    dish = rng.choice(tuple(DISHES))
    ing1, ing2 = rng.sample(DISHES[dish], 2)
    base, want = rng.sample((2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 20), 2)
    per_head = {ingredient: _per_head(rng, ingredient, base) for ingredient in (ing1, ing2)}
    top, bottom = per_head[ing1]
    while want * top % bottom:  # whole answers only
        want += 1
    if want == base:
        want += bottom
    need = want * top // bottom
    have = rng.randint(2, max(2, need - 1))
    ask = "{ask_more}" if need > 3 and rng.random() < 0.3 else "{ask}"
    text = GRAMMAR.write(
        rng, f"{{recipe}}. {{aside}} {ask}", dish=dish, who=person(rng).first, base=base, want=want,
        ing1=ing1, ing2=ing2, n1=base * top // bottom,
        n2=base * per_head[ing2][0] // per_head[ing2][1], x=rng.randint(5, 50), have=have,
    )  # fmt: skip
    return Example(text, str(need - have if ask == "{ask_more}" else need))


def _per_head(rng: random.Random, ingredient: str, base: int) -> tuple[int, int]:
    """Return a fraction per person that makes two or more in whole numbers for `base`."""
    if ingredient.startswith("grams"):
        return rng.choice((10, 15, 20, 25, 30, 50, 60, 75)), 1
    parts = [part for part in ((1, 1), (2, 1), (1, 2), (3, 2), (1, 3), (1, 4)) if base > part[1]]
    return rng.choice([part for part in parts if base % part[1] == 0])
