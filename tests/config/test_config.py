"""Configurations: what wins over what, how values are read, and that saving loses nothing."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from manyicl.config import (
    REGIMES,
    Config,
    EpisodesConfig,
    TemplateConfig,
    as_dict,
    field_docs,
    load_config,
    save_config,
)
from manyicl.config.load import parse_overrides
from manyicl.errors import ConfigError
from manyicl.recipes import find_recipe


def recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# --- precedence --------------------------------------------------------------------------------


def test_without_settings_the_defaults_hold():
    assert load_config() == Config()


def test_overrides_win_over_the_file_and_the_file_over_the_defaults(tmp_path):
    path = recipe(tmp_path, "episodes:\n  max_tokens: 512\n  seed: 3\nrun_dir: a\n")
    config = load_config(path, ["episodes.max_tokens=600", "--training.seed", "5", "--run-dir=b"])
    assert (config.episodes.max_tokens, config.episodes.seed) == (600, 3)
    assert (config.training.seed, config.run_dir) == (5, "b")
    assert config.training.log_every == Config().training.log_every


def test_the_last_of_two_overrides_wins():
    assert load_config(None, ["run_dir=a", "run_dir=b"]).run_dir == "b"


@pytest.mark.parametrize(
    ("regime", "shots", "supervise"),
    [
        ("many_shot", None, 0),
        ("few_shot", (6, 6), -1),
        ("zero_shot", (1, 1), -1),
        ("dedicated", (1, 1), -1),
    ],
)
def test_a_regime_sets_shots_and_supervision(regime, shots, supervise):
    config = load_config(None, [f"regime={regime}"])
    assert config.episodes.shot_range() == shots
    assert config.objective.first_supervised() == supervise
    others: dict[str, Any] = as_dict(config) | {"regime": "many_shot"}
    others["episodes"]["shots"], others["objective"]["supervise"] = "fill", "every_answer"
    assert others == as_dict(Config())


def test_every_regime_is_listed_in_the_schema():
    assert list(REGIMES) == ["many_shot", "few_shot", "zero_shot", "dedicated"]


def test_explicit_settings_win_over_the_regime(tmp_path):
    path = recipe(tmp_path, "regime: few_shot\nepisodes:\n  shots: 12\n")
    config = load_config(path, ["objective.supervise=answers_after:2"])
    assert config.episodes.shot_range() == (12, 12)
    assert config.objective.first_supervised() == 2


# --- shorthands and values ---------------------------------------------------------------------


def test_model_equals_path_means_model_path(tmp_path):
    assert load_config(None, ["model=some/folder"]).model.path == "some/folder"
    assert load_config(recipe(tmp_path, "model: some/folder\n")).model.path == "some/folder"


@pytest.mark.parametrize("text", ["model: a\n", "model:\n  path: a\n"])
def test_the_model_shorthand_keeps_other_settings_of_the_model(tmp_path, text):
    config = load_config(recipe(tmp_path, text), ["model.dtype=float32", "model.lora.rank=8"])
    assert (config.model.path, config.model.dtype, config.model.lora.rank) == ("a", "float32", 8)
    for order in (["model=b", "model.dtype=float16"], ["model.dtype=float16", "model=b"]):
        config = load_config(recipe(tmp_path, text), order)
        assert (config.model.path, config.model.dtype) == ("b", "float16")


def test_one_value_stands_for_a_list_of_one(tmp_path):
    config = load_config(
        recipe(tmp_path, "tasks:\n  held_out: family:nli\nevaluation:\n  seeds: 7\n"),
        ["evaluation.num_shots=4", "tasks.path=some/folder", "tasks.held_in=*_x"],
    )
    assert config.tasks.held_out == ["family:nli"]
    assert config.evaluation.seeds == [7]
    assert config.evaluation.num_shots == [4]
    assert config.tasks.path == ["some/folder"]
    assert config.tasks.held_in == ["*_x"]


def test_a_section_without_settings_keeps_its_defaults(tmp_path):
    assert load_config(recipe(tmp_path, "episodes:\nmodel:\n  lora:\n")) == Config()
    assert load_config(recipe(tmp_path, "")) == Config()


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("4-32", "4-32"),
        ("010", "010"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("a: b", "a: b"),
        ("x # y", "x # y"),
        (" ", " "),
        ("", ""),
        ("true", "true"),
        ("{{ input }}", "{{ input }}"),
        ("[INST] {{ input }}", "[INST] {{ input }}"),
        ("'quoted'", "quoted"),
        (r'"\n\n"', "\n\n"),
        (r"\n", r"\n"),
        (r"cost \${{ input }}", "cost ${{ input }}"),
    ],
)
def test_text_settings_take_text_as_it_stands(given_text, expected):
    assert load_config(None, [f"template.separator={given_text}"]).template.separator == expected


def test_numbers_lists_and_mappings_are_read_as_yaml():
    config = load_config(
        None,
        [
            "training.learning_rate=3e-4",
            "evaluation.num_shots=[0, 2]",
            "model.config={model_type: llama, hidden_size: 64}",
            "evaluation.before=false",
        ],
    )
    assert config.training.learning_rate == 3e-4
    assert config.evaluation.num_shots == [0, 2]
    assert config.model.config == {"model_type": "llama", "hidden_size": 64}
    assert config.evaluation.before is False
    config = load_config(None, ["model.config.model_type=gpt2", "model.config.n_embd=32"])
    assert config.model.config == {"model_type": "gpt2", "n_embd": 32}


def test_overrides_come_in_three_spellings():
    pieces = ["a.b=1", "--c-d=2", "--e", "x y"]
    assert list(parse_overrides(pieces)) == [("a.b", 1), ("c_d", 2), ("e", "x y")]


@pytest.mark.parametrize(
    ("shots", "expected"), [("fill", None), ("1", (1, 1)), ("16", (16, 16)), ("4-32", (4, 32))]
)
def test_shots_are_a_number_a_range_or_fill(shots, expected):
    assert EpisodesConfig(shots=shots).shot_range() == expected


# --- saving and documentation ------------------------------------------------------------------


def test_a_saved_configuration_loads_equal(tmp_path):
    config = load_config(
        None,
        [
            "regime=few_shot",
            "model.config={model_type: llama, rope_scaling: {factor: 2.0}}",
            "objective.normaliser=shot_weights",
            "objective.shot_weights=[0, 0.5, 1]",
            "tasks.held_out=[family:nli, 'group:a b']",
            "training.learning_rate=1e-5",
            "episodes.shots=7",
        ],
    )
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.from_regex(r"\\*\$\{?x?"))
def test_any_text_survives_saving(text):
    assume(text != "???")  # OmegaConf's mark of a missing value
    template = TemplateConfig(kind="jinja", prompt=text, separator=text, end_mark=text)
    config = Config(run_dir=text, template=template)
    with tempfile.TemporaryDirectory() as folder:
        save_config(config, Path(folder) / "config.yaml")
        assert load_config(Path(folder) / "config.yaml") == config


def test_every_setting_is_documented_with_its_default():
    docs = field_docs()
    assert [name for name, _, meaning in docs if len(meaning) < 10] == []
    assert ("episodes.max_tokens", "2048") in [(name, default) for name, default, _ in docs]

    def count(found: dict[str, Any], cls: Any) -> int:
        nested = {f.name: f.type for f in dataclasses.fields(cls)}
        return sum(
            count(value, getattr(Config(), name, None) or Config().model.lora)
            if isinstance(value, dict) and name != "config"
            else 1
            for name, value in found.items()
            if name in nested
        )

    assert len(docs) == count(as_dict(Config()), Config())


def test_a_model_named_by_an_override_takes_the_place_of_the_recipes(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("model: {config: {model_type: llama}, vocab_size: 500, seed: 3}\n")
    found = load_config(recipe, ["model.path=somewhere"]).model
    assert (found.path, found.config, found.vocab_size, found.seed) == ("somewhere", {}, 4096, 3)
    both = ["model=somewhere", "model.config={model_type: gpt2}"]
    assert load_config(recipe, both).model.config == {"model_type": "gpt2"}
    assert load_config(recipe).model.config == {"model_type": "llama"}


def test_a_recipe_is_a_file_a_shipped_name_or_a_run_folder_wherever_it_stands(tmp_path):
    assert load_config("demo") == load_config(find_recipe("demo"))
    save_config(load_config("demo", ["run_dir=elsewhere"]), tmp_path / "config.yaml")
    assert load_config(tmp_path).run_dir == str(tmp_path)
    assert load_config(tmp_path, ["run_dir=else"]).run_dir == "else"
    assert load_config(tmp_path / "config.yaml").run_dir == "elsewhere"
    with pytest.raises(ConfigError, match=r"no such recipe.*shipped recipe: demo"):
        load_config("dmo")


@pytest.mark.parametrize("setting", ["alpha=64.0", "dropout=0.1", "target_modules=q_proj"])
def test_adapter_settings_without_a_rank_are_refused(setting):
    key, _, _ = setting.partition("=")
    with pytest.raises(ConfigError, match=rf"model\.lora\.{key}: .* model\.lora\.rank is 0"):
        load_config("demo", [f"model.lora.{setting}"])
    load_config("demo", [f"model.lora.{setting}", "model.lora.rank=8"])
