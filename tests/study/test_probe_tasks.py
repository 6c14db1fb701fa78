"""The probes of in-context ability: their rules recomputed, their rows, their names."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from manyicl.episodes import Pool
from manyicl.study.retention.probe_tasks import (
    DAY,
    FUNCTIONS,
    INVENTED,
    KINDS,
    NUM_TEST,
    NUM_TRAIN,
    SIZES,
    normal_of,
    probe_tasks,
)
from manyicl.tasks.builtin.registry import input_key, task_generators

TASKS = {task.name: task for tasks in probe_tasks().values() for task in tasks}
MEASURES = {
    "flipped_labels", "fresh_symbols", "linear_classification", "sequential_parity",
    "list_functions",
}  # fmt: skip


def expected(name: str, text: str) -> str:
    """Return the answer that the task's definition gives, found from the input text alone."""
    numbers = [int(part) for part in text.strip("[]").replace("/", ",").split(",")] if (
        text.strip("[")[0].isdigit()
    ) else []  # fmt: skip
    words = text.replace(":", "").split()
    match name:
        case "probe_flipped_sizes":
            return "small" if words[-1] in SIZES["large"] else "large"
        case "probe_rotated_times":
            said = [time for time, things in DAY.items() if text.split(" about ")[1] in things]
            return {"morning": "noon", "noon": "night", "night": "morning"}[said[0]]
        case "probe_kind_symbols" | "probe_invented_kinds":
            kinds = KINDS if name == "probe_kind_symbols" else INVENTED
            shown = set(words) - {"and", "-"}
            (symbol,) = [symbol for symbol, members in kinds.items() if shown <= set(members)]
            return symbol
        case "probe_plane_4" | "probe_plane_8":
            normal = normal_of(int(name[-1]))
            above = sum(w * v for w, v in zip(normal, numbers, strict=True)) > 4.5 * sum(normal)
            return "gate" if above else "wall"
        case "probe_parity_chain":
            return ", ".join(map(str, itertools.accumulate(numbers, lambda a, b: a ^ b)))
        case "probe_parity_last":
            return "odd" if numbers.count(1) % 2 else "even"
        case "probe_list_last":
            return str(numbers.pop())
        case "probe_list_smallest":
            return str(sorted(numbers)[0])
        case "probe_list_largest":
            return str(sorted(numbers)[-1])
        case "probe_list_without_first":
            return text.partition(", ")[2]
    raise AssertionError(name)


@pytest.mark.parametrize("name", TASKS)
def test_every_answer_follows_the_rule(name):
    task = TASKS[name]
    for example in [*task.train, *task.test]:
        assert example.target == expected(name, example.input), example.input
        if example.options:
            assert example.target in example.options
            assert len(set(example.options)) == len(example.options)


@pytest.mark.parametrize("name", TASKS)
def test_splits_are_distinct_and_balanced(name):
    task = TASKS[name]
    assert (len(task.train), len(task.test)) == (NUM_TRAIN, NUM_TEST) == (200, 60)
    keys = [input_key(example.input) for example in [*task.train, *task.test]]
    assert len(set(keys)) == len(keys)
    assert [example.row for example in task.train] == list(range(1, NUM_TRAIN + 1))
    assert [example.row for example in task.test] == list(range(1, NUM_TEST + 1))
    for split in (task.train, task.test):
        counts = Counter(example.target for example in split)
        if task.labels:
            assert set(counts) == set(task.labels)
            assert max(counts.values()) - min(counts.values()) <= 1
        else:
            assert max(counts.values()) <= 0.4 * len(split)  # no answer is worth saying always


@pytest.mark.parametrize("name", TASKS)
def test_no_demonstration_is_lost_as_a_near_duplicate(name):
    near = Pool(TASKS[name]).near_duplicates_of(TASKS[name].test)
    assert not set().union(*near)


def test_rows_are_the_same_whenever_they_are_made():
    again = {task.name: task for tasks in probe_tasks().values() for task in tasks}
    for name, task in TASKS.items():
        assert again[name].fingerprint() == task.fingerprint()
        assert again[name].fingerprint("test") == task.fingerprint("test")
    # On every machine and Python version: these are fixed.
    assert TASKS["probe_parity_chain"].train[0].input == "0, 1, 0, 1, 1, 0"
    assert TASKS["probe_flipped_sizes"].train[0].input == "In Osaka, Boris drew: thimble"


def test_there_are_two_tasks_for_each_measure_and_none_is_of_the_suite():
    by_measure = probe_tasks()
    assert set(by_measure) == MEASURES
    assert all(len(tasks) >= 2 for tasks in by_measure.values())
    assert set(FUNCTIONS) <= set(TASKS)
    suite = task_generators()
    assert not set(TASKS) & {task.name for task in suite}
    assert not {task.group for task in TASKS.values()} & {task.group for task in suite}
    assert {task.instruction for task in TASKS.values()} == {"Answer as in the examples."}


def test_no_row_of_the_suite_s_symbolic_tasks_is_a_row_of_a_probe():
    from itertools import islice

    probed = {
        (input_key(row.input), row.target)
        for task in TASKS.values()
        for row in [*task.train, *task.test]
    }
    for generator in task_generators():
        if generator.family == "symbolic":
            made = islice(generator.rows("train"), 200)
            assert not probed & {(input_key(row.input), row.target) for row in made}
