"""The k-shot sweep of one task: one prefix a seed, of which each k shows the first k shots.

Smaller k show the first demonstrations of larger k (nested), so a curve shows what more shots do,
not what other shots do. No query meets itself or a near-duplicate among its demonstrations.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from manyicl.config import EvaluationConfig
from manyicl.episodes import EncodedPool, Pool, shared_order
from manyicl.episodes.select import SHARED_SELECTIONS
from manyicl.errors import EpisodeError
from manyicl.evaluation.metrics import MetricResult, metrics_for, score_predictions
from manyicl.evaluation.samples import Sample
from manyicl.evaluation.scores import KShotScore, summarise_seeds
from manyicl.inference import Answer, Engine, Prefix
from manyicl.inference.room import fitting_rows, rows_for_query, token_budget
from manyicl.tasks import Example, Task
from manyicl.tasks.task import Metric

DRAWN_SELECTIONS = ("random", "balanced", "mixed")  # those in which a seed decides something
QUERY_SEED = 0  # the queries are the same for every seed, k and model


def engine_limits(config: EvaluationConfig) -> dict[str, Any]:
    """Return what an evaluation's settings say to `Engine` about memory."""
    return {
        "tokens_per_batch": config.tokens_per_batch,
        "memory_mb": config.memory_mb,
        "prefix_storage": config.prefix_storage,
    }


@dataclass(frozen=True)
class Outcome:
    """What one seed gave at one k: answers in query order, shots that fitted, prompts as ids."""

    answers: list[Answer]
    shots: float
    prompts: list[list[int]]


def choose_queries(task: Task, most: int) -> list[tuple[int, Example]]:
    """Return (index in the test split, example): all, or a fixed random part in file order."""
    test = task.test
    if not most or most >= len(test):
        return list(enumerate(test))
    chosen = Pool(task).rng("queries", QUERY_SEED).permutation(len(test))[:most]
    return [(index, test[index]) for index in sorted(chosen.tolist())]


class TaskSweep:
    """A task made ready for its sweep. Building one raises `EpisodeError` on what cannot work."""

    def __init__(self, engine: Engine, task: Task, config: EvaluationConfig):
        self.engine, self.task, self.config = engine, task, config
        self.queries = choose_queries(task, config.max_queries)
        self.pool = EncodedPool(Pool(task), engine.encoder)
        most = max(config.num_shots)
        if most > len(self.pool):
            raise EpisodeError(
                f"evaluation.num_shots: asks for {most} shots, but task '{task.name}' has only "
                f"{len(self.pool)} train rows to show. Use at most {len(self.pool)}, add rows, "
                "or leave the task out."
            )
        engine.check_scoring(task, self.queries[0][1], config.scoring)
        self.room = token_budget(
            engine,
            self.pool,
            [query for _, query in self.queries],
            config.max_new_tokens,
            max_tokens=config.max_tokens,
            source=str(task.folder / "test.jsonl") if task.folder else f"task '{task.name}', test",
        ).prefix

    @property
    def seeds(self) -> list[int]:
        """The seeds that differ: with the others the same demonstrations would be shown again, and
        it would seem to say that their choice does not matter."""
        seeds = self.config.seeds
        return seeds if self.config.selection in DRAWN_SELECTIONS else seeds[:1]

    @cached_property
    def _near(self) -> list[set[int]]:
        """The rows that nearly equal each query."""
        return self.pool.pool.near_duplicates_of([example for _, example in self.queries])

    def with_config(self, config: EvaluationConfig) -> TaskSweep:
        """Return the sweep of the same queries with other shots, seeds or selection. What was found
        about near-duplicates and similarity is kept; what a query may take is not asked again."""
        other = copy.copy(self)
        other.config = config
        other._near = self._near
        return other

    def run(self, stage: str, held_out: bool) -> tuple[list[KShotScore], list[Sample]]:
        """Answer all queries at every k and seed; return the scores by k and every prediction."""
        by_shots: dict[int, list[Outcome]] = {k: [] for k in sorted(set(self.config.num_shots))}
        for k, outcome in self._sweep():
            by_shots[k].append(outcome)
        scores: list[KShotScore] = []
        samples: list[Sample] = []
        scoring = "generate" if self.task.kind == "generation" else self.config.scoring
        for k, outcomes in by_shots.items():
            results = [self._metrics(outcome) for outcome in outcomes]
            scores.append(
                summarise_seeds(
                    results,
                    self.task,
                    stage=stage,
                    held_out=held_out,
                    num_shots=k,
                    effective_shots=[outcome.shots for outcome in outcomes],
                    seeds=self.seeds,
                    selection=self.config.selection,
                    scoring=scoring,
                    cut=_share_cut(outcomes),
                    chance=self._chance(),
                )
            )
            for seed, outcome, result in zip(self.seeds, outcomes, results, strict=True):
                samples += self._samples(stage, k, seed, outcome, result)
        return scores, samples

    def too_long_gold(self) -> int:
        """Return how many queries have no gold answer that `max_new_tokens` would hold."""
        if self.task.kind != "generation":
            return 0
        most, encoder = self.config.max_new_tokens, self.engine.encoder
        return sum(
            all(len(encoder.target(text)) > most for text in query.references or (query.target,))
            for _, query in self.queries
        )

    def _chance(self) -> float | None:
        if self.task.kind == "generation" or self.task.metric == "macro_f1":
            return None
        return float(np.mean([1 / len(self.task.options_of(query)) for _, query in self.queries]))

    # --- seeds -----------------------------------------------------------------------------------

    def _sweep(self) -> Iterator[tuple[int, Outcome]]:
        """Yield what every k gave, seed by seed."""
        if self.config.selection not in SHARED_SELECTIONS:
            for seed in self.seeds:
                for k in sorted(set(self.config.num_shots)):
                    yield k, self._per_query(k, seed)
            return
        exclude = set().union(*self._near)
        shown: list[list[int]] = []
        for seed in self.seeds:
            order = shared_order(self.pool.pool, self.config.selection, seed, exclude)
            shown.append(fitting_rows(self.pool, order, self.room, max(self.config.num_shots)))
        together = self._prefixes_at_once(shown)
        for at in range(0, len(shown), together):
            yield from self._shared_sweep(shown[at : at + together])

    def _prefixes_at_once(self, shown: Sequence[list[int]]) -> int:
        if not self.engine.shares_prefix:
            return 1
        longest = max(self.pool.sequence(rows, trailing_separator=True).stops[-1] for rows in shown)
        num_bytes = longest * self.engine.prefix_token_bytes
        what = f"the prefix of task '{self.task.name}' ({longest:,} tokens)"
        return self.engine.limits.prefixes_at_once(num_bytes, what)

    def _shared_sweep(self, shown: Sequence[list[int]]) -> Iterator[tuple[int, Outcome]]:
        """One prefix a seed for all queries and k; what every k shows is a part of it."""
        examples = [example for _, example in self.queries]
        parts: list[Prefix] = []
        wanted: list[tuple[int, int]] = []  # k, and which part answers it
        for rows in shown:
            whole, first = self.engine.prefix(self.pool, rows), len(parts)
            for k in sorted(set(self.config.num_shots)):
                shots = min(k, len(rows))
                if len(parts) == first or parts[-1].num_shots != shots:
                    parts.append(whole.first(shots))
                wanted.append((k, len(parts) - 1))
        answers = self._answer([part for part in parts for _ in examples], examples * len(parts))
        outcomes = [
            Outcome(
                answers[number * len(examples) : (number + 1) * len(examples)],
                part.num_shots,
                [[*part.ids, *self._prompt(example)] for example in examples],
            )
            for number, part in enumerate(parts)
        ]
        for k, number in wanted:
            yield k, outcomes[number]

    def _per_query(self, k: int, seed: int) -> Outcome:
        """Every query with demonstrations of its own, and so with a prefix of its own."""
        answers, prompts, shots = [], [], 0
        for (_, example), near in zip(self.queries, self._near, strict=True):
            rows = rows_for_query(
                self.pool,
                example,
                k,
                self.room,
                selection=self.config.selection,
                seed=seed,
                similar_share=self.config.similar_share,
                near=near,
            )
            prefix = self.engine.prefix(self.pool, rows)
            answers += self._answer(prefix, [example])
            prompts.append([*prefix.ids, *self._prompt(example)])
            shots += len(rows)
        return Outcome(answers, shots / len(self.queries), prompts)

    def _answer(
        self, prefix: Prefix | Sequence[Prefix], queries: Sequence[Example]
    ) -> list[Answer]:
        config = self.config
        return self.engine.answer(self.task, prefix, queries, config.scoring, config.max_new_tokens)

    def _prompt(self, query: Example) -> list[int]:
        return self.engine.encoder.prompt(self.task, query.input, self.task.options_of(query))

    # --- results ---------------------------------------------------------------------------------

    def _metrics(self, outcome: Outcome) -> dict[Metric, MetricResult]:
        examples = [example for _, example in self.queries]
        texts = [answer.text for answer in outcome.answers]
        return {
            metric: score_predictions(metric, texts, examples, self.task.labels)
            for metric in metrics_for(self.task)
        }

    def _samples(
        self,
        stage: str,
        k: int,
        seed: int,
        outcome: Outcome,
        result: dict[Metric, MetricResult],
    ) -> Iterator[Sample]:
        for place, (index, example) in enumerate(self.queries):
            answer = outcome.answers[place]
            yield Sample(
                task=self.task.name,
                stage=stage,
                num_shots=k,
                seed=seed,
                doc_id=index,
                example=example,
                prompt=outcome.prompts[place],
                arguments=list(answer.scores or [{"max_new_tokens": self.config.max_new_tokens}]),
                responses=list(answer.scores.values()) if answer.scores else [answer.text],
                prediction=answer.text,
                cut=answer.cut,
                metrics={
                    metric: found.per_item[place]
                    for metric, found in result.items()
                    if metric != "macro_f1"
                },
            )


def _share_cut(outcomes: Sequence[Outcome]) -> float:
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    return sum(answer.cut for answer in answers) / len(answers)
