"""Reviews of battery-driven things. Both opinions use the same adjectives, often negated."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# aspect: (what speaks for it, what speaks against it)
ASPECTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "handle": (("comfortable", "sturdy"), ("slippery", "wobbly")),
    "battery": (("strong", "reliable"), ("weak", "unreliable")),
    "manual": (("clear", "helpful"), ("confusing", "useless")),
    "display": (("bright", "sharp"), ("dim", "blurry")),
    "motor": (("quiet", "strong"), ("noisy", "weak")),
    "charger": (("quick", "handy"), ("slow", "clumsy")),
    "case": (("sturdy", "handy"), ("flimsy", "clumsy")),
    "finish": (("neat", "smooth"), ("rough", "sloppy")),
    "switch": (("handy", "smooth"), ("stiff", "wobbly")),
    "delivery": (("quick", "reliable"), ("slow", "careless")),
    "price": (("fair", "reasonable"), ("steep", "silly")),
    "service": (("helpful", "quick"), ("useless", "slow")),
}
# {yes} is an adjective of the opinion meant, {no} one of the opposite opinion
FRAMES = (
    "the {aspect} is (really|so|quite) {yes}",
    "the {aspect} is (not|never) {no}",
    "the {aspect} is (not {no} at all|anything but {no})",
    "the {aspect} is far less {no} than I was told",
    "I (had expected|was prepared for) a {no} {aspect} and (got|found) a {yes} one",
    "nobody at home calls the {aspect} {no}",
    "(people|some reviews) say the {aspect} is {no}, which is not true",
    "the {aspect} looked {no} at first but turned out {yes}",
)
GRAMMAR = Grammar(
    {
        "product": ("hand mixer", "cordless drill", "hair trimmer", "toy car", "pocket fan",
                    "leaf blower", "hand vacuum", "massage gun", "milk frother", "bike pump"),
        "opening": (
            "I have had this {product} for {time}",
            "bought the {product} (for my {use}|{time} ago)",
            "this is (my|our) (first|second) {product}",
            "got the {product} as a present {time} ago",
            "we use the {product} (every day|twice a week|at work)",
        ),
        "who": ("mother", "brother", "neighbour", "sister", "son", "colleague"),
        "use": ("workshop", "flat", "holidays", "boat", "mother", "brother"),
        "time": ("a week", "a month", "three weeks", "half a year", "two years"),
        "positive": (
            "I would buy it again", "my {who} wants one too", "worth every cent",
            "it does all I hoped for", "glad I did not send it back",
            "no idea how we did without it", "five stars from me and my {who}",
        ),
        "negative": (
            "I would not buy it again", "my {who} sent one back too", "not worth a cent",
            "it does nothing I hoped for", "I wish I had sent it back",
            "we did better without it", "no stars from me and my {who}",
        ),
        "mixed": (
            "I am of two minds about it", "my {who} likes it, I do not know",
            "might send it back, might not", "half happy with it", "some good, some bad",
            "it does about half of what I hoped for",
        ),
    }
)  # fmt: skip
OPINIONS = ("positive", "mixed", "negative")


def _remark(rng: random.Random, aspect: str, good: bool) -> str:
    yes, no = ASPECTS[aspect] if good else reversed(ASPECTS[aspect])
    frame = rng.choice(FRAMES)
    return GRAMMAR.expand(rng, frame, aspect=aspect, yes=rng.choice(yes), no=rng.choice(no))


@builtin_task(
    instruction="What does the buyer think of the product?",
    metric="accuracy",
    labels=OPINIONS,
)
def review_opinion(rng: random.Random) -> Example:
    """Product reviews to positive, mixed or negative; adjectives are negated as often as not."""
    opinion = rng.choice(OPINIONS)
    signs = {"positive": [True, True], "negative": [False, False], "mixed": [True, False]}[opinion]
    rng.shuffle(signs)
    remarks = [
        _remark(rng, aspect, sign)
        for aspect, sign in zip(rng.sample(tuple(ASPECTS), 2), signs, strict=True)
    ]
    link = rng.choice(
        (", but ", ". still, ", ". ") if opinion == "mixed" else (" and ", ". ", ". ")
    )
    parts = [link.join(remarks)]
    if rng.random() < 0.6:
        parts.insert(0, "{opening}")
    if rng.random() < 0.4 or len(parts) == 1:
        parts.append(f"{{{opinion}}}")
    return Example(GRAMMAR.write(rng, ". ".join(parts) + "."), opinion)
