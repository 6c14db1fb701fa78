"""Reports of breakdowns: a first suspicion is wrong, the cause comes out later, times are noted."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import clock
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import STREETS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# cause as the headline names it: (how it was found, how it was mended)
CAUSES = {
    "expired certificate": ("the certificate had run out at midnight", "a new one was issued"),
    "cut cable": ("builders in {street} had dug through the cable", "the ends were spliced"),
    "full disk": ("the disk of the main server had no room left", "old files were deleted"),
    "blown fuse": ("a fuse in the cellar had blown", "a spare was fitted"),
    "faulty update": ("the update of the night before did not fit", "the old version was put back"),
    "loose plug": ("a plug behind the cabinet had come loose", "it was pushed in and taped"),
    "water leak": ("water had dripped into the switch cabinet", "the cabinet was dried"),
    "typing error": ("a zero too many had been typed into the settings", "the line was corrected"),
    "worn-out fan": ("a fan had worn out and the machine had overheated", "the fan was swapped"),
    "expired licence": ("nobody had renewed the licence", "the fee was paid by phone"),
    "hungry marten": ("a marten had chewed through the wires", "the wires were replaced"),
    "stuck valve": ("a valve in the cooling had stuck", "it was freed with a hammer"),
}
SERVICES = (
    "card payments", "online orders", "ticket sales", "parking gates", "phone lines",
    "door badges", "luggage belts", "blood tests", "bus displays", "locker doors",
    "milk deliveries",     "lift service", "library loans", "ferry bookings",
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "opening": (
            "Shift report from {town}, {a} on duty.",
            "{day} in {town} began quietly, with {a} at the desk.",
            "{a} had just taken over the shift in {town}.",
            "Report by {a} for the {town} site.",
        ),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
        "start": (
            "At {begin} (complaints about {service} began|nothing worked any more with {service}).",
            "From {begin} on {service} were down.",
            "{service} stopped at {begin}, in the middle of the busiest hour.",
        ),
        "wrong": (
            "{b} suspected {suspect}, but that turned out to be wrong.",
            "The first guess was {suspect}; {b} checked and found no sign of it.",
            "As in {month}, everybody thought of {suspect}, which {b} could rule out by {mid}.",
        ),
        "crowd": (
            "{num} people were waiting by {mid2}.",
            "{num} customers called, most of them friendly.",
            "The manager asked for news every ten minutes.",
            "Signs were put up and {num} vouchers handed out.",
        ),
        "found": ("Then {c} noticed that {finding}.", "It took {c} to see that {finding}.",
                  "Only when {c} arrived did it come out that {finding}."),
        "fixed": ("{repair}, and at {end} all was back to normal.",
                  "Once {repair}, things ran again from {end}.",
                  "{repair}; {a} noted the end of the trouble at {end}."),
        "closing": ("{c} wants to check the other sites too.", "A full report is due in {month}.",
                    "Nobody was hurt.", "{b} stayed until the evening just in case."),
        "month": ("March", "May", "July", "October", "November"),
    }
)  # fmt: skip


@builtin_task(
    instruction="Write a headline: the cause, what was hit, and for how long.",
    metric="rouge_l",
)
def incident_headline(rng: random.Random) -> Example:
    """Breakdown reports to a headline; the duration must be worked out from two times."""
    cause, suspect = rng.sample(tuple(CAUSES), 2)
    finding, repair = CAUSES[cause]
    begin = rng.randrange(6 * 60, 20 * 60, 5)
    minutes = rng.randrange(20, 125, 5)
    a, b, c = (person.first for person in people(rng, 3))
    service = rng.choice(SERVICES)
    bound = {
        "a": a, "b": b, "c": c, "town": rng.choice(TOWNS), "service": service,
        "suspect": f"a {suspect}", "finding": finding.format(street=rng.choice(STREETS)),
        "repair": repair, "begin": clock(begin), "end": clock(begin + minutes),
        "mid": clock(begin + rng.randrange(5, minutes - 5, 5)),
        "mid2": clock(begin + rng.randrange(5, minutes - 5, 5)),
        "num": rng.randrange(20, 190, 10),
    }  # fmt: skip
    middle = ["{wrong}", "{crowd}"]
    rng.shuffle(middle)
    parts = ["{opening}", "{start}", *middle, "{found}", "{fixed}", "{closing}"]
    if rng.random() < 0.4:
        parts.pop(rng.choice((0, 3, 6)) if middle[1] == "{crowd}" else rng.choice((0, 6)))
    text = GRAMMAR.write(rng, " ".join(parts), **bound)
    return Example(text, f"{cause.capitalize()} stops {service} for {minutes} minutes")
