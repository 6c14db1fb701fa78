"""Chains of comparisons between three people: ages, heights of piles, points."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import polish
from manyicl.tasks.builtin.lexicon.calendar import NUMBER_WORDS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# thing compared: (someone's own number, so many more, so many fewer, so many times, the question)
SUBJECTS = (
    ("{a} is {n} years old", "{a} is {d} years older than {b}", "{a} is {d} years younger than {b}",
     "{a} is {k} as old as {b}", "How old is {a}?"),
    ("{a} has {n} points", "{a} has {d} points more than {b}", "{a} has {d} points fewer than {b}",
     "{a} has {k} as many points as {b}", "How many points does {a} have?"),
    ("{a} read {n} books", "{a} read {d} more books than {b}", "{a} read {d} fewer books than {b}",
     "{a} read {k} as many books as {b}", "How many books did {a} read?"),
    ("{a} picked {n} apples", "{a} picked {d} more apples than {b}",
     "{a} picked {d} fewer apples than {b}", "{a} picked {k} as many apples as {b}",
     "How many apples did {a} pick?"),
    ("{a} swam {n} lengths", "{a} swam {d} more lengths than {b}",
     "{a} swam {d} fewer lengths than {b}", "{a} swam {k} as many lengths as {b}",
     "How many lengths did {a} swim?"),
    ("{a} sold {n} tickets", "{a} sold {d} more tickets than {b}",
     "{a} sold {d} fewer tickets than {b}", "{a} sold {k} as many tickets as {b}",
     "How many tickets did {a} sell?"),
)  # fmt: skip
TIMES = {2: "twice", 3: "three times", 4: "four times"}


@builtin_task(instruction="Give the number.", metric="numeric")
def compare_chain(rng: random.Random) -> Example:
    """Three or four people compared in a chain, told in any order; one of them is asked for."""
    own, more, fewer, times, question = rng.choice(SUBJECTS)
    names = [person.first for person in people(rng, rng.choice((3, 3, 4)))]
    numbers = [rng.randint(4, 15)]
    said = [own.format(a=names[0], n=numbers[0])]
    for a, b in zip(names[1:], names, strict=False):
        last = numbers[-1]
        relation = rng.choice((more, fewer, times))
        if relation is times and last <= 20:
            factor = rng.choice(tuple(TIMES))
            numbers.append(last * factor)
            said.append(times.format(a=a, b=b, k=TIMES[factor]))
        elif relation is fewer and last > 4:
            step = rng.randint(2, min(9, last - 2))
            numbers.append(last - step)
            said.append(fewer.format(a=a, b=b, d=_number(rng, step)))
        else:
            step = rng.randint(2, 9)
            numbers.append(last + step)
            said.append(more.format(a=a, b=b, d=_number(rng, step)))
    asked = rng.randrange(1, len(names))
    answer = numbers[asked]
    end = question.format(a=names[asked])
    if rng.random() < 0.25:
        i, j = rng.sample(range(len(names)), 2)
        what = question.partition(" {a}")[0].removeprefix("How ").split(" ")[0]
        if what == "many":
            thing = question.split()[2]
            end = f"How many {thing} is that for {names[i]} and {names[j]} together?"
        else:
            end = f"How old are {names[i]} and {names[j]} together?"
        answer = numbers[i] + numbers[j]
    if rng.random() < 0.6:
        rng.shuffle(said)
    return Example(polish(". ".join(said) + ". " + end), str(answer))


def _number(rng: random.Random, number: int) -> str:
    return NUMBER_WORDS[number] if rng.random() < 0.4 else str(number)
