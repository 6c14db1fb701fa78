"""Advice for a user's task: measured in curve.py, judged in rules.py, worded in text.py."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyicl.config import EvaluationConfig
from manyicl.episodes import shared_order
from manyicl.errors import EpisodeError
from manyicl.evaluation.kshot import TaskSweep
from manyicl.inference import Engine
from manyicl.inference.room import fitting_rows
from manyicl.models import gguf, shipped
from manyicl.study.advice.curve import (
    MIN_ROWS,
    Advance,
    AdviseSettings,
    guessing,
    measure_curve,
    set_aside,
    shot_numbers,
    single_answer_metric,
)
from manyicl.study.advice.dedicated_outlook import Outlook, outlook, regime_of_run
from manyicl.study.advice.rules import (
    Choice,
    Effect,
    Estimate,
    Verdict,
    above,
    choose,
    mean_over_queries,
    more_shots,
    similar_shots,
)
from manyicl.study.records import StudyResults
from manyicl.tasks import Task
from manyicl.training.model_folder import model_path, read_description


@dataclass(frozen=True)
class Point:
    """A point of the measured curve."""

    selection: str
    num_shots: int
    effective_shots: float
    score: Estimate
    prompt_tokens: float


@dataclass(frozen=True)
class Advice:
    """What was measured on a task, and what it says. `text.py` writes it in words."""

    task: str
    model: str
    rows: int
    """Train rows of the task; a dedicated fine-tune could learn from all of them."""
    refusal: str = ""
    """Why nothing was measured and nothing can be said of shots; else empty."""
    folder: str = ""
    """Of the task; empty for a built-in one."""
    task_metric: str = ""
    metric: str = ""
    """What scores are: the task's metric, or for macro-F1 that of single answers."""
    num_queries: int = 0
    num_seeds: int = 0
    pool_rows: int = 0
    """Train rows that may be shown together: no queries, no near-duplicates of one or another."""
    too_long: int = 0
    """Train rows that were passed over as queries, because the context does not hold them."""
    context_shots: int = 0
    """Random shots that context and pool hold beside the longest query."""
    curve: tuple[Point, ...] = ()
    majority: float | None = None
    """Score of always giving the pool's most frequent answer."""
    chance: float | None = None
    """Expected score of a random option; None where answers are written."""
    does_task: Verdict = "cannot_tell"
    """Whether any point is above the better of the two."""
    more_shots: Effect | None = None
    similar: Effect | None = None
    choice: Choice | None = None
    dedicated: Outlook | None = None
    """None without a study."""
    base: str = ""
    """The model that `model` was tuned from, or itself."""

    def to_json(self) -> str:
        """Return the advice as JSON, its sentences included."""
        from manyicl.study.advice.text import notes, recommendation

        found = dataclasses.asdict(self)
        found = {"recommendation": recommendation(self), "notes": notes(self), **found}
        return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def advise(
    task: Task,
    model: str,
    settings: AdviseSettings | None = None,
    *,
    study: StudyResults | None = None,
    trust_remote_code: bool = False,
    advance: Advance | None = None,
) -> Advice:
    """Measure the task's curves with a model (run folder, model folder, hub id, `nano`) and judge.

    Raises `ManyICLError` where the model or the task cannot be read, or the context is too small.
    """
    settings = settings or AdviseSettings()
    path = model_path(model)
    description = read_description(path)
    untrained = model if gguf.is_gguf(model) else path
    base = str((description or {}).get("base", untrained))
    advice = Advice(
        task=task.name,
        model=model,
        rows=len(task.train),
        base=base,
        folder=str(task.folder or ""),
        task_metric=task.metric,
    )
    if study is not None:
        advice = dataclasses.replace(advice, dedicated=_outlook(study, task, description, base))
    if refusal := _refusal(task, description):
        return dataclasses.replace(advice, refusal=refusal)
    engine = Engine.load(path, trust_remote_code=trust_remote_code)
    return _measured(advice, engine, task, settings, advance or (lambda *_: None))


def _refusal(task: Task, description: dict[str, Any] | None) -> str:
    if len(task.train) < MIN_ROWS:
        return (
            f"the task has {len(task.train)} train rows; {MIN_ROWS} are the least that can be "
            "parted into queries and demonstrations"
        )
    for trained in _trained_on(description):
        if trained["name"] == task.name or trained["sha256"] == task.fingerprint("train"):
            return (
                f"the model was trained on task '{trained['name']}', so its answers to train rows "
                "say nothing about new ones. Train a run without it "
                f"(tasks.held_out=[{task.name}]), or measure on the test rows: "
                f"'manyicl evaluate RUN evaluation.held_in=[{task.name}]'"
            )
    return ""


def _trained_on(description: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Yield the tasks a model was tuned on, and those of runs that it was tuned from."""
    seen: set[str] = set()
    while description is not None:
        yield from description.get("tasks", [])
        base = str(description.get("base", ""))
        description = None if base in seen else read_description(base)
        seen.add(base)


def _outlook(
    study: StudyResults, task: Task, description: dict[str, Any] | None, base: str
) -> Outlook:
    found = study.config.get("model")
    named = str(found.get("path") or "") if isinstance(found, dict) else ""
    return outlook(
        study,
        task,
        len(task.train),
        regime=regime_of_run(description),
        same_model=_same(named, base) if named else None,
        study_model=named,
    )


def _same(one: str, other: str) -> bool:
    if shipped.is_nano(one) or shipped.is_nano(other):
        return shipped.is_nano(one) and shipped.is_nano(other)
    if gguf.is_gguf(one) or gguf.is_gguf(other):
        one, other = shipped.resolve(one), shipped.resolve(other)
    return one == other or Path(one).resolve() == Path(other).resolve()


def _measured(
    advice: Advice, engine: Engine, task: Task, settings: AdviseSettings, advance: Advance
) -> Advice:
    parted, too_long = set_aside(engine, task, settings)
    config = EvaluationConfig(
        num_shots=[0],
        seeds=list(range(settings.seeds)),
        max_queries=0,
        max_tokens=settings.max_tokens,
        max_new_tokens=settings.max_new_tokens,
    )
    sweep = TaskSweep(engine, parted, config)
    pool = sweep.pool.pool
    excluded = set().union(*pool.near_duplicates_of(parted.test))
    orders = [shared_order(pool, "random", seed, excluded) for seed in config.seeds]
    advice = dataclasses.replace(
        advice,
        num_queries=len(parted.test),
        num_seeds=settings.seeds,
        pool_rows=min(map(len, orders)),
        too_long=too_long,
    )
    if not orders[0]:
        return dataclasses.replace(
            advice,
            refusal="every train row equals or nearly equals a row set aside as a query, so "
            "there is nothing to show that does not give the answer away",
        )
    held = min(len(fitting_rows(sweep.pool, order, sweep.room)) for order in orders)
    if not held:
        raise EpisodeError(
            f"task '{task.name}': no demonstration fits the context beside the longest query. Use "
            "a model of longer context, a higher --max-tokens, or shorter rows."
        )
    metric = single_answer_metric(parted)
    curve = list(
        measure_curve(sweep, config, shot_numbers(held, settings.max_shots), metric, advance)
    )
    guesses, most_frequent, chance = guessing(parted, metric)
    similar = similar_shots(curve)
    choice = choose(curve, similar.verdict)
    return dataclasses.replace(
        advice,
        metric=metric,
        context_shots=held,
        curve=tuple(
            Point(
                point.selection,
                point.num_shots,
                point.effective_shots,
                mean_over_queries(point.scores),
                point.prompt_tokens,
            )
            for point in curve
        ),
        majority=most_frequent,
        chance=chance,
        does_task=above(curve, guesses),
        more_shots=more_shots(curve, choice.selection),
        similar=similar,
        choice=choice,
    )
