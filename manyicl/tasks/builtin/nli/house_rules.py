"""House rules with conditions, and a case to judge: allowed, forbidden, or not covered."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS, clock
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("allowed", "forbidden", "not covered")
# what the rule is about: an activity as 'do' and 'doing'
ACTIVITIES = (
    ("use the pool", "using the pool"),
    ("play in the courtyard", "playing in the courtyard"),
    ("park by the gate", "parking by the gate"),
    ("use the washing machines", "using the washing machines"),
    ("make music", "making music"),
    ("light the barbecue", "lighting the barbecue"),
    ("use the gym", "using the gym"),
    ("borrow the tools", "borrowing the tools"),
    ("enter the roof terrace", "entering the roof terrace"),
    ("use the sauna", "using the sauna"),
    ("book the guest room", "booking the guest room"),
    ("feed the ducks", "feeding the ducks"),
)
GRAMMAR = Grammar(
    {
        "until": (
            "nobody may {do} after {limit}",
            "{doing} is allowed until {limit} and no later",
            "after {limit} {doing} is not permitted",
            "whoever wants to {do} must be done by {limit}",
        ),
        "from": (
            "nobody may {do} before {limit}",
            "{doing} is allowed from {limit} on, not earlier",
            "before {limit} {doing} is not permitted",
            "the hours for {doing} begin at {limit}, not a minute sooner",
        ),
        "age": (
            "those under {years} may not {do}",
            "{doing} is for people of {years} or older",
            "you must be at least {years} to {do}",
            "one may {do} from the age of {years}",
        ),
        "closed": (
            "on {day} {doing} is not permitted, on other days it is",
            "nobody may {do} on {day}; the rest of the week it is fine",
            "{doing} is possible all week except {day}",
        ),
    }
)


@builtin_task(
    instruction="Judge the case by the house rules.",
    metric="accuracy",
    labels=LABELS,
)
def rules_nli(rng: random.Random) -> Example:
    """House rules with hours, ages and days; a case is allowed, forbidden or not covered."""
    label = rng.choice(LABELS)
    (do, doing), (other_do, other_doing), (third_do, _) = rng.sample(ACTIVITIES, 3)
    kinds = rng.sample(("until", "from", "age", "closed"), 2)
    rules, cases = [], []
    for kind, (bare, gerund) in zip(kinds, ((do, doing), (other_do, other_doing)), strict=True):
        bound, case = _rule(rng, kind, allowed=label == "allowed")
        rules.append(GRAMMAR.write(rng, f"{{{kind}}}.", do=bare, doing=gerund, **bound))
        cases.append(case)
    asked = third_do if label == "not covered" else do
    case = GRAMMAR.write(rng, cases[0], who=person(rng).first, do=asked)
    rng.shuffle(rules)
    return Example(f"Rules: {' '.join(rules)}\nCase: {case}", label)


def _rule(rng: random.Random, kind: str, allowed: bool) -> tuple[dict[str, object], str]:
    """Return what the rule says and a case that it allows or forbids."""
    if kind == "age":
        age = rng.randint(8, 18)
        years = age + rng.randint(0, 9) if allowed else age - rng.randint(1, 5)
        return {"years": age}, f"{{who}} is {years} years old and wants to {{do}}."
    if kind == "closed":
        day, other = rng.sample(DAYS, 2)
        return {"day": day}, f"{{who}} would like to {{do}} on {other if allowed else day}."
    limit = rng.randrange(9 * 60, 20 * 60, 30)
    step = rng.randrange(15, 135, 15)
    later = limit + step
    earlier = limit - step
    time = (earlier if allowed else later) if kind == "until" else (later if allowed else earlier)
    return {"limit": clock(limit)}, f"{{who}} wants to {{do}} at {clock(time)}."
