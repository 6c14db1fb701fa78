"""Complaints of bus and train passengers. Each topic occurs at every severity."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

# topic: what costs comfort / what costs time or money / what hurts or puts people in danger
TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "doors": (
        (
            "the doors (squeak|creak) (a little|at every stop)",
            "the door button (is|feels) sticky",
            "the beep of the doors (is a bit shrill|hurts my ears a little)",
            "the last door opens a (moment|second) later than the others",
        ),
        (
            "the doors would not open and I (missed|rode past) my stop",
            "one door was locked, getting off took so long that I missed my (bus|train)",
            "the doors shut on my bag and tore it, {euros} euros for a new one",
            "the driver shut the doors before my (mother|son) was in, we lost {min} minutes",
        ),
        (
            "the doors shut on (a child|my arm) and it was bleeding",
            "the bus drove off with the doors open and (a boy|a man) nearly fell out",
            "the train moved while (my son|a woman) was stuck in the door",
            "a pane fell out of the door, people had glass in their (hair|hands)",
        ),
    ),
    "driver": (
        (
            "the driver (hardly greets|never smiles)",
            "the driver (had|likes) the radio on a little too loud",
            "the driver could brake a little more gently",
            "the driver was on his phone while we waited at the terminus, not very polite",
        ),
        (
            "the driver drove past our stop, we waited (another hour|{min} minutes) for the next",
            "the driver gave me the wrong change, {euros} euros too little",
            "the driver took a wrong turn and I came {min} minutes late to (work|an exam)",
            "the driver would not take the pram, my (wife|daughter) had to pay for a taxi",
        ),
        (
            "the driver was on his phone and nearly hit a (cyclist|girl)",
            "the driver braked so hard that (an old woman|my mother) fell and was hurt",
            "the driver smelt of (beer|wine) and left the road twice",
            "the driver shouted at a passenger and hit him in the face",
        ),
    ),
    "tickets": (
        (
            "the ticket paper is a bit (thin|pale)",
            "the new ticket machine has an ugly (colour|sound)",
            "the ticket machine takes a while to (wake up|give change)",
            "the inspector could say please when he asks for the ticket",
        ),
        (
            "the ticket machine took {euros} euros and gave me (nothing|no ticket)",
            "I was fined {euros} euros because the machine did not work",
            "I was sold the wrong ticket and had to pay {euros} euros (again|more)",
            "the queue at the ticket machine was so long that I missed the {hour}",
        ),
        (
            "the cover of the ticket machine is off, a girl got a shock from the bare wires",
            "the inspector pushed (my son|an old man), who fell and hurt his head",
            "the ticket machine fell over and onto a (boy|woman) who leaned on it",
            "an inspector threw (my daughter|a boy of nine) out at night, far from any house",
        ),
    ),
    "time": (
        (
            "the bus is always (a minute|two minutes) late, a little more care would be nice",
            "the clock at the stop is a (bit|minute) slow",
            "the timetable is printed in rather small letters",
            "the {hour} leaves a minute early now and then, I never missed it so far",
        ),
        (
            "the train was {min} minutes late and I missed my (flight|exam)",
            "two buses in a row did not come, I paid {euros} euros for a taxi",
            "the {hour} has not come (three times|twice) this week, my boss is angry",
            "we stood still for {min} minutes and nobody told us why, I lost a job over it",
        ),
        (
            "to make up {min} minutes the bus raced through a red light, a (man|girl) jumped aside",
            "we stood {min} minutes in the heat with locked doors, an old man fainted",
            "the {hour} went through the station at full speed, a coat was torn off a woman",
            "we had to get off between stations and walk along the rails in the dark",
        ),
    ),
    "seats": (
        (
            "the seats (look|are) a bit worn",
            "the cloth of the new seats is not a nice (colour|pattern)",
            "there was a (newspaper|cup) on my seat, I had to clear it away",
            "the seats are a little hard for my old (back|bones)",
        ),
        (
            "a wet seat ruined my (coat|suit), cleaning cost {euros} euros",
            "I had paid {euros} euros for a seat and stood for {min} minutes",
            "my seat was sold twice, I had to take the train after that",
            "chewing gum on the seat, my (skirt|coat) is done for, I want {euros} euros",
        ),
        (
            "a screw stuck out of the seat and cut (my leg|a child), it was bleeding",
            "a seat came loose in the curve and (a woman|my father) fell on the floor, hurt",
            "somebody left needles between the seats and (a girl|my son) was pricked",
            "the wheelchair strap at the seats tore and (a man|my aunt) rolled into the door",
        ),
    ),
    "station": (
        (
            "the plants at the station look a bit (dry|sad)",
            "the voice at the station (sounds|is) a little too cheerful",
            "the roof of the shelter is dirty, one hardly sees the sky",
            "one lamp on the platform flickers, it is still bright enough",
        ),
        (
            "the lift at the station was out, carrying the pram up cost me my (train|connection)",
            "the board showed the wrong platform, so I missed the last train and paid for a hotel",
            "the locker at the station kept my bag and {euros} euros for {min} minutes",
            "the station was locked at {hour}, I waited {min} minutes in the rain and was ill",
        ),
        (
            "the platform was a sheet of ice, (a man|my aunt) fell and broke an arm",
            "(wires|a lamp) came down from the station roof and nearly hit a child",
            "the moving stairs went backwards, (three|four) people fell on top of each other",
            "there is a hole in the platform, (my son|a blind man) was in it up to the knee",
        ),
    ),
    "air": (
        (
            "it smells a little (stale|of onions) in the bus",
            "it is a bit (cool|warm) in the second coach",
            "the windows are dirty, (a child|somebody) had drawn a face on mine",
            "the fan over the seats hums, nothing bad, I only wanted to say it",
        ),
        (
            "the heating was dead, I (was ill|lost two days of work) after that ride",
            "we had to leave the hot train and waited {min} minutes for another",
            "water dripped from the fan onto my laptop, the repair costs {euros} euros",
            "the windows would not open in the heat, we got off and took a taxi for {euros} euros",
        ),
        (
            "smoke came out of the (floor|heater) and the driver drove on, a girl fainted",
            "it smelt of burning, then flames came out of the back, a man was hurt",
            "a window fell out at full speed, right next to (my daughter|a baby)",
            "exhaust fumes came into the bus, (two|three) children were sick and saw double",
        ),
    ),
}  # fmt: skip
SEVERITIES = ("minor", "moderate", "serious")
CORES = {
    severity: tuple(cues[level][form] for form in range(4) for cues in TOPICS.values())
    for level, severity in enumerate(SEVERITIES)
}
GRAMMAR = Grammar(
    {
        "town": TOWNS,
        "surname": SURNAMES,
        "line": tuple(str(n) for n in range(2, 60)),
        "min": ("25", "35", "40", "50", "70", "90"),
        "euros": ("5", "8", "18", "30", "45", "60"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "open": ("line {line}, {day}: ", "line {line} to {town}: ", "on {day} on line {line}, ",
                 "near {town} on {day}: ", "hello, ", "my third letter. ", "to {town} at {hour}: ",
                 "from {town} by line {line} every day. "),
        "hour": ("6.10", "7.45", "8.20", "1.30", "5.15", "9.40"),
        "close": ("", "", "", "", " regards, (Ms|Mr) {surname}.", " please look into it.",
                  " I expect an answer by {day}.", " my neighbour {surname} saw it, too.",
                  " otherwise I like line {line}."),
    }
)  # fmt: skip


@builtin_task(
    instruction="How severe is the passenger's complaint?",
    metric="accuracy",
    labels=SEVERITIES,
)
def complaint_severity(rng: random.Random) -> Example:
    """Complaints about buses and trains: lost comfort, lost time or money, or danger."""
    severity = rng.choice(SEVERITIES)
    core, kind = draw_cue(rng, CORES[severity])
    return kind(GRAMMAR.write(rng, f"{{open}}{core}.{{close}}"), severity)
