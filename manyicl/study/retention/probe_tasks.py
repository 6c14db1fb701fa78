"""Probes of raw in-context ability: generated tasks that no training run of this package sees.

Five kinds of rule that only the shown examples tell (after Agarwal et al., 2024): labels with
exchanged meanings, arbitrary symbols for words, a hidden hyperplane, running parity, functions of
lists. They are no part of the built-in suite and differ from its tasks in rule, words and layout,
so that a score here is what a model can learn in context, not what it was trained on. Instructions
are neutral for the same reason.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from manyicl.tasks import Example, Task
from manyicl.tasks.builtin.lexicon.nonsense import rule_random
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import input_key
from manyicl.tasks.builtin.stable_random import StableRandom, stable_digest
from manyicl.tasks.task import Kind, Split

NUM_TRAIN, NUM_TEST = 200, 60
INSTRUCTION = "Answer as in the examples."

# draws, and the index of the wanted label (0 where there are no labels) -> a row
Draw = Callable[[random.Random, int], Example]


@dataclass(frozen=True)
class Probe:
    """A probe task before its rows are made. Without labels and options the answer is written."""

    name: str
    measure: str
    draw: Draw
    labels: tuple[str, ...] = ()
    kind: Kind = "classification"

    def rows(self) -> dict[Split, list[Example]]:
        """Return both splits: inputs all distinct, labels equally frequent in each."""
        found: list[Example] = []
        seen: set[str] = set()
        number = 0
        while len(found) < NUM_TRAIN + NUM_TEST:
            rng = StableRandom(stable_digest(f"{self.name}:{number}"))
            number += 1
            wanted = len(found) % len(self.labels) if self.labels else 0
            example = self.draw(rng, wanted)
            key = input_key(example.input)
            if key in seen:
                continue
            seen.add(key)
            found.append(replace(example, row=len(found) % NUM_TRAIN + 1))
        return {"train": found[:NUM_TRAIN], "test": found[NUM_TRAIN:]}

    def as_task(self) -> Task:
        """Return the task; its rows are made when they are asked for."""
        return Task(
            name=self.name,
            family="symbolic",
            kind=self.kind,
            metric="exact_match" if self.kind == "generation" else "accuracy",
            group=f"probe_{self.measure}",
            load=lambda split: self.rows()[split],
            instruction=INSTRUCTION,
            labels=self.labels,
            source={"generator": "study/probe_tasks", "licence": "Apache-2.0"},
        )


def probe_tasks() -> dict[str, list[Task]]:
    """Return fresh tasks by measure: `flipped_labels`, `fresh_symbols` and so on."""
    found: dict[str, list[Task]] = {}
    for probe in PROBES:
        found.setdefault(probe.measure, []).append(probe.as_task())
    return found


# --- flipped labels: the label that common sense gives, exchanged or moved on by one -----------

SIZES: dict[str, tuple[str, ...]] = {
    "large": words("elephant whale mountain castle ship tower airport volcano stadium glacier"),
    "small": words("ant pin coin button seed crumb bead thimble needle pebble"),
}
DAY: dict[str, tuple[str, ...]] = {
    "morning": words("breakfast, the sunrise, the alarm clock, the first bus, the cereal", ", "),
    "noon": words("lunch, the midday heat, the lunch break, the midday bell, the high sun", ", "),
    "night": words("the midnight train, the stars, the moon, the bedtime story, a dream", ", "),
}
PLACES = words("Tunis Leeds Quito Dakar Osaka Perth Malta Minsk Tampa Hanoi Kyiv Lagos")
SPEAKERS = words("Ada Boris Chloe Dmitri Elif Farid Greta Hugo Ines Jonas")


def _flipped(
    meanings: dict[str, tuple[str, ...]], template: str, rng: random.Random, wanted: int
) -> Example:
    """Write of a thing whose true label is the one before the wanted label in the list."""
    labels = tuple(meanings)
    thing = rng.choice(meanings[labels[wanted - 1]])
    text = template.format(who=rng.choice(SPEAKERS), thing=thing, place=rng.choice(PLACES))
    return Example(text, labels[wanted])


# --- fresh symbols: what a symbol stands for, only the examples tell ------------------------------

KINDS: dict[str, tuple[str, ...]] = {
    "vup": words("hammer saw chisel pliers wrench drill rasp anvil"),
    "jek": words("tea cider cocoa lemonade milk juice broth punch"),
    "fam": words("sofa desk shelf stool cradle wardrobe bench cupboard"),
    "wib": words("violin flute drum harp trumpet cello banjo organ"),
}
# Kinds that do not exist: everyday words thrown together.
INVENTED: dict[str, tuple[str, ...]] = {
    "goz": words("ladder cloud ticket onion velvet pigeon"),
    "hux": words("candle river button saddle pepper comet"),
    "lif": words("anchor pillow carrot mirror tunnel feather"),
}


def _symbol(
    kinds: dict[str, tuple[str, ...]], number: int, joint: str, rng: random.Random, wanted: int
) -> Example:
    symbol = tuple(kinds)[wanted]
    return Example(joint.join(rng.sample(kinds[symbol], number)), symbol)


# --- linear classification: digits on two sides of a hidden hyperplane ----------------------------

SIDES = ("gate", "wall")
TOP = 9  # numbers run from 0 to this; the plane goes through the middle


def normal_of(dimensions: int) -> tuple[int, ...]:
    """Return the hidden plane's normal, integers from -3 to 3 without 0."""
    rule = rule_random(f"probe hyperplane {dimensions}")
    return tuple(rule.choice((-3, -2, -1, 1, 2, 3)) for _ in range(dimensions))


def _side(dimensions: int, rng: random.Random, wanted: int) -> Example:
    normal = normal_of(dimensions)
    margin = 2 * sum(map(abs, normal))  # points nearer than this are not asked about
    while True:
        point = [rng.randint(0, TOP) for _ in normal]
        side = sum(w * (2 * value - TOP) for w, value in zip(normal, point, strict=True))
        if abs(side) >= margin:
            break
    if (side > 0) != (wanted == 0):  # the mirror image lies on the other side
        point = [TOP - value for value in point]
    return Example(f"[{', '.join(map(str, point))}]", SIDES[wanted])


# --- sequential parity ----------------------------------------------------------------------------

PARITIES = ("even", "odd")
FEWEST_DIGITS, MOST_DIGITS = 5, 8


def _running_parity(rng: random.Random, _: int) -> Example:
    digits = [rng.randrange(2) for _ in range(rng.randint(FEWEST_DIGITS, MOST_DIGITS))]
    running = [sum(digits[: place + 1]) % 2 for place in range(len(digits))]
    return Example(_listed(digits), _listed(running))


def _last_parity(rng: random.Random, wanted: int) -> Example:
    """Write digits whose number of ones is even or odd: a choice, where a chain is out of reach."""
    digits = [rng.randrange(2) for _ in range(rng.randint(FEWEST_DIGITS, MOST_DIGITS) - 1)]
    digits.append((wanted - sum(digits)) % 2)
    return Example(" / ".join(map(str, digits)), PARITIES[wanted])


# --- list functions -------------------------------------------------------------------------------


def _numbers(drawn_from: range, rng: random.Random) -> list[int]:
    return rng.sample(drawn_from, rng.randint(3, 5))


def _smallest_even_spread(rng: random.Random) -> list[int]:
    """Return digits the smallest of which is each of 0 to 5 equally often: no 0 worth guessing."""
    smallest = rng.randint(0, 5)
    numbers = [smallest, *rng.sample(range(smallest + 1, 10), rng.randint(2, 4))]
    rng.shuffle(numbers)
    return numbers


# task: the function, and the draw of a list. Digits and a choice among a list's numbers are for
# small models, which would score nothing at all on the rest.
FUNCTIONS: dict[
    str, tuple[Callable[[list[int]], list[int]], Callable[[random.Random], list[int]]]
] = {
    "probe_list_last": (lambda numbers: numbers[-1:], partial(_numbers, range(10))),
    "probe_list_smallest": (lambda numbers: [min(numbers)], _smallest_even_spread),
    "probe_list_without_first": (lambda numbers: numbers[1:], partial(_numbers, range(10, 100))),
    "probe_list_largest": (lambda numbers: [max(numbers)], partial(_numbers, range(10, 100))),
}
CHOICES = ("probe_list_largest",)


def _list_function(name: str, rng: random.Random, _: int) -> Example:
    function, draw = FUNCTIONS[name]
    numbers = draw(rng)
    options = tuple(map(str, numbers)) if name in CHOICES else ()
    return Example(_listed(numbers), _listed(function(numbers)), options)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


PROBES: tuple[Probe, ...] = (
    Probe(
        "probe_flipped_sizes",
        "flipped_labels",
        partial(_flipped, SIZES, "In {place}, {who} drew: {thing}"),
        tuple(SIZES),
    ),
    Probe(
        "probe_rotated_times",
        "flipped_labels",
        partial(_flipped, DAY, "{who} wrote from {place} about {thing}"),
        tuple(DAY),
    ),
    Probe("probe_kind_symbols", "fresh_symbols", partial(_symbol, KINDS, 3, " and "), tuple(KINDS)),
    Probe(
        "probe_invented_kinds",
        "fresh_symbols",
        partial(_symbol, INVENTED, 4, " - "),
        tuple(INVENTED),
    ),
    *(
        Probe(f"probe_plane_{size}", "linear_classification", partial(_side, size), SIDES)
        for size in (4, 8)
    ),
    Probe("probe_parity_chain", "sequential_parity", _running_parity, kind="generation"),
    Probe("probe_parity_last", "sequential_parity", _last_parity, PARITIES),
    *(
        Probe(
            name,
            "list_functions",
            partial(_list_function, name),
            kind="multiple_choice" if name in CHOICES else "generation",
        )
        for name in FUNCTIONS
    ),
)
