"""Recipes told step by step: what comes after what, how long it cooks, how much is needed."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

DISHES = ("soup", "stew", "casserole", "hotpot", "one-pot dinner", "curry", "winter pot")
FOOD = words(
    "onions, carrots, lentils, tomatoes, beans, leeks, peppers, potatoes, mushrooms, chickpeas, "
    "peas, turnips, parsnips, courgettes, shallots, noodles, dumplings, chestnuts, aubergines",
    ", ",
)
TOPS = words("parsley, chives, grated cheese, toasted nuts, mint, sesame, sour cream, dill", ", ")
GRAMMAR = Grammar(
    {
        "opening": (
            "{who}'s {dish}, as made in {town}.",
            "A {dish} from {town}.",
            "{who} sent us this {dish}.",
            "{dish} for cold days, from {who}.",
        ),
        "first": (
            "start with the {food}, for {time}.",
            "fry the {food} in oil for {time}.",
            "the {food} come first and need {time}.",
        ),
        "next": (
            "add the {food} and (wait|cook) {time}.",
            "stir in the {food}, give it {time}.",
            "then the {food} go in, for {time}.",
            "{time} more with the {food} in the pot.",
        ),
        "top": (
            "(Serve with|Finish with|Put) {herb} on top.",
            "At the table everyone takes some {herb}.",
            "Before serving scatter {herb} over it.",
        ),
        "after": (
            "What goes into the pot right after the {food}?",
            "When the {food} have had their time, what is added?",
        ),
        "before": (
            "What goes into the pot right before the {food}?",
            "What is the last thing to be added before the {food}?",
        ),
        "wait": (
            "How long is it from the {food} to the next step?",
            "How many minutes does one wait after adding the {food}?",
        ),
    }
)


@builtin_task(
    instruction="Answer from the recipe. If it does not say, answer 'unknown'.",
    metric="exact_match",
)
def recipe_question(rng: random.Random) -> Example:
    """Recipes in four or five steps; what goes in before or after, for how long, how much of it"""
    foods = rng.sample(FOOD, rng.choice((4, 5)))
    amounts = [f"{grams} g" for grams in rng.sample(range(100, 900, 20), len(foods))]
    times = [f"{minutes} minutes" for minutes in rng.sample(range(2, 35), len(foods))]
    missing = rng.randrange(len(foods))  # the list of amounts leaves one food out
    shopping = [f"{amounts[i]} {food}" for i, food in enumerate(foods) if i != missing]
    rng.shuffle(shopping)
    top = rng.choice(TOPS)
    steps = [
        GRAMMAR.write(rng, "{next}" if place else "{first}", food=food, time=time)
        for place, (food, time) in enumerate(zip(foods, times, strict=True))
    ]
    opening = GRAMMAR.write(
        rng, "{opening}", who=person(rng).first, dish=rng.choice(DISHES), town=rng.choice(TOWNS)
    )
    text = f"{opening} You need {', '.join(shopping)}. {' '.join(steps)}"
    text += " " + GRAMMAR.write(rng, "{top}", herb=top)
    place = rng.randrange(1, len(foods))
    one = rng.choice([i for i in range(len(foods)) if i != missing])
    question, answer = rng.choice(
        (
            (GRAMMAR.write(rng, "{after}", food=foods[place - 1]), foods[place]),
            (GRAMMAR.write(rng, "{after}", food=foods[place - 1]), foods[place]),
            (GRAMMAR.write(rng, "{before}", food=foods[place]), foods[place - 1]),
            (GRAMMAR.write(rng, "{wait}", food=foods[place]), times[place]),
            ("What is cooked first?", foods[0]),
            ("What goes into the pot last?", foods[-1]),
            ("What is eaten on top?", top),
            (f"How much of the {foods[one]} is needed?", amounts[one]),
            (f"How much of the {foods[missing]} is needed?", "unknown"),
            (f"How much of the {foods[missing]} is needed?", "unknown"),
        )
    )
    return Example(f"{text}\nQuestion: {question}", answer)
