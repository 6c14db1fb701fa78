"""The cells of a study, in the order in which they are worth computing.

The base and the searches first; then the models of the first seed, all regimes and budgets, each
measured at once, so that a study that is stopped early shows every regime; then the other seeds,
without which no claim is judged; the dedicated models, of which there are most, last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any

from manyicl.config import as_dict
from manyicl.study.adapt import MODEL
from manyicl.study.cells import Cell
from manyicl.study.context import Study
from manyicl.study.records import BASE, NO_BUDGET
from manyicl.study.regimes import own_shots
from manyicl.tasks import Task, TaskCollection
from manyicl.training.run_folder import FREE_KEYS
from manyicl.version import __version__

TOKENS_A_QUERY = 60  # for the time left only
NONE = ["none"]


def plan_cells(study: Study) -> list[Cell]:
    """Return every cell; each comes after those it needs."""
    section = study.config.study
    cells: list[Cell] = []
    for seed in section.seeds:
        cells += _measured(study, BASE, NO_BUDGET, seed)
    searched = [*section.regimes, *(section.left_out_regimes if section.left_out else ())]
    for regime in dict.fromkeys(searched):
        cells += _search(study, regime)
    for place, seed in enumerate(section.seeds):
        for budget in section.budgets:
            for regime in section.regimes:
                cells.append(_train(study, regime, budget, seed))
                cells += _measured(study, regime, budget, seed)
        if place == 0:
            cells += _left_out(study)
    cells += _dedicated_searches(study)
    for seed in section.seeds:
        cells += _dedicated(study, seed)
    return cells


def dedicated_tasks(study: Study) -> list[Task]:
    patterns = study.config.study.dedicated.tasks
    tasks = [task for task, _ in study.evaluated]
    if patterns == NONE:
        return []
    if not patterns:
        return tasks
    return list(TaskCollection(tuple(tasks)).matching(patterns, "study.dedicated.tasks"))


def _common(study: Study) -> dict[str, Any]:
    """What every result depends on: the base, the template, how it is computed."""
    plain = as_dict(study.config)
    model = {key: plain["model"][key] for key in ("dtype", "attention", "lora", "seed")}
    versions = [__version__, *map(_version, ("torch", "transformers"))]
    return {
        "base": study.base_identity,
        "model": model,
        "template": plain["template"],
        "versions": versions,
    }


def _version(package: str) -> str:
    """Return a version without what says for which device it was built (2.13.0+cpu is 2.13.0)."""
    return metadata.version(package).partition("+")[0]


def _training(study: Study, regime: str, seed: int, tasks: Sequence[Task]) -> dict[str, Any]:
    names = [task.name for task in tasks]
    config = as_dict(study.run_config(regime, seed=seed, held_in=names))
    for key in FREE_KEYS:  # what changes no weight
        section, _, name = key.partition(".")
        if section == "training":
            del config[section][name]
    return _common(study) | {
        "regime": regime,
        "seed": seed,
        "held_in": names,
        "data": study.fingerprints(tasks, "train"),
        "config": {key: config[key] for key in ("episodes", "objective", "training")},
    }


def _evaluation(study: Study) -> dict[str, Any]:
    config = asdict(study.config.evaluation)
    for key in (
        "held_in",
        "before",
        "samples",
        "seeds",
        "num_shots",
        "tokens_per_batch",
        "memory_mb",
    ):
        del config[key]
    return config


def _search(study: Study, regime: str) -> Iterator[Cell]:
    section, sweep = study.config.study, study.config.evaluation.num_shots
    tokens = section.search.tokens or section.tokens
    held_in = [task for task in study.sides[0] if task not in study.validation.tasks]
    for rate in (0.0, *section.search.learning_rates):  # 0: the untuned base, to compare with
        settings = _training(study, regime, section.seeds[0], held_in) | {
            "learning_rate": rate,
            "tokens": tokens,
            "num_shots": own_shots(regime, sweep),
            "validation": study.fingerprints(list(study.validation), "train"),
        }
        yield Cell("search", f"{regime}-{rate:g}", settings, (), 3.0 * tokens if rate else 1e4)


def _rates(study: Study, regime: str) -> tuple[str, ...]:
    return tuple(f"search/{regime}-{rate:g}" for rate in study.config.study.search.learning_rates)


def _train(study: Study, regime: str, budget: str, seed: int) -> Cell:
    section = study.config.study
    length = {"tokens": section.tokens} if budget == "tokens" else {"answers": section.targets}
    settings = _training(study, regime, seed, list(study.sides[0])) | length | {"budget": budget}
    tokens = section.tokens if budget == "tokens" else _tokens_of_targets(study, regime)
    name, rates = f"{regime}-{budget}-{seed}", _rates(study, regime)
    return Cell("train", name, settings, rates, 3.0 * tokens, keeps=MODEL)


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
    settings = who | {"retention": asdict(section.retention), "text": study.text.sha256}
    yield Cell("retention", name, settings, needs, 2.0 * section.retention.max_tokens)


def without_family(tasks: Iterable[Task], family: str) -> list[Task]:
    """Return the tasks without a family and without what shares a group, and so text, with it."""
    tasks = list(tasks)
    groups = {task.group for task in tasks if task.family == family}
    return [task for task in tasks if task.group not in groups]


def _left_out(study: Study) -> Iterator[Cell]:
    section, sweep = study.config.study, study.config.evaluation.num_shots
    seed = section.seeds[0]
    for family in section.left_out:
        held_in = without_family(study.sides[0], family)
        tested = [task for task, _ in study.evaluated if task.family == family]
        for regime in section.left_out_regimes:
            settings = _training(study, regime, seed, held_in) | {
                "family": family,
                "tokens": section.tokens,
                "num_shots": sorted({0, own_shots("few_shot", sweep), max(sweep)}),
                "tested": study.fingerprints(tested, "train", "test"),
                "evaluation": _evaluation(study),
            }
            needs = (*_rates(study, regime), f"evaluate/{BASE}-{NO_BUDGET}-{seed}")
            yield Cell("left_out", f"{regime}-{family}", settings, needs, 3.0 * section.tokens)


def _dedicated_searches(study: Study) -> Iterator[Cell]:
    for task, size, settings in _dedicated_settings(study):
        asked = study.config.study.dedicated
        cost = _dedicated_cost(study) * len(asked.learning_rates)
        seed = {"seed": study.config.study.seeds[0]}
        yield Cell("dedicated_search", f"{task.name}-{size}", settings | seed, (), cost)


def _dedicated(study: Study, seed: int) -> Iterator[Cell]:
    for task, size, settings in _dedicated_settings(study):
        needs = (f"dedicated_search/{task.name}-{size}",)
        asked = settings | {"seed": seed, "evaluation": _evaluation(study)}
        asked |= {"test": study.fingerprints([task], "test")}
        cost = _dedicated_cost(study)
        yield Cell("dedicated", f"{task.name}-{size}-{seed}", asked, needs, cost)


def _dedicated_settings(study: Study) -> Iterator[tuple[Task, int, dict[str, Any]]]:
    """Yield task, pool size and what a search and a training depend on; small pools first."""
    section = study.config.study.dedicated
    asked = asdict(section)
    del asked["pool_sizes"], asked["tasks"]
    config = _training(study, "zero_shot", 0, [])["config"]
    for key in ("seed", "learning_rate", "rows_per_step", "schedule", "steps", "epochs", "tokens"):
        del config["training"][key]
    del config["episodes"]["seed"]
    for size in section.pool_sizes:
        for task in dedicated_tasks(study):
            if len(task.train) >= size:
                yield (
                    task,
                    size,
                    _common(study)
                    | asked
                    | {
                        "task": task.name,
                        "pool_size": size,
                        "max_queries": study.config.evaluation.max_queries,
                        "data": study.fingerprints([task], "train"),
                        "config": config,
                    },
                )


def _dedicated_cost(study: Study) -> float:
    asked = study.config.study.dedicated
    return 3.0 * max(asked.steps) * asked.answers_per_step * TOKENS_A_QUERY
