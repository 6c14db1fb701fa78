"""Who of three people did something: only, neither, all but, either; some of it stays open."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("entailed", "excluded", "undecided")
# past / bare
DEEDS = (
    ("paid the fee", "pay the fee"), ("came to the party", "come to the party"),
    ("signed the card", "sign the card"), ("passed the test", "pass the test"),
    ("brought a cake", "bring a cake"), ("saw the fox", "see the fox"),
    ("stayed for supper", "stay for supper"), ("learned to ski", "learn to ski"),
    ("got the e-mail", "get the e-mail"), ("swam in the lake", "swim in the lake"),
    ("voted for the park", "vote for the park"), ("joined the union", "join the union"),
    ("slept in the tent", "sleep in the tent"), ("caught a cold", "catch a cold"),
    ("missed the ferry", "miss the ferry"), ("found the leak", "find the leak"),
    ("rang the bell", "ring the bell"), ("read the manual", "read the manual"),
)  # fmt: skip
# way to say it: what it says of a, b and c (+ did it, - did not, ? not said)
FORMS = {
    "of {a}, {b} and {c}, only {a} {did}": "+--",
    "of {a}, {b} and {c}, all but {a} {did}": "-++",
    "{a}, {b} and {c} all {did}": "+++",
    "neither {a} nor {b} {did}, but {c} did": "--+",
    "none of the three, {a}, {b} and {c}, {did}": "---",
    "{a}, unlike {b}, {did}; {c} was asked too": "+-?",
    "it was not {a} but {b} who {did}; {c} was there": "-+?",
    "either {a} or {b} {did}, but not both; {c} did": "??+",
    "at least one of {a} and {b} {did}; {c} did not": "??-",
    "one of {a}, {b} and {c} {did}, and it was not {c}": "??-",
    "one of {a}, {b} and {c} {did}, and it was {c}": "--+",
    "{a} did not {do}, and neither did {b}; {c} was asked too": "--?",
    "{a} {did}, and so did {b}; {c} was there": "++?",
    "not all of the three, {a}, {b} and {c}, {did}; {a} did": "+??",
    "{a} did not {do}; whether {b} did, only {c} knows": "-??",
    "besides {a}, only {b} {did}; {c} was there": "++-",
}
GRAMMAR = Grammar()


@builtin_task(
    instruction="Is the claim entailed, excluded or undecided?",
    metric="accuracy",
    labels=LABELS,
)
def roll_call_nli(rng: random.Random) -> Example:
    """Only, neither, all but, either: did the one who is named do it?"""
    label = rng.choice(LABELS)
    affirmed = rng.random() < 0.5
    wanted = "?" if label == "undecided" else "+" if (label == "entailed") == affirmed else "-"
    form = rng.choice([form for form, states in FORMS.items() if wanted in states])
    names = [person.first for person in people(rng, 3)]
    asked = rng.choice([n for n, state in zip(names, FORMS[form], strict=True) if state == wanted])
    did, do = rng.choice(DEEDS)
    text = GRAMMAR.write(rng, f"{form}.", did=did, do=do, **dict(zip("abc", names, strict=True)))
    claim = f"{asked} {did}." if affirmed else f"{asked} did not {do}."
    return Example(f"{text}\n{claim}", label)
