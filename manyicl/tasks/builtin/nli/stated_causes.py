"""Causes that a report states, denies, or leaves unsaid."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("stated", "denied", "not said")
CAUSES = words(
    "the fog, the heavy rain, the heat, a burst pipe, a strike, a power cut, a broken axle,"
    " a lost key, a computer fault, the snow, a gas leak, the flu, a wasps' nest, a road closure,"
    " a fallen tree, a false alarm, a landslide, a lack of staff",
    ", ",
)
EFFECTS = words(
    "the {town} ferry was late, the {town} school stayed closed, the {town} market was called off,"
    " the library in {town} closed early, the {town} bus took another road,"
    " the concert in {town} began late, the {town} pool was empty, the shops in {town} had no milk,"
    " the match in {town} was cut short, the {town} lift stood still,"
    " the clinic in {town} sent people home, the train to {town} was full,"
    " the road to {town} was blocked, the vote in {town} was put off,"
    " the {town} museum turned groups away, the mail in {town} came late",
    ", ",
)
GRAMMAR = Grammar(
    {
        "stated": (
            "{e} because of {x}",
            "owing to {x}, {e}",
            "{x} was why {e}",
            "{e}, and {x} was to blame",
            "{e}; the reason was {x}",
            "as a result of {x}, {e}",
            "that {e} was the fault of {x}",
            "if {e}, that was due to {x}",
        ),
        "denied": (
            "{e}, but not because of {x}",
            "{x} was not why {e}",
            "{e}, and {x} was not to blame",
            "{e}; the reason was not {x}",
            "although {x} was reported, {e} as a result of something else",
            "that {e} was not the fault of {x}",
            "if {e}, that was not due to {x}",
            "{e} owing to something other than {x}",
        ),
        "not said": (
            "{e}, perhaps because of {x}, perhaps not",
            "was {x} why {e}? Nobody has said",
            "{e}, and {x} was reported the same day",
            "whether {e} owing to {x} is not known yet",
            "{e}; the reason may have been {x}, or something else",
            "the report names {x} and says that {e}",
            "it is being looked into whether {x} was the reason that {e}",
            "{e} on the day of {x}",
        ),
        # {x} is the cause, {y} is not
        "both": (
            "{e} because of {x}, not because of {y}",
            "not {y} but {x} was why {e}",
            "{e}; the reason was {x} and not {y}",
            "{e}, and {x} was to blame, not {y}",
            "that {e} was the fault of {x}, not of {y}",
        ),
        # {x} belongs to another effect
        "elsewhere": (
            "{other} because of {x}, and {e} too, nobody knows why",
            "owing to {x}, {other}. That day {e}",
            "{e}. {x} was why {other}",
            "{e}, and {other}, the latter due to {x}",
        ),
        # words that would otherwise give a label away
        "aside": (
            "",
            "",
            "",
            "Nobody was hurt.",
            "It was a cold day.",
            "Whether it can happen again is open.",
            "More is not known yet.",
            "Perhaps the mayor will come.",
            "Some may complain, although it is late.",
        ),
        "claim": (
            "{e} because of {x}",
            "{x} was why {e}",
            "{e} owing to {x}",
            "{x} was the reason that {e}",
        ),
    }
)


@builtin_task(
    instruction="Does the report state or deny the claim, or not say?",
    metric="accuracy",
    labels=LABELS,
)
def cause_nli(rng: random.Random) -> Example:
    """One thing happened because of another: is that stated, denied or not said?"""
    label = rng.choice(LABELS)
    x, y = rng.sample(CAUSES, 2)
    town = rng.choice(TOWNS)
    e, other = (effect.replace("{town}", town) for effect in rng.sample(EFFECTS, 2))
    form = label
    if rng.random() < 0.45:
        forms = {"stated": ("both", "elsewhere"), "denied": ("both",), "not said": ("elsewhere",)}
        form = rng.choice(forms[label])
    report = GRAMMAR.write(rng, f"{{{form}}}. {{aside}}", e=e, x=x, y=y, other=other)
    if form == "elsewhere" and label == "stated":
        e = other
    asked = y if form == "both" and label == "denied" else x
    claim = GRAMMAR.write(rng, "{claim}.", e=e, x=asked)
    return Example(f"{report}\nClaim: {claim}", label)
