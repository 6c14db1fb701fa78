"""The rows of the report's tables, as values; numbers are written out by the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyicl.evaluation.curves import is_clear, mean_curve, paired_difference
from manyicl.evaluation.scores import KShotScore
from manyicl.report.comparison import Comparison
from manyicl.report.numbers import plural


@dataclass(frozen=True)
class Cell:
    """One score or difference in [-1, 1], with what is said about it."""

    value: float
    low: float | None = None
    high: float | None = None
    std: float | None = None
    """Over seeds; None for one seed or a mean over tasks."""
    effective_shots: float | None = None
    """Only where it differs from the shots asked for."""
    clear: bool = False
    """For differences: `curves.is_clear`, or for one task: the two intervals do not overlap."""


@dataclass(frozen=True)
class Row:
    """One stage, or the difference of two; one cell for each k of the sweep, None if not run."""

    label: str
    cells: tuple[Cell | None, ...]
    is_difference: bool = False


@dataclass(frozen=True)
class Block:
    """All rows of one task, one family, or all families together."""

    name: str
    family: str
    num_tasks: int
    rows: tuple[Row, ...]
    metric: str = ""
    chance: float | None = None
    num_queries: int = 0


def mean_blocks(found: Comparison, held_out: bool) -> list[Block]:
    """Return one block over all families, then one for each; only one if they would be the same."""
    families = [f for f in found.families if found.tasks(held_out=held_out, family=f)]
    if len(families) == 1:
        return [_mean_block(found, held_out, families[0], families[0])]
    whole = _mean_block(found, held_out, None, "all")
    return [whole, *(_mean_block(found, held_out, family, family) for family in families)]


def task_blocks(found: Comparison, held_out: bool, family: str) -> list[Block]:
    """Return one block for each task of a family."""
    tasks = found.tasks(held_out=held_out, family=family)
    return [_task_block(found, task) for task in tasks]


def _mean_block(found: Comparison, held_out: bool, family: str | None, name: str) -> Block:
    scores = [score for score in found.scores if family in (None, score.family)]
    points = {(p.stage, p.num_shots): p for p in mean_curve(scores, held_out=held_out)}
    rows = []
    for stage in found.stages:
        cells = []
        for k in found.num_shots:
            point = points.get((stage, k))
            cells.append(
                None
                if point is None
                else Cell(
                    point.mean,
                    point.low,
                    point.high,
                    effective_shots=_if_fewer(point.effective_shots, k),
                )
            )
        size = found.size(stage, held_out, family)
        own = f" ({plural(size, 'task')})" if found.separate else ""
        if size or not found.separate:
            rows.append(Row(found.label(stage) + own, tuple(cells)))
    for before, after in found.pairs:
        cells = []
        for k in found.num_shots:
            gap = paired_difference(scores, before, after, k, held_out)
            cells.append(
                None
                if gap is None
                else Cell(
                    gap.mean,
                    gap.low,
                    gap.high,
                    clear=is_clear(gap),
                )
            )
        if any(cells) or not found.separate:
            rows.append(_difference_row(found, before, after, cells))
    num_tasks = len(found.tasks(held_out=held_out, family=family))
    return Block(name, family or "", num_tasks, tuple(rows))


def _task_block(found: Comparison, task: str) -> Block:
    scores = {(s.stage, s.num_shots): s for s in found.scores if s.task == task}
    rows = [
        Row(
            found.label(stage),
            tuple(_score_cell(scores.get((stage, k))) for k in found.num_shots),
        )
        for stage in found.stages
    ]
    for before, after in found.pairs:
        cells = [
            _gap_cell(scores.get((before, k)), scores.get((after, k))) for k in found.num_shots
        ]
        rows.append(_difference_row(found, before, after, cells))
    one = next(iter(scores.values()))
    queries = max(score.num_queries for score in scores.values())
    return Block(task, one.family, 1, tuple(rows), one.metric, one.chance, queries)


def _score_cell(score: KShotScore | None) -> Cell | None:
    if score is None:
        return None
    return Cell(
        score.mean,
        score.low,
        score.high,
        std=score.std if len(score.seeds) > 1 else None,
        effective_shots=_if_fewer(score.effective_shots, score.num_shots),
    )


def _gap_cell(before: KShotScore | None, after: KShotScore | None) -> Cell | None:
    if before is None or after is None:
        return None
    apart = after.low > before.high or before.low > after.high
    return Cell(after.mean - before.mean, clear=apart)


def _difference_row(
    found: Comparison, before: str, after: str, cells: Sequence[Cell | None]
) -> Row:
    named = f"{found.label(after)} − {found.label(before)}"
    return Row("difference" if len(found.pairs) == 1 else named, tuple(cells), is_difference=True)


def _if_fewer(effective: float, asked: int) -> float | None:
    return effective if abs(effective - asked) > 0.05 else None
