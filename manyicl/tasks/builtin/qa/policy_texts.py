"""Rules of a place in a few sentences: may a guest do it, may they not, or is it not said?"""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("yes", "no", "not stated")
Sayings = tuple[str, ...]
# place: what a guest may want to do, how the rules allow it, how they forbid it
POLICIES: dict[str, dict[str, tuple[Sayings, Sayings]]] = {
    "campsite": {
        "bring a dog": (
            ("dogs on a lead are welcome", "up to two dogs a tent may come along"),
            ("dogs have to stay at home", "we cannot take in dogs or cats"),
        ),
        "light a camp fire": (
            ("camp fires may be lit in the stone rings", "fires on the gravel are fine"),
            ("the grass is dry, so fires are not permitted", "nobody may light a fire"),
        ),
        "park next to the tent": (
            ("one car may stand next to each tent", "you can park right by your tent"),
            ("cars stay in the car park at the gate", "we keep the meadow free of cars"),
        ),
        "arrive at 11 pm": (
            ("your code opens the gate at any hour", "late guests get in all night long"),
            ("the gate is locked from 9 pm until morning", "after 9 pm we let nobody in"),
        ),
        "pay by card": (
            ("cards are taken at the desk", "you may pay in cash or with a card"),
            ("we only take cash", "the desk has no card reader, so bring coins and notes"),
        ),
        "use the washing machine": (
            ("the washing machine is there for everyone", "a wash costs 3 euros in our machine"),
            ("the washing machine is for staff only", "guests wash by hand, not by machine"),
        ),
    },
    "gym": {
        "bring a friend": (
            ("members may bring one friend along", "a friend of yours trains here for free"),
            ("friends of members cannot come in", "we let in members and nobody else"),
        ),
        "train barefoot": (
            ("shoes may be left off", "training barefoot is fine with us"),
            ("clean indoor shoes have to be worn at all times", "nobody trains without shoes"),
        ),
        "leave things in a locker overnight": (
            ("lockers may be kept overnight", "what lies in a locker is safe until next day"),
            ("lockers are emptied every evening", "nothing stays in a locker after closing time"),
        ),
        "cancel by e-mail": (
            ("an e-mail is enough to cancel", "you can cancel by letter or e-mail"),
            ("to cancel, come to the desk in person", "e-mails are not accepted for cancelling"),
        ),
        "pause the contract": (
            ("the contract can be paused for a time", "pausing the contract is free"),
            ("contracts cannot be paused", "a contract runs on without a break"),
        ),
        "film a workout": (
            ("filming your own workout is allowed", "cameras are no problem here"),
            ("phones and cameras stay in the bag", "filming is not wanted in any room"),
        ),
    },
    "library": {
        "eat in the reading room": (
            ("a snack in the reading room is fine", "food may be eaten in the reading room"),
            ("the reading room is kept free of food", "in the reading room nothing is eaten"),
        ),
        "renew a book by phone": (
            ("a call is enough to renew a book", "books are renewed by phone or at the desk"),
            ("books are renewed at the desk and not by phone", "we renew nothing by phone"),
        ),
        "take magazines home": (
            ("magazines can be borrowed for a week", "magazines are lent like books"),
            ("magazines are read here and are not lent", "magazines never leave the building"),
        ),
        "reserve a computer": (
            ("computers can be reserved a day ahead", "you may book a computer for an hour"),
            ("computers are first come, first served", "nobody can reserve a computer"),
        ),
        "return books on Sundays": (
            ("the box at the door takes returns every day", "returns are fine all week long"),
            ("on Sundays the return box is shut", "returns are taken on working days only"),
        ),
        "use a friend's card": (
            ("cards may be used by family and friends", "a card can be lent to others"),
            ("a card is only good for its owner", "cards must not be handed on"),
        ),
    },
    "office": {
        "work from home on Fridays": (
            ("everybody may work from home on Fridays", "Friday can be a home office day"),
            ("on Fridays all of us work on site", "Friday is not a day for the home office"),
        ),
        "book first class": (
            ("train trips may be booked in first class", "first class fares are paid back"),
            ("on trains second class is the rule for all", "first class fares are not paid back"),
        ),
        "take leave over into the next year": (
            ("unused leave lives on until March", "leave may be carried into the next year"),
            ("leave not taken by December is lost", "leave cannot be carried over"),
        ),
        "bring a child along": (
            ("bringing a child is fine", "children may come along at any time"),
            ("the rooms are not safe for children", "children cannot come along"),
        ),
        "read work mail on a private phone": (
            ("work mail may be read on private phones", "private phones are fine for mail"),
            ("work mail stays off private phones", "private phones are not for work mail"),
        ),
        "eat at the desk": (
            ("lunch at the desk is all right", "you can eat where you work"),
            ("meals belong in the kitchen, not on desks", "eating at desks is not wanted"),
        ),
    },
    "holiday flat": {
        "smoke on the balcony": (
            ("smokers may use the balcony", "out on the balcony smoking is fine"),
            ("please do not smoke, not even on the balcony", "the balcony is smoke-free too"),
        ),
        "stay until noon on the last day": (
            ("on the last day the flat is yours until 1 pm", "you may stay until noon at the end"),
            ("the cleaners come at 9 am, so be gone by then", "check-out is by 10 am, not later"),
        ),
        "bring the cat": (
            ("cats and small dogs can come with you", "we are happy about guests with a cat"),
            ("pets cannot be taken in", "because of allergies we ask you to come without animals"),
        ),
        "charge an electric car": (
            ("electric cars charge in the garage", "the garage socket is there for your car"),
            ("cars cannot be charged here", "the garage socket is too weak for cars"),
        ),
        "hold a party": (
            ("parties are fine, the walls are thick", "you may celebrate with as many as you like"),
            ("parties are not wanted in this house", "do not hold parties, old people live below"),
        ),
        "cancel for free a week before": (
            ("three days ahead cancelling costs nothing", "cancel for free until the eve"),
            ("who cancels in the last month pays in full", "cancelling costs half the rent"),
        ),
    },
    "swimming pool": {
        "swim without a cap": (
            ("caps are welcome but not asked for", "you may swim with or without a cap"),
            ("everyone in the water wears a cap", "caps have to be worn, short hair or not"),
        ),
        "come back in with the same ticket": (
            ("one ticket lets you in all day long", "you can go out and return on one ticket"),
            ("a ticket ends when you go out", "each entry needs a new ticket"),
        ),
        "bring glass bottles": (
            ("glass bottles are fine on the lawn", "bottles, of glass too, may be brought"),
            ("leave glass bottles at home", "drinks in glass are taken away at the door"),
        ),
        "play ball": (
            ("ball games are fine in the shallow part", "balls may be used in the water"),
            ("balls stay out of the water and off the lawn", "ball games are not wanted"),
        ),
        "jump from the side": (
            ("jumping from the side is fine", "you may jump in wherever you like"),
            ("walk in by the steps, do not jump", "jumping in from the side is not on"),
        ),
        "reserve a deckchair": (
            ("a deckchair can be kept for you by phone", "deckchairs may be booked at the desk"),
            ("deckchairs cannot be reserved", "whoever comes first gets the deckchair"),
        ),
    },
}  # fmt: skip
GRAMMAR = Grammar(
    {
        "opening": (
            "Rules of the {place} in {town}.",
            "{town} {place}, good to know:",
            "Welcome to our {place} in {town}!",
            "A few words on the {place} at {town}:",
            "The {place} in {town} asks all guests to read this.",
        ),
        "may": ("May I {do}?", "Can I {do}?", "Am I allowed to {do}?", "Is it all right to {do}?"),
        "must_not": (
            "Is it forbidden to {do}?",
            "Is it against the rules to {do}?",
            "Would I break a rule if I {do}?",
        ),
    }
)


@builtin_task(
    instruction="Answer the guest's question about the rules.",
    metric="accuracy",
    labels=LABELS,
)
def policy_answer(rng: random.Random) -> Example:
    """Rules of a place with a guest's question: yes, no or not stated; some ask what is banned"""
    place = rng.choice(tuple(POLICIES))
    *told, untold = rng.sample(tuple(POLICIES[place]), 4)
    label = rng.choice(LABELS)
    asked = untold if label == "not stated" else rng.choice(told)
    forbidden_asked = rng.random() < 0.25
    said = []
    for action in told:
        allowed = rng.random() < 0.5
        if action == asked:
            allowed = (label == "yes") != forbidden_asked
        said.append(GRAMMAR.write(rng, rng.choice(POLICIES[place][action][not allowed]) + "."))
    text = (
        f"{GRAMMAR.write(rng, '{opening}', place=place, town=rng.choice(TOWNS))} {' '.join(said)}"
    )
    question = GRAMMAR.write(rng, "{must_not}" if forbidden_asked else "{may}", do=asked)
    return Example(f"{text}\nQuestion: {question}", label)
