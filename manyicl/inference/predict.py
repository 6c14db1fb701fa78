"""Prediction: answers for queries of one's own, by a model that is shown a task's demonstrations.

One prefix serves all queries where the selection does not depend on the query. Everything that
cannot work is found before the first answer is computed. Files are prediction_files.py.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from manyicl.episodes import EncodedPool, Pool, shared_order
from manyicl.episodes.select import SHARED_SELECTIONS
from manyicl.errors import ConfigError, EpisodeError, PrefixError, listing
from manyicl.inference.engine import Engine
from manyicl.inference.prefix import Prefix
from manyicl.inference.room import Budget, fitting_rows, rows_for_query, token_budget
from manyicl.inference.saved_prefix import check_place, open_saved, save_whole
from manyicl.tasks import Example, Task

QUERIES_AT_ONCE = 32  # answered between two signs of progress
Note = Callable[[str], None]


@dataclass(frozen=True)
class Prediction:
    """The answer to a query, after `num_shots` demonstrations.

    `scores` are what the options were compared by, in nats (see score.adjust); None where the
    answer was generated.
    """

    query: Example
    answer: str
    num_shots: int
    scores: dict[str, float] | None = None
    cut: bool = False
    """Whether a generated answer reached `max_new_tokens` before it ended."""

    @property
    def probability(self) -> float | None:
        """The answer's probability among the options: the softmax of the scores."""
        if self.scores is None:
            return None
        best = self.scores[self.answer]
        return 1 / math.fsum(math.exp(score - best) for score in self.scores.values())


@dataclass(frozen=True)
class PredictSettings:
    """How demonstrations are chosen and answers found."""

    num_shots: int | None = None
    """Demonstrations shown; None: as many as fit with the longest query."""
    selection: str = "random"
    """random, balanced and first share one prefix; similar and mixed choose for every query."""
    similar_share: float = 0.5
    """With `mixed`: share of the demonstrations that are similar to the query."""
    seed: int = 0
    scoring: str = "sum"
    """sum, mean or prior (see score.adjust)."""
    max_new_tokens: int = 64
    """Longest generated answer."""
    max_tokens: int = 0
    """Token budget of prefix, query and answer; 0 takes the model's own limit."""

    def __post_init__(self) -> None:
        for name, least in (("num_shots", 0), ("max_new_tokens", 1), ("max_tokens", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name}: is {value}; it must be at least {least}.")
        if not 0 <= self.similar_share <= 1:
            raise ConfigError(f"similar_share: is {self.similar_share}; it must be 0 to 1.")


def predict(
    engine: Engine,
    task: Task,
    queries: Sequence[Example],
    settings: PredictSettings | None = None,
    *,
    prefix_file: str | Path | None = None,
    source: str = "query",
    note: Note | None = None,
    advance: Callable[[int], None] | None = None,
    keep: Callable[[Sequence[Prediction]], None] | None = None,
) -> list[Prediction]:
    """Answer the queries in their order, shown demonstrations of the task's train split.

    No query meets itself or a near-duplicate. `prefix_file` is read if it is there and written
    otherwise. `source` names the queries in messages, `note` is told what was done (default: to
    stderr), `advance` how many queries were just answered, `keep` is given their predictions (for a
    caller that may be interrupted). Raises `ManyICLError` on bad input.
    """
    predictor = _Predictor(
        engine,
        task,
        queries,
        settings or PredictSettings(),
        source,
        tell=note or _to_stderr,
        advance=advance or (lambda number: None),
        keep=keep or (lambda predictions: None),
    )
    return predictor.run(Path(prefix_file) if prefix_file else None)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


class _Predictor:
    def __init__(
        self,
        engine: Engine,
        task: Task,
        queries: Sequence[Example],
        settings: PredictSettings,
        source: str,
        *,
        tell: Note,
        advance: Callable[[int], None],
        keep: Callable[[Sequence[Prediction]], None],
    ):
        self.tell, self.advance, self.keep = tell, advance, keep
        self.engine, self.task, self.settings = engine, task, settings
        self.queries, self.source = list(queries), source
        self.pool = EncodedPool(Pool(task), engine.encoder)
        self.shares = settings.selection in SHARED_SELECTIONS

    def run(self, prefix_file: Path | None) -> list[Prediction]:
        self._check(prefix_file)
        if not self.queries:
            return []
        self.budget = self._budget()
        self._near = self.pool.pool.near_duplicates_of(self.queries)
        if not self.shares:
            return self._one_by_one()
        prefix = self._shared_prefix(prefix_file)
        predictions: list[Prediction] = []
        for at in range(0, len(self.queries), QUERIES_AT_ONCE):
            predictions += self._answer(prefix, self.queries[at : at + QUERIES_AT_ONCE])
        self._say_cut(predictions)
        return predictions

    def _say_cut(self, predictions: Sequence[Prediction]) -> None:
        cut = [at for at, prediction in enumerate(predictions) if prediction.cut]
        if cut:
            self.tell(
                f"cut: {len(cut)} of {len(predictions)} answers reached "
                f"{self.settings.max_new_tokens} new tokens before they ended "
                f"({listing([self._row(at) for at in cut])}). Let them be longer "
                "(--max-new-tokens), or show more examples."
            )

    def _check(self, prefix_file: Path | None) -> None:
        wanted = self.settings.num_shots or 0
        if wanted > len(self.pool):
            raise EpisodeError(
                f"asked for {wanted} shots, but task '{self.task.name}' has only "
                f"{len(self.pool)} demonstrations to show. Use at most {len(self.pool)}."
            )
        if prefix_file and not self.shares:
            raise PrefixError(
                f"{prefix_file}: with selection '{self.settings.selection}' every query has a "
                f"prefix of its own, so none can be kept. Use {', '.join(SHARED_SELECTIONS)}."
            )
        bare = [at for at, query in enumerate(self.queries) if not self.task.options_of(query)]
        if bare and self.task.kind != "generation":
            raise EpisodeError(
                f"{self.source}: {self._row(bare[0])} has no options, but task '{self.task.name}' "
                f"is of kind '{self.task.kind}'. Give every query its options."
            )
        if self.queries:
            self.engine.check_scoring(self.task, self.queries[0], self.settings.scoring)
        if prefix_file:
            check_place(self.engine, prefix_file)

    def _row(self, index: int) -> str:
        return f"row {self.queries[index].row or index + 1}"

    def _budget(self) -> Budget:
        return token_budget(
            self.engine,
            self.pool,
            self.queries,
            self.settings.max_new_tokens,
            max_tokens=self.settings.max_tokens,
            source=self.source,
        )

    # --- one prefix for all queries --------------------------------------------------------------

    def _shared_prefix(self, prefix_file: Path | None) -> Prefix:
        rows = self._shared_rows()
        if prefix_file and prefix_file.exists():
            return self._saved_prefix(prefix_file, rows)
        if not rows and self.settings.num_shots != 0:
            self._check_pool_not_empty()
        excluded = set().union(*self._near)
        if excluded:
            self.tell(
                f"left out for all queries: {len(excluded)} of {len(self.pool)} demonstrations "
                "that equal or nearly equal a query"
            )
        self._say_shown(len(rows), self.pool.sequence(rows, trailing_separator=True).stops[-1])
        prefix = self.engine.prefix(self.pool, rows)
        if prefix_file:
            save_whole(self.engine, prefix, prefix_file)
            self.tell(f"prefix saved: {prefix_file}")
        return prefix

    def _shared_rows(self) -> list[int]:
        order = shared_order(
            self.pool.pool,
            self.settings.selection,
            self.settings.seed,
            set().union(*self._near),
        )
        return fitting_rows(self.pool, order, self.budget.prefix, self.settings.num_shots)

    def _saved_prefix(self, path: Path, chosen: list[int]) -> Prefix:
        """Return the saved prefix, cropped to what is asked for and fits."""
        prefix, rows = open_saved(self.engine, self.pool, path)
        if prefix.layers and prefix.layers.storage != self.engine.prefix_storage:
            self.tell(
                f"{path}: was kept with storage '{prefix.layers.storage}' and is used so, not with "
                f"'{self.engine.prefix_storage}'"
            )
        wanted = self.settings.num_shots
        if wanted is not None and len(rows) < len(chosen):
            raise PrefixError(
                f"{path}: holds {len(rows)} demonstrations; {wanted} are asked for and "
                f"{len(chosen)} could be shown. Ask for fewer, or name a new file, and the prefix "
                "is computed."
            )
        fits = [k for k, stop in enumerate(prefix.stops) if k == 0 or stop <= self.budget.prefix]
        fitting = fits[-1]
        shots = fitting if wanted is None else min(wanted, fitting)
        met = [
            self._row(at) for at, near in enumerate(self._near) if near.intersection(rows[:shots])
        ]
        if met:
            raise PrefixError(
                f"{path}: shows demonstrations that equal or nearly equal queries of "
                f"{self.source} ({listing(met)}). Name a new file: they are left out when the "
                "prefix is computed for these queries."
            )
        if rows[:shots] != chosen[:shots]:
            self.tell(
                f"{path}: holds other demonstrations than selection "
                f"'{self.settings.selection}' with seed {self.settings.seed} takes now; those of "
                "the file are shown"
            )
        prefix = prefix.first(shots)
        self._say_shown(shots, len(prefix))
        return prefix

    def _check_pool_not_empty(self) -> None:
        if len(set().union(*self._near)) == len(self.pool):
            raise EpisodeError(
                f"every demonstration of task '{self.task.name}' equals or nearly equals a query "
                f"of {self.source}, so none can be shown to all queries. Choose for each query "
                "(selection similar), show none (0 shots), or give other demonstrations."
            )

    def _say_shown(self, shots: int, tokens: int) -> None:
        wanted = self.settings.num_shots
        few = ""
        if wanted is not None and shots < wanted:
            few = (
                f", fewer than the {wanted} asked for: no more fit the {self.budget.limit:,} "
                "tokens of the context, or differ from the queries and each other"
            )
        self.tell(f"shown: {shots} of {len(self.pool)} demonstrations, {tokens:,} tokens{few}")

    # --- a prefix for every query ----------------------------------------------------------------

    def _one_by_one(self) -> list[Prediction]:
        settings, wanted = self.settings, self.settings.num_shots
        if wanted is None:  # so many as fit on average: what each query takes differs
            order = shared_order(self.pool.pool, "random", settings.seed)
            wanted = len(fitting_rows(self.pool, order, self.budget.prefix))
        predictions: list[Prediction] = []
        for query, near in zip(self.queries, self._near, strict=True):
            rows = rows_for_query(
                self.pool,
                query,
                wanted,
                self.budget.prefix,
                selection=settings.selection,
                seed=settings.seed,
                similar_share=settings.similar_share,
                near=near,
            )
            predictions += self._answer(self.engine.prefix(self.pool, rows), [query])
        shots = [prediction.num_shots for prediction in predictions]
        least = "" if min(shots) == max(shots) else f"{min(shots)} to "
        self.tell(
            f"shown: {least}{max(shots)} of {len(self.pool)} demonstrations, chosen for each query"
        )
        self._say_cut(predictions)
        return predictions

    # --- answers ---------------------------------------------------------------------------------

    def _answer(self, prefix: Prefix, queries: Sequence[Example]) -> list[Prediction]:
        settings = self.settings
        answers = self.engine.answer(
            self.task, prefix, queries, settings.scoring, settings.max_new_tokens
        )
        predictions = [
            Prediction(query, answer.text, prefix.num_shots, answer.scores, answer.cut)
            for query, answer in zip(queries, answers, strict=True)
        ]
        self.keep(predictions)
        self.advance(len(queries))
        return predictions
