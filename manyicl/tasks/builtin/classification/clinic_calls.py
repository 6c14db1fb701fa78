"""Notes of calls to a doctor's practice, as the reception writes them down."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "appointment": (
        "wants to (see|come to) the doctor (this week|on {day}) because of {trouble}",
        "asks for a check-up (in {month}|before the holidays)",
        "has (had {trouble} for {num} days|{trouble} again), when is there a free slot?",
        "is new here and would like to be seen (on {day}|in the afternoon)",
        "can only come after {hour}, (any day|{day} best), for the yearly check-up",
        "asks if the doctor can see two children on {day}, both have {trouble}",
        "wants a time for the (flu|tetanus) jab",
        "wants to be seen soon, {trouble} got worse (since {day}|)",
    ),
    "cancellation": (
        "cannot come on {day}, has to work",
        "is stuck in traffic and will not make it at {hour}",
        "(feels|is) fine again, somebody else may have the {day} slot",
        "has to put off the {hour} visit to next week",
        "has (a sick child|no car) and will not come today",
        "will not come on {day}, somebody else may have the slot",
        "moved away and drops the check-up in {month}",
        "cannot make it on {day} at {hour}, sorry for the short notice",
    ),
    "prescription": (
        "needs more of the {drug} (for {month}|), the box is empty",
        "is out of {drug} (since {day}|) and the pharmacy wants a new slip",
        "(lost|left) the slip for the {drug} on the bus",
        "says the pharmacy only got the {drug} in the wrong strength, what now?",
        "would like the {drug} for three months, going abroad in {month}",
        "asks for the same {drug} as last time for {trouble}",
        "picks up the slip for the {drug} at {hour}",
        "takes the last of the {drug} on {day} and needs a new slip",
    ),
    "results": (
        "asks if the {test} is back from the laboratory",
        "wants to know what the {test} (of {day}|) showed",
        "was told to call about the {test} after {num} days",
        "says the hospital has sent the {test}, what does the doctor think?",
        "wants the values of the {test} by email",
        "is worried and asks whether the {test} was normal",
        "asks for a copy of the {test} (of {month}|)",
        "asks what the laboratory found in the {test}",
    ),
    "referral": (
        "needs a paper for the {specialist} (by {day}|)",
        "has a date with the {specialist} in {month} and must bring a letter from us",
        "says the {specialist} will not see anyone without our letter",
        "asks which {specialist} the doctor would send people with {trouble} to",
        "wants to be sent to a {specialist}, {trouble} will not go away",
        "says the letter for the {specialist} has the wrong date of birth",
        "wants a second opinion from a {specialist}",
        "says the {specialist} needs our letter before {day}",
    ),
    "sick note": (
        "is in bed with {trouble} and needs something for (work|the employer)",
        "needs a paper for school, was at home with {trouble} until {day}",
        "says the paper for work ended on {day}, still has {trouble}",
        "says the employer has not got the paper for the days off (in {month}|)",
        "asks to be written off work for {num} more days",
        "must prove to the school that the (son|daughter) had {trouble} on {day}",
        "may go back to work (early|on {day}), what about the paper from us?",
        "was off work from {day} with {trouble}, the employer wants a paper",
    ),
    "bill": (
        "was charged twice for the {test}",
        "asks why the visit on {day} costs so much",
        "says the insurance sent the invoice back, a code is missing",
        "would like to pay the invoice of {month} in {num} parts",
        "has a new insurance (since {month}|), card will follow",
        "got a reminder but paid (on {day}|in {month})",
        "needs the invoice for the {test} for the tax office",
        "asks if the insurance pays for the {test} and what it costs",
    ),
}
GRAMMAR = Grammar(
    {
        "who": ("(Ms|Mr) {surname}", "(Ms|Mr) {surname}, {hour}:", "mother of little {surname}",
                "{hour}: (Ms|Mr) {surname}", "husband of Ms {surname}", "{surname}, born 19{year},",
                "daughter of Mr {surname}"),
        "surname": SURNAMES,
        "year": tuple(str(n) for n in range(38, 99)),
        "trouble": ("a sore throat", "back pain", "a rash", "a stiff neck", "headaches", "a cough",
                    "dizzy spells", "a swollen knee", "earache", "stomach cramps"),
        "drug": ("blood pressure tablets", "eye drops", "asthma spray", "thyroid pills", "ointment",
                 "insulin", "sleeping pills", "iron tablets"),
        "test": ("blood test", "X-ray", "urine test", "smear", "heart scan", "allergy test",
                 "ultrasound"),
        "specialist": ("eye doctor", "skin clinic", "heart clinic", "ear clinic", "physiotherapist",
                       "bone surgeon", "sleep clinic"),
        "num": ("two", "three", "four", "five", "ten"),
        "hour": ("8.30", "9.15", "10.40", "11.20", "2.45", "4.10", "5.30"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
        "month": ("January", "March", "May", "July", "September", "November"),
        "tail": ("", "", "", "", " please call back (before {hour}|).",
                 " was here for a blood test in {month}.",
                 " takes {drug}.", " no hurry.", " has {trouble}, too.", " was at the {specialist} "
                 "in {month}.", " also asked about an invoice.",
                 " pharmacy: the one at the station.",
                 " the employer pays half of the insurance.",
                 " got a slip for the {specialist} in {month}.", " next visit: {day}."),
    }
)  # fmt: skip


@builtin_task(
    instruction="Why did the patient call?",
    metric="accuracy",
    labels=tuple(CORES),
)
def clinic_call(rng: random.Random) -> Example:
    """Notes of calls to a doctor's reception to one of seven reasons."""
    reason = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[reason])
    stop = "" if core.endswith("?") else "."
    return kind(GRAMMAR.write(rng, f"{{who}} {core}{stop}{{tail}}"), reason)
