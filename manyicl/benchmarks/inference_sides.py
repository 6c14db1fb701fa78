"""Inference, as sides: sweeps, cost by context length, and ways to keep a prefix."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from manyicl.benchmarks import shapes
from manyicl.benchmarks.kshot_sides import query_shape, rounded, the_task
from manyicl.benchmarks.memory import settle
from manyicl.benchmarks.operations import prefill_flops, query_flops, sweep_flops
from manyicl.benchmarks.turns import Turns

# --- one sweep, or its largest k alone -----------------------------------------------------------


def sweep(settings: Mapping[str, Any], turns: Turns) -> None:
    """Evaluate every k of `settings["num_shots"]` with `TaskSweep`."""
    _sweep(settings, turns, settings["num_shots"])


def single(settings: Mapping[str, Any], turns: Turns) -> None:
    """Evaluate the largest k alone with `TaskSweep`."""
    _sweep(settings, turns, [max(settings["num_shots"])])


def _sweep(settings: Mapping[str, Any], turns: Turns, num_shots: list[int]) -> None:
    from manyicl.config import EvaluationConfig
    from manyicl.evaluation.kshot import TaskSweep
    from manyicl.models.flops import Shape

    engine = shapes.engine(settings)
    task = shapes.generated_task(settings["task"], settings["pool"], settings["queries"])
    config = EvaluationConfig(num_shots=num_shots, seeds=[0], max_queries=0, selection="first")
    run = TaskSweep(engine, task, config)
    stops = _shown(run, task).stops
    queries = [query_shape(engine.encoder, task, query) for query in task.test]
    operations = sweep_flops(Shape.of(engine.model), [stops[k] for k in num_shots], queries)
    scores, _ = run.run("warm-up", held_out=True)
    fitted = {str(score.num_shots): score.effective_shots for score in scores}
    turns.ready(
        dtype=settings.get("dtype", "float32"), points=len(num_shots), effective_shots=fitted
    )
    for _ in turns:
        run = TaskSweep(engine, task, config)  # anew, so that nothing is left of the last turn
        scores, _ = run.run("turn", held_out=True)
        turns.stop()
        turns.report(units=1, operations=operations, scores={s.num_shots: s.mean for s in scores})


def _shown(run: Any, task: Any) -> Any:
    """Return the sequence of demonstrations that a sweep over the first rows shows."""
    from manyicl.episodes import shared_order

    exclude = set().union(*run.pool.pool.near_duplicates_of(task.test))
    order = shared_order(run.pool.pool, "first", 0, exclude)
    return run.pool.sequence(order[: max(run.config.num_shots)], trailing_separator=True)


# --- cost by context -----------------------------------------------------------------------------


def prefill(settings: Mapping[str, Any], turns: Turns) -> None:
    """Compute prefixes of about `settings["tokens"]` tokens."""
    from manyicl.models.flops import Shape

    engine, pool, rows = _long_prefix(settings)
    prefix = engine.prefix(pool, rows)
    operations = prefill_flops(Shape.of(engine.model), len(prefix))
    facts = _size_facts(prefix)
    del prefix
    turns.baseline()
    turns.ready(dtype=settings.get("dtype", "float32"), **facts)
    for _ in turns:
        prefix = engine.prefix(pool, rows)
        turns.report(units=len(prefix), operations=operations)
        del prefix


def query(settings: Mapping[str, Any], turns: Turns) -> None:
    """Answer queries on one prefix of about `settings["tokens"]` tokens."""
    from manyicl.models.flops import Shape

    engine, pool, rows = _long_prefix(settings)
    turns.baseline()
    prefix = engine.prefix(pool, rows)
    task, shape = pool.task, Shape.of(engine.model)
    engine.choose(task, prefix, task.test[:4])
    operations = sum(
        query_flops(shape, len(prefix), query_shape(engine.encoder, task, asked))
        for asked in task.test
    )
    turns.ready(dtype=settings.get("dtype", "float32"), **_size_facts(prefix))
    for _ in turns:
        engine.choose(task, prefix, task.test)
        turns.report(units=len(task.test), operations=operations)


def _long_prefix(settings: Mapping[str, Any]) -> tuple[Any, Any, list[int]]:
    """Return an engine, a pool, and the first rows that fill `settings["tokens"]` tokens."""
    from manyicl.episodes import EncodedPool
    from manyicl.episodes.select import Pool
    from manyicl.inference.room import fitting_rows

    engine = shapes.engine(settings)
    task = shapes.generated_task(settings["task"], settings["pool"], settings["queries"])
    pool = EncodedPool(Pool(task), engine.encoder)
    return engine, pool, fitting_rows(pool, range(len(pool)), settings["tokens"])


def _size_facts(prefix: Any) -> dict[str, Any]:
    return {
        "prefix_tokens": len(prefix),
        "shots": prefix.num_shots,
        "prefix_bytes": prefix.num_bytes,
    }


# --- kept in fewer bytes -------------------------------------------------------------------------


def kept_as_computed(settings: Mapping[str, Any], turns: Turns) -> None:
    """Answer from a prefix in the model's own dtype."""
    _kept(settings, turns, "model")


def kept_in_int8(settings: Mapping[str, Any], turns: Turns) -> None:
    """Answer from a prefix in 8-bit integers with a scale for every block of values."""
    _kept(settings, turns, "int8")


def kept_offloaded(settings: Mapping[str, Any], turns: Turns) -> None:
    """Answer from a prefix in the host's memory, fetched layer by layer."""
    _kept(settings, turns, "offload")


def _kept(settings: Mapping[str, Any], turns: Turns, storage: Any) -> None:
    from manyicl.episodes import EncodedPool
    from manyicl.episodes.select import Pool

    engine, task = shapes.engine(settings), the_task(settings)
    pool = EncodedPool(Pool(task), engine.encoder)
    rows = range(settings["k"])
    turns.baseline()
    prefix = engine.prefix(pool, rows, storage=storage)
    engine.choose(task, prefix, task.test[:4])
    turns.ready(dtype=settings.get("dtype", "float32"), **_size_facts(prefix))
    for turn in turns:
        began = time.perf_counter()
        prefix = engine.prefix(pool, rows, storage=storage)
        settle()
        prefill_seconds = time.perf_counter() - began
        answers = engine.choose(task, prefix, task.test)
        turns.stop()
        right = sum(a.text == q.target for a, q in zip(answers, task.test, strict=True))
        turns.report(
            units=len(answers),
            prefill_seconds=prefill_seconds,
            accuracy=right / len(answers),
            answers=[rounded(answer.scores or {}) for answer in answers] if turn == 0 else [],
        )
