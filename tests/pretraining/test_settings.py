"""Settings of a pre-training: the shipped recipe loads, and every error says what to write."""

from __future__ import annotations

import pytest

from manyicl.cli.pretrain import RECIPES
from manyicl.errors import ConfigError
from manyicl.pretraining.settings import load_pretraining

RECIPE = """
corpus: texts
weights: {a: 1}
shape: {vocab_size: 1024, hidden_size: 64, num_attention_heads: 2, max_position_embeddings: 512}
stages:
  - {name: one, million_tokens: 1, row_tokens: 64, mixture: {blocks: 1}}
  - {name: two, million_tokens: 2, row_tokens: 512, mixture: {text: 0.5, lookups: 0.5}}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_with_overrides(recipe):
    config = load_pretraining(
        recipe,
        ["corpus=other texts", "shape.seed=3", "stages.1.mixture.text=2", "weights={b: 2}"],
    )
    assert config.corpus == "other texts"
    assert config.weights == {"b": 2.0}
    assert (config.shape.vocab_size, config.shape.seed) == (1024, 3)
    assert [stage.name for stage in config.stages] == ["one", "two"]
    assert config.stages[1].mixture == {"text": 2.0, "lookups": 0.5}
    assert config.stages[0].rows_per_step == 8
    assert load_pretraining(recipe, ["weights={}", "leave_out=[x]"]).leave_out == ["x"]


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes(path):
    config = load_pretraining(path, ["corpus=texts"])
    assert set(config.licences) == set(config.weights)
    assert sum(config.weights.values()) == pytest.approx(1.0)
    assert max(stage.row_tokens for stage in config.stages) <= config.shape.max_position_embeddings
    assert len({stage.name for stage in config.stages}) == len(config.stages)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["corpus="], r"mine.yaml: corpus: is empty. Give a value"),
        (["corpse=x"], r"mine.yaml: corpse: unknown key. Did you mean 'corpus'\? Known: run_dir"),
        (["stages=[]"], r"stages: is empty. List at least one"),
        (["stages=text"], r"stages: is 'text'; it must be a list of stages"),
        (["stages=[text]"], r"stages\[0\]: is 'text'; it must be a mapping"),
        (["stages.2.name=x"], r"'stages.2.name=x': cannot be set \(list index out of range\)"),
        (
            ["stages.1.row_token=4"],
            r"stages\[1\].row_token: unknown key. Did you mean 'row_tokens'",
        ),
        (["stages.0.row_tokens=8"], r"stages\[0\].row_tokens: is 8; a row has at least 9 tokens"),
        (
            ["stages.1.row_tokens=513"],
            r"stages\[1\].row_tokens: 513 is more than the context.*=512",
        ),
        (["stages.1.rows_per_step=0"], r"stages\[1\].rows_per_step: is 0; it must be above 0"),
        (["stages.1.million_tokens=-1"], r"stages\[1\].million_tokens: is -1.0; it must be above"),
        (["stages.1.million_tokens=.inf"], r"stages\[1\].million_tokens: is inf"),
        (["stages.0.mixture={}"], r"stages\[0\].mixture: has no share above 0"),
        (["stages.0.mixture={blocks: 0}"], r"stages\[0\].mixture: has no share above 0"),
        (["stages.0.mixture.blcks=1"], r"unknown kind of row 'blcks'. Did you mean 'blocks'\?"),
        (["stages.0.mixture.blocks=-1"], r"mixture.blocks: is -1.0; shares are 0 or more"),
        (["stages.0.mixture.blocks=.nan"], r"mixture.blocks: is nan"),
        (["stages.0.mixture=[text]"], r"stages\[0\].mixture: is \['text'\]; it must be a mapping"),
        (["stages.0.learning_rate=0.1"], r"learning_rate: is 0.1; it must be a list"),
        (["stages.0.learning_rate=[0.1]"], r"learning_rate: is \[0.1\]; it must be \[start, end\]"),
        (["stages.0.learning_rate=[-1,0]"], r"learning_rate: is \[-1.0, 0.0\]; .*both 0 or more"),
        (["stages.0.block_vocabulary=-1"], r"stages\[0\].block_vocabulary: is -1"),
        (["shape=big"], r"shape: is 'big'; it must be a mapping of settings"),
        (["shape.hiden_size=4"], r"shape.hiden_size: unknown key. Did you mean 'hidden_size'"),
        (["shape.vocab_size=200"], r"shape.vocab_size: 200 is too small: 256 bytes"),
        (["shape.hidden_size=65"], r"shape.hidden_size: 65 over 2 heads is no even whole number"),
        (["shape.hidden_size=66"], r"shape.hidden_size: 66 over 2 heads"),
        (["shape.num_hidden_layers=0"], r"shape.num_hidden_layers: is 0; it must be above 0"),
        (["weights=[a]"], r"weights: is \['a'\]; it must be a mapping of names to values"),
        (["weights.a=much"], r"weights.a: Value 'much' .*could not be converted to Float"),
        (["seed=x"], r"seed: Value 'x' .*Integer"),
        (["log_every=0"], r"log_every: is 0; it must be above 0"),
        (["probe_every=-2"], r"probe_every: is -2"),
        (["tokenizer_mb=0"], r"tokenizer_mb: is 0"),
        (["settled_weight=-1"], r"settled_weight: is -1.0; it must be 0 or more"),
        (["settled_weight=0", "open_weight=0"], r"open_weight, settled_weight: are both 0"),
        (["corpus"], r"'corpus': not an override. Write key=value"),
        (["corpus=${nowhere}"], r"cannot be set \(Interpolation key 'nowhere' not found\)"),
    ],
)
def test_errors_name_key_and_way_out(recipe, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_pretraining(recipe, overrides)


def test_a_value_left_for_the_user(recipe):
    recipe.write_text(RECIPE.replace("texts", "'???'"))
    with pytest.raises(ConfigError, match=r"corpus: is '\?\?\?', which means no value"):
        load_pretraining(recipe)
    assert load_pretraining(recipe, ["corpus=x"]).corpus == "x"


def test_no_corpus(recipe):
    recipe.write_text(RECIPE.replace("corpus: texts", ""))
    with pytest.raises(ConfigError, match=r"corpus: is not set\. Name a folder of text files"):
        load_pretraining(recipe)
