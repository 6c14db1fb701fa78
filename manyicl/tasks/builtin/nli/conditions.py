"""Conditions (if, only if, unless), one fact, and what follows from them taken strictly."""

from __future__ import annotations

import random
from itertools import product

from manyicl.tasks.builtin.grammar import Grammar, polish
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("follows", "ruled out", "open")
# condition in the present / it was so / it was not so
CONDITIONS = (
    ("it rains", "it rained", "it did not rain"),
    ("the bridge is closed", "the bridge was closed", "the bridge was not closed"),
    ("{who} is ill", "{who} was ill", "{who} was not ill"),
    ("the road freezes", "the road froze", "the road did not freeze"),
    ("the power fails", "the power failed", "the power did not fail"),
    ("the bus is late", "the bus was late", "the bus was not late"),
    ("the tickets sell out", "the tickets sold out", "the tickets did not sell out"),
    ("the boss agrees", "the boss agreed", "the boss did not agree"),
    ("the river rises", "the river rose", "the river did not rise"),
    ("the cook comes", "the cook came", "the cook did not come"),
    ("the parcel arrives", "the parcel arrived", "the parcel did not arrive"),
    ("{who} wins the vote", "{who} won the vote", "{who} did not win the vote"),
)
# result in the future / it was so / it was not so
RESULTS = (
    ("the market will be held indoors", "the market was held indoors",
     "the market was not held indoors"),
    ("the shop will close at noon", "the shop closed at noon", "the shop did not close at noon"),
    ("the choir will sing outside", "the choir sang outside", "the choir did not sing outside"),
    ("the match will be put off", "the match was put off", "the match was not put off"),
    ("the guests will stay the night", "the guests stayed the night",
     "the guests did not stay the night"),
    ("the fee will be paid back", "the fee was paid back", "the fee was not paid back"),
    ("the lesson will be short", "the lesson was short", "the lesson was not short"),
    ("the ferry will run", "the ferry ran", "the ferry did not run"),
    ("the speech will be left out", "the speech was left out", "the speech was not left out"),
    ("the team will have lunch together", "the team had lunch together",
     "the team did not have lunch together"),
    ("the museum will open late", "the museum opened late", "the museum did not open late"),
    ("the children will get ice cream", "the children got ice cream",
     "the children did not get ice cream"),
)  # fmt: skip
# way to say it, and the pairs (condition, result) that it leaves possible
_IF = ((True, True), (False, True), (False, False))
_ONLY_IF = ((True, True), (True, False), (False, False))
_UNLESS = ((True, True), (True, False), (False, True))
_EXACTLY = ((True, True), (False, False))
RULES = (
    ("if {p}, {q}", _IF),
    ("{q} if {p}", _IF),
    ("in case {p}, {q}", _IF),
    ("{q} only if {p}", _ONLY_IF),
    ("{q}, but only if {p}", _ONLY_IF),
    ("unless {p}, {q}", _UNLESS),
    ("{q} unless {p}", _UNLESS),
    ("if {p}, {q}, and otherwise not", _EXACTLY),
)
GRAMMAR = Grammar()


def relation(possible: tuple[tuple[bool, bool], ...], given: int, fact: bool, claim: bool) -> str:
    """Return how the claim about the other part stands, once the part `given` is known."""
    outcomes = {pair[1 - given] == claim for pair in possible if pair[given] == fact}
    return "open" if len(outcomes) == 2 else "follows" if True in outcomes else "ruled out"


CASES = {
    label: [
        (template, given, fact, claim)
        for (template, possible), given, fact, claim in product(
            RULES, (0, 1), (True, False), (True, False)
        )
        if relation(possible, given, fact, claim) == label
    ]
    for label in LABELS
}


@builtin_task(
    instruction="Taken strictly, does the last sentence follow?",
    metric="accuracy",
    labels=LABELS,
)
def condition_nli(rng: random.Random) -> Example:
    """If, only if, unless: what follows from the rule and a fact, and what stays open."""
    label = rng.choice(LABELS)
    claimed = rng.random() < 0.5
    template, given, fact, claim = rng.choice([c for c in CASES[label] if c[3] == claimed])
    parts = rng.choice(CONDITIONS), rng.choice(RESULTS)
    who = person(rng).first
    rule = GRAMMAR.expand(rng, template, p=parts[0][0], q=parts[1][0])
    known = parts[given][1 if fact else 2]
    said = parts[1 - given][1 if claim else 2]
    lead = rng.choice(("", "", "now we know: ", "as it turned out, ", "in the end "))
    text = polish(f"{rule}. {lead}{known}.\n{said}.".replace("{who}", who))
    return Example(text, label)
