"""Words and their wider kinds, in plain and negated sentences."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("yes", "no", "maybe")
# kind: things of that kind; and where one may see them
KINDS = {
    "bird": ("sparrow", "crow", "swan", "owl", "robin", "pigeon", "gull"),
    "dog": ("poodle", "terrier", "greyhound", "dachshund", "sheepdog"),
    "insect": ("beetle", "wasp", "butterfly", "moth", "dragonfly", "grasshopper"),
    "tree": ("birch", "oak", "pine", "willow", "maple", "beech"),
    "flower": ("tulip", "daisy", "sunflower", "poppy", "lily"),
    "vehicle": ("tractor", "bus", "lorry", "taxi", "van", "tram"),
    "boat": ("canoe", "ferry", "dinghy", "raft", "yacht"),
    "musician": ("drummer", "violinist", "flautist", "pianist", "trumpeter"),
    "tool": ("hammer", "saw", "chisel", "screwdriver", "rake", "spade"),
    "piece of furniture": ("stool", "wardrobe", "sofa", "bookcase", "armchair"),
    "fruit": ("plum", "pear", "lemon", "cherry", "peach"),
    "toy": ("doll", "kite", "spinning top", "puzzle", "rocking horse"),
}
ADJECTIVES = ("small", "old", "large", "beautiful", "strange", "thin")
PLACES = (
    "in the yard", "behind the school", "in the photo", "near the gate", "beside the shed",
    "in the painting", "by the canal", "in front of the station", "on the poster", "at the fair",
    "in the film", "on the stamp", "in the drawing", "on the postcard", "in the garden",
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "some": (
            "there is a {thing} {place}",
            "{place} you can see a {thing}",
            "a {thing} can be seen {place}",
        ),
        "none": (
            "there is no {thing} {place}",
            "not one {thing} can be seen {place}",
            "{place} you will not see any {thing}",
        ),
    }
)
# (premise, hypothesis, answer): + there is one, - there is none; `thing` is of the kind `kind`
RULES = (
    ("+thing", "+kind", "yes"),
    ("+adjective thing", "+thing", "yes"),
    ("+adjective thing", "+kind", "yes"),
    ("-kind", "-thing", "yes"),
    ("-thing", "-adjective thing", "yes"),
    ("-kind", "-adjective thing", "yes"),
    ("+thing", "-kind", "no"),
    ("+thing", "-thing", "no"),
    ("+adjective thing", "-kind", "no"),
    ("-kind", "+thing", "no"),
    ("-thing", "+adjective thing", "no"),
    ("-kind", "+adjective thing", "no"),
    ("+kind", "+thing", "maybe"),
    ("+thing", "+adjective thing", "maybe"),
    ("+thing", "+sibling", "maybe"),
    ("-thing", "-kind", "maybe"),
    ("-thing", "-sibling", "maybe"),
    ("-adjective thing", "-thing", "maybe"),
    ("-thing", "+kind", "maybe"),
    ("+thing", "-sibling", "maybe"),
)


@builtin_task(
    instruction="If the first sentence is true, is the second one?",
    metric="accuracy",
    labels=LABELS,
)
def kinds_nli(rng: random.Random) -> Example:
    """Does 'there is no bird' follow from 'there is no sparrow'? Kinds, adjectives and negation."""
    label = rng.choice(LABELS)
    premise, hypothesis, _ = rng.choice([rule for rule in RULES if rule[2] == label])
    kind = rng.choice(tuple(KINDS))
    thing, sibling = rng.sample(KINDS[kind], 2)
    adjective, place = rng.choice(ADJECTIVES), rng.choice(PLACES)
    words = {
        "thing": thing, "kind": kind, "sibling": sibling, "adjective thing": f"{adjective} {thing}",
    }  # fmt: skip
    first, second = (
        GRAMMAR.write(
            rng, "{some}." if side[0] == "+" else "{none}.", thing=words[side[1:]], place=place
        )
        for side in (premise, hypothesis)
    )
    return Example(f"{first} -> {second}", label)
