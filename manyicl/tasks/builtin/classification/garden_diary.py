"""Lines from the diaries of allotment gardeners. Any plant and any bed can be in any line."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, WOMEN
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "sowing": (
        "{plant} into the seed tray, (two|three) to a pot",
        "a row of {plant} straight into {bed}, seeds from {name}",
        "first seedlings of the {plant} are up after {num} days",
        "put the {plant} seeds in water overnight, into the soil tomorrow",
        "nothing has come up in the {plant} tray, old seeds",
        "thinned the {plant} seedlings to a hand's width",
        "half a packet of {plant} seeds left, sown too thickly last year",
        "sowed {plant} in trays and covered the seeds thinly",
    ),
    "planting": (
        "moved {num} young {plant} plants out (of the greenhouse|) to {bed}",
        "dug holes in {bed} for the {plant} from the nursery",
        "the {plant} in pots went into the ground (at last|), a foot apart",
        "swapped {num} {plant} plants with {name}, they are in {bed} now",
        "split the old {plant} and set one half into {bed}",
        "the young {plant} plants got too big for their pots and are outside now",
        "put a stake next to each young {plant} plant in {bed}",
        "set {num} young {plant} plants into the ground, a foot apart",
    ),
    "watering": (
        "(two|three) cans on the {plant}, the ground is dust dry",
        "no rain for {num} days, gave {bed} a long soak",
        "the hose leaks, did {bed} with the can",
        "the water butt is empty, carried {num} cans from the stream",
        "the {plant} hung its leaves at noon, fine again after a can of water",
        "{name} does the {plant} with the hose while I am away",
        "laid a drip hose along the {plant}, dry spell ahead",
        "dry again: the hose for {bed}, a can for the {plant}",
    ),
    "pests": (
        "slugs ate half of the {plant} (in one night|)",
        "white flies under the leaves of the {plant}, sprayed soap water",
        "put a net over the {plant}, pigeons pulled at the leaves",
        "collected {num} slugs by torch in {bed}",
        "a mole has gone right under the {plant}",
        "caterpillars on the {plant}, picked off by hand with {name}",
        "mildew on the {plant}, cut off the white leaves",
        "holes in the leaves of the {plant}: slugs or caterpillars",
    ),
    "harvest": (
        "{num} kilos of {plant} today, gave half to {name}",
        "the last {plant} came in before the frost",
        "picked {plant} for an hour, the basket is full",
        "the {plant} is ripe, {name} made jam or soup of it, I forgot which",
        "dug up the {plant} of {bed}, {num} kilos, small but sound",
        "first {plant} of the year on the table",
        "hung the {plant} up in the shed to dry, the rest was eaten",
        "filled {num} baskets with ripe {plant} from {bed}",
    ),
    "soil": (
        "spread {num} barrows of compost on {bed}",
        "turned {bed} over, hard work in that clay",
        "straw round the {plant} to keep the ground moist",
        "sieved the compost, {name} took a barrow for {bed}",
        "dug horse manure into {bed}, {plant} next year",
        "had the earth of {bed} tested: far too sour, lime is needed",
        "weeds out of {bed}, then a layer of bark",
        "{num} barrows of manure and compost for the {plant}",
    ),
}
GRAMMAR = Grammar(
    {
        "plant": ("fennel", "kale", "chard", "garlic", "dill", "rhubarb", "spinach", "lettuce",
                  "pumpkin", "celery", "mint", "parsley", "sorrel", "basil"),
        "bed": ("the north bed", "the long bed", "the bed by the fence", "bed two", "bed four",
                "the strip by the shed", "the raised bed", "the old strawberry bed"),
        "name": WOMEN + MEN,
        "num": ("three", "four", "five", "six", "eight", "nine", "ten", "twelve"),
        "day": tuple(str(n) for n in range(1, 29)),
        "month": ("March", "April", "May", "June", "July", "August", "September", "October"),
        "head": ("{day} {month}. ", "{day} {month}: ", "{month}. ", "", ""),
        "tail": ("", "", "", " {name} helped.", " warm, light wind.", " rain in the night.",
                 " looked at the {plant} as well.", " tea with {name}.", " nothing to do in {bed}.",
                 " must oil the shears.", " seeds for {month}: {plant}, {plant}.",
                 " {name} wants some young plants.", " mend the hose.",
                 " slugs next door, says {name}.", " {num} cans left in the butt."),
    }
)  # fmt: skip


@builtin_task(
    instruction="Which kind of garden work is noted?",
    metric="accuracy",
    labels=tuple(CORES),
)
def garden_job(rng: random.Random) -> Example:
    """Lines from garden diaries to one of six kinds of work on the same plants and beds."""
    job = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[job])
    return kind(GRAMMAR.write(rng, f"{{head}}{core}.{{tail}}"), job)
