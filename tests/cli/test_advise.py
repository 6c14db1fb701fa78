"""`manyicl advise`: says what the function says, and refuses bad input with its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from builders import byte_level_tokenizer, make_task, tiny_model

from manyicl.cli import main
from manyicl.errors import RunError
from manyicl.study.advice.advise import AdviseSettings, advise
from manyicl.study.records import Dedicated, Score, StudyResults, TaskInfo
from manyicl.tasks import read_task, write_task


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model, a task whose test file is gone, and a study."""
    folder = tmp_path_factory.mktemp("advise")
    tiny_model(vocab_size=400).save_pretrained(folder / "model")
    byte_level_tokenizer().save_pretrained(folder / "model")
    write_task(make_task(family="nli"), folder / "toy")
    (folder / "toy" / "test.jsonl").unlink()
    tasks = [TaskInfo(f"t{i}", "nli", f"t{i}", True, "accuracy", "x", 3) for i in range(3)]
    study = StudyResults(
        "made",
        tuple(tasks),
        scores=tuple(Score("base", "none", 0, t.task, 4, 4, 0.5) for t in tasks),
        dedicated=tuple(
            Dedicated(t.task, 16, 0, 0.6, 1e-3, 8, 100, 300, 64, 2.0, 1e9) for t in tasks
        ),
        config={"model": {"path": str(folder / "model")}},
    )
    study.save(folder / "study" / "results.json")
    return folder


def words(folder: Path, *more: object, task: str = "toy") -> list[str]:
    given = ["--queries", "8", "--seeds", "2", "--max-shots", "2", *map(str, more)]
    return ["advise", str(folder / task), "--model", str(folder / "model"), *given]


def test_the_command_says_what_the_function_says(folder, tmp_path, capsys):
    out = tmp_path / "new" / "advice.json"
    assert main(words(folder, "--study", folder / "study", "--json", out)) == 0
    settings = AdviseSettings(queries=8, seeds=2, max_shots=2)
    study = StudyResults.load(folder / "study")
    expected = advise(read_task(folder / "toy"), str(folder / "model"), settings, study=study)
    assert out.read_text(encoding="utf-8") == expected.to_json()
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["dedicated"]["verdict"] == "yes"
    assert found["dedicated"]["reference"] == "base"
    assert found["dedicated"]["same_model"] is True
    assert found["num_queries"] == 8
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == found["recommendation"]
    assert (
        "A dedicated fine-tune on your 30 rows is worth trying: it gained +10.0 points" in lines[0]
    )
    assert "Cost: 400 training tokens, 2.0 s, search included." in printed.out
    assert "always the most frequent answer:" in printed.out
    assert "Measured on 8 queries set aside from the train rows" in printed.out
    assert "measured 4 of 4: similar, 2 shots" in printed.err
    # Advice is replaced by advice.
    assert main(words(folder, "--json", out)) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["dedicated"] is None
    assert "manyicl train regime=dedicated" in capsys.readouterr().out


def test_a_task_the_run_was_trained_on_is_not_judged(folder, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(folder / "model", run / "model")
    (run / "config.yaml").write_text("run_dir: runs/other\n")
    trained = {"name": "toy", "sha256": "0"}
    description = {"base": str(folder / "model"), "config": {"regime": "many_shot"}}
    (run / "model" / "manyicl.json").write_text(json.dumps({**description, "tasks": [trained]}))
    arguments = words(folder)
    arguments[3] = str(run)
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert said.out.startswith(
        "Cannot tell about shots: the model was trained on task 'toy', so its answers to train "
        "rows say nothing about new ones. Train a run without it (tasks.held_out=[toy])"
    )
    assert "measured" not in said.err
    # A run that began with that run's model has seen the rows too.
    later = tmp_path / "later"
    shutil.copytree(run, later)
    description = {"base": str(run / "model"), "config": {"regime": "many_shot"}, "tasks": []}
    (later / "model" / "manyicl.json").write_text(json.dumps(description))
    arguments[3] = str(later)
    assert main(arguments) == 0
    assert "was trained on task 'toy'" in capsys.readouterr().out


def test_a_study_of_another_model_is_named(folder, tmp_path, capsys):
    study = StudyResults.load(folder / "study")
    study.config["model"]["path"] = "nano"
    study.save(tmp_path / "results.json")
    assert main(words(folder, "--study", tmp_path)) == 0
    said = capsys.readouterr().out
    assert "(numbers of another model)" in said
    assert "The study is of another model (nano; yours began as" in said


@pytest.mark.parametrize(
    ("more", "task", "said"),
    [
        ((), "nowhere", "is no task folder. Did you mean"),
        ((), "model", "holds no task (no task.json in it or below it)"),
        (("--study", "nowhere"), "toy", "nowhere: not found. Name a study's folder"),
        (("--queries", "7"), "toy", "--queries: is 7; at least 8"),
        (("--max-tokens", "20"), "toy", "do not fit the 20 tokens of the context"),
        (("--model", "runs/nowhere"), "toy", "runs/nowhere"),
    ],
)
def test_bad_input_is_refused_with_its_place(folder, capsys, more, task, said):
    assert main(words(folder, *more, task=task)) == 2
    printed = capsys.readouterr()
    assert "error: " in printed.err
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert not printed.out


def test_a_broken_study_is_refused(folder, tmp_path, capsys):
    (tmp_path / "results.json").write_text('{"format": 1, "dedicated": [{"task": 1}]}')
    assert main(words(folder, "--study", tmp_path)) == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_file_that_is_no_advice_is_kept(folder, tmp_path, capsys):
    mine = tmp_path / "task.json"
    mine.write_text("{}")
    assert main(words(folder, "--json", mine)) == 2
    assert "holds no advice" in capsys.readouterr().err
    assert mine.read_text() == "{}"
    assert main(words(folder, "--json", mine / "x.json")) == RunError.exit_code
    assert "cannot be written" in capsys.readouterr().err
