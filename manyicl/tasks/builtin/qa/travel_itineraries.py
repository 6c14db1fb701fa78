"""Plans of trips over some days: how to get where, where to sleep, what to do; gaps remain."""

from __future__ import annotations

import random
from dataclasses import dataclass

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS, NUMBER_WORDS
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

WAYS = ("train", "ferry", "bus", "hire car", "bicycle", "canoe", "taxi", "tram")
BEDS = (
    "the Swan", "Hotel Central", "the youth hostel", "the Old Mill", "a guest house", "the Crown",
    "Pension Lina", "the campsite", "the Blue Anchor", "the lighthouse", "a farm", "the Red Lion",
)  # fmt: skip
PLANS = (
    "a castle tour", "a boat trip", "a cooking class", "a wine tasting", "an hour at the beach",
    "a visit to the glass works", "a concert", "a hike to the falls", "a market tour",
    "a puppet play", "a pottery course", "a swim in the lake", "a museum visit",
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "opening": (
            "Plan for {who} and {num} (friends|colleagues|guests).",
            "{who}'s trip, (final|latest) version.",
            "Dear {who}, this is (your plan|what we booked).",
            "Tour for {who}, starting on {day}.",
        ),
        "way": ("by {ride} to {town}", "we take the {ride} to {town}", "{ride} to {town}"),
        "bed": ("night at {inn}", "we sleep at {inn}", "a room at {inn} is booked"),
        "plan": (
            "{visit} in the afternoon",
            "time for {visit}",
            "{visit} is booked",
            "then {visit}",
        ),
        "ask_bed": (
            "Where do they sleep on day {number}?",
            "Where do they spend the night in {town}?",
        ),
        "ask_plan": ("What is planned on day {number}?", "What do they do in {town}?"),
        "ask_way": ("How do they get to {town}?", "What do they travel by on day {number}?"),
        "ask_town": (
            "In which town is {visit} planned?",
            "In which town do they sleep at {inn}?",
            "Which town do they reach on day {number}?",
            "Which town comes right after {before}?",
        ),
    }
)


@dataclass(frozen=True)
class Day:
    """A day of the plan; `bed` or `plan` is empty where the plan does not say it."""

    number: int
    way: str
    town: str
    bed: str
    plan: str


@builtin_task(
    instruction="Answer from the plan. If it does not say, answer 'unknown'.",
    metric="f1",
)
def itinerary_question(rng: random.Random) -> Example:
    """Plans of several days; ways, towns, beds and activities, some of them left open"""
    count = rng.choice((3, 4))
    days = [
        Day(
            number,
            way,
            town,
            bed if rng.random() < 0.75 else "",
            plan if rng.random() < 0.75 else "",
        )
        for number, way, town, bed, plan in zip(
            range(1, count + 1), rng.sample(WAYS, count), rng.sample(TOWNS, count),
            rng.sample(BEDS, count), rng.sample(PLANS, count), strict=True,
        )
    ]  # fmt: skip
    start = rng.randrange(7)
    named = rng.random() < 0.5
    lines = []
    for day in days:
        rest = [kind for kind, value in (("bed", day.bed), ("plan", day.plan)) if value]
        rng.shuffle(rest)
        said = [
            GRAMMAR.expand(
                rng, f"{{{kind}}}", ride=day.way, town=day.town, inn=day.bed, visit=day.plan
            )
            for kind in ("way", *rest)
        ]
        head = f"Day {day.number}" + f", {DAYS[(start + day.number - 1) % 7]}" * named
        lines.append(f"{head}: {GRAMMAR.write(rng, ', '.join(said))}.")
    question, answer = _question(rng, days)
    opening = GRAMMAR.write(
        rng, "{opening}", who=person(rng).first, num=NUMBER_WORDS[rng.randint(2, 9)],
        day=DAYS[start],
    )  # fmt: skip
    return Example("\n".join([opening, *lines, f"Question: {question}"]), answer)


def _question(rng: random.Random, days: list[Day]) -> tuple[str, str]:
    place = rng.randrange(1, len(days))
    day = days[place]
    gaps = [("{ask_bed}", day) for day in days if not day.bed]
    gaps += [("{ask_plan}", day) for day in days if not day.plan]
    if gaps and rng.random() < 0.25:
        asked, day = rng.choice(gaps)
        return GRAMMAR.write(rng, asked, number=day.number, town=day.town), "unknown"
    kinds = [("{ask_way}", day.way)]
    kinds += [("{ask_bed}", day.bed)] * 2 if day.bed else []
    kinds += [("{ask_plan}", day.plan)] * 2 if day.plan else []
    asked, answer = rng.choice(kinds)
    if rng.random() < 0.4:
        templates = [
            template
            for template in GRAMMAR.rules["ask_town"]
            if (day.bed or "{inn}" not in template) and (day.plan or "{visit}" not in template)
        ]
        asked, answer = rng.choice(templates), day.town
    question = GRAMMAR.write(
        rng, asked, number=day.number, town=day.town, inn=day.bed, visit=day.plan,
        before=days[place - 1].town,
    )  # fmt: skip
    return question, answer
