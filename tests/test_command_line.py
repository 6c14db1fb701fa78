"""The command line: exit codes, messages without tracebacks, help, light start-up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from manyicl.cli import main as call
from manyicl.cli import make_parser
from manyicl.recipes import shipped_recipes
from manyicl.version import __version__

VERBS = ("tasks", "inspect", "run", "train", "evaluate", "predict", "report", "study", "advise")
VERBS += ("export", "config", "pretrain", "bench")


def test_version_and_help_exit_with_0(capsys):
    for arguments in (["--version"], ["--help"], *([verb, "--help"] for verb in VERBS)):
        with pytest.raises(SystemExit) as caught:
            call(arguments)
        assert caught.value.code == 0
        assert capsys.readouterr().out
    with pytest.raises(SystemExit):
        call(["--version"])
    assert capsys.readouterr().out == f"manyicl {__version__}\n"


def test_every_verb_explains_itself_with_examples():
    parser = make_parser()
    (verbs,) = (a for a in parser._actions if getattr(a, "choices", None))
    assert tuple(verbs.choices) == VERBS
    for name, verb in verbs.choices.items():
        assert verb.epilog, name
        assert f"manyicl {name}" in verb.epilog, name


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from manyicl.cli import make_parser; make_parser().format_help();"
        "print([m for m in ('torch','transformers','datasets','matplotlib','numpy','omegaconf')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_verb_is_wrong_usage(capsys):
    assert call([]) == 2
    assert "VERB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "demo", "trainig.steps=3"], "unknown key 'trainig'. Did you mean 'training'"),
        (["train", "demo", "--training.steps", "many"], "training.steps"),
        (["run", "no_such_recipe.yaml"], "no_such_recipe.yaml: no such recipe"),
        (["config", "objective.supervise=some"], "objective.supervise: is 'some'"),
        (["train", "tasks.path=[/nowhere]"], "/nowhere: no such folder"),
        (["train", "run_dir=runs/x", "model="], "model.path: is empty"),
        (["config", "demo", "fast"], "'fast': neither an override"),
        (["train", "model=a/b", "tasks.held_out=[nothing]"], "'nothing' matches no task"),
    ],
)
def test_bad_input_exits_with_2_and_a_message(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error


def test_a_folder_named_like_a_shipped_recipe_does_not_hide_it(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(["config", "demo"]) == 0
    shipped = capsys.readouterr().out
    (tmp_path / "demo").mkdir()
    assert call(["config", "demo"]) == 0
    assert capsys.readouterr().out == shipped
    (tmp_path / "demo/config.yaml").write_text("training:\n  steps: 77\n")
    assert call(["config", "demo"]) == 0
    shown = capsys.readouterr().out
    assert "steps: 77" in shown
    assert "run_dir: demo\n" in shown
    (tmp_path / "data").mkdir()
    for word, found in (
        ("data", "a folder without config.yaml"),
        ("dem", "no such recipe"),
        ("x" * 300, "cannot be read"),
    ):
        assert call(["config", word]) == 2
        error = capsys.readouterr().err
        assert f"error: {word}: {found}" in error
        assert all(name in error for name in shipped_recipes())


@pytest.mark.parametrize("verb", ["train", "evaluate", "run"])
def test_too_little_memory_is_said_with_the_ways_out(verb, capsys, monkeypatch):
    import torch

    def run_out(args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(f"manyicl.cli.{verb}.{verb}_recipe", run_out)
    assert call([verb, "demo"]) == 1
    error = capsys.readouterr().err
    for key in ("episodes.max_tokens", "evaluation.tokens_per_batch", "--max-tokens"):
        assert key in error
    assert "training.activation_checkpointing=true" in error
    with pytest.raises(torch.OutOfMemoryError):
        call(["--debug", verb, "demo"])


def test_other_errors_keep_their_traceback(monkeypatch):
    def fail(args):
        raise RuntimeError("a bug")

    monkeypatch.setattr("manyicl.cli.train.train_recipe", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        call(["train", "demo"])


@pytest.mark.parametrize("verb", ["evaluate", "run"])
def test_what_is_not_shared_among_processes_is_refused_there(verb, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert call([verb, "demo", f"run_dir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert "WORLD_SIZE: is 2" in error
    assert "torchrun --nproc-per-node N -m manyicl train" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("words", "meant"), [(["rnu"], "run"), (["tasks", "shwo", "x"], "show")])
def test_a_mistyped_verb_is_wrong_usage_and_the_right_one_named(words, meant, capsys):
    with pytest.raises(SystemExit) as caught:
        call(words)
    assert caught.value.code == 2
    assert f"Did you mean '{meant}'?" in capsys.readouterr().err


def test_config_prints_every_setting_and_resolves_recipes(capsys):
    assert call(["config"]) == 0
    assert "objective.supervise" in capsys.readouterr().out
    assert call(["config", "demo", "--training.steps", "7", "regime=few_shot"]) == 0
    shown = capsys.readouterr().out
    assert "steps: 7" in shown
    assert "supervise: last_answer" in shown


def test_words_and_options_may_stand_in_any_order(capsys):
    from manyicl.cli import _join_overrides

    for words in (
        ["inspect", "demo", "-n", "2", "training.steps=5"],
        ["inspect", "training.steps=5", "-n", "2", "demo"],
        ["inspect", "-n", "2", "demo", "--training.steps", "5"],
    ):
        args, rest = make_parser().parse_known_args(_join_overrides(words))
        assert args.n == 2
        assert {*args.words, *rest} == {"demo", "training.steps=5"}
    with pytest.raises(SystemExit) as caught:
        call(["config", "demo", "--no-such-option"])
    assert caught.value.code == 2


@pytest.mark.parametrize("name", list(shipped_recipes()))
def test_every_shipped_recipe_resolves_and_its_split_holds(name):
    from manyicl.config import load_config
    from manyicl.tasks import load_tasks

    config = load_config(shipped_recipes()[name])
    held_in, held_out = load_tasks(config.tasks.path).split_held_out(
        config.tasks.held_in, config.tasks.held_out
    )
    families = {task.family for task in held_in}
    assert {task.family for task in held_out} == families


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (["predict", "m", "--queries", "q", "--out", "o", "--foo"], "manyicl predict "),
        (["tasks", "check", "d", "--foo"], "manyicl tasks check "),
    ],
)
def test_an_unknown_flag_shows_the_usage_of_its_verb(words, usage, capsys):
    with pytest.raises(SystemExit):
        call(words)
    said = capsys.readouterr().err
    assert said.startswith(f"usage: {usage}")
    assert "unrecognized arguments: --foo" in said


def test_a_text_in_the_place_of_a_name_is_said(tmp_path, capsys):
    instruction = "Which team should answer this message? " * 10
    words = [
        "predict",
        "--task",
        instruction,
        "--queries",
        "q.csv",
        "--out",
        str(tmp_path / "a.csv"),
    ]
    assert call(words) == 2
    said = capsys.readouterr().err
    assert "is too long to be the name of a file or folder" in said
    assert "Traceback" not in said
