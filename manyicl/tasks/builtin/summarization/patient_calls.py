"""Notes on phone calls to a practice: who has what since when, and what has been arranged."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS, WEEKDAYS, clock
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

COMPLAINTS = (
    "a rash on the arm", "a sore throat", "a swollen ankle", "back pain", "earache", "itchy eyes",
    "a stiff neck", "a dry cough", "stomach cramps", "a runny nose", "knee pain", "headaches",
    "toothache", "a hoarse voice", "tired legs", "dizzy spells",
)  # fmt: skip
BONES = ("a swollen ankle", "back pain", "a stiff neck", "knee pain")  # an x-ray can tell more
# what is arranged: (how the note puts it, how the note turns it down)
STEPS = {
    "home visit": (("the nurse will go and see {them}", "someone looks in at home"),
                   "nobody needs to go there"),
    "blood test": (("{they} comes in to have blood taken", "the lab has a free slot for {them}"),
                   "the blood values are from last week and fine"),
    "call back": (("the doctor rings {them} herself", "we promised that the doctor will phone"),
                  "the doctor does not have to phone"),
    "appointment": (("{they} gets half an hour with the doctor", "we put {them} in the diary"),
                    "the diary is full and it can do without"),
    "prescription": (("the paper for the chemist will be ready", "{they} can fetch the slip"),
                     "{they} has enough tablets left"),
    "x-ray": (("a picture will be taken at the hospital", "{they} is expected for a picture"),
              "a picture is not called for"),
}  # fmt: skip
GRAMMAR = Grammar(
    {
        "opening": (
            "Call at {time}, {relative} on the line.",
            "{time}: {relative} phoned, in a hurry.",
            "Phone note by {a}, {time}.",
            "{relative} rang twice; I got through at {time}.",
        ),
        "relative": (
            "the daughter",
            "the husband of a neighbour",
            "the son",
            "a friend",
            "the carer",
            "the sister",
        ),
        "who": (
            "It is about {formal}, {age}.",
            "The patient is {formal}, {age} years old.",
            "{formal}, {age} this year, has been with us for years.",
        ),
        "former": (
            "{old} in {month} went away without treatment.",
            "We know about the {bare_old}, which is no worse.",
            "No more {bare_old}, that has healed.",
        ),
        "trouble": (
            "The trouble now is {new}, since {since}.",
            "Since {since} {they} has had {new}.",
            "What worries the family is {new}; it began on {since}.",
            "{new} came up on {since} and will not go.",
        ),
        "extra": (
            "No fever, {they} eats and sleeps well.",
            "{they} takes {num} tablets a day and a herbal tea.",
            "Temperature {temp} this morning.",
            "{they} lives on the third floor, the bell is broken.",
            "{they} asked whether the {bare_old} could come back; I said we would see.",
        ),
        "arranged": (
            "Arranged: on {day} {done}; {not_done}.",
            "{not_done}, says {b}. But on {day} {done}.",
            "We agreed on this: {done} on {day}.",
            "{b} has decided that on {day} {done}.",
        ),
        "month": ("March", "May", "June", "winter", "autumn"),
        "end": (
            "The key is with the neighbours.",
            "Please file the letter from the eye clinic, too.",
            "{a} is off from {other_day}.",
            "They were thankful.",
            "I have told {b}.",
        ),
    }
)


@builtin_task(
    instruction="Write the hand-over line: patient, complaint, since when, next step.",
    metric="rouge_l",
)
def handover_line(rng: random.Random) -> Example:
    """Phone notes of a practice to patient, complaint, since when and the next step with its day"""
    new, old = rng.sample(COMPLAINTS, 2)
    steps = [step for step in STEPS if step != "x-ray" or new in BONES]
    step, other = rng.sample(steps, 2)
    patient, a, b = people(rng, 3)
    since = rng.choice(DAYS)
    day, other_day = rng.sample(WEEKDAYS, 2)
    bound = {
        "formal": patient.formal, "they": patient.they, "them": patient.them, "new": new,
        "old": old, "bare_old": old.removeprefix("a "), "since": since, "day": day,
        "other_day": other_day, "a": a.first, "b": f"Dr {b.surname}", "age": rng.randint(41, 93),
        "time": clock(rng.randrange(8 * 60, 18 * 60, 5)), "num": rng.choice(("two", "three")),
        "temp": f"36.{rng.randint(2, 9)}",
    }  # fmt: skip
    bound["done"] = GRAMMAR.expand(rng, rng.choice(STEPS[step][0]), **bound)
    bound["not_done"] = GRAMMAR.expand(rng, STEPS[other][1], **bound)
    middle = ["{former}", "{trouble}"]
    rng.shuffle(middle)
    extras = rng.sample(GRAMMAR.rules["extra"], 2)
    parts = ["{opening}", "{who}", *middle, extras[0], "{arranged}", extras[1], "{end}"]
    if rng.random() < 0.35:
        parts = ["{opening}", "{who}", "{arranged}", *middle, *extras, "{end}"]
    text = GRAMMAR.write(rng, " ".join(parts), **bound)
    target = f"{patient.formal}: {new.removeprefix('a ')} since {since}, {step} on {day}."
    return Example(text, target)
