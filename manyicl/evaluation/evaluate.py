"""Evaluation of a run: every task, k and seed, for the untuned and the tuned model.

Finished tasks are kept in `evaluation/` of the run folder, so an evaluation that was interrupted
goes on where it stopped; a kept result is used only for the same weights, template, rows and
settings.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from manyicl.config import Config, as_dict
from manyicl.errors import ConfigError, ManyICLError, listing
from manyicl.evaluation.environment import describe_environment
from manyicl.evaluation.kshot import TaskSweep, engine_limits
from manyicl.evaluation.results import BASE, TUNED, Results, ResultsError
from manyicl.evaluation.scores import KShotScore
from manyicl.files import write_whole
from manyicl.inference import Engine
from manyicl.models import free_memory
from manyicl.tasks import Task, TaskCollection, load_tasks
from manyicl.training.base import base_path
from manyicl.training.model_folder import read_description
from manyicl.training.run_folder import bind, open_run
from manyicl.version import __version__

SCORING = 2  # raised when the same answers would get another score; 2: macro-F1, formulas, units
_MISSING = object()
# Settings that say which tasks and models, or how much at once, not how they are judged.
CHOICE_KEYS = ("held_in", "before", "tokens_per_batch", "memory_mb")


def evaluate(config: Config, stages: Sequence[str] | None = None) -> Results:
    """Evaluate a run's models k-shot and write results.json and samples.jsonl in its folder.

    Former ones of other evaluation settings stay, as results.N.json and samples.N.jsonl.

    `stages` are `base` (the untuned model) and `tuned` (the run's model/); by default `tuned` if
    there is one, and `base` if `evaluation.before` is set or nothing was trained.
    """
    held_in, held_out = load_tasks(config.tasks.path).split_held_out(
        config.tasks.held_in, config.tasks.held_out
    )
    _evaluated_tasks(config, held_in, held_out)  # wrong names are said before anything is written
    with open_run(config) as run_dir:
        # Bound to its configuration: what the model was trained on can't be called held out now.
        bind(run_dir, config, held_in, write=not (run_dir / "config.yaml").is_file())
        return _evaluate(config, run_dir, stages, held_in, held_out)


def _evaluate(
    config: Config,
    run_dir: Path,
    stages: Sequence[str] | None,
    held_in: TaskCollection,
    held_out: TaskCollection,
) -> Results:
    if stages is None:
        trained = (run_dir / "model").is_dir()
        stages = [TUNED] if trained else [BASE]
        if trained and config.evaluation.before:
            stages = [BASE, TUNED]
    tasks = _evaluated_tasks(config, held_in, held_out)
    left = len(held_in) + len(held_out) - len(tasks)
    if left:
        print(
            f"{left} held-in tasks are not evaluated; evaluation.held_in=[NAME, ...] adds them",
            file=sys.stderr,
        )
    scores: list[KShotScore] = []
    for stage in stages:
        engine = _load_engine(config, run_dir, stage, held_in)
        scores += evaluate_stage(engine, tasks, config, stage, run_dir / "evaluation" / stage)
        del engine  # two models need not fit at once
        free_memory()
    description = read_description(run_dir / "model") if TUNED in stages else None
    results = Results(
        scores=scores,
        config=as_dict(config),
        training=(description or {}).get("training", {}),
        environment=describe_environment(),
        tasks={task.name: _described(task) for task, _ in tasks},
    )
    _keep_former(run_dir, config)
    if config.evaluation.samples:
        _join_samples(run_dir, stages, [task.name for task, _ in tasks])
    results.save(run_dir / "results.json")
    return results


def _keep_former(run_dir: Path, config: Config) -> None:
    """Give results of other evaluation settings a name of their own before new ones are written."""
    if not (run_dir / "results.json").is_file():
        return
    try:
        former = Results.load(run_dir).config.get("evaluation")
    except ResultsError:  # of another version, or damaged: not ours to throw away
        former = None
    asked = as_dict(config)["evaluation"]
    reason = "which this version cannot read"
    if isinstance(former, dict):
        changed = [
            name
            for name in asked
            if name not in CHOICE_KEYS and former.get(name, _MISSING) != asked[name]
        ]
        if not changed:
            return
        reason = f"of other evaluation settings ({', '.join(changed)})"
    number = 1
    while any((run_dir / name).exists() for name in _kept_names(number)):
        number += 1
    results, samples = (run_dir / name for name in _kept_names(number))
    # The results last: cut short, they are moved next time.
    if (run_dir / "samples.jsonl").is_file():
        (run_dir / "samples.jsonl").rename(samples)
    (run_dir / "results.json").rename(results)
    print(f"Former results, {reason}, are kept: {results}", file=sys.stderr)


def _kept_names(number: int) -> tuple[str, str]:
    return f"results.{number}.json", f"samples.{number}.jsonl"


def evaluate_stage(
    engine: Engine,
    tasks: Sequence[tuple[Task, bool]],
    config: Config,
    stage: str,
    folder: Path,
) -> list[KShotScore]:
    """Return the scores of one model on (task, held out) pairs, keeping each task in `folder`."""
    identity = _identity(engine, config)
    open_tasks: list[tuple[Task, bool, str]] = []
    done: dict[str, list[KShotScore]] = {}
    for task, held_out in tasks:
        key = _key([*identity, held_out, task.fingerprint("train"), task.fingerprint("test")])
        kept = _read_kept(folder / f"{task.name}.json", key)
        if config.evaluation.samples and not (folder / f"{task.name}.samples.jsonl").is_file():
            kept = None  # its predictions were removed, and results without them would not be whole
        if kept is None:
            open_tasks.append((task, held_out, key))
        else:
            done[task.name] = kept
    # Everything that cannot work is found before the first answer is computed.
    problems: list[str] = []
    sweeps: list[tuple[TaskSweep, bool, str]] = []
    for task, held_out, key in open_tasks:
        try:
            sweeps.append((TaskSweep(engine, task, config.evaluation), held_out, key))
        except ManyICLError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    _say_too_long([sweep for sweep, _, _ in sweeps], config.evaluation.max_new_tokens)
    with _progress(f"evaluating {stage}", len(tasks), len(done)) as advance:
        for sweep, held_out, key in sweeps:
            scores, samples = sweep.run(stage, held_out)
            name = sweep.task.name
            if config.evaluation.samples:
                lines = [json.dumps(s.as_record(), ensure_ascii=False) + "\n" for s in samples]
                write_whole(folder / f"{name}.samples.jsonl", "".join(lines))
            kept_text = json.dumps({"key": key, "scores": [s.as_dict() for s in scores]})
            write_whole(folder / f"{name}.json", kept_text)
            done[name] = scores
            advance(name)
    return [score for task, _ in tasks for score in done[task.name]]


def _say_too_long(sweeps: Sequence[TaskSweep], most: int) -> None:
    """Say which tasks' own answers `max_new_tokens` cuts: no model can give them whole."""
    found = [(sweep.task.name, sweep.too_long_gold(), len(sweep.queries)) for sweep in sweeps]
    said = [f"{name} ({number} of {whole})" for name, number, whole in found if number]
    if said:
        print(
            f"warning: evaluation.max_new_tokens={most} is shorter than the right answers of "
            f"{listing(said)}, which therefore cannot be given in full. Raise it to score these "
            "fairly.",
            file=sys.stderr,
        )


def _identity(engine: Engine, config: Config) -> list[Any]:
    """Everything an answer or its score depends on besides the task's rows."""
    asked = asdict(config.evaluation)
    for name in CHOICE_KEYS:
        del asked[name]
    versions = [__version__, *(metadata.version(name) for name in ("torch", "transformers"))]
    attention = engine.model.config.get_text_config()._attn_implementation
    found = [SCORING, engine.identity, engine.encoder.fingerprint(), asked, versions, attention]
    return [*found, engine.manner] if engine.manner else found


def _evaluated_tasks(
    config: Config, held_in: TaskCollection, held_out: TaskCollection
) -> list[tuple[Task, bool]]:
    """Held-out tasks, and the held-in ones asked for; all held-in ones if none is held out."""
    patterns = config.evaluation.held_in or ([] if len(held_out) else ["*"])
    key = "evaluation.held_in"  # a held-out task may be named: it is evaluated as such
    chosen = held_in.matching(patterns, key, besides=held_out.tasks) if patterns else ()
    return [(task, True) for task in held_out] + [(task, False) for task in chosen]


def _described(task: Task) -> dict[str, Any]:
    """What a reader of results needs to know of a task; none of its text."""
    return {
        "family": task.family,
        "kind": task.kind,
        "metric": task.metric,
        "group": task.group,
        "num_labels": len(task.labels),
        "n_train": len(task.train),
        "n_test": len(task.test),
        "licence": task.source.get("licence", "not stated"),
        "train_sha256": task.fingerprint("train"),
        "fingerprint": task.fingerprint("test"),
    }


def _load_engine(config: Config, run_dir: Path, stage: str, held_in: TaskCollection) -> Engine:
    limits = engine_limits(config.evaluation)
    if stage == TUNED:
        folder = run_dir / "model"
        if not folder.is_dir():
            raise ConfigError(
                f"run_dir: {run_dir} holds no trained model (model/). Train first, or name the "
                "folder of a finished run."
            )
        return Engine.load(str(folder), config.model, **limits)
    path = base_path(config, run_dir, held_in)
    return Engine.load(path, config.model, config.template, **limits)


def _key(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _read_kept(path: Path, key: str) -> list[KShotScore] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["key"] == key:
            return [KShotScore.from_dict(score) for score in found["scores"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or of another version: computed again
    return None


def _join_samples(run_dir: Path, stages: Sequence[str], names: Sequence[str]) -> None:
    files = [
        run_dir / "evaluation" / stage / f"{name}.samples.jsonl"
        for stage in stages
        for name in names
    ]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    write_whole(run_dir / "samples.jsonl", text)


@contextmanager
def _progress(title: str, total: int, done: int) -> Iterator[Any]:
    """A bar on a terminal, a line a task elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if done:
        console.print(f"{title}: {done} of {total} tasks done before")
    if not console.is_terminal:
        count = done

        def line(name: str) -> None:
            nonlocal count
            count += 1
            print(f"{title}: {count}/{total} {name}", file=sys.stderr, flush=True)

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(title, total=total, completed=done)
        yield lambda name: bar.update(task, advance=1, description=f"{title} {name}")
