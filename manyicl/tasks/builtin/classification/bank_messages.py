"""Messages to a bank with one of twelve intents; asides name things of all of them."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, SURNAMES, WOMEN
from manyicl.tasks.builtin.lexicon.places import STREETS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "lost card": (
        "I (lost|left) my {card} (on the train|in a taxi|at {shop})",
        "my (wallet|handbag|purse) was (stolen|taken) (on {day}|at the market), with the {card}",
        "please block my {card}, I cannot find it (anywhere|at home)",
        "the {card} (is gone|has disappeared), can you (freeze|block) it (right away|now)?",
        "somebody took my (purse|wallet), what happens to the {card} in it?",
        "I have found the {card} I reported (missing|stolen) on {day}, can you unblock it?",
        "where do I call at night to have a stolen {card} blocked?",
        "my {card} must have (fallen out|slipped out) of my pocket (at {shop}|on the bus)",
    ),
    "PIN": (
        "I (forgot|cannot remember) the (four digits|secret number) of my {card}",
        "I typed the wrong (code|number) three times (at {shop}|), now nothing works",
        "can I choose my own (code|secret number) for the new {card}?",
        "the letter with the (code|secret number) for my {card} has not come",
        "how do I change the (code|four digits) of my {card}?",
        "the keypad says my (code|number) is (wrong|blocked), but I am sure of the four digits",
        "my (husband|son) has seen me type my secret number, I want another one",
        "send me the (code|four digits) for my {card} again please, I threw the letter away",
    ),
    "card declined": (
        "my {card} was (refused|turned down|declined) at {shop}",
        "why can I not pay with the {card} (online|at {shop})? There is enough on it",
        "the till at {shop} would not take my {card}",
        "paying (for {amount}|) at {shop} did not work, (although|and) my balance is fine",
        "paying without contact stopped working (on {day}|last week), the till only beeps",
        "my {card} works in shops but is refused (online|abroad)",
        "(two|three) shops have (refused|declined) my {card} since {day}",
        "the waiter tried the {card} twice, it was (declined|refused) both times",
    ),
    "unknown charge": (
        "{firm} took {amount} from me and I (never bought|did not order) anything there",
        "I do not (know|recognise) the (entry|line) for {amount} (from {firm}|) on my statement",
        "who (is|are) {firm} and why did they take {amount}?",
        "{amount} went out on {day}, I never bought anything from {firm}",
        "somebody has been shopping with my details, {amount} at {firm}",
        "please get me back the {amount} that {firm} took without asking",
        "I left {firm} (in spring|months ago) and they still take {amount}",
        "my statement shows {amount} for {firm}, I do not recognise that and was at work that day",
    ),
    "late transfer": (
        "I (wired|sent) {amount} to {name} on {day} and it has not (arrived|come in)",
        "how long does (a transfer|it) to another bank take? {name} is waiting for {amount}",
        "my wages were due on {day} and have not (arrived|come in) yet",
        "the (transfer|payment) of {amount} to my landlord is still pending",
        "{name} says the {amount} I sent (on {day}|) never (came in|arrived)",
        "I mixed up two digits of the account number, where did the {amount} I sent go?",
        "can I (stop|recall) the {amount} (for|I wired to) {name} (on {day}|)?",
        "the {amount} from {name} should have (arrived|come in) on {day}",
    ),
    "money abroad": (
        "I want to send {amount} to (my sister|a friend|a supplier) in {country}",
        "what does it cost to (wire|send) {amount} to {country}?",
        "which (codes|numbers) do you need to send money to {country}?",
        "what exchange rate do I get for {amount} to {country}?",
        "can my aunt in {country} pay in a foreign currency (to me|)?",
        "is there a limit for (sending|wiring) money to {country}?",
        "why did you keep a fee from the {amount} I wired to {country}?",
        "my son studies in {country}, how do I send him {amount} (each month|cheaply)?",
    ),
    "cash machine": (
        "the (machine|cash machine) at {place} kept my {card}",
        "I asked for {amount} and the machine gave me (nothing|only half of it)",
        "where is the nearest cash machine to {place}?",
        "the machine at {place} has been (out of order|empty) since {day}",
        "how much can I (take out|withdraw) (a day|in one go) at the machine?",
        "you charged me for (taking out|withdrawing) cash at {place}",
        "no notes came out at {place}, but {amount} is gone from my balance",
        "can I pay in (coins|notes) at the machine at {place}?",
    ),
    "standing order": (
        "please pay {amount} to {name} on the first of (each|every) month",
        "my rent (goes up|changes) to {amount}, how do I change the standing order?",
        "(stop|end) the monthly (payment|order) of {amount} to {name}",
        "the (monthly|regular) payment to {name} went out twice (this month|in {month})",
        "can the monthly payment to {name} go out on the 15th instead of the first?",
        "I want to put aside {amount} every month (for my grandchild|) without thinking of it",
        "why did the regular payment to {name} not go out (this month|on the first)?",
        "until when does my regular payment of {amount} a month run?",
    ),
    "open account": (
        "do you have accounts (for students|without fees|for children)?",
        "I (would like|want) to open an account (for my daughter|for our club|with my wife)",
        "what do I need to bring to (become a customer|open an account) (on {day}|)?",
        "I have just moved here from {country} and need an account for my wages",
        "can I open a second account for (my shop|savings|the holidays)?",
        "is a passport from {country} enough to open an account?",
        "how long does it take until a new account can be used?",
        "we (get married|are starting a firm) in {month} and need a (joint|second) account",
    ),
    "close account": (
        "I am (changing|moving) to another bank, please (end|wind up) my account (by {month}|)",
        "what happens to the {amount} on it if I (end|close) the account?",
        "my (mother|uncle) died (in {month}|), how do we close the account?",
        "I do not (need|use) the savings account any more, please end it",
        "please end my contract with you by {month}",
        "how much notice do I have to give if I leave you for another bank (in {month}|)?",
        "we are getting divorced and want to end the joint account",
        "is there a fee for closing (an account|the account in {month})?",
    ),
    "loan": (
        "we (want|plan) to buy a (flat|house|barn) and need (about|) {big}",
        "what would {big} for a (car|kitchen|roof) cost me a month?",
        "can I pay back (my loan|the {big} I owe) (early|faster)?",
        "I cannot pay the (next|{month}) instalment of my loan",
        "what interest do you (take|charge) for {big} over (five|ten) years?",
        "how long does it take until a loan (of {big}|) is (approved|paid out)?",
        "can my (brother|wife) sign for the loan (too|as well)?",
        "I still owe you {big} for the car, can I borrow more?",
    ),
    "new details": (
        "I am moving to {street} (in {month}|on {day})",
        "my new (phone number|email address) is not in your files",
        "letters still go to my old flat in {street}",
        "I got married (in {month}|), my surname is now {surname}",
        "please send my post to (my office|my parents) in {street} from {month} on",
        "where do I change my (phone number|email address|surname)?",
        "how do I tell you that I have moved (to {town}|to {street})?",
        "you (write|spell) my surname wrong, it is {surname}",
    ),
}
GRAMMAR = Grammar(
    {
        "card": ("card", "bank card", "debit card", "credit card"),
        "shop": ("the bakery", "the petrol station", "the supermarket", "the pharmacy",
                 "the bookshop", "the station kiosk", "the swimming pool", "the restaurant"),
        "firm": ("a games shop", "some phone company", "a dating site", "a gym", "a parking firm",
                 "a web shop", "a film service", "a hotel"),
        "place": ("the station", "the town hall", "the airport", "{street}", "the hospital",
                  "the market square", "your branch in {town}"),
        "amount": tuple(f"{n} euros" for n in (
            12, 19, 30, 45, 60, 75, 90, 120, 150, 200, 240, 300, 380, 450, 600, 750,
            "1,000", "2,000", "3,000", "6,000", "9,000")),
        "big": tuple(f"{n},000 euros" for n in (5, 8, 12, 15, 20, 40, 90, 150, 220)),
        "country": ("Canada", "Brazil", "Kenya", "Japan", "Norway", "Turkey", "India", "Peru",
                    "Poland", "Ghana"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
        "month": ("January", "March", "April", "June", "August", "October", "December"),
        "name": WOMEN + MEN,
        "surname": SURNAMES,
        "street": STREETS,
        "town": TOWNS,
        "open": ("", "", "", "", "hello, ", "good morning, ", "(Mr|Ms) {surname} here: ",
                 "I have had a card and an account with you for (two|ten) years. ",
                 "this is not about the loan or the machine I (called|wrote) about in {month}. ",
                 "one more question after my payment (on {day}|to {name}). "),
        "close": ("", "", "", "", " thanks.", " please do not send a letter, call me.",
                  " I am at the branch in {town} on {day} anyway.", " (yours|regards), {surname}"),
    }
)  # fmt: skip


@builtin_task(
    instruction="What is the customer's message to the bank about?",
    metric="accuracy",
    labels=tuple(CORES),
)
def bank_intent(rng: random.Random) -> Example:
    """Messages to a bank to one of twelve intents, several of them about the same things."""
    intent = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[intent])
    stop = "" if core.endswith("?") else "."
    return kind(GRAMMAR.write(rng, f"{{open}}{core}{stop}{{close}}"), intent)
