"""Receipts for bookkeeping. The account numbers are this company's own: only examples tell them."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.calendar import date
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.lexicon.places import STREETS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# account: (kinds of shop, items with their usual price)
ACCOUNTS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, int], ...]]] = {
    "6410": (
        ("Cabs", "Rail", "Coaches", "Car Hire"),
        (("single to {town}", 24), ("return to {town}", 46), ("airport ride", 38),
         ("seat reservation", 5), ("day pass zone {n}", 9), ("fuel, pump {n}", 60), ("toll", 7)),
    ),
    "6420": (
        ("Inn", "Guest House", "Lodge", "Rooms"),
        (("night, single", 89), ("twin with bath", 120), ("city tax", 4),
         ("late departure", 20), ("extra bed", 25), ("overnight parking", 14)),
    ),
    "6430": (
        ("Kitchen", "Cafe", "Grill", "Bakery"),
        (("soup of the day", 7), ("lunch menu", 14), ("coffee", 3), ("still water", 3),
         ("pasta", 13), ("cheese roll", 4), ("dinner, {n} courses", 32), ("apple cake", 5)),
    ),
    "6510": (
        ("Paper", "Supplies", "Trading", "Office"),
        (("pens, box of {n}", 8), ("copy paper", 6), ("ring binder", 4), ("printer ink", 29),
         ("desk calendar", 12), ("sticky notes", 3), ("stapler", 11)),
    ),
    "6520": (
        ("Systems", "Digital", "Cloud", "Works"),
        (("licence, {n} users", 75), ("monthly plan", 19), ("web space", 12),
         ("domain renewal", 15),
         ("update to version {n}", 49), ("storage {n} TB", 22), ("yearly support", 99)),
    ),
    "6530": (
        ("Express", "Parcels", "Couriers", "Post"),
        (("stamps, sheet of {n}", 17), ("parcel {n} kg", 8), ("registered letter", 5),
         ("overnight to {town}", 26), ("padded bags", 6), ("customs form", 4)),
    ),
    "6610": (
        ("Academy", "Institute", "Seminars", "Events"),
        (("course day {n}", 180), ("exam fee", 95), ("workbook", 28), ("fair ticket {town}", 45),
         ("online class", 60), ("training room", 70), ("lecture pass", 35)),
    ),
}  # fmt: skip
# Kinds of business that say little: any account may carry them.
ANY_BUSINESS = ("Ltd", "& Sons", "Group", "Partners", "Company", "Services")
NUMBERS = (2, 3, 4, 5, 6, 8, 10, 12, 20)


@builtin_task(
    instruction="Which account does this receipt go to?",
    metric="accuracy",
    labels=tuple(ACCOUNTS),
)
def expense_account(rng: random.Random) -> Example:
    """Receipts to one of seven account numbers that only the examples explain."""
    account = rng.choice(tuple(ACCOUNTS))
    businesses, items = ACCOUNTS[account]
    business = rng.choice(businesses if rng.random() < 0.3 else ANY_BUSINESS)
    lines, total = [], 0
    for item, usual in rng.sample(items, rng.choice((1, 2, 2, 3))):
        count = rng.choice((1, 1, 1, 2, 3))
        cents = max(150, usual * 100 + rng.randrange(-usual * 20, usual * 20, 10))
        total += count * cents
        text = item.format(town=rng.choice(TOWNS), n=rng.choice(NUMBERS))
        lines.append(f"{count} x {text} {money(cents)}")
    head = f"{rng.choice(SURNAMES)} {business}, {rng.randint(1, 90)} {rng.choice(STREETS)}"
    paid = rng.choice(("card", "cash", "company card", "transfer"))
    body = "; ".join(lines)
    text = f"{head}, {date(rng)}. {body}. Total {money(total)}, paid by {paid}."
    return Example(text, account)


def money(cents: int) -> str:
    """Write cents as '12.50'."""
    return f"{cents // 100}.{cents % 100:02d}"
