"""Comparisons of people and towns: more, less and not as much as, over one or two steps."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import polish
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("right", "wrong", "open")
# ways to say that the first one has more, less, and again less of it
OF_PEOPLE = (
    ("is taller than", "is shorter than", "is not as tall as"),
    ("is older than", "is younger than", "is not as old as"),
    ("earns more than", "earns less than", "does not earn as much as"),
    ("runs faster than", "runs slower than", "does not run as fast as"),
    ("got up earlier than", "got up later than", "did not get up as early as"),
    ("scored higher than", "scored lower than", "did not score as high as"),
    ("has more pupils than", "has fewer pupils than", "does not have as many pupils as"),
    ("is stronger than", "is weaker than", "is not as strong as"),
    ("speaks louder than", "speaks more quietly than", "does not speak as loudly as"),
)
OF_TOWNS = (
    ("is larger than", "is smaller than", "is not as large as"),
    ("is colder than", "is warmer than", "is not as cold as"),
    ("has more schools than", "has fewer schools than", "does not have as many schools as"),
    ("lies farther north than", "lies farther south than", "does not lie as far north as"),
    ("is noisier than", "is quieter than", "is not as noisy as"),
    ("gets more rain than", "gets less rain than", "does not get as much rain as"),
    ("is dearer to live in than", "is cheaper to live in than", "is not as dear to live in as"),
)


@builtin_task(instruction="Is the last sentence right?", metric="accuracy", labels=LABELS)
def comparison_nli(rng: random.Random) -> Example:
    """Taller, later, noisier: does one comparison follow from two others, or stay open?"""
    label = rng.choice(LABELS)
    if rng.random() < 0.6:
        scale, names = rng.choice(OF_PEOPLE), [person.first for person in people(rng, 3)]
    else:
        scale, names = rng.choice(OF_TOWNS), rng.sample(TOWNS, 3)
    a, b, c = names
    if label == "open":
        # both above or both below the third: nothing is said about the two
        known = [(a, b), (c, b)] if rng.random() < 0.5 else [(b, a), (b, c)]
        asked = rng.choice(((a, c), (c, a)))
    else:
        known = [(a, b), (b, c)]
        asked = rng.choice(((a, c), (a, c), (a, b), (b, c)))
        if label == "wrong":
            asked = asked[::-1]
    rng.shuffle(known)
    said = [_say(rng, scale, more, less) for more, less in known]
    joint = rng.choice((". ", ", and ", "; ", ", while "))
    return Example(f"{polish(joint.join(said))}.\n{_say(rng, scale, *asked)}.", label)


def _say(rng: random.Random, scale: tuple[str, str, str], more: str, less: str) -> str:
    form = rng.choice((0, 0, 1, 2))
    return f"{more} {scale[0]} {less}" if form == 0 else f"{less} {scale[form]} {more}"
