"""What a study refuses by its settings alone: each problem, with its key and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study.toy_studies import toy_study, with_text, write_toy_folder

from manyicl.study.check import check_study
from manyicl.study.check_settings import settings_problems

REGIMES = "zero_shot, few_shot, many_shot_last, many_shot, many_shot_symbols, many_shot_mixed"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_toy_folder(tmp_path_factory.mktemp("check"))


# Everything wrong with values alone: (changes, the problem).
VALUES: list[tuple[dict[str, Any], str]] = [
    (
        {"study__regimes": ["many_shot", "manyshot"]},
        "study.regimes: names 'manyshot', which is no regime of a study. Did you mean 'many_shot'? "
        f"Known: {REGIMES}.",
    ),
    (
        {"study__left_out_regimes": ["dedicated"]},
        "study.left_out_regimes: names 'dedicated', which is no regime of a study. Known: "
        f"{REGIMES}.",
    ),
    ({"study__regimes": []}, "study.regimes: is empty. Name at least one."),
    (
        {"study__regimes": ["few_shot", "many_shot", "few_shot"]},
        "study.regimes: names few_shot more than once. Name each once.",
    ),
    (
        {"study__budgets": ["seconds"]},
        "study.budgets: names 'seconds'; a budget is one of tokens, targets.",
    ),
    ({"study__budgets": []}, "study.budgets: is empty. Name at least one."),
    ({"study__seeds": []}, "study.seeds: is empty. Name at least one."),
    ({"study__seeds": [0, 1, 0]}, "study.seeds: names 0 more than once. Name each once."),
    ({"study__seeds": [-1]}, "study.seeds: is -1; it must be at least 0."),
    (
        {"study__left_out_regimes": []},
        "study.left_out_regimes: is empty, so nothing would be trained without math. Name regimes, "
        "or leave study.left_out empty.",
    ),
    (
        {"study__left_out": ["math", "math"]},
        "study.left_out: names math more than once. Name each once.",
    ),
    ({"study__tokens": 0}, "study.tokens: is 0; it must be at least 1."),
    ({"study__targets": -3}, "study.targets: is -3; it must be at least 1."),
    ({"study__orders": -1}, "study.orders: is -1; it must be at least 0."),
    ({"study__order_shots": 1}, "study.order_shots: is 1; it must be at least 2."),
    ({"study__workers": 0}, "study.workers: is 0; it must be at least 1."),
    ({"study__threads": -1}, "study.threads: is -1; it must be at least 0."),
    (
        {"study__similar_shots": [2, 0]},
        "study.similar_shots: is [2, 0]; list numbers above 0.",
    ),
    (
        {"study__search__learning_rates": []},
        "study.search.learning_rates: is []; list numbers above 0.",
    ),
    (
        {"study__search__learning_rates": [1e-3, -1.0]},
        "study.search.learning_rates: is [0.001, -1.0]; list numbers above 0.",
    ),
    (  # cells are named by what is printed
        {"study__search__learning_rates": [1e-4, 1.0000001e-4]},
        "study.search.learning_rates: names 0.0001 more than once. Name each once.",
    ),
    ({"study__search__tokens": -1}, "study.search.tokens: is -1; it must be at least 0."),
    (
        {"study__dedicated__learning_rates": [0.0]},
        "study.dedicated.learning_rates: is [0.0]; list numbers above 0.",
    ),
    ({"study__dedicated__steps": [0]}, "study.dedicated.steps: is [0]; list numbers above 0."),
    (
        {"study__dedicated__pool_sizes": [3, 16]},
        "study.dedicated.pool_sizes: is [3, 16]; list numbers of at least 4, as a smaller pool "
        "cannot be parted for a search.",
    ),
    (
        {"study__dedicated__pool_sizes": [16, 16]},
        "study.dedicated.pool_sizes: names 16 more than once. Name each once.",
    ),
    (
        {"study__dedicated__answers_per_step": 0},
        "study.dedicated.answers_per_step: is 0; it must be at least 1.",
    ),
    (
        {"study__dedicated__validation": 0.75},
        "study.dedicated.validation: is 0.75; it must be above 0 and at most 0.5.",
    ),
    (
        {"evaluation__num_shots": [2, 5, 8]},
        "evaluation.num_shots: is [2, 5, 8]; a study needs 0 among them, which zero-shot "
        "fine-tuning is meant for.",
    ),
    (
        {"study__similar_shots": [2, 9]},
        "study.similar_shots: asks for 9 shots, more than the largest of evaluation.num_shots, 8. "
        "Lower it, or raise that.",
    ),
    (
        {"study__order_shots": 16},
        "study.order_shots: asks for 16 shots, more than the largest of evaluation.num_shots, 8. "
        "Lower it, or raise that.",
    ),
    # --- what the study decides itself
    (
        {"training__learning_rate": 3e-4},
        "training.learning_rate: is 0.0003, but in a study study.search.learning_rates decides it. "
        "Leave it out.",
    ),
    (
        {"training__steps": 10},
        "training.steps: is 10, but in a study study.tokens and study.targets decides it. Leave it "
        "out.",
    ),
    (
        {"training__epochs": 2.0},
        "training.epochs: is 2.0, but in a study study.tokens and study.targets decides it. Leave "
        "it out.",
    ),
    (
        {"training__seed": 3},
        "training.seed: is 3, but in a study study.seeds decides it. Leave it out.",
    ),
    (
        {"episodes__seed": 3},
        "episodes.seed: is 3, but in a study study.seeds decides it. Leave it out.",
    ),
    (
        {"episodes__shots": 4},
        "episodes.shots: is '4', but in a study study.regimes decides it. Leave it out.",
    ),
    (
        {"episodes__symbols": 0.25},
        "episodes.symbols: is 0.25, but in a study study.regimes decides it. Leave it out.",
    ),
    (
        {"episodes__selection": "similar"},
        "episodes.selection: is 'similar', but in a study study.regimes decides it. Leave it out.",
    ),
    (
        {"episodes__similar_share": 0.25},
        "episodes.similar_share: is 0.25, but in a study study.regimes decides it. Leave it out.",
    ),
    (
        {"objective__supervise": "all_tokens"},
        "objective.supervise: is 'all_tokens', but in a study study.regimes decides it. Leave it "
        "out.",
    ),
    (
        {"evaluation__selection": "similar"},
        "evaluation.selection: is 'similar', but in a study study.similar_shots decides it. Leave "
        "it out.",
    ),
    (
        {"evaluation__seeds": [5]},
        "evaluation.seeds: is [5], but a study evaluates with study.seeds. Leave it out.",
    ),
    (
        {"training__report_to": ["tensorboard"]},
        "training.report_to: is ['tensorboard'], but a study has a report of its own and no "
        "tracker. Leave it out.",
    ),
    (  # and not the shots and the supervision that come with that regime
        {"regime": "few_shot"},
        "regime: is 'few_shot', but a study has several (study.regimes). Leave it out.",
    ),
]


@pytest.mark.parametrize(
    ("changes", "problem"), VALUES, ids=[f"{'-'.join(c)}={list(c.values())}" for c, _ in VALUES]
)
def test_values_that_cannot_be(folder, changes, problem):
    assert settings_problems(toy_study(folder, **changes)) == [problem]


def test_values_beside_the_point_are_let_through(folder):
    """Orders that are not measured need no shots; the seeds of an evaluation may be the study's."""
    changes = {"study__orders": 1, "study__order_shots": 50, "evaluation__seeds": [0]}
    check_study(toy_study(folder, **with_text(folder, **changes)))
