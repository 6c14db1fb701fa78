"""A study's results as page and tables ask for them: what there is, and curves computed once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import get_args

from manyicl.report.numbers import count, plural
from manyicl.study.analysis.claims import own_point
from manyicl.study.analysis.curves import CurvePoint, DedicatedMean, curve, dedicated_mean
from manyicl.study.analysis.points import (
    BASE_MODEL,
    DedicatedPoint,
    ModelKey,
    Point,
    fit_words,
    pool_sizes,
    table,
)
from manyicl.study.records import BASE, BUDGETS, NO_BUDGET, StudyResults
from manyicl.study.regimes import REGIMES, TITLES
from manyicl.tasks.task import Family


class StudyView:
    """Regimes, budgets, families and task counts of a study, in the order they are shown."""

    def __init__(self, results: StudyResults) -> None:
        self.results = results
        self._curves: dict[tuple[ModelKey, bool, str | None], list[CurvePoint]] = {}

    @cached_property
    def budgets(self) -> list[str]:
        """Budgets of the fine-tuned models, `tokens` first; `none` if only the base is there."""
        found = {model.budget for model in (*self.results.models, *self.results.scores)}
        found.discard(NO_BUDGET)
        listed = [b for b in BUDGETS if b in found] + sorted(found - set(BUDGETS))
        return listed or [NO_BUDGET]

    @cached_property
    def regimes(self) -> list[str]:
        """The base, then the regimes in the order of `REGIMES`."""
        found = {model.regime for model in (*self.results.models, *self.results.scores)}
        order = [BASE, *REGIMES]
        return [r for r in order if r in found] + sorted(found - set(order))

    @cached_property
    def seeds(self) -> str:
        """The number of seeds in words, of the fine-tuned models where there are any.

        `1 to 3 seeds` where a study is not complete: the base is measured with all seeds first.
        """
        found: dict[tuple[str, str], set[int]] = {}
        for record in (*self.results.models, *self.results.scores):
            found.setdefault((record.regime, record.budget), set()).add(record.seed)
        tuned = [seeds for (regime, _), seeds in found.items() if regime != BASE]
        return seeds_in_words(map(len, tuned or found.values()))

    @cached_property
    def any_full(self) -> bool:
        """Whether fewer demonstrations than asked for fitted the context anywhere."""
        return any(fit_words(one.num_shots, one.effective_shots) for one in self.results.scores)

    @property
    def max_queries(self) -> int:
        """The most queries of a task, from the configuration; 0 if it does not tell, or has all."""
        section = self.results.config.get("evaluation")
        found = section.get("max_queries") if isinstance(section, dict) else None
        return found if isinstance(found, int) else 0

    def families(self, held_out: bool) -> list[str]:
        """Return the families of a side, in the order of the task format."""
        found = {task.family for task in self.results.tasks if task.held_out == held_out}
        known = [name for name in get_args(Family) if name in found]
        return known + sorted(found - set(known))

    def num_tasks(self, held_out: bool, family: str | None = None) -> int:
        return sum(
            task.held_out == held_out and family in (None, task.family)
            for task in self.results.tasks
        )

    def scope(self, held_out: bool) -> str:
        """Return `24 held-out tasks, 3 seeds`."""
        side = "held-out" if held_out else "held-in"
        return f"{plural(self.num_tasks(held_out), side + ' task')}, {self.seeds}"

    def key(self, regime: str, budget: str) -> ModelKey:
        return BASE_MODEL if regime == BASE else ModelKey(regime, budget)

    def own(self, regime: str, budget: str) -> Point | None:
        """Return a model at its own number of shots, of those it was scored at."""
        return own_point(self.results, self.key(regime, budget))

    def curve(
        self, regime: str, budget: str, held_out: bool, family: str | None = None
    ) -> list[CurvePoint]:
        """Return `analysis.curve`, computed once."""
        at = (self.key(regime, budget), held_out, family)
        if at not in self._curves:
            self._curves[at] = curve(self.results, at[0], held_out=held_out, family=family)
        return self._curves[at]

    def score(
        self, regime: str, budget: str, held_out: bool, family: str | None = None
    ) -> CurvePoint | None:
        """Return the mean at the regime's own number of shots; None if it was not measured."""
        own = self.own(regime, budget)
        if own is None:
            return None
        points = self.curve(regime, budget, held_out, family)
        found = {point.num_shots: point for point in points if point.num_tasks}
        return found.get(own.num_shots)

    @cached_property
    def pools(self) -> list[int]:
        return pool_sizes(self.results)

    def dedicated(
        self, pool: int, held_out: bool, family: str | None = None
    ) -> DedicatedMean | None:
        """Return the mean of all tasks that have this pool size; None if none has."""
        return dedicated_mean(self.results, pool, held_out=held_out, family=family)

    def pool_for(self, point: Point) -> int | None:
        """Return the smallest pool that holds a point's shots, else the largest; None if none."""
        pools = pool_sizes(self.results, held_out=True)
        return min((p for p in pools if p >= point.num_shots), default=max(pools, default=None))

    def with_every_pool(self, held_out: bool, family: str | None = None) -> StudyView:
        """Return the part of the study whose tasks have every pool size of that family."""
        sizes = pool_sizes(self.results, held_out=held_out, family=family)
        points = [DedicatedPoint(size) for size in sizes]
        if not points:
            return StudyView(replace(self.results, tasks=(), scores=(), dedicated=()))
        names = set(table(self.results, points, held_out=held_out, family=family).tasks)
        return StudyView(
            replace(
                self.results,
                tasks=tuple(task for task in self.results.tasks if task.task in names),
                scores=tuple(score for score in self.results.scores if score.task in names),
                dedicated=tuple(one for one in self.results.dedicated if one.task in names),
            )
        )


def seeds_in_words(counts: Iterable[int]) -> str:
    """Write numbers of seeds.

    >>> seeds_in_words([3, 3]), seeds_in_words([1, 3, 2])
    ('3 seeds', '1 to 3 seeds')
    """
    found = sorted(set(counts)) or [0]
    few = f"{found[0]} to " if len(found) > 1 else ""
    return few + plural(found[-1], "seed")


def title_of(regime: str) -> str:
    """Return a regime's name for people."""
    return TITLES.get(regime, regime)


def budget_words(results: StudyResults, budget: str) -> str:
    """Return what a budget makes equal, with its size where the configuration tells it."""
    section = results.config.get("study") or {}
    size = section.get(budget) if isinstance(section, dict) else None
    what = {"tokens": "training tokens", "targets": "supervised answers"}.get(budget)
    if what is None:
        return "no fine-tuning yet" if budget == NO_BUDGET else budget
    return f"equal {what} ({count(size)} each)" if isinstance(size, int) else f"equal {what}"
