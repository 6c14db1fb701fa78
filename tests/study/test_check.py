"""What a study refuses before anything runs: every problem, with its place and the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import make_task
from study.toy_studies import toy_settings, toy_study, with_text, write_tasks, write_toy_folder

from manyicl.cli import main
from manyicl.errors import ConfigError
from manyicl.study.check import check_study
from manyicl.study.context import Study
from manyicl.tasks import Example
from manyicl.tasks.folder import write_task


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_toy_folder(tmp_path_factory.mktemp("check"))


def problems(folder: Path, **changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_study(toy_study(folder, **with_text(folder, **changes)))
    return str(caught.value).split("\n")


def test_the_toy_study_itself_is_in_order(folder):
    check_study(toy_study(folder, **with_text(folder)))
    assert not (folder / "study").exists()


# --- tasks ---------------------------------------------------------------------------------------


def problem(folder: Path, **changes: Any) -> str:
    found = problems(folder, **changes)
    assert len(found) == 1, found
    return found[0]


def test_patterns_that_match_no_task(folder):
    for setting, known in (
        ("tasks__held_in", "*[01]"),
        ("tasks__held_out", "*3"),
        ("evaluation__held_in", "*0"),
        ("study__search__validation", "*0"),
        ("study__dedicated__tasks", "*0"),
    ):
        key = setting.replace("__", ".")
        found = problems(folder, **{setting: [known, "sums_9", "family:brown"]})
        assert len(found) == 2
        assert found[0].startswith(f"{key}: 'sums_9' matches no task. Did you mean 'sums")
        assert found[1].startswith(f"{key}: 'family:brown' matches no task.")
        assert "Use a name (wildcards allowed), family:NAME or group:NAME" in found[0]


def test_a_held_out_task_may_be_named_among_those_to_evaluate(folder):
    """A recipe's list stays good when an override holds one of its tasks out."""
    changes = {"evaluation__held_in": ["*0", "tags3"], "tasks__held_out": ["*3"]}
    check_study(toy_study(folder, **with_text(folder, **changes)))


def test_a_folder_without_tasks_is_refused_with_what_else_is_wrong(folder, tmp_path):
    found = problems(folder, tasks__path=[str(tmp_path)], study__tokens=0)
    assert found[0] == "study.tokens: is 0; it must be at least 1."
    assert found[1].startswith(f"{tmp_path}: holds no task")


def shared_group(folder: Path) -> Path:
    """Two families; groups 'one' and 'two' hold two tasks each."""
    for name, group, family in (
        ("a1", "one", "classification"),
        ("a2", "one", "classification"),
        ("b1", "two", "classification"),
        ("b2", "two", "math"),
        ("c1", "three", "math"),
        ("d1", "four", "math"),
    ):
        rows = [Example(f"{name} says number {i} again", "xy"[i % 2]) for i in range(30)]
        task = make_task(rows[:24], rows[24:], name, group=group, family=family, labels=("x", "y"))
        write_task(task, folder / name)
    return folder


def test_every_group_on_both_sides_is_named(folder, tmp_path):
    tasks = [str(shared_group(tmp_path / "tasks"))]
    changes = {"evaluation__held_in": ["d1"], "study__dedicated__tasks": [], "study__left_out": []}
    found = problems(folder, tasks__path=tasks, tasks__held_out=["a1", "b1"], **changes)
    ending = "Tasks of one group share source text; hold out 'group:%s' as a whole."
    assert found == [
        f"group 'one' stands on both sides: 'a2' is held in and 'a1' is held out. {ending % 'one'}",
        f"group 'two' stands on both sides: 'b2' is held in and 'b1' is held out. {ending % 'two'}",
    ]
    found = problems(folder, tasks__path=tasks, tasks__held_in=["a*"], tasks__held_out=["a1"])
    assert "tasks.held_in and tasks.held_out both name a1." in found


def test_no_task_is_left_on_a_side(folder):
    assert problem(folder, tasks__held_out=[], study__dedicated__tasks=[]) == (
        "tasks.held_out: is empty, but a study is about tasks that were never trained on. Hold "
        "some out, e.g. tasks.held_out=[builtin:held_out]."
    )
    assert problem(folder, tasks__held_out=["*"]) == (
        "no task is held in: tasks.held_out covers all of them."
    )


def test_every_pool_smaller_than_the_largest_k(folder):
    """Of evaluated tasks: the others are only trained on."""
    changes = {"evaluation__num_shots": [0, 25], "evaluation__held_in": ["tags0"]}
    found = problems(folder, study__search__validation=["sums1"], **changes)
    tail = "has a pool of 24 train rows. Lower it, or leave the task out."
    assert found == [
        f"evaluation.num_shots: asks for 25 shots, but task '{name}' {tail}"
        for name in ("tags3", "sums3", "tags0")
    ]


def test_validation_tasks_leave_something_to_train_on_and_take_whole_groups(folder, tmp_path):
    found = problem(folder, study__search__validation=["*"])
    assert found == (
        "study.search.validation: names all held-in tasks, so the search has none to train on. "
        "Name fewer."
    )
    tasks = [str(shared_group(tmp_path / "tasks"))]
    changes = {"evaluation__held_in": ["d1"], "study__dedicated__tasks": [], "study__left_out": []}
    found = problem(
        folder,
        tasks__path=tasks,
        tasks__held_out=["c1"],
        study__search__validation=["a1"],
        **changes,
    )
    assert found == (
        "study.search.validation: holds 'a1' but not 'a2' of the same group 'one'. Name the whole "
        "group: group:one."
    )


def test_tasks_of_one_group_leave_none_to_set_aside(folder):
    found = problem(folder, tasks__held_in=["tags0", "sums0"], study__left_out=[])
    assert found.startswith("study.search: every family of the held-in tasks has one group, so")
    assert found.endswith("Name some in study.search.validation, or add tasks.")


def test_the_seeded_validation_tasks_are_whole_groups_of_any_family(tmp_path):
    """A group may hold tasks of two families: it is set aside whole."""
    tasks = [str(shared_group(tmp_path / "tasks"))]
    config = toy_study(tmp_path, tasks__path=tasks, tasks__held_out=["c1"])
    study = Study(config, "base", "identity")
    chosen = {task.name for task in study.validation}
    groups = {task.group for task in study.validation}
    assert {task.name for task in study.sides[0] if task.group in groups} == chosen
    assert chosen < {"a1", "a2", "b1", "b2", "d1"}
    assert {task.family for task in study.validation} == {"classification", "math"}
    again = Study(config, "base", "identity")
    assert [task.name for task in again.validation] == [task.name for task in study.validation]


def test_families_to_leave_out_are_known_evaluated_and_not_all_there_is(folder):
    assert problem(folder, study__left_out=["maths"]) == (
        "study.left_out: names 'maths', which is no family of the tasks. Known: classification, "
        "math."
    )
    found = problem(
        folder,
        tasks__held_in=["sums*"],
        tasks__held_out=["tags3"],
        study__dedicated__tasks=[],
        evaluation__held_in=["sums0"],
    )
    assert found == (
        "study.left_out: without 'math' no task would be left to train on. Leave it out of the "
        "list, or add tasks of other families."
    )
    found = problem(
        folder, tasks__held_out=["tags3"], evaluation__held_in=["tags0"], study__left_out=["math"]
    )
    assert found == (
        "study.left_out: names 'math', but no task of that family is evaluated. Hold one out, or "
        "name one in evaluation.held_in."
    )


def test_pools_that_no_task_has(folder):
    assert problem(folder, study__dedicated__pool_sizes=[100, 1000]) == (
        "study.dedicated.pool_sizes: is [100, 1000], but no task has more than 24 train rows. Name "
        "smaller ones, or study.dedicated.tasks=[none]."
    )
    changes = {"study__dedicated__pool_sizes": [100], "study__dedicated__tasks": ["none"]}
    check_study(toy_study(folder, **with_text(folder, **changes)))
    # Sizes that only some tasks have are no mistake.
    check_study(toy_study(folder, **with_text(folder, study__dedicated__pool_sizes=[16, 100])))


def test_a_broken_row_is_found_on_every_side(folder, tmp_path):
    write_tasks(tmp_path / "tasks")
    for name, split in (("tags1", "train"), ("sums3", "test")):
        (tmp_path / "tasks" / name / f"{split}.jsonl").write_text("{}\n")
    found = problems(folder, tasks__path=[str(tmp_path / "tasks")])
    assert any("tags1/train.jsonl" in line for line in found)
    assert any("sums3/test.jsonl" in line for line in found)


# --- text and model ------------------------------------------------------------------------------


def test_a_missing_text_is_refused(folder):
    found = problem(folder, study__retention__text=str(folder / "nowhere"))
    assert found == (
        f"{folder / 'nowhere'}: not found. Name a folder of *.txt, a .txt, a .jsonl, or "
        "python_docs."
    )
    (folder / "short.txt").write_text("short")
    assert "at least 20,000 are needed" in problem(
        folder, study__retention__text=str(folder / "short.txt")
    )


def stored_model(folder: Path, **values: Any) -> Path:
    """What is read of a model before it is loaded: its description and its tokenizer."""
    from builders import byte_level_tokenizer, tiny_model

    if not (folder / "config.json").is_file():
        tiny_model(vocab_size=400, **values).save_pretrained(folder)
        byte_level_tokenizer().save_pretrained(folder)
    return folder


def test_a_model_too_small_for_the_context(folder):
    too_long = (
        "episodes.max_tokens: is 600, but the model takes at most 512 tokens. Lower it, or choose "
        "a model with a longer context."
    )
    assert problem(folder, episodes__max_tokens=600) == too_long
    # Of another name, and not named at all: the type's own limit counts.
    gpt2 = {"model_type": "gpt2", "n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 512}
    assert problem(folder, episodes__max_tokens=600, model__config=gpt2) == too_long
    del gpt2["n_positions"]
    check_study(toy_study(folder, **with_text(folder, model__config=gpt2)))
    assert "at most 1024 tokens" in problem(folder, episodes__max_tokens=1025, model__config=gpt2)
    path = stored_model(folder / "model")
    stored = {"model__config": {}, "model__path": str(path)}
    assert problem(folder, episodes__max_tokens=600, **stored) == too_long
    check_study(toy_study(folder, **with_text(folder, **stored)))


def test_models_that_cannot_be_loaded_or_built(folder, tmp_path):
    found = problems(folder, model__config={}, model__path=str(tmp_path / "nowhere"))
    assert any(str(tmp_path / "nowhere") in line for line in found)
    found = problem(folder, model__config={"model_type": "lama"})
    assert found.startswith("model.config.model_type: 'lama' is not known to transformers.")
    found = problem(folder, model__config={"model_type": "llama", "hiden_size": 8})
    assert found == (
        "model.config.hiden_size: not a setting of 'llama' models. Did you mean 'hidden_size'?"
    )
    path = stored_model(folder / "model")
    found = problem(folder, model__config={}, model__path=str(path), model__tokenizer=str(path))
    assert found == (
        f"model.tokenizer: is {str(path)!r}, but a study uses the tokenizer of model.path. Leave "
        "it out."
    )
    found = problem(
        folder, model__config={}, model__path=str(path), training__freeze=["layers[.]9[.]"]
    )
    assert found.startswith("training.freeze: 'layers[.]9[.]' matches no parameter that would")


# --- all at once ---------------------------------------------------------------------------------


def everything_wrong(folder: Path) -> tuple[list[str], list[str]]:
    """The overrides of a study with a problem of every kind, and how each of them begins."""
    changes = with_text(
        folder,
        study__regimes=["zero_shot", "some_shot"],
        study__left_out=["sport"],
        study__dedicated__tasks=["nothing"],
        study__search__validation=["*"],
        study__retention__text=str(folder / "nowhere"),
        evaluation__num_shots=[2, 25],
        evaluation__held_in=["tags0"],
        episodes__max_tokens=600,
        training__learning_rate=1.0,
    )
    return toy_settings(folder, "wrong", **changes), [
        "training.learning_rate: is 1.0",
        "study.regimes: names 'some_shot'",
        "evaluation.num_shots: is [2, 25]",
        f"{folder / 'nowhere'}: not found",
        "study.search.validation: names all held-in tasks",
        "study.left_out: names 'sport'",
        *(
            f"evaluation.num_shots: asks for 25 shots, but task '{name}'"
            for name in ("tags3", "sums3", "tags0")
        ),
        "study.dedicated.tasks: 'nothing' matches no task",
        "episodes.max_tokens: is 600",
    ]


def test_all_problems_are_one_error(folder):
    from manyicl.config import load_config
    from manyicl.study.settings import StudyConfig

    overrides, beginnings = everything_wrong(folder)
    with pytest.raises(ConfigError) as caught:
        check_study(load_config(None, overrides, schema=StudyConfig))
    found = str(caught.value).split("\n")
    assert len(found) == len(set(found)) == len(beginnings)
    for line, beginning in zip(found, beginnings, strict=True):
        assert line.startswith(beginning)
        assert line.endswith(".")


def test_the_command_line_says_them_and_writes_nothing(folder, capsys, tmp_path):
    overrides, beginnings = everything_wrong(folder)
    recipe = tmp_path / "recipe.yaml"
    lines = [override.partition("=") for override in overrides]
    recipe.write_text("".join(f"{key}: {value}\n" for key, _, value in nested(lines)))
    before = sorted(folder.rglob("*"))
    for words in ([str(recipe)], overrides, [str(recipe), "--report-only"]):
        assert main(["study", *words]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "Traceback" not in shown.err
        lines_shown = shown.err.strip().split("\n")
        assert lines_shown[0].startswith("error: ")
        lines_shown[0] = lines_shown[0].removeprefix("error: ")
        assert len(lines_shown) == len(beginnings)
        for line, beginning in zip(lines_shown, beginnings, strict=True):
            assert line.startswith(beginning)
    assert not (folder / "wrong").exists()
    assert sorted(folder.rglob("*")) == before


def nested(lines: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Overrides as the top-level sections of a recipe; JSON is YAML."""
    tree: dict[str, Any] = {}
    for key, _, value in lines:
        *sections, name = key.split(".")
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = json.loads(value)
    return [(key, ":", json.dumps(value)) for key, value in tree.items()]


def test_unknown_keys_and_recipes_of_the_command_line(folder, capsys):
    assert main(["study", *toy_settings(folder), "study.regime=[many_shot]"]) == 2
    assert "unknown key 'study.regime'. Did you mean 'study.regimes'?" in capsys.readouterr().err
    assert main(["study", "biultin"]) == 2
    assert "Did you mean 'builtin'?" in capsys.readouterr().err
    assert not (folder / "study").exists()


def test_a_folder_of_something_else_is_left_alone(folder, capsys, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    overrides = toy_settings(folder, **with_text(folder, run_dir=str(tmp_path)))
    assert main(["study", *overrides]) == 2
    assert f"run_dir: {tmp_path} is not empty and holds no run" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
