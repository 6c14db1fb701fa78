"""Single sentences cut out of recipes, manuals, contracts, adverts, diaries and reports."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, SURNAMES, WOMEN
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "recipe": (
        "fold in the {food} and leave the {dish} to rest for {num} minutes",
        "fry the {food} (until golden|over a low heat), then add the {food}",
        "bring {num} cups of (milk|stock) to the boil with the {food}",
        "serve the {dish} with {food} (and a little salt|)",
        "cut the {food} into strips and season (well|with salt)",
        "bake (the {dish}|) for {num} minutes (on the middle rack|until golden)",
        "mix the {food} with butter, keep half of it for the {dish}",
        "for the {dish}, wash the {food} and let them drain (on a cloth|for {num} minutes)",
        "put the {dish} in the fridge overnight",
        "too thick? Add {num} spoons of water to the {dish}",
        "peel {num} {food} and grate them (finely|) over the {dish}",
        "stir the {food} into the {dish} and season with salt",
    ),
    "manual": (
        "press the {part} for {num} seconds until the light blinks",
        "switch off the {device} before you open the {part}",
        "if the {device} does not start, check the {part}",
        "do not clean the {part} of the {device} with water",
        "the {device} shows (error|code) {num} if the {part} is loose",
        "slide the {part} into the {device} until it clicks",
        "keep the {device} away from (children|heat)",
        "wait {num} minutes, then put the {part} back",
        "wash the {part} by hand before first use",
        "too loud? See whether the {part} sits straight",
        "replace the {part} after {num} months of use",
        "check that the {part} clicks before you switch on the {device}",
    ),
    "contract": (
        "the tenant shall return the {device} within {num} days",
        "either party may end this agreement with {num} weeks' notice",
        "{surname} Ltd is not liable for damage to the {device}",
        "payment is due within {num} days of the date of the invoice",
        "changes to this agreement must be made in writing",
        "the rent includes the use of the {device} and of the {place}",
        "the {place} may be used by both parties",
        "{surname} Ltd may raise the rent once in {num} years",
        "the buyer has seen the {device} and takes it as it is",
        "keys to the {place} remain the property of {surname} Ltd",
        "disputes shall be settled by the court of {town}",
        "the tenant shall not use the {place} without notice to the other party",
    ),
    "advert": (
        "only this week: every {device} {num} percent off",
        "taste our new {dish}, now at {surname}'s in {town}",
        "why wait? get your {device} today (and pay in {month}|)",
        "{num} happy customers cannot be wrong: the {device} by {surname}",
        "fresh {food} (every day|at half price), only at {surname}'s",
        "bring this page and get a free {dish} at the {place}",
        "too tired to cook? Our {dish} is ready in {num} minutes",
        "the {device} your neighbours will envy",
        "{num} scoops of joy: {food} and {dish}, from {surname}'s kitchen",
        "be quick, only {num} left in {town}",
        "treat yourself to a {device} that lasts",
        "get a free {device} with every {dish}, this week only at {surname}'s",
    ),
    "diary": (
        "did not sleep, the {device} hummed all night",
        "{name} came by with {food}, we talked until two",
        "I wish I had never bought that {device}",
        "rain all day, so I made a {dish} and thought of {name}",
        "back in {town} after {num} weeks, the {place} seems smaller to me",
        "must write to {name}, must clean the {place}, must sleep",
        "sold the {device} to {name} and felt bad at once",
        "nobody at the {place}, sat there for {num} minutes and cried a little",
        "{num} days without {name}, the {food} we bought are still on the table",
        "burned the {dish} again, {name} only laughed",
        "tomorrow {name} leaves for {town} and I do not know what to say",
        "walked to the {place} with {name} in the rain, told nobody at home",
    ),
    "news report": (
        "according to the police the {device} had been stolen from the {place}",
        "the price of {food} rose by {num} percent in {month}, (officials|traders) said",
        "about {num} people protested outside the {place} in {town}",
        "{surname}, a spokesman for the {place}, declined to comment",
        "the fire started in a {device}, a spokeswoman said on {day}",
        "the {place} in {town} is to be closed for {num} months",
        "no one was hurt when a {device} fell from a roof on {day}",
        "{name} {surname}, who was {num} times champion, died in {town} on {day}",
        "{num} families had to leave their homes in {town} overnight",
        "the maker called back {num} thousand {device}s because of a loose {part}",
        "a {dish} festival drew {num} thousand visitors to {town} on {day}",
        "police in {town} said on {day} that the {place} would stay closed",
    ),
}
GRAMMAR = Grammar(
    {
        "food": ("onions", "potatoes", "mushrooms", "parsnips", "peppers", "apples", "pears",
                 "leeks", "beetroots", "carrots"),
        "dish": ("soup", "pie", "stew", "omelette", "salad", "cake", "dumpling", "pancake"),
        "device": ("mixer", "lawn mower", "heater", "scooter", "fridge", "sewing machine",
                   "coffee machine", "drill"),
        "part": ("lid", "filter", "left button", "battery", "drawer", "safety lock", "cable",
                 "blade"),
        "place": ("cellar", "car park", "garden", "town hall", "swimming pool", "library", "roof",
                  "courtyard"),
        "name": WOMEN + MEN,
        "surname": SURNAMES,
        "town": TOWNS,
        "num": ("two", "three", "four", "five", "six", "eight", "ten", "twelve", "thirty"),
        "day": ("Monday", "Tuesday", "Wednesday", "Friday", "Saturday"),
        "month": ("March", "April", "June", "October", "December"),
        "head": ("", "", "", "part {num}: ", "{day}, {town}: ", "page {num}: ", "quote: ",
                 "line {num} on page {num}: ", "{name}'s text, page {num}: "),
    }
)  # fmt: skip


@builtin_task(
    instruction="What kind of text is this sentence from?",
    metric="accuracy",
    labels=tuple(CORES),
)
def text_kind(rng: random.Random) -> Example:
    """Single sentences to the kind of text they are from; all speak of the same things."""
    source = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[source])
    return kind(GRAMMAR.write(rng, f"{{head}}{core}."), source)
