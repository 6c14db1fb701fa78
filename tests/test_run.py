"""The whole job on toy tasks: before, training, after; the command line equals the API."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from builders import make_task
from safetensors.torch import load_file

from manyicl.cli import main
from manyicl.config import load_config
from manyicl.errors import ConfigError
from manyicl.evaluation.evaluate import evaluate
from manyicl.evaluation.results import Results
from manyicl.pipeline import run
from manyicl.tasks import write_task


def toy_overrides(folder: Path, run_dir: Path) -> list[str]:
    """Overrides of a run that takes seconds: two held-in tasks, one held out."""
    for name in ("seen", "also_seen", "unseen"):
        if not (folder / name).exists():
            write_task(make_task(name=name), folder / name)
    model = {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 2}
    model |= {"num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 512}
    return [
        f"run_dir={run_dir}",
        f"tasks.path=[{folder}]",
        "tasks.held_out=[unseen]",
        f"model.config={json.dumps(model)}",
        "model.vocab_size=400",
        "episodes.max_tokens=200",
        "training.steps=4",
        "training.rows_per_step=2",
        "training.save_every=2",
        "training.log_every=2",
        "training.precision=fp32",
        "training.learning_rate=0.01",
        "evaluation.num_shots=[0,2]",
        "evaluation.seeds=[0,1]",
        "evaluation.held_in=[seen]",
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path, Results]:
    folder = tmp_path_factory.mktemp("toy")
    overrides = toy_overrides(folder / "tasks", folder / "api")
    return overrides, folder, run(load_config(overrides=overrides))


def scores_of(results: Results):
    return [score.as_dict() for score in results.scores]


def test_a_run_evaluates_base_and_tuned_on_the_same_queries(finished):
    _, folder, results = finished
    assert results.stages == ["base", "tuned"]
    places = {(s.stage, s.task, s.num_shots, s.held_out) for s in results.scores}
    assert places == {
        (stage, task, k, held_out)
        for stage in ("base", "tuned")
        for task, held_out in (("unseen", True), ("seen", False))
        for k in (0, 2)
    }
    samples = [json.loads(line) for line in (folder / "api/samples.jsonl").open()]
    by_stage = {
        stage: {
            (s["task"], s["num_shots"], s["seed"], s["doc_id"], s["prompt_hash"])
            for s in samples
            if s["stage"] == stage
        }
        for stage in ("base", "tuned")
    }
    assert by_stage["base"] == by_stage["tuned"]
    assert results.training["supervised_answers"] > 0
    assert results.training["tokens"] > 0
    assert "unseen" not in (folder / "api/data.json").read_text()


def test_the_run_folder_holds_what_the_design_says(finished):
    _, folder, results = finished
    found = {path.name for path in (folder / "api").iterdir()}
    assert found >= {"config.yaml", "log.jsonl", "model", "results.json", "report.html"}
    assert Results.load(folder / "api") == results
    card = (folder / "api/model/README.md").read_text()
    assert "| held-out (1) | all | tuned |" in card
    assert "Not evaluated yet" not in card


def test_the_command_line_gives_the_same_weights_and_scores_as_the_api(finished, capsys):
    overrides, folder, results = finished
    changed = [f"run_dir={folder / 'cli'}", *overrides[1:]]
    assert main(["run", *changed]) == 0
    assert "Held-out" in capsys.readouterr().out
    assert scores_of(Results.load(folder / "cli")) == scores_of(results)
    ours = load_file(folder / "api/model/model.safetensors")
    theirs = load_file(folder / "cli/model/model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_finished_run_is_not_done_again(finished, monkeypatch):
    overrides, _, results = finished
    monkeypatch.setattr("manyicl.training.run._train", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(
        "manyicl.evaluation.kshot.TaskSweep.run", lambda *_: pytest.fail("evaluated again")
    )
    assert scores_of(run(load_config(overrides=overrides))) == scores_of(results)


def test_results_of_other_evaluation_settings_are_kept(tmp_path, capsys):
    overrides = toy_overrides(tmp_path / "tasks", tmp_path / "run")
    evaluate(load_config(overrides=overrides))
    first = {
        name: (tmp_path / "run" / name).read_text() for name in ("results.json", "samples.jsonl")
    }
    evaluate(load_config(overrides=[*overrides, "evaluation.held_in=[also_seen,unseen]"]))
    assert not (tmp_path / "run/results.1.json").exists()  # other tasks, asked the same way
    evaluate(load_config(overrides=overrides))
    capsys.readouterr()
    for number in (1, 2):
        changed = ["evaluation.selection=similar", "evaluation.max_queries=3"][:number]
        evaluate(load_config(overrides=[*overrides, *changed]))
        kept = f"{tmp_path}/run/results.{number}.json"
        said = ("selection", "max_queries")[number - 1]
        assert f"({said}), are kept: {kept}" in capsys.readouterr().err
    assert (
        Results.load(tmp_path / "run/results.1.json").scores
        == Results.from_json(first["results.json"]).scores
    )
    assert (tmp_path / "run/samples.1.jsonl").read_text() == first["samples.jsonl"]
    assert {s.selection for s in Results.load(tmp_path / "run/results.2.json").scores} == {
        "similar"
    }


@pytest.mark.parametrize("former", ["no JSON", '{"config": [], "manyicl": {}}', '{"config": {}}'])
def test_former_results_that_cannot_be_read_are_kept_as_they_are(tmp_path, capsys, former):
    overrides = toy_overrides(tmp_path / "tasks", tmp_path / "run")
    evaluate(load_config(overrides=overrides))
    (tmp_path / "run/results.json").write_text(former)
    (tmp_path / "run/samples.1.jsonl").write_text("of an earlier move")
    evaluate(load_config(overrides=overrides))
    assert (tmp_path / "run/results.2.json").read_text() == former
    assert (tmp_path / "run/samples.1.jsonl").read_text() == "of an earlier move"
    assert "which this version cannot read, are kept" in capsys.readouterr().err


def test_an_interrupted_evaluation_keeps_its_finished_tasks(finished, monkeypatch):
    from manyicl.evaluation.kshot import TaskSweep

    overrides, _, results = finished
    again = load_config(overrides=[*overrides, "evaluation.max_queries=5"])
    whole, asked = TaskSweep.run, []

    def interrupted(self, stage, held_out):
        asked.append(self.task.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return whole(self, stage, held_out)

    monkeypatch.setattr(TaskSweep, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(again, ["tuned"])
    asked.clear()
    monkeypatch.setattr(TaskSweep, "run", lambda *a: (asked.append(a[0].task.name), whole(*a))[1])
    found = evaluate(again, ["tuned"])
    assert asked == ["seen"]  # the first task, `unseen`, was kept
    assert {score.num_queries for score in found.scores} == {5}
    monkeypatch.setattr(TaskSweep, "run", whole)
    assert scores_of(evaluate(load_config(overrides=overrides))) == scores_of(results)


def test_a_task_whose_predictions_were_removed_is_evaluated_again(finished, monkeypatch):
    from manyicl.evaluation.kshot import TaskSweep

    overrides, folder, results = finished
    before = (folder / "api/samples.jsonl").read_text()
    (folder / "api/evaluation/tuned/seen.samples.jsonl").unlink()
    whole, asked = TaskSweep.run, []
    monkeypatch.setattr(TaskSweep, "run", lambda *a: (asked.append(a[0].task.name), whole(*a))[1])
    assert scores_of(evaluate(load_config(overrides=overrides))) == scores_of(results)
    assert asked == ["seen"]
    assert (folder / "api/samples.jsonl").read_text() == before


def test_a_kept_result_is_not_used_for_other_rows(tmp_path):
    overrides = toy_overrides(tmp_path / "tasks", tmp_path / "run")
    config = load_config(overrides=[*overrides, "evaluation.seeds=[0]"])
    before = evaluate(config, ["base"])
    path = tmp_path / "tasks/unseen/test.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:3]) + "\n")
    after = evaluate(config, ["base"])
    assert [s.num_queries for s in before.scores if s.task == "unseen"] == [6, 6]
    assert [s.num_queries for s in after.scores if s.task == "unseen"] == [3, 3]


def test_all_tasks_that_cannot_be_evaluated_are_named_at_once(finished):
    overrides, _, _ = finished
    config = load_config(overrides=[*overrides, "evaluation.num_shots=[0,99]"])
    with pytest.raises(ConfigError) as caught:
        evaluate(config, ["tuned"])
    assert "'unseen' has only 30" in str(caught.value)
    assert "'seen' has only 30" in str(caught.value)


def test_a_folder_of_another_run_is_refused_before_anything_runs(finished, monkeypatch):
    overrides, _, _ = finished
    monkeypatch.setattr("manyicl.pipeline.evaluate", lambda *_: pytest.fail("evaluated"))
    with pytest.raises(ConfigError, match=r"another configuration: training.learning_rate"):
        run(load_config(overrides=[*overrides, "training.learning_rate=0.5"]))


def test_a_task_that_was_trained_on_cannot_be_called_held_out_afterwards(finished):
    overrides, _, _ = finished
    changed = [*overrides[:2], "tasks.held_out=[seen]", *overrides[3:-1]]
    with pytest.raises(ConfigError, match=r"another configuration: tasks.held_out"):
        evaluate(load_config(overrides=changed), ["tuned"])


def test_a_run_folder_can_be_named_instead_of_its_recipe_even_when_moved(finished, capsys):
    _, folder, results = finished
    shutil.copytree(folder / "api", folder / "copied")
    before = (folder / "api/results.json").read_bytes()
    assert main(["evaluate", str(folder / "copied"), "--stage", "tuned"]) == 0
    assert (folder / "api/results.json").read_bytes() == before  # nothing goes to the old place
    moved = Results.load(folder / "copied")
    tuned = [score.as_dict() for score in results.scores if score.stage == "tuned"]
    assert scores_of(moved) == tuned
