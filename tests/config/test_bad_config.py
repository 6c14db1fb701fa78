"""Configurations that are refused: every message names the full key and the way out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.config import (
    Config,
    EpisodesConfig,
    ModelConfig,
    ObjectiveConfig,
    field_docs,
    load_config,
)
from manyicl.errors import ConfigError

KEYS = [name for name, _, _ in field_docs()]
SECTIONS = sorted({name.rpartition(".")[0] for name in KEYS} - {""})


def recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def message(*overrides: str, path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value)


@pytest.mark.parametrize("name", ["tensorboardx9", "none", "all", "flyte"])
def test_an_unknown_tracker_is_refused_with_the_known_ones(name):
    found = message(f"training.report_to=[wandb,{name}]")
    assert found.startswith(f"training.report_to: names {name!r}, which is no tracker.")
    assert "tensorboard, trackio, wandb; none is []" in found
    assert "Did you mean 'tensorboard'?" in message("training.report_to=[tensorbord]")
    assert "Name each tracker once" in message("training.report_to=[wandb,wandb]")


def test_every_tracker_is_one_the_trainer_knows():
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    from manyicl.config.schema import TRACKERS

    assert set(TRACKERS) == set(INTEGRATION_TO_CALLBACK) - {"flyte"}


def test_an_unknown_key_names_the_full_key_and_the_closest_one(tmp_path):
    found = message("objective.suprvise=all_tokens")
    assert "unknown key 'objective.suprvise'" in found
    assert "'objective.supervise'" in found
    assert "'objective.supervise'" in message("supervise=all_tokens")
    assert "manyicl config" in message("qqq.zzz=1")
    path = recipe(tmp_path, "episodes:\n  max_token: 100\n")
    found = message(path=path)
    assert str(path) in found
    assert "'episodes.max_token'" in found
    assert "'episodes.max_tokens'" in found


@pytest.mark.parametrize(
    ("key", "value", "way_out"),
    [
        ("episodes.max_tokens", "many", "whole number"),
        ("episodes.max_tokens", "2.5", "whole number"),
        ("episodes.max_tokens", "true", "whole number"),
        ("episodes.max_tokens", "", "whole number"),
        ("training.learning_rate", "fast", "a number"),
        ("model.trust_remote_code", "maybe", "true or false"),
        ("evaluation.num_shots", "1,2", "[1, 2]"),
        ("evaluation.num_shots", "[1, a]", "[1, 2]"),
        ("evaluation.num_shots", "{a: 1}", "[1, 2]"),
        ("tasks.path", "null", "[a, b]"),
        ("tasks.held_in", "{a: 1}", "[a, b]"),
        ("model.path", "null", "a text"),
        ("model.config", "3", "a mapping"),
        ("episodes", "3", "episodes.shots"),
        ("model.lora", "8", "model.lora.rank"),
        ("training", "[1]", "training.steps"),
    ],
)
def test_a_wrong_type_names_the_full_key_and_what_it_must_be(key, value, way_out):
    found = message(f"{key}={value}")
    assert f" {key}: is " in found
    assert way_out in found


@pytest.mark.parametrize(
    ("key", "value", "way_out"),
    [
        ("regime", "manyshot", "Did you mean 'many_shot'?"),
        ("regime", "[many_shot]", "one of many_shot"),
        ("model.dtype", "int8", "one of auto"),
        ("model.vocab_size", "10", "at least 300"),
        ("model.seed", "-1", "at least 0"),
        ("model.config", "{hidden_size: 3}", "model_type: llama"),
        ("model.lora.rank", "-1", "at least 0"),
        ("model.lora.alpha", "0", "above 0"),
        ("model.lora.dropout", "1.5", "between 0 and 1"),
        ("template.kind", "fancy", "one of plain, chat, jinja"),
        ("template.end_mark", "", "'eos' or a text"),
        ("episodes.max_tokens", "7", "at least 8"),
        ("episodes.shots", "0", "LOW-HIGH"),
        ("episodes.shots", "9-3", "LOW-HIGH"),
        ("episodes.shots", "some", "'fill'"),
        ("episodes.shots", "99999999999", "LOW-HIGH"),
        ("episodes.selection", "best", "one of random"),
        ("episodes.similar_share", "2", "between 0 and 1"),
        ("episodes.symbols", "nan", "between 0 and 1"),
        ("episodes.mixture", "fair", "one of proportional"),
        ("episodes.mixture_cap", "0", "at least 1"),
        ("episodes.temperature", "0.5", "1 or more"),
        ("episodes.temperature", "nan", "1 or more"),
        ("episodes.seed", "-1", "at least 0"),
        ("objective.supervise", "answers", "answers_after:N"),
        ("objective.supervise", "answers_after:-1", "answers_after:N"),
        ("objective.normaliser", "mean", "one of token_mean"),
        ("objective.normaliser", "shot_weights", "[0, 1, 1]"),
        ("objective.shot_weights", "[0, 1]", "objective.normaliser=shot_weights"),
        ("training.steps", "-1", "at least 0"),
        ("training.epochs", "0", "Set one"),
        ("training.epochs", "nan", "at least 0"),
        ("training.rows_per_step", "0", "at least 1"),
        ("training.learning_rate", "0", "above 0"),
        ("training.learning_rate", "nan", "above 0"),
        ("training.weight_decay", "-0.1", "at least 0"),
        ("training.max_grad_norm", "-1", "at least 0"),
        ("training.warmup", "3", "between 0 and 1"),
        ("training.betas", "[0.9]", "two numbers"),
        ("training.betas", "[0.9, 1]", "two numbers"),
        ("training.seed", "-1", "at least 0"),
        ("evaluation.num_shots", "[]", "at least 0"),
        ("evaluation.num_shots", "[1, -1]", "at least 0"),
        ("evaluation.seeds", "[]", "[0]"),
        ("evaluation.scoring", "max", "one of sum"),
        ("evaluation.max_queries", "-1", "at least 0"),
        ("evaluation.tokens_per_batch", "0", "at least 1"),
    ],
)
def test_a_bad_value_names_the_full_key_and_the_way_out(key, value, way_out):
    found = message(f"{key}={value}")
    keys = (f"{key}:", f"{key} ", "training.steps:", "objective.shot_weights:", "model.config:")
    assert any(name in found for name in keys)
    assert way_out in found


@pytest.mark.parametrize("weights", [[1.0, 0.0], [-1.0, 1.0], [float("nan"), 1.0], [float("inf")]])
def test_shot_weights_are_finite_and_end_above_zero(weights):
    with pytest.raises(ConfigError, match=r"objective\.shot_weights: is .* above 0"):
        ObjectiveConfig(normaliser="shot_weights", shot_weights=weights)


def test_values_are_checked_without_a_file_too():
    with pytest.raises(ConfigError, match=r"episodes\.shots"):
        EpisodesConfig(shots="none")
    with pytest.raises(ConfigError, match=r"model\.dtype"):
        ModelConfig(dtype="float8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 1\n", "holds a list"),
        ("a: [b\n", "not valid YAML"),
        ("a: 1\na: 2\n", "not valid YAML"),
        ("42\n", "not valid YAML"),
        ("foo\n", "unknown key 'foo'"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path, text, expected):
    path = recipe(tmp_path, text)
    found = message(path=path)
    assert str(path) in found
    assert expected in found


def test_a_missing_file_and_a_file_in_another_encoding_are_named(tmp_path):
    assert "no such recipe" in message(path=tmp_path / "none.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"run_dir: caf\xe9\n")
    assert f"{path}: not valid UTF-8" in message(path=path)


@pytest.mark.parametrize("piece", ["word", "--word", "=3", "a b=3", "--", "3x=1"])
def test_a_piece_that_is_no_override_is_named(piece):
    assert f"'{piece}'" in message(piece)


@pytest.mark.parametrize("text", ["${nowhere}", "${{ input }}", "${"])
def test_a_stray_reference_says_how_to_write_it_as_text(text):
    found = message(f"template.separator={text}")
    assert "template.separator: " in found
    assert r"\${" in found


def test_the_mark_of_a_missing_value_is_refused():
    assert "template.separator: is '???'" in message("template.separator=???")


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats()
    | st.sampled_from(["", "a", "fill", "???", "${", "${run_dir}", "all_tokens", "1-3", "-", "é"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("k"), inner, max_size=1),
    max_leaves=3,
)


@settings(max_examples=120)
@given(st.sampled_from([*KEYS, *SECTIONS, "model.config.model_type"]), VALUES)
def test_any_value_gives_a_valid_configuration_or_a_message(key, value):
    nested: Any = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    with tempfile.TemporaryDirectory() as folder:
        path = recipe(Path(folder), yaml.safe_dump(nested, allow_unicode=True))
        try:
            found: Config | ConfigError = load_config(path)
        except ConfigError as error:  # any other exception fails the test
            found = error
    said = str(found)
    assert isinstance(found, Config) or key.rpartition(".")[0] in said or "valid YAML" in said


@pytest.mark.parametrize("override", ["tasks.held_out=[family: nli]", "tasks.path=[a,[b]]"])
def test_members_of_lists_are_single_values(override):
    with pytest.raises(ConfigError, match=r"tasks\.(held_out|path): is .*it must be"):
        load_config(None, [override])


def test_a_seed_counts_once():
    with pytest.raises(ConfigError, match=r"evaluation\.seeds: is .0, 1, 0.; a seed given twice"):
        load_config(None, ["evaluation.seeds=[0,1,0]"])


def test_references_in_lists_are_resolved_after_the_overrides(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text('evaluation:\n  seeds: ["${training.seed}", 5]\n')
    assert load_config(recipe, ["training.seed=3"]).evaluation.seeds == [3, 5]
    recipe.write_text('evaluation:\n  seeds: ["???", 5]\n')
    with pytest.raises(ConfigError, match=r"evaluation\.seeds"):
        load_config(recipe)
