"""Answers of further tasks of the family math, worked out a second time from the text alone."""

import re
from datetime import date, timedelta
from itertools import islice

import pytest

from manyicl.tasks.builtin.lexicon.calendar import MONTHS
from manyicl.tasks.builtin.registry import task_generators

GENERATORS = {generator.name: generator for generator in task_generators()}
NAMES = (
    "bill_share", "sale_price", "garden_plot", "reading_series", "unit_change", "saving_plan",
    "tank_filling", "day_count", "ticket_income",
)  # fmt: skip


def rows(name, number=400):
    return list(islice(GENERATORS[name].rows("train"), number))


def number(pattern, text, default=None):
    """Return the number that the pattern's first filled group found."""
    found = re.search(pattern, text)
    if found is None:
        assert default is not None, (pattern, text)
        return default
    return int(next(group for group in found.groups() if group))


@pytest.mark.parametrize("name", NAMES)
def test_targets_are_positive_integers_and_vary(name):
    targets = [int(example.target) for example in rows(name)]
    assert all(example.target == str(int(example.target)) for example in rows(name))
    assert min(targets) > 0
    assert max(targets.count(target) for target in set(targets)) < 0.1 * len(targets)


def test_bills_are_paid_in_full():
    for example in rows("bill_share"):
        text = example.input
        n = number(r"(\d+) (?:friends share|people)|group of (\d+)", text, 0)
        n = n or number(r"and (\d+) friends split", text) + 1
        if "in all" in text or "together" in text:
            each = number(r"(?:pays|gives) (\d+) dollars", text)
            assert int(example.target) == each * n, text
            continue
        total = number(r"(\d+) dollars", text)
        total += number(r"tip of (\d+)|top come (\d+)", text, 0)
        total -= number(r"takes (\d+) dollars off|voucher for (\d+)", text, 0)
        n -= bool(re.search("pays nothing|let off", text))
        assert int(example.target) * n == total, text


def test_sale_prices_in_percent():
    for example in rows("sale_price"):
        text = example.input
        price = number(r"(\d+) dollars", text)
        change = price * number(r"(\d+) percent", text)
        assert change % 100 == 0, "whole dollars"
        change //= 100
        now = price + change if re.search("dearer|goes up", text) else price - change
        question = text.split(". ")[-1]
        if re.search("save|is the discount", question):
            now = change
        now *= number(r"(?:takes|do) (\d+) \w+", text.partition("percent")[2], 1)
        now += number(r"costs (\d+) dollars more|pays (\d+) dollars for delivery", text, 0)
        assert example.target == str(now), text


def test_garden_plots_from_their_sides():
    for example in rows("garden_plot"):
        text = example.input
        taken = number(r"(\d+) square metres of it|takes up (\d+)|Snails eat (\d+)", text, 0)
        if found := re.search(
            r"of (\d+) square metres is (\d+)|has (\d+) \w+ and puts (\d+)", text
        ):
            whole, side = (int(n) for n in found.groups() if n)
            assert int(example.target) * side == whole, text
            continue
        a, b = (int(n) for n in re.search(
            r"(\d+) (?:metres (?:long|wide) and|by|metres by|rows (?:with|of)) (\d+)", text
        ).groups())  # fmt: skip
        if re.search("fence|walks round|perimeter", text):
            gap = number(r"(?:gate|gap) of (\d+)", text, 0)
            assert int(example.target) == 2 * a + 2 * b - gap, text
        else:
            assert int(example.target) == a * b - taken, text


def test_readings_by_calculation():
    for example in rows("reading_series"):
        text = example.input
        series = re.search(r"(?:known|readings in [a-z ]+|[a-z]): ([\d, and]+)", text)
        values = [int(n) for n in re.findall(r"\d+", series[1])]
        if "missing" in text:
            k, mean = number(r"(\d+) readings", text), number(r"is (\d+) ", text)
            assert int(example.target) == k * mean - sum(values), text
            continue
        if re.search("highest and|above the lowest", text):
            answer = max(values) - min(values)
        elif re.search("average|mean of", text):
            assert sum(values) % len(values) == 0
            answer = sum(values) // len(values)
        elif re.search("highest|largest", text):
            answer = max(values)
        elif re.search("lowest|smallest", text):
            answer = min(values)
        else:
            answer = sum(values)
        assert int(example.target) == answer, text


SIZES = {
    ("metres", "centimetres"): 100, ("kilometres", "metres"): 1000, ("kilos", "grams"): 1000,
    ("litres", "millilitres"): 1000, ("hours", "minutes"): 60, ("minutes", "seconds"): 60,
    ("weeks", "days"): 7, ("days", "hours"): 24, ("years", "months"): 12, ("dozen", "eggs"): 12,
}  # fmt: skip


def test_conversions_in_small_units():
    for example in rows("unit_change"):
        text = example.input
        asked = re.search(r"How many (\w+)|in (\w+)\?", text)
        asked = next(group for group in asked.groups() if group)
        said = re.search(r"(\d+) (\w+)(?: and (\d+) (\w+))?(?:\.| is on)", text)
        if (asked, said[2]) in SIZES:
            assert int(example.target) * SIZES[asked, said[2]] == int(said[1]), text
            continue
        total = int(said[1]) * SIZES[said[2], asked] + int(said[3] or 0)
        assert said[4] in (None, asked)
        total += number(r"(\d+) \w+ more|Then (\d+)", text, 0)
        total -= number(r"Of this, (\d+)|(\d+) \w+ of it do not", text, 0)
        assert int(example.target) == total, text


def test_savings_week_by_week():
    for example in rows("saving_plan"):
        text, answer = example.input, int(example.target)
        text = re.sub(r"for \d+ months|number \d+|\d+ kilometres", "", text)
        text = re.sub(r"(\w+) has \d+ dollars\. (?!How many more)", "", text)
        goal = number(r"for (\d+) dollars|costs (\d+) dollars|have (\d+) dollars|at (\d+) dollars",
                      text, 0)  # fmt: skip
        weeks = number(r"(\d+) weeks", text, 0)
        start = number(
            r"(?:, has|With|has) (\d+) dollars (?:and|in the)|gives \w+ (\d+) dollars", text, 0
        )
        if "must" in text:
            assert answer * weeks == goal, text
            continue
        weekly = number(r"(\d+) dollars (?:a|each) week", text)
        if "How many weeks" in text or "how many weeks" in text or "more weeks" in text:
            assert start + weekly * answer == goal, text
        elif goal:
            assert weekly * weeks + answer == goal, text
        else:
            spent = number(r"spends (\d+) dollars", text, 0)
            assert answer == start + weekly * weeks - spent, text


def test_tanks_minute_by_minute():
    for example in rows("tank_filling"):
        text, answer = example.input, int(example.target)
        if "can that holds" in text:
            volume, can = number(r"of (\d+) litres", text), number(r"holds (\d+)", text)
            assert answer * can == volume, text
            continue
        if "cans of" in text:
            assert answer == number(r"(\d+) cans", text) * number(r"of (\d+) litres", text), text
            continue
        rates = [int(n) for n in re.findall(r"(\d+) litres a minute", text)]
        gained = rates[0] - sum(rates[1:])
        assert gained > 0
        if re.search(r"[Hh]ow many minutes", text):
            volume = number(r"(?:holds|fill in|of) (\d+) litres", text)
            assert answer * gained == volume, text
        else:
            start = number(r"were (\d+) litres|held (\d+) litres", text, 0)
            minutes = number(r"(?:in|after) (\d+) minutes|(\d+) minutes later", text)
            assert answer == start + gained * minutes, text


def test_days_by_the_calendar():
    for example in rows("day_count"):
        text, answer = example.input, int(example.target)
        found = re.findall(rf"(\d+) ({'|'.join(MONTHS)})", text)
        if not found:
            weeks, days = re.search(r"(\d+) weeks and (\d+) days", text).groups()
            assert answer == 7 * int(weeks) + int(days), text
            continue
        for year in (2023, 2024):  # the answer does not depend on the leap day
            dates = [date(year, MONTHS.index(month) + 1, int(day)) for day, month in found]
            if len(dates) == 1:
                then = dates[0] + timedelta(number(r"in (\d+) days|(\d+) days later", text))
                assert answer == then.day, text
                assert f"of {MONTHS[then.month - 1]}" in text
                continue
            days = abs((dates[1] - dates[0]).days)
            days += bool(re.search("both days included|first day of", text))
            assert answer == days - number(r"On (\d+) of these", text, 0), text


def test_ticket_income_from_prices_and_counts():
    for example in rows("ticket_income"):
        text, answer = example.input, int(example.target)
        adult = number(r"adults pay (\d+)|is (\d+) dollars, for|charges (\d+)", text)
        child = number(r"and children (\d+)|for children (\d+)|and (\d+) for children", text)
        if "How many adults" in text:
            paid = number(r"(\d+) of them from children", text, 0)
            paid = paid or child * number(r"(\d+) children come", text)
            income = number(r"(\d+) dollars come in|income is (\d+)", text)
            assert paid + answer * adult == income, text
            continue
        adults = number(r"(\d+) adults", text)
        children = number(r"(\d+) children", text)
        if re.search("How many people|How many visitors", text):
            assert answer == adults + children, text
        elif "dollars more" in text:
            assert answer == adults * adult - children * child, text
        else:
            costs = number(r"staff costs (\d+)|(\d+) dollars of that", text, 0)
            assert answer == adults * adult + children * child - costs, text
