"""Chats in which two people fix a meeting; day, hour and place change before they agree."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# (activity, places to meet, what to bring)
PLANS = (
    ("play tennis", ("the sports club", "the park gate", "the tram stop"), ("rackets", "water")),
    ("paint the fence", ("the garden", "the paint shop", "the bus station"),
     ("brushes", "old shirts")),
    ("study for the exam", ("the library", "the cafe on the corner", "the student hall"),
     ("the notes", "a laptop")),
    ("go swimming", ("the lake", "the indoor pool", "the bridge"), ("towels", "a picnic")),
    ("cook for the party", ("the market", "the youth centre", "the supermarket"),
     ("a big pot", "the recipe")),
    ("look at the flat", ("the agency", "the front door", "the underground exit"),
     ("a tape measure", "the papers")),
    ("visit Grandma", ("the station", "the flower shop", "the hospital entrance"),
     ("a cake", "the photos")),
    ("move the sofa", ("the van rental", "the old flat", "the car park"), ("gloves", "ropes")),
    ("practise the song", ("the music school", "the cellar", "the church hall"),
     ("a guitar", "the lyrics")),
    ("go hiking", ("the cable car", "the railway station", "the village inn"),
     ("a map", "sandwiches")),
    ("plan the trip", ("the tea room", "the museum cafe", "the office"),
     ("a guidebook", "biscuits")),
    ("repair the bikes", ("the garage", "the bike shop", "the courtyard"), ("tools", "a pump")),
)  # fmt: skip
HOURS = ("nine", "ten", "eleven", "two", "three", "half past three", "four", "five", "six")
GRAMMAR = Grammar(
    {
        "ask": (
            "(Hi|Hey) {b}, shall we {activity} on {day1}?",
            "{b}, do you have time to {activity} on {day1}?",
            "When do we {activity}? I thought of {day1}.",
        ),
        "no_day": (
            "{day1} is bad, I have (to work|the dentist|visitors). What about {day2}?",
            "Not {day1}, please, (I am away|my sister comes over). {day2} would be fine.",
            "I could do {day2}, but not {day1}.",
        ),
        "yes_day": (
            "{day1} is good (for me|). Not like last week.",
            "Yes, {day1} works. {day2} I am out of town.",
        ),
        "hour": (
            "Fine, {time1} at {place1}?",
            "Okay. Let's meet at {place1} at {time1}.",
            "Good. I can be at {place1} by {time1}.",
        ),
        "no_hour": (
            "Sorry, {time1} is too early for me. Better {time2}.",
            "Could we make it {time2} instead? My bus only comes then.",
            "Rather {time2}, I have to feed the cat first.",
        ),
        "no_place": (
            "The place is a bit far. How about {place2}?",
            "That is a detour for me, {place2} would be easier.",
            "It is always crowded there. Let's take {place2}.",
        ),
        "agree": ("All right.", "Sure, no problem.", "Fine with me.", "Okay, that works."),
        "bring": (
            "Who brings {thing}?\n{other}: I will.",
            "I have no {bare}.\n{other}: Then I bring {thing}.",
            "Do we need {thing}?\n{other}: Yes, leave that to me.",
        ),
        "chat": (
            "Did you see {c} yesterday? {c} has a new dog.",
            "By the way, {c} says hello.",
            "I still have your umbrella, by the way.",
            "What a week. I need a break.",
            "{c} cannot come, by the way.",
        ),
        "end": ("See you!", "Looking forward to it.", "Great, bye!", "Perfect."),
    }
)


@builtin_task(
    instruction="Say in one sentence what the two agreed on in the end.",
    metric="rouge_l",
)
def chat_arrangement(rng: random.Random) -> Example:
    """Chats of two people to the agreed activity, day, hour, place and who brings what."""
    activity, places, things = rng.choice(PLANS)
    a, b, c = (person.first for person in people(rng, 3))
    day1, day2 = rng.sample(DAYS, 2)
    time1, time2 = sorted(rng.sample(HOURS, 2), key=HOURS.index)  # who objects wants it later
    place1, place2 = rng.sample(places, 2)
    thing = rng.choice(things)
    move_day, move_time, move_place = (rng.random() < 0.6 for _ in range(3))
    speaker, listener = rng.choice(((a, b), (b, a)))
    lines = [(a, "{ask}"), (b, "{no_day}" if move_day else "{yes_day}"), (a, "{hour}")]
    if move_time:
        lines += [(b, "{no_hour}")]
    if move_place:
        lines += [(a, "{agree}")] * move_time + [(b, "{no_place}")]
    lines += [(a, "{agree}")] if move_time or move_place else [(b, "{agree}")]
    lines += [(speaker, "{bring}"), (speaker, "{end}")]
    lines.insert(rng.choice((0, 2, len(lines) - 2)), (rng.choice((a, b)), "{chat}"))
    text = GRAMMAR.write(
        rng, "\n".join(f"{name}: {said}" for name, said in lines),
        a=a, b=b, c=c, activity=activity, day1=day1, day2=day2, time1=time1, time2=time2,
        place1=place1, place2=place2, thing=thing, other=listener,
        bare=thing.removeprefix("a ").removeprefix("the "),
    )  # fmt: skip
    day, time = (day2 if move_day else day1), (time2 if move_time else time1)
    place = place2 if move_place else place1
    first = f"{a} and {b} will {activity} on {day}, meeting at {place} at {time}"
    return Example(text, f"{first}; {listener} brings {thing}.")
