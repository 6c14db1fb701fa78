"""Stock lists with shelf, number and reorder level; one article has run low."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.calendar import date
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

STORES: dict[str, tuple[str, ...]] = {
    "bike workshop": ("inner tubes", "brake pads", "chains", "pedals", "bells", "saddles", "spokes",
                      "rear lights", "pumps", "tyre levers"),
    "school kitchen": ("soup bowls", "bread knives", "ladles", "tea towels", "baking trays",
                       "jugs", "aprons", "egg timers", "sieves", "oven gloves"),
    "theatre store": ("top hats", "lanterns", "masks", "wigs", "candlesticks", "fans", "swords",
                      "velvet curtains", "parasols", "walking sticks"),
    "field clinic": ("bandages", "thermometers", "splints", "eye drops", "syringes", "blankets",
                     "gloves", "cold packs", "scissors", "plasters"),
    "print shop": ("toner boxes", "envelopes", "paper rolls", "staplers", "binders", "labels",
                   "ink bottles", "cutting mats", "rulers", "glue sticks"),
    "garden depot": ("watering cans", "rakes", "seed bags", "flower pots", "hoses", "spades",
                     "bird boxes", "trellises", "wheelbarrows", "bamboo canes"),
    "youth hostel": ("pillows", "bed sheets", "key rings", "towels", "light bulbs", "soap bars",
                     "board games", "lockers", "kettles", "coat hangers"),
}  # fmt: skip
HEADS = (
    "Stock of the {store} on {date}, counted by {who}",
    "{store}, stock list, {date} ({who})",
    "{who} counted the {store} on {date}",
)
# line of the table, with the line of column names above it where the columns do not say it
LINES = (
    ("{item}; {shelf}; {stock}; {level}", "article; shelf; in stock; order below"),
    ("{shelf}, {item}, {stock}, {level}", "shelf, article, in stock, order below"),
    ("{item}: {stock} on shelf {shelf}, order below {level}", ""),
    ("- {stock} {item} (shelf {shelf}, order below {level})", ""),
)


@builtin_task(
    instruction="Answer from the stock list. If it does not say, answer 'unknown'.",
    metric="exact_match",
)
def inventory_question(rng: random.Random) -> Example:
    """Stock lists: look-ups, most and least, what is to be ordered; some articles are not listed"""
    store = rng.choice(tuple(STORES))
    *items, missing = rng.sample(STORES[store], rng.choice((6, 7)))
    count = len(items)
    shelves = [f"{letter}{number}" for letter in "ABCDE" for number in range(1, 8)]
    shelves = rng.sample(shelves, count + 1)
    low = rng.randrange(count)
    # No number occurs twice in a list, so that every question has one answer.
    stocks = rng.sample(range(5, 96), count)
    rest = [number for number in range(2, 100) if number not in stocks]
    levels: list[int] = []
    for place, stock in enumerate(stocks):
        fitting = [
            number
            for number in rest
            if number not in levels and (number > stock) == (place == low) and number < stock + 30
        ]
        levels.append(rng.choice(fitting))
    line, columns = rng.choice(LINES)
    rows = [
        line.format(item=item, shelf=shelf, stock=stock, level=level)
        for item, shelf, stock, level in zip(items, shelves, stocks, levels, strict=False)
    ]
    head = rng.choice(HEADS).format(store=store, date=date(rng), who=person(rng).first)
    one = rng.randrange(count)
    known = (
        (f"How many {items[one]} are there?", stocks[one]),
        (f"On which shelf are the {items[one]}?", shelves[one]),
        (f"What lies on shelf {shelves[one]}?", items[one]),
        (f"Of what are there {stocks[one]}?", items[one]),
        (f"Below which number are {items[one]} ordered again?", levels[one]),
        ("Which article has to be ordered now?", items[low]),
        ("On which shelf is the article that has to be ordered?", shelves[low]),
        ("Of which article are there most?", items[stocks.index(max(stocks))]),
        ("Of which article are there fewest?", items[stocks.index(min(stocks))]),
    )
    unknown = (
        (f"How many {missing} are there?", "unknown"),
        (f"On which shelf are the {missing}?", "unknown"),
        (f"What lies on shelf {shelves[count]}?", "unknown"),
    )
    question, answer = rng.choice(unknown if rng.random() < 0.18 else known)
    table = [head[:1].upper() + head[1:], *([columns] if columns else []), *rows]
    return Example("\n".join([*table, f"Question: {question}"]), str(answer))
