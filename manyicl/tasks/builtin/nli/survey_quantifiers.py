"""Quantified claims about groups and their parts, judged by going through all possible cases."""

from __future__ import annotations

import random
from functools import cache

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# quantifier: (holds for `yes` of `size` members, ways to say it before the noun in the plural)
QUANTIFIERS = {
    "all": (lambda yes, size: yes == size, ("all {noun}", "every one of the {noun}")),
    "none": (lambda yes, size: yes == 0, ("none of the {noun}", "not one of the {noun}")),
    "any": (
        lambda yes, size: yes >= 1,
        ("at least one of the {noun}", "one or more of the {noun}"),
    ),
    "not all": (
        lambda yes, size: yes < size,
        ("not all of the {noun}", "not every one of the {noun}"),
    ),
    "most": (
        lambda yes, size: 2 * yes > size,
        ("more than half of the {noun}", "most of the {noun}"),
    ),
    "few": (
        lambda yes, size: 2 * yes < size,
        ("fewer than half of the {noun}", "less than half of the {noun}"),
    ),
}
WHOLE, PART = 6, 3  # members of the group, and of its part: enough to tell all claims apart
# group: parts of it (never all, never nobody)
GROUPS = {
    "{noun} of the {town} museum": ("volunteers, guards, guides", "older", "newly hired"),
    "{noun} in the {town} depot": ("drivers, mechanics, clerks", "younger", "part-time"),
    "{noun} at the {town} school": ("teachers, pupils, parents", "left-handed", "new"),
    "{noun} on the {town} council": ("members, candidates, speakers", "female", "older"),
    "{noun} of the {town} clinic": ("nurses, patients, cleaners", "married", "tall"),
    "{noun} in the {town} library": ("visitors, readers, students", "regular", "younger"),
    "{noun} of the {town} choir": ("singers, supporters", "founding", "retired"),
    "{noun} at the {town} fair": ("exhibitors, helpers, cooks", "foreign", "unpaid"),
    "{noun} on the {town} ferry": ("passengers, sailors, cyclists", "younger", "local"),
    "{noun} of the {town} shelter": ("dog walkers, vets, donors", "new", "older"),
}
# In the past tense, so that one member and many take the same verb.
PREDICATES = (
    "signed the letter", "came by bus", "answered the survey", "asked for a longer break",
    "learned Spanish", "voted for the new roof", "owned a dog", "got vaccinated", "drank tea",
    "read the leaflet", "moved house", "took part in the fire drill", "played an instrument",
    "bought a ticket", "brought lunch", "missed the meeting", "wrote a diary", "went to the lake",
    "liked the posters", "filled in the form", "paid the fee", "stayed until the end", "had a cold",
    "donated money", "knew the manager", "arrived early", "wore a badge",
)  # fmt: skip
LABELS = ("entailment", "neutral", "contradiction")
GRAMMAR = Grammar()
Claim = tuple[str, bool]  # quantifier, and whether it speaks of the part only


@cache
def relation(premise: Claim, hypothesis: Claim) -> str:
    """Return how two claims about one property stand, over all numbers of members that have it."""
    outcomes = set()
    for in_part in range(PART + 1):
        for elsewhere in range(WHOLE - PART + 1):
            if _holds(premise, in_part, elsewhere):
                outcomes.add(_holds(hypothesis, in_part, elsewhere))
    if len(outcomes) == 2:
        return "neutral"
    return "entailment" if True in outcomes else "contradiction"


def _holds(claim: Claim, in_part: int, elsewhere: int) -> bool:
    quantifier, of_part = claim
    test = QUANTIFIERS[quantifier][0]
    return test(in_part, PART) if of_part else test(in_part + elsewhere, WHOLE)


# Claims about both whole and part only with the quantifiers that do not count: whether "more than
# half" passes from a whole to its part depends on sizes that no premise states.
PAIRS: dict[str, list[tuple[Claim, Claim]]] = {label: [] for label in LABELS}
for _first in QUANTIFIERS:
    for _second in QUANTIFIERS:
        for _parts in ((False, False), (True, True), (True, False), (False, True)):
            _mixed = _parts[0] != _parts[1]
            if _first != _second or _mixed:
                if _mixed and {_first, _second} & {"most", "few"}:
                    continue
                _pair = ((_first, _parts[0]), (_second, _parts[1]))
                PAIRS[relation(*_pair)].append(_pair)


@builtin_task(
    instruction="Does the claim follow from the report?",
    metric="accuracy",
    labels=LABELS,
)
def quantifier_nli(rng: random.Random) -> Example:
    """Claims with all, none, most, at least one about groups and their parts."""
    label = rng.choice(LABELS)
    group = rng.choice(tuple(GROUPS))
    nouns, *parts = GROUPS[group]
    noun, part = rng.choice(words(nouns, ", ")), rng.choice(parts)
    predicate, other = rng.sample(PREDICATES, 2)
    where = group.removeprefix("{noun} ").format(town=rng.choice(TOWNS))
    premise, hypothesis = rng.choice(PAIRS[label])
    changed = label == "neutral" and rng.random() < 0.25  # another property altogether
    sentences = []
    for claim, what in ((premise, predicate), (hypothesis, other if changed else predicate)):
        quantifier, of_part = claim
        said = rng.choice(QUANTIFIERS[quantifier][1])
        subject = said.format(noun=f"{part} {noun}" if of_part else noun)
        sentences.append(GRAMMAR.write(rng, f"{subject} {where} {what}."))
    return Example(f"Report: {sentences[0]}\nClaim: {sentences[1]}", label)
