"""What holds for every built-in task; the answers are recomputed in test_builtin_answers.py."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import get_args

import pytest

from manyicl.errors import TaskError
from manyicl.tasks import Task, load_tasks, read_task, write_task
from manyicl.tasks.builtin import builtin_tasks
from manyicl.tasks.builtin.classification import hotel_desk, meeting_lines, support_tickets
from manyicl.tasks.builtin.registry import FAMILIES, TaskGenerator, input_key, task_generators
from manyicl.tasks.builtin.table import markdown_page
from manyicl.tasks.duplicates import near_duplicates
from manyicl.tasks.task import Example, Metric

REPOSITORY = Path(__file__).resolve().parents[2]
TASKS = {task.name: task for task in builtin_tasks()}  # rows are made once, when first asked for
CLOSED = [name for name, task in TASKS.items() if task.labels]
# Mean words of an input: small models see many of them in a context of 2,000 tokens.
WORDS = {
    "classification": (8, 40),
    "nli": (8, 40),
    "math": (8, 40),
    "qa": (30, 80),
    "summarization": (50, 110),
    "symbolic": (1, 40),
}
ROWS_SHA = """
import hashlib
from manyicl.tasks.builtin import builtin_tasks
digest = hashlib.sha256()
for task in builtin_tasks(num_train=4, num_test=1):
    digest.update(repr((task.name, task.train, task.test)).encode())
print(digest.hexdigest())
"""
# First 20 train rows; a change here changes every result measured on the task, so it must be meant.
PINNED = {
    "ticket_team": "2c6a9f6d9bbd5611",
    "shop_change": "3b131f1ae34be8ae",
    "number_nli": "3bd1bdf131a934f4",
    "profile_question": "9328ce21bf068ea9",
    "incident_headline": "776577f7a92e548f",
    "codebook": "ea79bac7dda058eb",
    "integer_plane": "238e4e0dbca778de",
    "odd_symbols": "b4b0db2adf3299e1",
}


@cache
def words_of(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[\w'-]+|[^\w\s]", text.lower()))


def rows(name: str) -> list[Example]:
    return [*TASKS[name].train, *TASKS[name].test]


def digest(examples: list[Example]) -> str:
    return hashlib.sha256(repr([e.as_row() for e in examples]).encode()).hexdigest()[:16]


def test_every_family_has_tasks_and_groups_for_both_sides_of_a_split():
    counts = Counter(task.family for task in TASKS.values())
    groups = defaultdict(set)
    for task in TASKS.values():
        groups[task.family].add(task.group)
    assert set(counts) == set(FAMILIES)
    for family in FAMILIES:
        assert counts[family] >= 4
        assert len(groups[family]) >= 4


def test_names_are_unique_snake_case_and_sources_name_an_existing_module():
    for task in TASKS.values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", task.name)
        assert task.instruction.endswith((".", "?"))
        assert task.metric in get_args(Metric)
        assert task.source["licence"] == "Apache-2.0"
        module = task.source["generator"].removeprefix("builtin/")
        assert (REPOSITORY / "manyicl/tasks/builtin" / f"{module}.py").is_file()
    assert len(TASKS) == len(task_generators())


def test_the_word_builtin_names_the_tasks_wherever_a_folder_may_be_named():
    assert [task.name for task in load_tasks(["builtin"])] == list(TASKS)


def test_rows_are_generated_only_when_asked_for(monkeypatch):
    def fail(self, number):
        raise AssertionError("a row was generated")

    monkeypatch.setattr(TaskGenerator, "candidate", fail)
    tasks = builtin_tasks(num_train=7, num_test=5)  # of sizes that nobody made yet
    assert tasks[0].metadata()
    with pytest.raises(AssertionError, match="a row was generated"):
        _ = tasks[0].train


@pytest.mark.parametrize("name", TASKS)
def test_the_splits_have_their_sizes_and_no_input_twice(name):
    task = TASKS[name]
    assert (len(task.train), len(task.test)) == (1000, 200)
    assert len({input_key(example.input) for example in rows(name)}) == 1200
    assert [example.row for example in task.train] == list(range(1, 1001))


@pytest.mark.parametrize("name", TASKS)
def test_a_larger_draw_begins_with_the_smaller_one(name):
    small = next(t for t in builtin_tasks(num_train=12, num_test=3) if t.name == name)
    assert small.train == TASKS[name].train[:12]
    assert small.test == TASKS[name].test[:3]


def test_rows_are_the_same_in_another_process_with_another_hash_seed():
    found = [
        subprocess.run(
            [sys.executable, "-c", ROWS_SHA],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(found[0].strip()) == 64


@pytest.mark.parametrize("name", PINNED)
def test_the_first_rows_are_the_pinned_ones(name):
    assert digest(TASKS[name].train[:20]) == PINNED[name]


@pytest.mark.parametrize("name", TASKS)
def test_rows_pass_the_strict_reader(name, tmp_path):
    task = TASKS[name]
    read = read_task(write_task(task, tmp_path / name))
    assert read.train == task.train
    assert read.test == task.test
    assert read.metadata() == task.metadata()


@pytest.mark.parametrize("name", TASKS)
def test_texts_are_clean_english_of_a_length_that_fits_many_in_a_context(name):
    task = TASKS[name]
    low, high = WORDS[task.family]
    assert low <= sum(len(e.input.split()) for e in task.train) / 1000 <= high
    for example in rows(name):
        for text in (example.input, example.target):
            assert text == text.strip()
            assert not re.search(r"[{}|]|  | [,.;]|\.\.|\?\.|,\.|\. \.", text), text
        if task.family != "symbolic":
            assert not re.search(r"\b[Aa] (?!use|one|uni|eu)[aeio]", example.input), example.input
            assert not re.search(r"\b[Aa]n [bcdfgjklmnpqrstvwxz]", example.input), example.input


@pytest.mark.parametrize("name", CLOSED)
def test_labels_are_balanced_and_all_occur_in_both_splits(name):
    task = TASKS[name]
    for examples in (task.train, task.test):
        counts = Counter(example.target for example in examples)
        assert set(counts) == set(task.labels)
        assert max(counts.values()) / len(examples) <= 0.7
        assert max(counts.values()) <= 2.5 * len(examples) / len(task.labels)


def best_single_token(examples: list[Example]) -> float:
    """Return the accuracy of the best rule 'if the token is there, A, otherwise B'."""
    labels = Counter(example.target for example in examples)
    with_token = defaultdict(Counter)
    for example in examples:
        for token in words_of(example.input):
            with_token[token][example.target] += 1
    return max(
        (here[label] + max(labels[k] - here[k] for k in labels if k != label)) / len(examples)
        for here in with_token.values()
        for label in here
    )


@pytest.mark.parametrize("name", CLOSED)
def test_no_single_token_predicts_the_label(name):
    assert best_single_token(rows(name)) <= 0.7


@pytest.mark.parametrize("name", CLOSED)
def test_no_single_token_gives_away_most_of_a_label(name):
    labels = Counter(example.target for example in rows(name))
    with_token = defaultdict(Counter)
    for example in rows(name):
        for token in words_of(example.input):
            with_token[token][example.target] += 1
    for token, here in with_token.items():
        for label, count in here.items():
            if count > 0.9 * sum(here.values()):
                assert count <= 0.55 * labels[label], (token, label)


def test_the_surface_check_finds_a_given_away_label():
    examples = [Example(f"row {i} {'good' if i % 2 else 'bad'}", str(i % 2)) for i in range(50)]
    assert best_single_token(examples) == 1.0


@pytest.mark.parametrize("name", CLOSED)
def test_the_right_label_is_seldom_said_in_the_input(name):
    said = sum(example.target.lower() in example.input.lower() for example in rows(name))
    assert said / 1200 < 0.4


@pytest.mark.parametrize("name", CLOSED)
def test_few_test_inputs_are_near_duplicates_of_train_inputs(name):
    task = TASKS[name]
    found = near_duplicates([e.input for e in task.test], [e.input for e in task.train])
    assert sum(map(bool, found)) <= 0.08 * len(task.test)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("ticket_team", [support_tickets.GRAMMAR.rules[team] for team in support_tickets.TEAMS]),
        ("hotel_request", list(hotel_desk.TEMPLATES.values())),
        ("note_kind", list(meeting_lines.CORES.values())),
    ],
)
def test_the_rarest_cue_phrases_are_kept_for_the_test_split(name, classes):
    generator = next(g for g in task_generators() if g.name == name)
    candidates = [generator.candidate(number) for number in range(5000)]
    reserved = {c.key for c in candidates if type(c.example) is not Example}
    test = [input_key(e.input) for e in islice(generator.rows("test", candidates), 500)]
    assert not reserved & {input_key(e.input) for e in TASKS[name].train}
    expected = mean(  # the last sixth of a class has these parts of 1 + 1/2 + 1/3 ...
        sum(1 / rank for rank in range(1 + len(cues) - (len(cues) + 3) // 6, 1 + len(cues)))
        / sum(1 / rank for rank in range(1, 1 + len(cues)))
        for cues in classes
    )
    share = sum(key in reserved for key in test) / len(test)
    assert share == pytest.approx(expected, abs=0.03)
    assert 0.05 < expected < 0.1


def test_a_generator_that_runs_dry_says_so():
    dry = TaskGenerator(
        name="dry",
        family="symbolic",
        kind="generation",
        metric="exact_match",
        group="dry",
        instruction="",
        labels=(),
        about="",
        module="none",
        generate=lambda rng: Example(str(rng.randrange(20)), "x"),
    )
    with pytest.raises(TaskError, match=r"'dry' has no more than about .* Ask for fewer"):
        _ = dry.as_task(num_train=50).train


def test_the_page_of_the_documentation_is_up_to_date():
    page = (REPOSITORY / "docs/builtin_tasks.md").read_text(encoding="utf-8")
    assert page == markdown_page(), "run: python -m manyicl.tasks.builtin.table"


def test_every_task_has_a_line_of_description():
    for generator in task_generators():
        assert 20 <= len(generator.about) <= 110, generator.name
        assert "|" not in generator.about


def test_summaries_are_much_shorter_than_what_they_sum_up_and_not_its_first_sentence():
    for task in TASKS.values():
        if task.family == "summarization":
            for example in task.train:
                assert len(example.target) < 0.5 * len(example.input)
                first = re.split(r"(?<=[.!?])\s", example.input)[0]
                shared = words_of(example.target) & words_of(first)
                assert len(shared) < 0.7 * len(words_of(example.target)), example


def test_tasks_are_plain_tasks():
    assert all(isinstance(task, Task) and task.folder is None for task in TASKS.values())
