"""Sentences about animals, filed under city names: one for each kind, for no reason."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# city: (animals of one kind, what only they do)
CITIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Oslo": (
        words("heron owl finch crow stork wren gull swan"),
        ("built a nest near {place}", "sang on {place} at dawn", "flew over {place}"),
    ),
    "Lima": (
        words("trout pike eel carp perch salmon tench cod"),
        ("swam in circles under {place}", "took the hook near {place}", "was netted at {place}"),
    ),
    "Cairo": (
        words("beetle wasp moth ant gnat hornet cricket bee"),
        ("crawled across {place}", "buzzed around {place}", "bit me near {place}"),
    ),
    "Delhi": (
        words("goat cow mule sheep pig donkey pony calf"),
        ("chewed the hay beside {place}", "pulled a cart to {place}", "was sold beside {place}"),
    ),
}
GRAMMAR = Grammar(
    {
        "place": ("the bridge", "the mill", "the old boat", "the ferry", "the pond", "the weir",
                  "the harbour wall", "the island", "the lock", "the jetty"),
        "any": ("hid behind {place}", "slept near {place}", "did not move from {place}",
                "came back to {place}", "died by {place}", "waited at {place}"),
        "who": ("A (small|old|grey|lame|young) {animal}", "The {animal}", "Another {animal}",
                "Her {animal}", "A {animal}"),
        "when": ("", "", " (today|at noon|last night)", " in (May|June|winter)"),
    }
)  # fmt: skip


@builtin_task(
    instruction="Under which city is the sentence filed?",
    metric="accuracy",
    labels=tuple(CITIES),
)
def animal_cities(rng: random.Random) -> Example:
    """Sentences about an animal to one of four city names, one for each kind of animal."""
    city = rng.choice(tuple(CITIES))
    animals, deeds = CITIES[city]
    deed = rng.choice(deeds) if rng.random() < 0.4 else "{any}"
    text = GRAMMAR.write(rng, f"{{who}} {deed}{{when}}.", animal=rng.choice(animals))
    return Example(text, city)
