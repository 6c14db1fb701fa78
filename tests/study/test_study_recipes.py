"""The studies that come with the package and its results: they load, and nothing stops them."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyicl.config import NANO, load_config
from manyicl.recipes import STUDIES, shipped_recipes
from manyicl.study.check import check_study
from manyicl.study.context import Study
from manyicl.study.settings import StudyConfig

ROOT = Path(__file__).resolve().parents[2]
RECIPES = [*shipped_recipes(STUDIES).values(), *sorted(ROOT.glob("results/*/recipe.yaml"))]
FAMILIES = {"classification", "summarization", "qa", "nli", "math"}


def studies() -> list[Path]:
    return [path for path in RECIPES if "study:" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", studies(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_study_is_in_order_and_measures_all_families(path, monkeypatch):
    monkeypatch.chdir(ROOT)  # paths in a recipe are those of a call from the repository
    config = load_config(path, schema=StudyConfig)
    absent = [name for name in config.tasks.path if name != "builtin" and not Path(name).is_dir()]
    if absent:
        pytest.skip(f"needs tasks that are not part of the repository: {absent[0]}")
    whole = config.model.path == NANO  # a model twenty times as large is studied in part
    if not whole:  # the model may not be here, and nothing that is checked depends on it
        config.model.path = NANO
    check_study(config)
    study = Study(config, config.model.path, "")
    held_in, held_out = study.sides
    assert {task.family for task in held_out} >= FAMILIES
    assert {task.family for task in study.validation} >= FAMILIES
    assert {task.family for task, out in study.evaluated if not out} >= FAMILIES
    assert len(held_in) >= 60
    assert len(held_out) >= 15
    if whole:
        assert len(config.study.seeds) >= 3
        assert sorted(config.study.budgets) == ["targets", "tokens"]
        assert len(config.study.regimes) == 6


def test_the_studies_are_found():
    assert {"builtin.yaml", "recipe.yaml"} <= {path.name for path in studies()}
