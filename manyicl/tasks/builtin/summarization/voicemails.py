"""Voice messages written down: who wants what by when, with slips of the tongue put right."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import WEEKDAYS, clock12
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# (who calls from where, what they want done)
CALLERS = (
    ("the dentist's", ("bring the insurance card", "fill in the health form", "pay the last bill")),
    ("the garage", ("collect the car", "choose the tyres", "bring the service book")),
    ("the school", ("sign the trip form", "return the library books", "send a passport photo")),
    ("the letting agency", ("read the water meter", "sign the new lease", "empty the cellar")),
    ("the choir", ("order the sheet music", "iron the white shirts", "book the church hall")),
    ("the bank", ("confirm the transfer", "bring an identity card", "close the old account")),
    ("the vet's", ("pick up the eye drops", "bring the vaccination book", "weigh the dog")),
    ("the sports club", ("wash the team shirts", "pay the yearly fee", "find a second driver")),
    ("the travel office", ("check the flight times", "pay the deposit", "send the passports")),
    ("the kitchen shop", ("measure the wall", "choose the handles", "agree to the new price")),
    ("the theatre", ("fetch the tickets", "learn the second scene", "bring back the costume")),
    ("the parish office", ("write the newsletter", "bake two cakes", "print the song sheets")),
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "hello": (
            "Hi {b}, this is {a} from {firm} in {town}.",
            "Hello, {a} here, {firm}. I hope this is {b}'s number.",
            "{b}? It's me, {a}, from {firm}. You're not in, I see.",
            "Good morning, message for {b}, from {firm}, {a} speaking.",
        ),
        "chat": (
            "Um, lovely weather, isn't it.",
            "Sorry about the noise, they are drilling next door.",
            "I tried you on {other_day}, but it was engaged.",
            "Thanks for the flowers, by the way.",
            "{c} sends greetings.",
            "My number at home is {old}, but I'm never there.",
        ),
        "undone": (
            "You asked if you have to {other}: no, that's done.",
            "{c} will {other}, so forget about that.",
            "I said you should {other}, but that can wait until next year.",
            "Last time it was about something else, to {other}, and that's settled.",
        ),
        "wish": (
            "What I need is for you to {task}",
            "Please {task}",
            "The thing is, you'd have to {task}",
            "So, someone has to {task}, and it's your turn, so please do it",
        ),
        "when": (
            " by {other_day}, no, sorry, by {day}.",
            " by {day}, {time} at the latest.",
            ", and {day} is the last day for it.",
            " by {day}. Not {other_day}, as I wrote, they have moved it.",
            " before {day} is over.",
        ),
        "phone": (
            "Call me when it's done, on {number}.",
            "If anything is unclear, I'm on {number}.",
            "You reach me on {number}, not on {old} any more.",
            "Ring {number}, ask for me, they'll put you through.",
        ),
        "bye": (
            "Okay, that's all. Bye!",
            "Oh, the bell, I have to go.",
            "Speak soon, and my best to your mother.",
            "Right. Have a nice {later}.",
        ),
        "later": ("evening", "day", "weekend"),
    }
)


@builtin_task(
    instruction="Turn the voice message into a to-do line: what, by when, whom to call where.",
    metric="rouge_l",
)
def voicemail_todo(rng: random.Random) -> Example:
    """Voice messages to the one thing to do, its day, the caller and the number"""
    (firm, tasks), (_, others) = rng.sample(CALLERS, 2)
    task = rng.choice(tasks)
    a, b, c = (person.first for person in people(rng, 3))
    day, other_day = rng.sample(WEEKDAYS, 2)
    number, old = (f"{rng.randint(12, 99)} {rng.randint(100, 999)}" for _ in range(2))
    chats = rng.sample(GRAMMAR.rules["chat"], 2)
    core = ["{wish}{when}", "{undone}", chats[0]]
    rng.shuffle(core)
    parts = ["{hello}", *core, "{phone}", chats[1], "{bye}"]
    if rng.random() < 0.4:
        parts = ["{hello}", chats[1], "{phone}", *core, "{bye}"]
    text = GRAMMAR.write(
        rng, " ".join(parts), a=a, b=b, c=c, firm=firm, task=task, other=rng.choice(others),
        town=rng.choice(TOWNS), day=day, other_day=other_day, number=number, old=old,
        time=clock12(rng.randrange(9 * 60, 18 * 60, 30)),
    )  # fmt: skip
    return Example(text, f"{task[:1].upper() + task[1:]} by {day} and call {a} on {number}.")
