"""Messages between a customer and a shop: what went wrong with which order, what is wanted now."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import WEEKDAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.places import STREETS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

MACHINES = ("desk lamp", "kettle", "alarm clock", "coffee mill", "toy train", "radio", "toaster")
ITEMS = (
    *MACHINES, "garden chair", "suitcase", "bread bin", "mirror", "sewing box", "bird feeder",
    "shoe rack", "tea tray", "picture frame", "letter box", "wall clock",
)  # fmt: skip
# trouble as the title names it: how customers put it
TROUBLES = {
    "wrong colour": ("it is green, and I ordered blue", "I chose grey and now have a red one here"),
    "cracked": ("there is a crack right through it", "one side is split from top to bottom"),
    "parts missing": ("one piece is not in the box", "two parts were left out"),
    "left at the wrong house": (
        "the driver put it on the steps of number 14, and I live at 41",
        "a stranger in {street} signed for it",
    ),
    "sent twice": ("today a second one came, same as the first", "now I have two of them"),
    "wrong size": ("it is half as big as the page said", "you sent me the large one"),
    "used before": ("there are stains and scratches on it", "somebody had it before me"),
    "stopped working": ("after two days it is dead", "since this morning it does nothing"),
    "not arrived": ("it has been 'on its way' for nine days", "nothing has come yet"),
}  # fmt: skip
# wish as the title names it: (how customers put it, how it is turned down)
WISHES = {
    "refund": (
        ("I would like my money back", "please just pay back what I paid"),
        ("I do not need the money back", "keep the money"),
    ),
    "replacement": (
        ("please send me another one", "I want a new one in its place"),
        ("a new one does not help me", "please do not send another"),
    ),
    "discount": (
        ("take something off the price", "I would like to pay less for it"),
        ("a few euros off are not what I want", "it is not about the price"),
    ),
    "pick-up": (
        ("have it fetched from my door", "please send a driver to collect it"),
        ("nobody needs to collect anything", "there is nothing to fetch here"),
    ),
    "call back": (
        ("I want someone to ring me up", "phone me, all this writing leads nowhere"),
        ("there is no need to phone me", "please do not ring, I am at work"),
    ),
}
GRAMMAR = Grammar(
    {
        "hello": (
            "Hello, I have a question about my order.",
            "Good morning, {name} here, order trouble again.",
            "Hi, my last order, number {old}, with the {other}, was perfect.",
            "Hello! I bought a {other} from you in spring and was happy with it.",
        ),
        "which": (
            "Sorry to hear that. Which order is it?",
            "I see. What is the order number?",
            "Could you give me the number and the article?",
        ),
        "order": (
            "{number}, the {item}. The {other} is fine.",
            "It is the {item}, {number}.",
            "Number {number}. It was a {item}, a gift for my aunt.",
        ),
        "report": (
            "This time it went wrong: {trouble}.",
            "I have to complain: {trouble}.",
            "I am not pleased: {trouble}.",
        ),
        "ask": (
            "Thank you. Shall we arrange {a_offer}?",
            "I am sorry. Would {a_offer} help?",
            "That should not happen. We could offer {a_offer}.",
        ),
        "wish": (
            "{no}. {yes}, by {day} if you can.",
            "No, {no}. {yes}.",
            "{yes}. As I said on {day}, {no}.",
        ),
        "end": (
            "I will pass this on at once.",
            "Noted. We answer within two days.",
            "Understood, my colleague {agent} takes over.",
            "Thank you for your patience, {name}.",
        ),
    }
)


@builtin_task(
    instruction="Write the title of the ticket: order, article, trouble, and what is wanted.",
    metric="rouge_l",
)
def delivery_ticket(rng: random.Random) -> Example:
    """Chats about a faulty order to a ticket title; another order and another offer are named"""
    item, other = rng.sample(ITEMS, 2)
    trouble = rng.choice(tuple(TROUBLES))
    if trouble == "stopped working":
        item = rng.choice([machine for machine in MACHINES if machine != other])
    wishes = [wish for wish in WISHES if (trouble, wish) != ("not arrived", "pick-up")]
    wanted, offered = rng.sample(wishes, 2)
    number, old = rng.sample(range(20000, 99000, 7), 2)
    one, two = people(rng, 2)
    bound = {
        "item": item, "other": other, "number": number, "old": old, "name": one.full,
        "agent": two.first, "day": rng.choice(WEEKDAYS), "a_offer": f"a {offered}",
        "trouble": rng.choice(TROUBLES[trouble]).format(street=rng.choice(STREETS)),
        "yes": rng.choice(WISHES[wanted][0]), "no": rng.choice(WISHES[offered][1]),
    }  # fmt: skip
    customer, shop = one.first, "Shop"
    lines = [(customer, "{hello} {report}"), (shop, "{which}"), (customer, "{order}")]
    if rng.random() < 0.4:
        lines = [(customer, "{hello} {order}"), (shop, "What happened?"), (customer, "{report}")]
    lines += [(shop, "{ask}"), (customer, "{wish}"), (shop, "{end}")]
    text = "\n".join(f"{who}: {GRAMMAR.write(rng, said, **bound)}" for who, said in lines)
    return Example(text, f"Order {number}, {item} {trouble}: customer wants a {wanted}")
