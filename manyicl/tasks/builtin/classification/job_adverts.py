"""Lines of job adverts. What firms offer and where they are says nothing about the department."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "sales": (
        "you win new customers in the region and look after old ones",
        "visiting shops, presenting our (range|new lamps), taking orders",
        "you (write|follow up) offers and negotiate prices with (dealers|buyers)",
        "you look after {num} key accounts and meet your own targets",
        "calling customers who (have not ordered|asked for an offer), on the phone all day",
        "you bring in (hospitals|restaurants) as new customers for our software",
        "you earn more with every contract you (bring|close)",
        "you stand at our booth at (three|four) fairs a year and win dealers",
        "advising customers in our (shop|showroom) and closing the order",
        "you know what (dealers|customers) want and bring home orders",
    ),
    "finance": (
        "you post (invoices|receipts) and prepare the monthly accounts",
        "chasing unpaid invoices, (checking|reminding) debtors",
        "you plan the budget with the {num} heads of department",
        "preparing the tax return and the yearly (accounts|audit)",
        "you reconcile bank statements and pay our suppliers' invoices",
        "you see to it that {kilos} nurses are paid to the cent and taxes are right",
        "cost control for (kitchens|wards|lorries), in large tables",
        "you calculate what (a lamp|an order) really costs us and report to the board",
        "checking travel expenses, keeping the cash book",
        "you keep the (accounts|books) of {num} branches and prepare the audit",
    ),
    "warehouse": (
        "you load (lorries|vans) and drive the forklift",
        "picking and packing parcels, {num} hundred a shift",
        "you check (deliveries|pallets) on arrival and put them on the shelves",
        "counting stock, scanning pallets, keeping the aisles tidy",
        "you bring (milk|medicine|laptops) from the ramp to the shelf and back",
        "checking what leaves the house: number, weight, address",
        "you plan the tours of our {num} (drivers|lorries)",
        "you have a forklift licence and can lift {kilos} kilos",
        "receiving goods at the ramp from five in the morning",
        "you pack (fragile|heavy) parcels and load them on pallets",
    ),
    "software": (
        "you write (Python|Java) and review the code of others",
        "building the app our {num} thousand users open every day",
        "you keep our servers (up|running) and roll out releases",
        "you design (tables|interfaces) for the web shop and write tests",
        "hunting bugs in code that is {num} years old",
        "you turn the wishes of (nurses|cooks|drivers) into programs",
        "looking after the database of our (shop|wards) and its backups",
        "you test every release before (customers|users) see it and report bugs",
        "moving old programs to the cloud, step by step",
        "you write code that runs on our servers, and tests for it",
    ),
    "kitchen": (
        "you cook for {kilos} (guests|pupils) at noon",
        "washing up, (peeling|chopping) vegetables, keeping the stoves clean",
        "you bake (bread|cakes) from four in the morning",
        "you write the menu, order (fish|meat) and run a team of {num} cooks",
        "feeding {kilos} hungry programmers: pans, pots and good humour",
        "you count calories and season for (patients|pupils)",
        "preparing cold starters and desserts for weddings",
        "you know how to season a (soup|sauce) and stay calm at the stove",
        "making {kilos} sandwiches and salads before eight",
        "you cook soups and sauces, and the menu is yours on {day}s",
    ),
    "care": (
        "you wash, dress and feed residents on the (second|third) floor",
        "handing out medicine, taking blood pressure, talking with relatives",
        "you visit {num} patients a day at home and change bandages",
        "you are there when (patients|residents) ring at night",
        "looking after an old salesman in his own home, {num} days a week",
        "you assist the doctor during (rounds|operations)",
        "night watch on a ward with {kilos} beds",
        "keeping old people company, reading to them, going for walks",
        "you write care plans and train {num} nursing students",
        "you help patients out of bed and give them their medicine",
    ),
    "personnel": (
        "you (write|place) job adverts and invite applicants",
        "preparing contracts, (holiday lists|shift plans) and the payroll",
        "you (interview|choose) apprentices and look after them for three years",
        "you advise managers on dismissals and labour law",
        "you find us the cooks, nurses and drivers we lack",
        "talks with those who join us and those who leave",
        "organising training for {kilos} employees",
        "you welcome newcomers and explain our rules to them",
        "recording working hours, answering employees' questions about leave",
        "you interview applicants and prepare their contracts",
    ),
}  # fmt: skip
GRAMMAR = Grammar(
    {
        "num": ("three", "four", "five", "six", "eight", "nine", "twelve"),
        "kilos": ("20", "25", "30", "35", "40"),
        "town": TOWNS,
        "surname": SURNAMES,
        "day": ("Monday", "Wednesday", "Friday", "Sunday"),
        "firm": ("(a maker of lamps|a hospital|an online shop) in {town}", "{surname} Ltd, {town}",
                 "{surname} Group", "our (team|hotel|clinic|head office) in {town}",
                 "a family firm near {town}", "{surname} & Sons"),
        "head": ("{firm}: ", "{firm}, ({kilos} hours|part time|full time|two years): ",
                 "wanted in {town}: ", "join {firm}: ", "{kilos} hours a week, {town}: "),
        "tail": ("", "", " we offer a laptop and fair pay.", " the canteen cooks fresh every day.",
                 " you get a company car.", " our customers trust us.", " no stress, no overtime.",
                 " send your papers to (Ms|Mr) {surname}.", " we train you on the job.",
                 " free parking next to the warehouse.",
                 " you share a room with (sales|finance|software|personnel).",
                 " a nurse visits the staff every {day}.", " start: {day}."),
    }
)  # fmt: skip


@builtin_task(
    instruction="For which department is this job advert?",
    metric="accuracy",
    labels=tuple(CORES),
)
def job_department(rng: random.Random) -> Example:
    """Lines of job adverts to one of seven departments; the firm itself may be of any trade."""
    department = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[department])
    return kind(GRAMMAR.write(rng, f"{{head}}{core}.{{tail}}"), department)
