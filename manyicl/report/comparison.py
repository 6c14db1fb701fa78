"""What a report shows: the scores of one or more runs side by side, and which answers which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import get_args

from manyicl.errors import listing
from manyicl.evaluation.results import BASE, TUNED, Results, ResultsError
from manyicl.evaluation.scores import KShotScore
from manyicl.report.numbers import plural
from manyicl.tasks.task import Family

_LABELS = {BASE: "before", TUNED: "after"}


@dataclass(frozen=True)
class Comparison:
    """The runs by name, and all their scores with stage names that tell the runs apart."""

    runs: dict[str, Results]
    scores: list[KShotScore]
    pairs: list[tuple[str, str]]
    """(before, after) stages whose difference is of interest."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Run -> number of its tasks that not every run has, which are left out."""
    unlike: tuple[str, ...] = ()
    """Tasks that all have, but not with the same test rows, metric and number of queries."""
    separate: bool = False
    """The runs share no task: every mean is over a run's own tasks."""

    @property
    def scope(self) -> str:
        """Say which tasks are compared; empty where all runs have the same."""
        if self.separate:
            own = ", ".join(
                f"{run} has {plural(len(_task_keys(results)), 'task')}"
                for run, results in self.runs.items()
            )
            return (
                f"The runs share no task ({own}): every mean is over a run's own tasks, so means "
                f"of different runs must not be compared.{self._unlike()}"
            )
        if not self.left_out:
            return ""
        number = len({(score.task, score.held_out) for score in self.scores})
        left = ", ".join(f"{count} of {run}" for run, count in self.left_out.items())
        shared = f"the {plural(number, 'task')} that all runs share"
        return f"Compared on {shared}; left out: {left}.{self._unlike()}"

    def _unlike(self) -> str:
        if not self.unlike:
            return ""
        return (
            " Not with the same test rows, metric and number of queries, so no shared task: "
            f"{listing(list(self.unlike))}."
        )

    def size(self, stage: str, held_out: bool, family: str | None = None) -> int:
        """Return the number of tasks behind a stage's mean."""
        return len(
            {
                score.task
                for score in self.scores
                if score.stage == stage
                and score.held_out == held_out
                and family in (None, score.family)
            }
        )

    def sized(self, held_out: bool, family: str | None = None) -> str:
        """Return the number of tasks behind a mean; of each stage by itself if none is shared."""
        if not self.separate:
            return str(len(self.tasks(held_out=held_out, family=family)))
        sizes = ((stage, self.size(stage, held_out, family)) for stage in self.stages)
        return ", ".join(f"{self.label(stage)}: {size}" for stage, size in sizes if size)

    @cached_property
    def stages(self) -> list[str]:
        """Stage names, those to compare with first."""
        found = list(dict.fromkeys(score.stage for score in self.scores))
        return sorted(found, key=lambda stage: stage != BASE)

    @cached_property
    def num_shots(self) -> list[int]:
        return sorted({score.num_shots for score in self.scores})

    @cached_property
    def families(self) -> list[str]:
        """Families in the order of the task format, unknown ones last."""
        known = list(get_args(Family))
        found = {score.family for score in self.scores}
        return sorted(found, key=lambda name: [*known, name].index(name))

    @cached_property
    def sides(self) -> list[bool]:
        """Values of `held_out` that occur, held-out first."""
        return sorted({score.held_out for score in self.scores}, reverse=True)

    def label(self, stage: str) -> str:
        """Return the short name shown for a stage: before, after, or its own name."""
        return _LABELS.get(stage, stage)

    def tasks(self, *, held_out: bool, family: str | None = None) -> list[str]:
        """Return task names, in alphabetical order."""
        return sorted(
            {
                score.task
                for score in self.scores
                if score.held_out == held_out and family in (None, score.family)
            }
        )


def compare(runs: Results | Mapping[str, Results]) -> Comparison:
    """Lay one run, or several by name, side by side.

    Of several, only the tasks that all share (on the same side of held-in and held-out) are kept;
    if there are none, all are, and `separate` says so. `tuned` is shown under the run's name and
    `base` as before training, once where all runs started from the same scores. Raises
    `ResultsError` if there are no scores.
    """
    runs = {"": runs} if isinstance(runs, Results) else dict(runs)
    empty = [name for name, results in runs.items() if not results.scores]
    if empty or not runs:
        raise ResultsError(f"results{' of ' + empty[0] if any(empty) else ''}: hold no scores.")
    if len(runs) == 1:
        (results,) = runs.values()
        first, *others = results.stages
        return Comparison(runs, list(results.scores), [(first, other) for other in others])
    told = set.intersection(*({t for t in r.tasks if _rows(r, t)} for r in runs.values()))
    keys = {name: _task_keys(results, told) for name, results in runs.items()}
    common = frozenset.intersection(*keys.values())
    named = frozenset.intersection(*(frozenset(key[:2] for key in own) for own in keys.values()))
    unlike = tuple(sorted(task for task, _ in named - {key[:2] for key in common}))
    if not common:
        return replace(_overlay(runs), separate=True, unlike=unlike)
    kept = {
        name: replace(
            results, scores=[s for s in results.scores if _key(results, s, told) in common]
        )
        for name, results in runs.items()
    }
    left_out = {name: len(own - common) for name, own in keys.items() if own - common}
    return replace(_overlay(kept), runs=runs, left_out=left_out, unlike=unlike)


_Key = tuple[str, bool, str, int, str]


def _rows(results: Results, task: str) -> str:
    """Return the fingerprint of a task's test rows; empty where the results do not tell."""
    return str(results.tasks.get(task, {}).get("fingerprint", ""))


def _key(results: Results, score: KShotScore, told: Collection[str]) -> _Key:
    """Return what two runs must have alike of a task: name, side, metric, queries, test rows.

    `told` are the tasks of which all runs say what their test rows were.
    """
    rows = _rows(results, score.task) if score.task in told else ""
    return (score.task, score.held_out, score.metric, score.num_queries, rows)


def _task_keys(results: Results, told: Collection[str] = ()) -> frozenset[_Key]:
    return frozenset(_key(results, score, told) for score in results.scores)


def _overlay(runs: dict[str, Results]) -> Comparison:
    baselines = [[s for s in results.scores if s.stage == BASE] for results in runs.values()]
    shared = bool(baselines[0]) and all(found == baselines[0] for found in baselines)
    scores = list(baselines[0]) if shared else []
    pairs: list[tuple[str, str]] = []
    for run, results in runs.items():
        names = {stage: _name(run, stage, len(results.stages)) for stage in results.stages}
        if shared:
            names[BASE] = BASE
        scores += [
            replace(score, stage=names[score.stage])
            for score in results.scores
            if not (shared and score.stage == BASE)
        ]
        first, *others = results.stages
        pairs += [(names[first], names[other]) for other in others]
    if not pairs:
        first, *others = dict.fromkeys(score.stage for score in scores)
        pairs = [(first, other) for other in others]
    return Comparison(runs, scores, pairs)


def _name(run: str, stage: str, num_stages: int) -> str:
    if num_stages == 1 or stage == TUNED:
        return run
    return f"{run} (before)" if stage == BASE else f"{run} ({stage})"
