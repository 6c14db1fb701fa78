"""Tickets to an online shop. The openings and closings name things of every team on purpose."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar, polish
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

GRAMMAR = Grammar(
    {
        "item": words(
            "desk lamp|kettle|office chair|rain jacket|hiking boot set|bookshelf|blender|"
            "phone case|yoga mat|garden hose|suitcase|bread maker|electric toothbrush|bike light|"
            "sleeping bag|toaster|wall clock|coffee grinder|floor rug|umbrella",
            "|",
        ),
        "colour": words("grey black white green blue red beige yellow"),
        "day": words("Monday Tuesday Wednesday Thursday Friday Saturday"),
        "ago": (
            "last week",
            "last (Monday|Tuesday|Friday)",
            "(two|three) weeks ago",
            "in your (spring|summer|winter) sale",
            "as a (birthday|wedding) present",
            "for my (sister|father|son|office)",
        ),
        "greeting": ("hello, ", "hi, ", "good morning, ", "dear team, ", "", "", ""),
        "opening": (
            "{greeting}I ordered a {item} {ago}",
            "{greeting}I bought a {item} {ago} and paid by (card|transfer|voucher)",
            "{greeting}this is about my (order|order number) {order}, a {item}",
            "{greeting}my order {order} is a {item} in {colour}",
            "{greeting}I have a question about the {item} I (chose|ordered|got from you) {ago}",
            "{greeting}it concerns the {item} on invoice {order}",
            "{greeting}I already (wrote|phoned you) about the {item} (on {day}|last week)",
        ),
        "aside": (
            "",
            "",
            "",
            "I have the receipt and the tracking number here",
            "my address and card details have not changed",
            "your colleague on the phone could not (help|tell me)",
            "I (like|love) the {item} itself",
            "I looked through the help pages on delivery, payment and returns",
        ),
        "closing": (
            "",
            "",
            "thanks",
            "please let me know",
            "this is the (second|third) time I am writing",
            "please call me before you refund or resend anything",
            "you can reply to this email (address|)",
        ),
        "payments": (
            "my card was charged twice",
            "the amount you took (is not|does not match) the price on the page",
            "the invoice shows (the wrong company name|no tax number)",
            "there is still a charge pending although the payment did not go through",
            "your voucher was not taken off the total",
            "the money you promised me in {month} has not reached my bank yet",
            "can I (split the price|pay) in (two|three|four) parts?",
            "the instalment went out (a week|three days) early",
            "I was billed for express although I chose the standard option",
            "why is the sum in another currency?",
            "please put the costs on our company bill instead of my card",
        ),
        "shipping": (
            "the tracking page has not changed since {day}",
            "the driver left it with a neighbour I do not know",
            "it was meant to be here by {day} and there is no sign of it",
            "can you send it to my office instead?",
            "it (seems to have gone|went) to my old address",
            "how much longer will it take to get here?",
            "the courier says nobody was home, but I was in all day",
            "only half of the boxes came, where is the rest?",
            "could it be held at the pick-up point until {day}?",
            "is it still in your warehouse or on its way?",
            "we will be away on {day}, please bring it a day later",
        ),
        "returns": (
            "it has a (crack|scratch|dent) and I do not want to keep it",
            "it does not fit and (has to|I want it to) go back",
            "how many days do I have to change my mind?",
            "I would (rather have|like to swap it for) the {other} one",
            "where can I print the label for sending it back?",
            "I opened the box, can it still go back?",
            "nobody came to collect it from me on {day} as agreed",
            "what I unpacked is a different model, please take it back",
            "may I bring it to one of your shops for an exchange?",
            "the form wants a reason, but I just do not like it",
            "I posted it to you in {month} and heard nothing since",
        ),
        "login": (
            "the link for choosing a new password has expired",
            "the site says it does not know my email",
            "the code you send by text message never comes",
            "someone changed the phone number on my profile",
            "please delete my profile and all you store about me",
            "I am locked out after (three|five) wrong tries",
            "how can I change the name on my profile?",
            "I have two profiles and want to merge them",
            "the app signs me out each time I open the order page",
            "I cannot see my old orders since I changed my email",
            "I got a warning about a sign-in from another country",
        ),
        "advice": (
            "does it work with the older model (too|as well)?",
            "would it fit into a small (flat|car|cupboard)?",
            "which size do I need if I am between two sizes?",
            "may it be wiped with soap?",
            "how long is the guarantee?",
            "what is the difference between it and the {other} one?",
            "will you have (more of it|it in {other}) in {month}?",
            "how heavy is it without the packaging?",
            "is it safe for children under (three|five|six)?",
            "what is it made of?",
            "can it stay outside in (the rain|winter)?",
        ),
        "month": ("March", "April", "June", "September", "October"),
    }
)
TEAMS = ("payments", "shipping", "returns", "login", "advice")


@builtin_task(
    instruction="Which team should take this ticket?",
    metric="accuracy",
    labels=TEAMS,
)
def ticket_team(rng: random.Random) -> Example:
    """Tickets to an online shop to one of five teams; every ticket names things of other teams."""
    team = rng.choice(TEAMS)
    colour, other = rng.sample(GRAMMAR.rules["colour"], 2)
    bound = {
        "item": rng.choice(GRAMMAR.rules["item"]),
        "order": rng.randint(20000, 89999),
        "colour": colour,
        "other": other,
    }
    core, kind = draw_cue(rng, GRAMMAR.rules[team])
    parts = [GRAMMAR.expand(rng, part, **bound) for part in ("{opening}", "{aside}", core)]
    if rng.random() < 0.5:
        parts.append(GRAMMAR.expand(rng, "{closing}"))
    text = polish(" ".join(part if part.endswith("?") else f"{part}." for part in parts if part))
    if rng.random() < 0.15:
        text = text.lower()
    return kind(text, team)
