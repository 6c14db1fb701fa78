"""The table of generated tasks, and how a generator becomes the rows of a split.

A generator is a function `generate(rng) -> Example`, registered by `@builtin_task`. Candidate
number i is drawn with a seed of its own, made from the task's name and i. Its input alone decides
on which split it lands, and repeated inputs are left out, so train and test never meet and row i
is the same however many rows are drawn. Some cue phrases are kept for the test split (`Unseen`), so
that knowing all train rows by heart is not enough.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, count, islice
from typing import NamedTuple

from manyicl.errors import TaskError
from manyicl.tasks.builtin.stable_random import StableRandom, stable_digest
from manyicl.tasks.task import Example, Family, Kind, Metric, Split, Task

FAMILIES = ("classification", "math", "nli", "qa", "summarization", "symbolic")
LICENCE = "Apache-2.0"
NUM_TRAIN, NUM_TEST = 1000, 200
ONE_IN_TEST = 6  # the share of possible inputs that belongs to the test split: one in this many
MAX_MISSES = 3000  # so many candidates in a row without a new row: the generator has run dry

Generate = Callable[[random.Random], Example]
PACKAGE = __name__.rpartition(".")[0]

_generators: dict[str, TaskGenerator] = {}


@dataclass(frozen=True, slots=True)
class Unseen(Example):
    """An example of a cue phrase that the train split never shows: left out where it would."""


class Candidate(NamedTuple):
    """A drawn example, what makes its input distinct, and the split that it lands on."""

    example: Example
    key: str
    side: Split


def draw_cue(rng: random.Random, cues: Sequence[str]) -> tuple[str, type[Example]]:
    """Return a cue phrase and the class of its example; cues stand in the order of their frequency.

    The draw follows Zipf's law: cue i (from 0) has the weight 1 / (i + 1), from one `random()`. As
    in real messages, a few phrasings of a class are frequent and many are rare, so that a few
    examples show most of what is common (docs/builtin_tasks.md has the numbers). The last sixth of
    the cues, which are the rarest, is `Unseen`.
    """
    ends = _zipf_ends(len(cues))
    # Rounding can make the product of the largest random() the last end itself: hence the bound.
    index = bisect_right(ends, rng.random() * ends[-1], hi=len(cues) - 1)
    reserved = index >= len(cues) - (len(cues) + 3) // 6
    return cues[index], Unseen if reserved else Example


@cache
def _zipf_ends(count: int) -> tuple[float, ...]:
    """Return 1, 1 + 1/2, 1 + 1/2 + 1/3 and so on: where the share of each of `count` cues ends."""
    return tuple(accumulate(1 / rank for rank in range(1, count + 1)))


@dataclass(frozen=True)
class TaskGenerator:
    """A generated task: what `task.json` would say, and the function that makes its rows.

    `module` is the path below this package; `about` the one line of docs/builtin_tasks.md.
    """

    name: str
    family: Family
    kind: Kind
    metric: Metric
    group: str
    instruction: str
    labels: tuple[str, ...]
    about: str
    module: str
    generate: Generate

    def candidate(self, number: int) -> Candidate:
        """Return candidate `number`; it depends on the task's name and the number alone."""
        example = self.generate(StableRandom(stable_digest(f"{self.name}:{number}")))
        key = input_key(example.input)
        return Candidate(example, key, split_of(key))

    def rows(self, split: Split, made: list[Candidate] | None = None) -> Iterator[Example]:
        """Yield the rows of a split, distinct by input, without end.

        `made` collects the candidates, so that a task's two splits, which need about the same
        ones, make each once. Raises `TaskError` when nothing new comes any more.
        """
        made = [] if made is None else made
        seen: set[str] = set()
        misses = 0
        for number in count():
            if number == len(made):
                made.append(self.candidate(number))
            example, key, side = made[number]
            kept = split == "test" or not isinstance(example, Unseen)
            if kept and side == split and key not in seen:
                seen.add(key)
                misses = 0
                yield Example(
                    example.input, example.target, example.options, example.references, len(seen)
                )
                continue
            misses += 1
            if misses == MAX_MISSES:
                raise TaskError(
                    f"built-in task '{self.name}' has no more than about {len(seen)} different "
                    f"{split} rows. Ask for fewer."
                )

    def as_task(self, num_train: int = NUM_TRAIN, num_test: int = NUM_TEST) -> Task:
        """Return the task; its rows are generated when they are asked for."""
        sizes: dict[Split, int] = {"train": num_train, "test": num_test}
        made: list[Candidate] = []
        return Task(
            name=self.name,
            family=self.family,
            kind=self.kind,
            metric=self.metric,
            group=self.group,
            load=lambda split: list(islice(self.rows(split, made), sizes[split])),
            instruction=self.instruction,
            labels=self.labels,
            source={"generator": f"builtin/{self.module}", "licence": LICENCE},
        )


def builtin_task(
    *,
    instruction: str,
    metric: Metric,
    labels: tuple[str, ...] = (),
    kind: Kind | None = None,
    name: str | None = None,
    group: str | None = None,
) -> Callable[[Generate], Generate]:
    """Register the decorated generator and return it unchanged.

    The family and the group are the package and the module the function stands in, the name is the
    function's, the description the first line of its docstring. Tasks made in a loop give `name`.
    """

    def register(generate: Generate) -> Generate:
        module = generate.__module__.removeprefix(PACKAGE + ".").replace(".", "/")
        family, _, own_group = module.partition("/")
        task_name = name or generate.__name__
        if task_name in _generators:
            raise ValueError(f"two built-in tasks are named '{task_name}'")
        _generators[task_name] = TaskGenerator(
            name=task_name,
            family=family,  # pyright: ignore[reportArgumentType]  (a package of FAMILIES)
            kind=kind or ("classification" if labels else "generation"),
            metric=metric,
            group=group or own_group,
            instruction=instruction,
            labels=labels,
            about=(generate.__doc__ or "").strip().split("\n")[0].rstrip("."),
            module=module,
            generate=generate,
        )
        return generate

    return register


@cache
def task_generators() -> tuple[TaskGenerator, ...]:
    """Import every module of the family packages and return their tasks by family, then name."""
    for family in FAMILIES:
        package = importlib.import_module(f"{PACKAGE}.{family}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{PACKAGE}.{family}.{module.name}")
    return tuple(sorted(_generators.values(), key=lambda task: (task.family, task.name)))


def builtin_tasks(num_train: int = NUM_TRAIN, num_test: int = NUM_TEST) -> list[Task]:
    """Return all generated tasks by family, then name, with so many rows a split.

    A process makes each task once, so that training and the evaluations around it share its rows.
    """
    return list(_tasks(num_train, num_test))


@cache
def _tasks(num_train: int, num_test: int) -> tuple[Task, ...]:
    return tuple(generator.as_task(num_train, num_test) for generator in task_generators())


def input_key(text: str) -> str:
    """Return what makes two inputs the same row: words, numbers and signs, without case."""
    return re.sub(r"[^\w-]+", " ", text.casefold()).strip()


def split_of(key: str) -> Split:
    """Return the split an input belongs to, whatever else is drawn."""
    return "train" if stable_digest(key) % ONE_IN_TEST else "test"
