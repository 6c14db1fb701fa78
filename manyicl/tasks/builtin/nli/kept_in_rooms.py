"""Where things are kept: a thing in a box, the box in a room; some boxes and rooms are not told."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("true", "false", "unknown")
THINGS = words(
    "the spare key, the passport, the drill, the road map, the torch, the first aid kit, the flute,"
    " the camera, the sewing kit, the bicycle pump, the birth certificate, the wedding ring, the"
    " chess set, the tent, the hair dryer, the stamp album, the measuring tape, the old diary,"
    " the phone charger, the christening dress, the swimming cap, the insurance policy",
    ", ",
)
BOXES = words(
    "the blue tin, the red bag, the shoe box, the canvas sack, the wooden chest, the old suitcase,"
    " the green rucksack, the glass jar, the wicker basket, the metal case, the grey crate,"
    " the hat box, the linen bag, the striped carton",
    ", ",
)
ROOMS = words(
    "the attic, the cellar, the garage, the kitchen, the office, the guest room, the garden shed,"
    " the laundry room, the workshop, the summer house, the storeroom, the pantry, the hall,"
    " the nursery",
    ", ",
)
GRAMMAR = Grammar(
    {
        "fact": (
            "{a} is in {b}",
            "{a} is kept in {b}",
            "{a} lies in {b}",
            "{a} has been put into {b}",
            "you will find {a} in {b}",
            "{b} is where {a} is",
        ),
        "yes": (
            "{a} is in {b}",
            "{a} can be found in {b}",
            "look for {a} in {b}",
            "{b} is where you will find {a}",
        ),
        "no": (
            "{a} is not in {b}",
            "{a} cannot be found in {b}",
            "{a} is somewhere else than in {b}",
            "it is no use looking for {a} in {b}",
        ),
    }
)


@builtin_task(instruction="Judge the claim by the notes.", metric="accuracy", labels=LABELS)
def where_nli(rng: random.Random) -> Example:
    """Things in boxes in rooms: is the thing in that room? Two facts must be put together."""
    label = rng.choice(LABELS)
    affirmed = rng.random() < 0.5
    thing, second, third = rng.sample(THINGS, 3)
    box, other_box = rng.sample(BOXES, 2)
    room, other_room = rng.sample(ROOMS, 2)
    if label == "unknown":
        elsewhere = other_room
        facts = list(
            rng.choice(
                (
                    ((thing, box), (other_box, room)),  # where the box stands is not told
                    ((second, box), (box, room)),  # the thing itself is not spoken of
                    ((thing, box), (second, room)),
                )
            )
        )
    else:
        there = (label == "true") == affirmed
        home, elsewhere = (room, other_room) if there else (other_room, room)
        facts = [(thing, home)] if rng.random() < 0.25 else [(thing, box), (box, home)]
    if len(facts) == 1 or rng.random() < 0.5:  # a room that is named is not always the right one
        facts.append((third, elsewhere))
    if rng.random() < 0.4:
        rng.shuffle(facts)
    notes = [GRAMMAR.expand(rng, "{fact}", a=a, b=b) for a, b in facts]
    joint = rng.choice((". ", "; ", ", and ")) if len(notes) == 2 else rng.choice((". ", "; "))
    claim = GRAMMAR.write(rng, "{yes}." if affirmed else "{no}.", a=thing, b=room)
    return Example(f"{GRAMMAR.write(rng, joint.join(notes))}.\nClaim: {claim}", label)
