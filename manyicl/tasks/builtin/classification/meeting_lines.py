"""Single lines of meeting notes. Every kind of line speaks of the same topics and people."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, polish
from manyicl.tasks.builtin.lexicon.people import MEN, WOMEN
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES = {
    "decision": (
        "we (go|stay) with the {option} for {topic}",
        "{topic} (moves|is put off) to {month}, (nobody objected|all agreed)",
        "no (budget|extra staff) for {topic} (this year|before {month})",
        "{name}'s proposal for {topic} was accepted",
        "{topic} is (dropped|stopped) for good",
        "from {month} on {topic} is run by {name}'s group",
        "(vote|show of hands): {num} to two for keeping {topic} as it is",
        "{topic} goes ahead without the {option}",
        "the board (signed off|said yes to) {topic} with the {option}",
    ),
    "action": (
        "{name} sends the figures for {topic} to {name} by {day}",
        "{name} to call the supplier about {topic}",
        "first draft for {topic}: {name}, {day}",
        "{name} books a room and invites {name} to a session on {topic}",
        "{name} compares three offers for the {option} (until|by) {day}",
        "before {day} {name} asks the lawyers about {topic}",
        "{name} and {name} write up {topic} for the board, due in {month}",
        "{name} tries out the {option} (and reports back|) on {day}",
        "{name} will put the {option} to the works council",
    ),
    "question": (
        "who (pays|answers) for {topic} (after {month}|)?",
        "{name} would like to hear (if|whether) we need {topic} (at all|before {month})",
        "{name} wonders how long {topic} can go on like this",
        "unclear whether the {option} is covered by the contract",
        "nobody in the room knew (when|if) {topic} has to be reported",
        "what happens to {topic} when {name} leaves, and who decides?",
        "still to be clarified: the price of the {option}",
        "{name} asked why {topic} comes before the {option}, no answer yet",
        "open (point|) whether {name} may sign for {topic}",
    ),
    "risk": (
        "{topic} may slip if {name} is away in {month}",
        "should the supplier be late again, {topic} gets more expensive",
        "only {name} knows how {topic} works",
        "the {option} could fail the audit in {month}",
        "with {num} people out sick, {topic} is hard to hold",
        "customers might leave over {topic}",
        "the {option} depends on a part that nobody else makes",
        "if the {option} breaks before {month}, there is no spare",
        "{name} fears that {topic} eats up the reserve",
    ),
    "status": (
        "{topic} is (two thirds|half|nearly) done",
        "{name} finished the tests for {topic} on {day}",
        "costs of {topic} were {num} percent below plan in {month}",
        "the {option} has been in use since {month}",
        "{num} of twenty sites have the {option} now",
        "{topic} took {num} days longer than in {month}",
        "{name} met the supplier of the {option} on {day}",
        "there were {num} complaints about {topic} last month",
        "{name} reported on {topic}, all on schedule",
    ),
}
GRAMMAR = Grammar(
    {
        "topic": (
            "the warehouse move", "the new website", "the summer campaign", "staff training",
            "the parking policy", "the price list", "the switch to paperless bills",
            "the night shift plan",
            "the canteen contract", "the open day", "the customer survey", "travel booking",
            "the spare parts stock", "the visitor app", "the data backup", "the joint brochure",
            "the fire drill", "recycling in the office", "the call centre", "the anniversary",
        ),
        "option": (
            "smaller van", "leasing model", "cloud system", "second scanner", "local printer",
            "shared calendar", "rented hall", "cheaper packaging", "solar roof", "shuttle bus",
            "external trainer", "mobile till", "electric forklift", "chat window",
        ),
        "name": WOMEN + MEN,
        "month": ("March", "April", "June", "September", "October", "autumn", "spring"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "the 14th", "the 28th"),
        "num": ("three", "four", "five", "six", "seven", "eight", "nine"),
        "tail": (
            "", "", "", "", "(to be read out next time|more on this in the annex)",
            "(see also the {option}|discussed together with {topic})", "(point {num}|item {num})",
        ),
    }
)  # fmt: skip


@builtin_task(
    instruction="What kind of note is this line of the minutes?",
    metric="accuracy",
    labels=tuple(CORES),
)
def note_kind(rng: random.Random) -> Example:
    """Lines of meeting notes to decision, action, question, risk or status."""
    kind = rng.choice(tuple(CORES))
    core, example = draw_cue(rng, CORES[kind])
    text = GRAMMAR.expand(rng, core)
    mark = "?" if text.endswith("?") else "."
    tail = GRAMMAR.expand(rng, "{tail}")
    text = text.rstrip("?") + mark + (f" {tail}." if tail else "")
    return example(polish(text), kind)
