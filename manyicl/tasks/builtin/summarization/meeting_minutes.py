"""Minutes of a meeting: two options are argued over, one is chosen, somebody gets a task."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import MONTHS, WEEKDAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# (topic, what can be chosen, what somebody has to do about it)
TOPICS = (
    ("the summer party", ("the boat trip", "the barbecue in the park", "the bowling night"),
     ("ask for prices", "send out the invitations", "count the guests")),
    ("the deliveries", ("the electric van", "the used diesel van", "the cargo bike"),
     ("arrange a test drive", "get the papers ready", "talk to the insurer")),
    ("the staff training", ("the first aid course", "the writing workshop",
     "the spreadsheet class"), ("find a trainer", "reserve a room", "collect the names")),
    ("the lobby", ("the plant wall", "the coffee bar", "the large screen"),
     ("measure the space", "ask three suppliers", "draw a sketch")),
    ("the newsletter", ("the printed sheet", "the weekly email", "the short video"),
     ("write a sample", "update the address list", "speak to the designer")),
    ("the customer survey", ("the phone calls", "the online form", "the postcards"),
     ("draft the questions", "pick a hundred customers", "check the privacy rules")),
    ("the storage room", ("the sliding shelves", "the rented container", "the old garage"),
     ("sort out the boxes", "get an offer", "clear the floor")),
    ("the lunch break", ("the longer break", "the two shifts", "the cooking rota"),
     ("inform the canteen", "change the roster", "put up a notice")),
    ("the open day", ("the guided tours", "the science show", "the flea market"),
     ("order the posters", "call the newspaper", "look for helpers")),
    ("the school garden", ("the herb beds", "the pond", "the greenhouse"),
     ("buy the soil", "borrow the tools", "ask the parents")),
    ("the choir's concert", ("the old church", "the town hall", "the open-air stage"),
     ("visit the place", "print the tickets", "sort out the lights")),
    ("the club's trip", ("the lake", "the mountain hut", "the harbour town"),
     ("book the bus", "check the weather rules", "collect the deposit")),
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "opening": (
            "Minutes of {day}. Present: {a}, {b}, {c} and {d}.",
            "{a} opened the meeting at {hour} and welcomed {d} back from leave.",
            "Weekly meeting, chaired by {a}, notes by {d}.",
            "The meeting began late because {d}'s train was delayed.",
        ),
        "hour": ("nine", "ten", "half past eight", "two", "four"),
        "side": (
            "{other} has to wait until {month}, as {d} reported.",
            "{d} thanked everybody for the work on {other}.",
            "There was no news on {other}.",
            "{d} showed figures for {other}, which nobody questioned.",
            "{other} cost less than planned in {month}.",
        ),
        "for_lost": (
            "{a} (spoke up for|was in favour of) {lost} because {plus}.",
            "{lost} had been on the table since {month}, and {a} still liked the idea: {plus}.",
            "{a} brought a leaflet about {lost} and said {plus}.",
        ),
        "for_won": (
            "{b} (preferred|would rather have) {won} because {plus2}.",
            "{b} had tried something like {won} before and found that {plus2}.",
            "{c} asked about {won}, and {b} answered that {plus2}.",
        ),
        "plus": ("the cost is low", "hardly anything has to be set up", "no permit is needed",
                 "everyone knows what to expect", "the neighbours would not mind"),
        "plus2": ("nobody is left out", "the weather does not matter", "one can stop at any time",
                  "there is less work afterwards", "people keep asking for just that"),
        "decision": (
            "(In the end|After a short vote) all but {a} were for {won}.",
            "{c} closed the point: {won} it is.",
            "Even {a} came round to {won}, and that settled it.",
            "That left {lost} without support, so the group agreed on {won}.",
            "With three votes to one {won} won over {lost}.",
            "{c} called {lost} too risky, so the choice fell on {won}.",
        ),
        "in_charge": (
            "{owner} (is|has) to {task} by {due}.",
            "{owner} offered to {task}, {due} at the latest.",
            "Somebody must {task} by {due}; {owner} takes that on.",
            "{due} is the last day to {task}, which {owner} will do.",
        ),
        "closing": (
            "Next meeting: {later}, same room.",
            "{d} will be away until {later}.",
            "The coffee machine is being repaired on {later}.",
            "{c} brings cake on {later}.",
        ),
    }
)  # fmt: skip


@builtin_task(
    instruction="Sum up in one sentence what was decided and who does what by when.",
    metric="rouge_l",
)
def meeting_outcome(rng: random.Random) -> Example:
    """Minutes of a meeting to the decision, the person in charge and the date."""
    (topic, options, tasks), (other, _, _) = rng.sample(TOPICS, 2)
    lost, won = rng.sample(options, 2)
    names = [person.first for person in people(rng, 4)]
    day, due, later = rng.sample(WEEKDAYS, 3)
    owner, task = rng.choice(names[1:]), rng.choice(tasks)
    bound = dict(zip("abcd", names, strict=True)) | {
        "topic": topic, "other": other, "lost": lost, "won": won, "day": day, "due": due,
        "later": later, "owner": owner, "task": task, "month": rng.choice(MONTHS),
    }  # fmt: skip
    cases = ["{for_lost}", "{for_won}"]
    rng.shuffle(cases)
    point = f"(Main point:|On the agenda:) {topic}. {' '.join(cases)} {{decision}} {{in_charge}}"
    parts = ["{opening}", *rng.choice((["{side}", point], [point, "{side}"])), "{closing}"]
    if rng.random() < 0.3:
        parts.pop(rng.choice((0, -1)))
    text = GRAMMAR.write(rng, " ".join(parts), **bound)
    return Example(text, f"The group chose {won} for {topic}; {owner} will {task} by {due}.")
