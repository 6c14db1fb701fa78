"""Reports to a caretaker. The same faults occur at every urgency; danger and damage decide."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

# Three urgencies of one fault: spoils things or is dangerous / gets in the way / only looks bad.
FAULTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "water": (
        (
            "water is pouring (out of|from) the ceiling in {place}",
            "the pipe in {place} has burst and the floor is under water",
            "water runs down the wall onto the fuse box in {place}",
        ),
        (
            "the tap in {place} drips and the bucket is full every evening",
            "the sink in {place} takes an hour to drain",
            "there is no hot water in {place}, only cold",
        ),
        (
            "the tap in {place} drips now and then",
            "there is an old water stain on the ceiling in {place}",
            "the sink in {place} has a dull spot",
        ),
    ),
    "power": (
        (
            "sparks come out of the socket in {place}",
            "it smells of burning near the fuse box in {place}",
            "a bare cable hangs from the ceiling in {place}, the children play there",
        ),
        (
            "two of the four lamps in {place} are out",
            "the socket in {place} has no power, we use an extension",
            "the light in {place} flickers so that reading is hard",
        ),
        (
            "the cover of the light switch in {place} has turned yellow",
            "the lamp in {place} hums a little",
            "the cable in {place} could be tucked away more neatly",
        ),
    ),
    "door": (
        (
            "the door of {place} jams and (somebody|a child) is stuck inside",
            "the lock of the street door is broken, anyone can walk in at night",
            "the fire door by {place} cannot be opened at all",
        ),
        (
            "the door of {place} only shuts if you lift it",
            "the lock of {place} sticks, it takes several tries",
            "the door closer at {place} bangs the door shut",
        ),
        (
            "the door of {place} has a scratch near the lock",
            "the door of {place} squeaks a bit",
            "the name plate on the door of {place} is out of date",
        ),
    ),
    "stairs": (
        (
            "the railing on the stairs to {place} has come off, an old man nearly fell",
            "there is ice on the steps at {place} and people are falling",
            "glass from the broken window lies all over the stairs to {place}",
        ),
        (
            "one step on the way to {place} is loose, we walk around it",
            "the window by {place} does not close, it is chilly there",
            "the lift to {place} stops at every floor",
        ),
        (
            "the paint on the railing to {place} is peeling",
            "the window by {place} is dusty from outside",
            "the mirror in the lift to {place} has a fine crack",
        ),
    ),
    "heating": (
        (
            "it smells of gas in {place}",
            "the heating in {place} is dead, it is frosty and we have a baby",
            "the boiler near {place} hisses and its needle is in the red",
        ),
        (
            "the radiator in {place} is only lukewarm, we wear pullovers",
            "the radiator in {place} cannot be turned down",
            "the heating in {place} knocks all night and wakes us",
        ),
        (
            "the radiator in {place} needs a new coat of paint",
            "the number on the heating knob in {place} has worn off",
            "the radiator in {place} ticks softly in the morning",
        ),
    ),
}
# By urgency; the cues kept for the test split are one each of the last faults.
CUES = [
    [fault[level][form] for form in range(3) for fault in FAULTS.values()] for level in range(3)
]
URGENCIES = ("same day", "this week", "next round")
GRAMMAR = Grammar(
    {
        "place": (
            "the cellar", "flat {number}", "the laundry room", "the hall", "the kitchen",
            "the attic", "the bicycle room", "flat {number}", "the back office", "room {number}",
            "the shared bathroom of house {number}", "the entrance of number {number}",
        ),
        "number": tuple(str(n) for n in range(2, 40)),
        "name": tuple(f"{title} {name}" for title in ("Mr", "Ms") for name in SURNAMES),
        "extra": (
            "I (first|) noticed it (this morning|yesterday|on {day})", "{name} saw it too",
            "please ring {name} before you come", "you can get the key from {name}",
            "we had the same thing last winter", "it has been like this since {day}",
            "{name} in flat {number} has noticed it as well",
            "the key is with {name}, flat {number}",
            "I am at home after five", "I hope you can help, {name} told me to write",
        ),
        "day": ("Monday", "Tuesday", "Thursday", "Saturday"),
        "hello": ("hello, ", "dear caretaker, ", "{name} here, ", "", "", ""),
    }
)  # fmt: skip


@builtin_task(
    instruction="How soon must the caretaker come?",
    metric="accuracy",
    labels=URGENCIES,
)
def repair_urgency(rng: random.Random) -> Example:
    """Reports of faults in a building to one of three urgencies."""
    level = rng.randrange(3)
    core, kind = draw_cue(rng, CUES[level])
    template = rng.choice(("{hello}" + core + ". {extra}.", "{hello}" + core + ".",
                           "{hello}" + core + ". {extra}.", "{extra}. " + core + "."))  # fmt: skip
    return kind(GRAMMAR.write(rng, template), URGENCIES[level])
