"""Diaries of a short trip: one thing was best, one went wrong, the rest was as usual."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, sentence
from manyicl.tasks.builtin.lexicon.calendar import DAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

SIGHTS = (
    "the boat trip", "the night market", "the castle", "the puppet theatre", "the steam train",
    "the salt mine", "the rose garden", "the cheese dairy", "the lighthouse", "the clock museum",
    "the thermal bath", "the rope bridge", "the brass concert", "the glass studio", "the high dune",
)  # fmt: skip
# what went wrong, as the postcard says it: how the diary tells it
MISHAPS = {
    "missed the ferry": ("the ferry was ten metres out when we ran onto the pier",
                         "we stood on the pier and waved at our ferry"),
    "lost the car key": ("the key of the car must be somewhere in the sand",
                         "three hours on our knees, looking for the car key"),
    "got soaked": ("a cloudburst caught us with no jacket", "not a dry thread on us that evening"),
    "had a flat tyre": ("a nail, and the tyre was done", "the tyre went down with a hiss"),
    "left the tickets behind": ("our tickets lay safely on the kitchen table at home",
                                "the tickets were in the other coat"),
    "got stung by wasps": ("the wasps found us before the cake did", "wasps, five stings"),
    "broke the camera": ("the camera fell on the stones, end of pictures",
                         "after one bounce on the steps the camera was dead"),
    "slept in the car": ("no bed for us anywhere, so we put the car seats back",
                         "the inn had given our room away, and the car was our bed"),
    "ate bad fish": ("the fish at lunch was not fresh, as we learnt that night",
                     "two of us spent the night in the bathroom after the fish"),
    "got lost in the woods": ("the path ended in brambles, and it took us until dark to get out",
                              "the map was of another forest, we found out late"),
}  # fmt: skip
GRAMMAR = Grammar(
    {
        "opening": (
            "{day0}: up early, {a} drove.",
            "{day0}. Off at last, with {a} and far too many bags.",
            "Trip book of {a} and {b}. {day0}, fine weather.",
            "{day0}, late in the evening. {b} is asleep already.",
        ),
        "usual": (
            "{sight} was all right, but we had seen it before.",
            "We also did {sight}, which {a} found too dear.",
            "{sight} was closed for repairs.",
            "{b} wanted to see {sight}, so we did, for half an hour.",
            "Nobody will remember {sight}, I think.",
            "At {sight} there was a long queue, and we gave up.",
        ),
        "praise": (
            "Then {best} in {town}: nobody said a word for minutes, {a} was close to tears.",
            "For {best} in {town} alone I would come again.",
            "{best} in {town} beat all the rest.",
            "We did not want to leave {best} in {town}, and {b} is still talking about it.",
        ),
        "mishap": ("{wrong}.", "And then: {wrong}.", "What a day: {wrong}.", "Well, {wrong}."),
        "food": (
            "Soup and bread for dinner.",
            "Good coffee at the station in {town2}.",
            "{a} bought a hat in {town2}.",
            "We passed through {town2} without stopping.",
            "Wrote cards in {town2}.",
        ),
        "home": (
            "On {day} we will be home again.",
            "{day} is our last day, the cat is waiting at home.",
            "We had planned to return on {other_day}, but now it will be {day}.",
            "The train back home is on {day}.",
        ),
    }
)


@builtin_task(
    instruction="Write a postcard in note form: the best thing, the mishap, the day of return.",
    metric="rouge_l",
)
def postcard_line(rng: random.Random) -> Example:
    """Travel diaries to the best sight, the one mishap and the day of return"""
    best, *usual = rng.sample(SIGHTS, 4)
    town, town2 = rng.sample(TOWNS, 2)
    start, length = rng.randrange(7), rng.randint(2, 4)
    day0, day1, other_day, day = (
        DAYS[(start + later) % 7] for later in (0, 1, length, length + rng.choice((1, 2)))
    )
    a, b = (person.first for person in people(rng, 2))
    mishap = rng.choice(tuple(MISHAPS))
    templates = rng.sample(GRAMMAR.rules["usual"], 3)
    plain = [
        GRAMMAR.expand(rng, template, sight=sight, a=a, b=b)
        for template, sight in zip(templates, usual, strict=True)
    ]
    middle = [*plain[: rng.choice((2, 3))], "{praise}", "{mishap}", "{food}", "{home}"]
    rng.shuffle(middle)
    middle.insert(len(middle) // 2, f"{day1}.")
    text = GRAMMAR.write(
        rng, " ".join(["{opening}", *middle]), a=a, b=b, best=best, town=town, town2=town2,
        day0=day0, day=day, other_day=other_day, wrong=rng.choice(MISHAPS[mishap]),
    )  # fmt: skip
    return Example(text, sentence(f"{best.removeprefix('the ')} in {town}, {mishap}, home {day}."))
