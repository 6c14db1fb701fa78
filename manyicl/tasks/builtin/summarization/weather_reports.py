"""Weather reports: what comes tomorrow stands between today's weather and the days after."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, sentence
from manyicl.tasks.builtin.lexicon.calendar import DAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import RIVERS, TOWNS
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

SKIES = words(
    "fog, drizzle, sunshine, thick cloud, showers, thunderstorms, haze, steady rain, clear skies, "
    "scattered clouds, light rain, mist",
    ", ",
)
WINDS = words("light gusty strong fresh weak gentle")
SIDES = words("north south east west north-east south-west south-east north-west")
GRAMMAR = Grammar(
    {
        "opening": (
            "Good evening from the weather desk in {town}.",
            "{a} here with the weather for {town} and the {river} valley.",
            "A look at the sky over {town}, by {a}.",
            "Thank you, {b}. It was a day for the record books in {town}.",
        ),
        "today": (
            "Today brought {sky3} and {t3} degrees, {more} than on the same day last year.",
            "We had {sky3} all day, with {t3} degrees at the airport.",
            "On this {day} {sky3} held on until the evening; {t3} degrees were measured.",
        ),
        "tonight": (
            "Tonight it cools down to {t4}, and the {wind2} wind drops.",
            "The night stays dry, at {t4} degrees.",
            "Overnight {sky4} may pass over the hills.",
        ),
        "morning": (
            "Tomorrow begins with {sky1}",
            "Those who get up early tomorrow will see {sky1}",
            "Tomorrow morning, despite the {sky4} in older forecasts, we expect {sky1}",
            "{sky1} will be with us tomorrow (until midday|for the first hours)",
        ),
        "later": (
            ", then {sky2} {takes} over.",
            "; in the afternoon it turns to {sky2}.",
            ", followed by {sky2} from lunch time on.",
            " before we get {sky2}.",
        ),
        "degrees": (
            "It gets up to {t1} degrees by three o'clock.",
            "The highest value will be {t1}, not the {t2} that some have promised.",
            "That makes {t1} degrees, {more} than today.",
        ),
        "wind": (
            "A {wind1} wind (blows|comes) from the {side}.",
            "The wind is {wind1} and turns to the {side}.",
            "From the {side} we get a {wind1} wind.",
        ),
        "outlook": (
            "On {day2} and after, {sky5} and {t5} degrees are likely.",
            "Looking ahead, {day2} could bring {sky5}.",
            "For the weekend the models do not agree: {sky5} or more {sky4}.",
        ),
        "filler": (
            "Farmers along the {river} had hoped for something else.",
            "The river {river} is back to its normal level.",
            "Send us your pictures, as {b} did this week.",
            "Pollen counts are low.",
        ),
        "more": ("more", "less"),
    }
)


@builtin_task(
    instruction="Write tomorrow's forecast in one line.",
    metric="rouge_l",
)
def forecast_line(rng: random.Random) -> Example:
    """Weather reports to tomorrow's sky, degrees and wind; today and later days are told as well"""
    skies = rng.sample(SKIES, 5)
    degrees = rng.sample(range(7, 27), 4)
    degrees.insert(3, rng.randint(2, 6))  # at night
    day, day2 = rng.sample(DAYS, 2)
    winds, side = rng.sample(WINDS, 2), rng.choice(SIDES)
    bound = {f"sky{place}": sky for place, sky in enumerate(skies, 1)}
    bound |= {f"t{place}": str(value) for place, value in enumerate(degrees, 1)}
    names = [person.first for person in people(rng, 2)]
    bound |= {"more": "more" if degrees[0] > degrees[2] else "less", "wind1": winds[0]}
    bound |= {"wind2": winds[1], "side": side, "day": day, "day2": day2, "a": names[0]}
    bound |= {"b": names[1], "town": rng.choice(TOWNS), "river": rng.choice(RIVERS)}
    bound["takes"] = "take" if skies[1].endswith("s") else "takes"
    tomorrow = ["{morning}{later}", *rng.sample(("{degrees}", "{wind}"), 2)]
    around = [["{today}", "{filler}"], ["{tonight}"], ["{outlook}"]]
    parts = rng.choice(
        (
            [*around[0], *around[1], *tomorrow, *around[2]],
            [*around[0][:1], *tomorrow, *around[2], *around[0][1:]],
            [*around[2], *around[0], *tomorrow],
            [*tomorrow, *around[0], *around[2], *around[1]],
        )
    )
    text = GRAMMAR.write(rng, " ".join(["{opening}", *parts]), **bound)
    return Example(
        text,
        sentence(f"{skies[0]}, later {skies[1]}, {degrees[0]} degrees, {winds[0]} {side} wind."),
    )
