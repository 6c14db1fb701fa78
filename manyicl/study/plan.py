"""The cells of a study, in the order in which they are worth computing.

The base and the searches first; then the models of the first seed, all regimes and budgets, each
measured at once, so that a study that is stopped early shows every regime; then the other seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from manyicl.config import as_dict
from manyicl.study.cells import Cell
from manyicl.study.context import Study
from manyicl.study.records import BASE, NO_BUDGET
from manyicl.study.regimes import own_shots
from manyicl.study.retention.plain_text import load_texts
from manyicl.tasks import Task

TOKENS_A_QUERY = 60  # for the time left only
NONE = ["none"]


def plan_cells(study: Study) -> list[Cell]:
    """Return every cell; each comes after those it needs."""
    section = study.config.study
    cells: list[Cell] = []
    for seed in section.seeds:
        cells += _measured(study, BASE, NO_BUDGET, seed)
        cells += [cell for regime in section.regimes for cell in _search(study, regime)] * (
            seed == section.seeds[0]
        )
    extra = [name for name in section.left_out_regimes if name not in section.regimes]
    if section.left_out:
        cells += [cell for regime in extra for cell in _search(study, regime)]
    for place, seed in enumerate(section.seeds):
        for budget in section.budgets:
            for regime in section.regimes:
                cells.append(_train(study, regime, budget, seed))
                cells += _measured(study, regime, budget, seed)
        if place == 0:
            cells += _left_out(study)
            cells += _dedicated(study)
    return cells


def dedicated_tasks(study: Study) -> list[Task]:
    patterns = study.config.study.dedicated.tasks
    tasks = [task for task, _ in study.evaluated]
    if patterns == NONE:
        return []
    if not patterns:
        return tasks
    both = type(study.sides[0])(tuple(tasks))
    return list(both.matching(patterns, "study.dedicated.tasks"))


def _common(study: Study) -> dict[str, Any]:
    """What every result depends on: the base, the template, how it is computed."""
    plain = as_dict(study.config)
    model = {key: plain["model"][key] for key in ("dtype", "attention", "lora", "seed")}
    return {"base": study.base_identity, "model": model, "template": plain["template"]}


def _training(study: Study, regime: str, seed: int, tasks: Sequence[Task]) -> dict[str, Any]:
    names = [task.name for task in tasks]
    config = as_dict(study.run_config(regime, seed=seed, held_in=names))
    return _common(study) | {
        "regime": regime,
        "seed": seed,
        "held_in": names,
        "data": study.fingerprints(tasks, "train"),
        "config": {key: config[key] for key in ("episodes", "objective", "training")},
    }


def _evaluation(study: Study) -> dict[str, Any]:
    config = asdict(study.config.evaluation)
    for key in ("held_in", "before", "samples", "seeds", "num_shots", "tokens_per_batch"):
        del config[key]
    return config


def _search(study: Study, regime: str) -> Iterator[Cell]:
    section, sweep = study.config.study, study.config.evaluation.num_shots
    tokens = section.search.tokens or section.tokens
    held_in = [task for task in study.sides[0] if task not in study.validation.tasks]
    for rate in section.search.learning_rates:
        settings = _training(study, regime, section.seeds[0], held_in) | {
            "learning_rate": rate,
            "tokens": tokens,
            "num_shots": own_shots(regime, sweep),
            "validation": study.fingerprints(list(study.validation), "train", "test"),
            "evaluation": _evaluation(study),
        }
        yield Cell("search", f"{regime}-{rate:g}", settings, (), 3.0 * tokens)


def _rates(study: Study, regime: str) -> tuple[str, ...]:
    return tuple(f"search/{regime}-{rate:g}" for rate in study.config.study.search.learning_rates)


def _train(study: Study, regime: str, budget: str, seed: int) -> Cell:
    section = study.config.study
    length = {"tokens": section.tokens} if budget == "tokens" else {"answers": section.targets}
    settings = _training(study, regime, seed, list(study.sides[0])) | length | {"budget": budget}
    tokens = section.tokens if budget == "tokens" else _tokens_of_targets(study, regime)
    return Cell("train", f"{regime}-{budget}-{seed}", settings, _rates(study, regime), 3.0 * tokens)


def _tokens_of_targets(study: Study, regime: str) -> float:
    """Guess the tokens of a model with so many targets: they differ much between regimes."""
    answers = study.config.study.targets
    a_row = study.config.episodes.max_tokens
    return answers * {"many_shot_last": a_row, "few_shot": 6 * TOKENS_A_QUERY}.get(
        regime, TOKENS_A_QUERY
    )


def _measured(study: Study, regime: str, budget: str, seed: int) -> Iterator[Cell]:
    section, config = study.config.study, study.config.evaluation
    name = f"{regime}-{budget}-{seed}"
    needs = () if regime == BASE else (f"train/{name}",)
    who = _common(study) | {"regime": regime, "budget": budget, "seed": seed}
    who |= {"evaluation": _evaluation(study)}
    tasks = [task for task, _ in study.evaluated]
    data = study.fingerprints(tasks, "train", "test")
    sides = {task.name: out for task, out in study.evaluated}
    queries = len(tasks) * (config.max_queries or 200)
    shots = sorted(set(config.num_shots))
    similar = section.similar_shots if seed == section.seeds[0] else []  # a prefix for every query
    settings = who | {
        "num_shots": shots,
        "similar_shots": similar,
        "data": data,
        "held_out": sides,
        "max_tokens": study.config.episodes.max_tokens,  # of the loss by shot
    }
    prefixes = len(tasks) * study.config.episodes.max_tokens
    cost = (len(shots) + 10 * len(similar)) * queries * TOKENS_A_QUERY + prefixes
    yield Cell("evaluate", name, settings, needs, cost)
    if section.orders > 1:
        settings = who | {"orders": section.orders, "order_shots": section.order_shots}
        settings |= {"data": data, "held_out": sides}
        cost = section.orders * (queries * TOKENS_A_QUERY + prefixes) / 4
        yield Cell("orders", name, settings, needs, cost)
    text = load_texts(section.retention.text)
    settings = who | {"retention": asdict(section.retention), "text": text.sha256}
    yield Cell("retention", name, settings, needs, 2.0 * section.retention.max_tokens)


def _left_out(study: Study) -> Iterator[Cell]:
    section, sweep = study.config.study, study.config.evaluation.num_shots
    seed = section.seeds[0]
    for family in section.left_out:
        held_in = [task for task in study.sides[0] if task.family != family]
        tested = [task for task, _ in study.evaluated if task.family == family]
        for regime in section.left_out_regimes:
            settings = _training(study, regime, seed, held_in) | {
                "family": family,
                "tokens": section.tokens,
                "num_shots": own_shots(regime, sweep),
                "tested": study.fingerprints(tested, "train", "test"),
                "evaluation": _evaluation(study),
            }
            needs = (*_rates(study, regime), f"evaluate/{BASE}-{NO_BUDGET}-{seed}")
            yield Cell("left_out", f"{regime}-{family}", settings, needs, 3.0 * section.tokens)


def _dedicated(study: Study) -> Iterator[Cell]:
    section = study.config.study
    asked = asdict(section.dedicated)
    sizes, _ = asked.pop("pool_sizes"), asked.pop("tasks")
    config = as_dict(study.run_config("zero_shot", seed=0, held_in=[]))
    for key in ("seed", "learning_rate", "rows_per_step", "schedule", "steps", "epochs", "tokens"):
        del config["training"][key]
    del config["episodes"]["seed"]
    for size in sizes:
        for task in dedicated_tasks(study):
            if len(task.train) < size:
                continue
            settings = (
                _common(study)
                | asked
                | {
                    "task": task.name,
                    "pool_size": size,
                    "seeds": section.seeds,
                    "max_queries": study.config.evaluation.max_queries,
                    "evaluation": _evaluation(study),
                    "data": study.fingerprints([task], "train", "test"),
                    "config": {key: config[key] for key in ("episodes", "training")},
                }
            )
            trainings = len(asked["learning_rates"]) / 2 + len(section.seeds) / 2
            steps = min(max(asked["steps"]), size)
            cost = 3.0 * trainings * steps * asked["answers_per_step"] * TOKENS_A_QUERY
            yield Cell("dedicated", f"{task.name}-{size}", settings, (), cost)
