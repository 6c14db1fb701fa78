"""Till receipts: look-ups, and the dearest or cheapest line."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.calendar import clock, date
from manyicl.tasks.builtin.lexicon.people import person
from manyicl.tasks.builtin.lexicon.places import STREETS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# item: its usual price in cents
GOODS = {
    "apples": 310, "rice": 240, "candles": 450, "tea": 380, "soap": 160, "flour": 120,
    "olives": 290, "batteries": 690, "honey": 580, "butter": 270, "paper towels": 340,
    "oranges": 360, "yoghurt": 95, "cat food": 520, "salt": 70, "light bulb": 490, "shampoo": 410,
    "lentils": 180, "apple juice": 220, "cheese": 630, "sponge": 110, "mustard": 150, "eggs": 330,
    "pasta": 140, "bread": 320, "matches": 60, "plums": 280, "frying pan": 1990, "coffee": 740,
}  # fmt: skip
SHOPS = ("Corner Store", "Green Basket", "Daily Market", "Harvest Shop", "Blue Door", "Hall & Co")


@builtin_task(
    instruction="Answer the question about the receipt.",
    metric="exact_match",
)
def receipt_question(rng: random.Random) -> Example:
    """Till receipts; look-ups of shop, time, staff and price, and the dearest or cheapest item."""
    goods = rng.sample(tuple(GOODS), rng.randint(3, 6))
    cents: list[int] = []
    for item in goods:
        value = GOODS[item] * rng.randint(75, 125) // 100
        while value in cents:  # no two lines of one price, so that every question has one answer
            value += 1
        cents.append(value)
    price = {item: money(value) for item, value in zip(goods, cents, strict=True)}
    shop, town, staff = rng.choice(SHOPS), rng.choice(TOWNS), person(rng).first
    day, time, number = date(rng), clock(rng.randrange(8 * 60, 20 * 60)), rng.randint(2, 9)
    paid = rng.choice(("cash", "card", "voucher"))
    lines = [
        f"{shop}, {rng.choice(STREETS)}, {town}",
        f"{day} {time}, till {number}, served by {staff}",
        *(f"{item} {price[item]}" for item in goods),
        f"total {money(sum(cents))}, paid by {paid}",
    ]
    asked = rng.choice(goods)
    ranked = sorted(zip(cents, goods, strict=True))
    question, answer = rng.choice(
        (
            (f"What did the {asked} cost?", price[asked]),
            (f"What was bought for {price[asked]}?", asked),
            ("Which item was the dearest?", ranked[-1][1]),
            ("Which item was the cheapest?", ranked[0][1]),
            ("Which item was the second dearest?", ranked[-2][1]),
            ("Who served the customer?", staff),
            ("In which town is the shop?", town),
            ("On which day was this?", day),
            ("How was it paid?", paid),
            ("What was the sum?", money(sum(cents))),
            (f"What stands right below the {goods[-2]}?", goods[-1]),
        )
    )
    return Example("\n".join([*lines, f"Question: {question}"]), answer)


def money(cents: int) -> str:
    """Write cents as '12.50'."""
    return f"{cents // 100}.{cents % 100:02d}"
