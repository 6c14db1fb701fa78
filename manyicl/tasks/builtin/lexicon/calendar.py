"""Days, months, clock times and number words."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.lexicon.word_list import words

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
DAYS = (*WEEKDAYS, "Saturday", "Sunday")
MONTHS = words(
    "January February March April May June July August September October November December"
)
NUMBER_WORDS = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)


def date(rng: random.Random) -> str:
    """Return a day of a month that every year has, as '12 March'."""
    return f"{rng.randint(1, 28)} {rng.choice(MONTHS)}"


def clock(minutes: int) -> str:
    """Write minutes after midnight in 24 hours, as '09:05'."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def clock12(minutes: int) -> str:
    """Write minutes after midnight as English speakers say them, as '9:05 am', '4 pm' or 'noon'."""
    if minutes % 1440 == 720:
        return "noon"
    hour, minute = minutes // 60 % 24, minutes % 60
    half = "am" if hour < 12 else "pm"
    return f"{hour % 12 or 12}{f':{minute:02d}' if minute else ''} {half}"
