"""E-mails among colleagues: one request with a date and a reason, between other things."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import MONTHS, WEEKDAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# (what is wanted, reasons that fit it)
REQUESTS = (
    ("send the {month} figures", ("the auditors come early", "the board wants to see them")),
    ("return the projector", ("the evening class needs it", "it has to be serviced")),
    ("sign the lease for the storage unit", ("the owner has another offer", "the price goes up")),
    ("check the guest list", ("the caterer needs a number", "the badges are being printed")),
    ("empty the old office", ("the painters start there", "the new tenant moves in")),
    ("test the booking page", ("the season opens", "customers reported errors")),
    ("translate the safety sheet", ("four new drivers start", "the inspector asked for it")),
    (
        "confirm the number of chairs",
        ("the rental firm is closing for a week", "the hall is small"),
    ),
    ("move the {month} training", ("the trainer is ill", "the room has been double-booked")),
    ("correct the price list", ("it goes to print", "two prices are below cost")),
    ("collect the samples from customs", ("storage fees are rising", "the lab has a free slot")),
    ("update the phone list", ("the reception gets a new system", "half the numbers are wrong")),
    ("order the {month} stock", ("the supplier shuts down for holidays", "the shelves are bare")),
    ("answer the letter from the town hall", ("the permit depends on it", "a fine is threatened")),
)
GRAMMAR = Grammar(
    {
        "hello": ("Dear {b},", "Hi {b},", "Hello {b},", "Good morning {b},"),
        "nice": (
            "I hope you had a good weekend.",
            "thank you for the cake, it was gone by noon.",
            "it was good to see you at the fair in {other_month}.",
            "I hope your cold is better.",
            "congratulations on the new grandchild!",
        ),
        "news": (
            "{d} has settled in well and already knows everyone.",
            "The lift is working again, by the way.",
            "Our sales in {other_month} were a little above last year's.",
            "{d} will {other_request} next week, so you need not worry about that.",
            "The canteen closes at two on {other_day}.",
            "I am still waiting for {d} to {third_request}.",
        ),
        "ask": (
            "Now to the point: we have to {request} by {day}. Can you do it? {reason}.",
            "Could you please {request} by {day}? {reason}.",
            "As {reason}, I need you to {request} before {day} is over.",
            "{c} was going to {request}, but is away. Can you do it by {day}? You see, {reason}.",
            "Somebody must {request} by {day}, and you know the matter best: {reason}.",
        ),
        "end": (
            "If anything is unclear, call me.",
            "I am in on {other_day} if you want to talk.",
            "I know it is a lot, thank you.",
            "Lunch next week?",
        ),
        "bye": ("Best, {a}", "Many thanks, {a}", "Regards, {a}", "See you, {a}"),
    }
)


@builtin_task(
    instruction="Write one sentence: who asks whom to do what by when, and why.",
    metric="rouge_l",
)
def email_request(rng: random.Random) -> Example:
    """E-mails at work to the one thing that is asked for, with its date and reason."""
    (request, reasons), (other_request, _), (third_request, _) = rng.sample(REQUESTS, 3)
    a, b, c, d = (person.first for person in people(rng, 4))
    day, other_day = rng.sample(WEEKDAYS, 2)
    month, other_month = rng.sample(MONTHS, 2)
    request, reason = request.format(month=month), rng.choice(reasons)
    middle = [*rng.sample(GRAMMAR.rules["news"], rng.choice((1, 2, 2))), "{ask}"]
    rng.shuffle(middle)
    parts = ["{hello}", "{nice}", *middle, "{end}", "{bye}"]
    if rng.random() < 0.3:
        parts.insert(rng.choice((2, 4)), "Please find the photos attached.")
    text = GRAMMAR.write(
        rng, " ".join(parts), a=a, b=b, c=c, d=d, day=day, other_day=other_day, request=request,
        reason=reason, other_month=other_month, other_request=other_request.format(month=month),
        third_request=third_request.format(month=month),
    )  # fmt: skip
    return Example(text, f"{a} asks {b} to {request} by {day} because {reason}.")
