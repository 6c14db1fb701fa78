"""Dedicated fine-tuning: one model for one task, with a search of its own, on pools of any size.

The pool of size n holds the first n demonstrations of the order that k-shot prompts show too, so
"64 shots" and "fine-tuned on 64 examples" mean the same 64 examples. A part of the pool is set
aside to choose learning rate and number of steps by the loss of its answers; then a fresh model is
trained on the whole pool. It answers without demonstrations. The search is done with the first
seed's pool; the other seeds take its choice.

Several numbers of steps are read off one training: the learning rate stays constant after a warm-up
of the same few steps in every training, so that each is the beginning of a longer one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from manyicl.config import Config, ObjectiveConfig
from manyicl.episodes import EncodedPool, Encoder, EpisodeStream, Pool, shared_order
from manyicl.episodes.sequence import EncodedSequence
from manyicl.errors import Diverged, EpisodeError
from manyicl.evaluation.calibration import expected_calibration_error, option_confidence
from manyicl.evaluation.kshot import choose_queries, engine_limits
from manyicl.evaluation.metrics import score_predictions
from manyicl.inference import Engine
from manyicl.models import load_model, stored_dtype, widen_slow_bf16
from manyicl.models.flops import Shape, training_flops
from manyicl.study.adapt import Found
from manyicl.study.cells import Cell
from manyicl.study.context import Study
from manyicl.study.in_memory import AtSteps, fit
from manyicl.study.records import Dedicated
from manyicl.tasks import Example, Task
from manyicl.training.freezing import freeze
from manyicl.training.isolation import sequences_kept_apart
from manyicl.training.loss import supervised_nll
from manyicl.training.plan import Plan
from manyicl.training.rows import RowDataset, make_row

FEWEST = 0.9  # of a pool's size that must be there
WARMUP = 4  # steps, fewer where the fewest steps tried are few
PATIENCE = 2  # checkpoints in a row without a lower loss after which a trial ends


@dataclass(frozen=True)
class Choice:
    """What a search chose, the tokens it computed, and every trial as (rate, steps, loss)."""

    learning_rate: float
    steps: int
    tokens: int
    trials: tuple[tuple[float, int, float], ...] = ()


def dedicated_search(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Choose learning rate and steps for one task and pool size."""
    asked = cell.settings
    began = time.perf_counter()
    trainee = Trainee(study, study.task(asked["task"]), folder / "work", asked)
    choice = trainee.search(trainee.pool_rows(asked["seed"]), asked["seed"])
    return vars(choice) | {"seconds": time.perf_counter() - began}


def dedicated(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Fine-tune one model for one task on a pool of one size, and score it."""
    asked, (chosen,) = cell.settings, needs.values()
    rate, steps, seed = chosen["learning_rate"], chosen["steps"], asked["seed"]
    began = time.perf_counter()
    trainee = Trainee(study, study.task(asked["task"]), folder / "work", asked)
    model, tokens, supervised = trainee.train(trainee.pool_rows(seed), rate, steps, seed)
    seconds = time.perf_counter() - began
    # The search was done once and serves all seeds; each model is what it takes to get one.
    searched = chosen["tokens"]
    score, ece = trainee.score(model)
    record = Dedicated(
        task=asked["task"],
        pool_size=asked["pool_size"],
        seed=seed,
        score=score,
        learning_rate=rate,
        steps=steps,
        tokens=tokens,
        search_tokens=searched,
        supervised_answers=steps * asked["answers_per_step"],
        seconds=seconds + chosen["seconds"],
        flops=trainee.flops(model, tokens, searched, supervised, steps),
        ece=ece,
    )
    return {"dedicated": [vars(record)]}


class Trainee:
    """One task being learned by copies of the base model."""

    def __init__(self, study: Study, task: Task, folder: Path, asked: Any):
        self.study, self.task, self.folder, self.asked = study, task, folder, asked
        self.encoder = Encoder(study.tokenizer, study.config.template)
        self.queries = [query for _, query in choose_queries(task, asked["max_queries"])]
        self.whole = Pool(task)
        self.near = set().union(*self.whole.near_duplicates_of(self.queries))

    def pool_rows(self, seed: int) -> list[Example]:
        """Return the first examples of the order that k-shot prompts show, as many as asked for.

        A prompt shows no two that are nearly the same; a training may, so those come last. Near
        duplicates of test queries never come. Raises `EpisodeError` if too few are left.
        """
        order, size = shared_order(self.whole, "random", seed, self.near), self.asked["pool_size"]
        others = set(range(len(self.whole))).difference(order, self.near)
        rows = [*order, *sorted(others)][:size]
        if len(rows) < FEWEST * size:
            raise EpisodeError(
                f"study.dedicated.pool_sizes: {size} examples of '{self.task.name}' are asked "
                f"for, but only {len(rows)} are no near-duplicates of test queries. Leave that "
                "size out."
            )
        return [self.whole.examples[row] for row in rows]

    def search(self, rows: list[Example], seed: int) -> Choice:
        """Return learning rate and steps with the lowest loss on a set-aside part of `rows`."""
        aside = max(1, round(self.asked["validation"] * len(rows)))
        kept, held = rows[:-aside], rows[-aside:]
        best = (math.inf, self.asked["learning_rates"][0], min(self.asked["steps"]))
        tokens, trials = 0, []
        for rate in self.asked["learning_rates"]:
            try:
                losses, used = self._trial(kept, held, rate, seed)
            except Diverged:  # this rate is too high here
                continue
            tokens += used
            tried = [(rate, steps, loss) for steps, loss in losses if math.isfinite(loss)]
            best = min([best, *((loss, rate, steps) for rate, steps, loss in tried)])
            trials += tried
        return Choice(best[1], best[2], tokens, tuple(trials))

    def _trial(
        self, kept: list[Example], held: list[Example], rate: float, seed: int
    ) -> tuple[list[tuple[int, float]], int]:
        """Return (steps, loss on `held`) along one training, and the tokens it took."""
        losses: list[tuple[int, float]] = []
        steps = sorted(self.asked["steps"])

        def watch(packed: bool) -> AtSteps:
            batches = self._validation_rows(held, packed=packed)

            def look(step: int, model: Any) -> bool:
                losses.append((step, _mean_loss(model, batches)))
                recent = [loss for _, loss in losses[-PATIENCE:]]
                earlier = min((loss for _, loss in losses[:-PATIENCE]), default=math.inf)
                return min(recent) > earlier

            return AtSteps(steps, look)

        _, tokens, _ = self._fit(kept, rate, steps[-1], seed, watch)
        return losses, tokens

    def train(
        self, rows: list[Example], rate: float, steps: int, seed: int
    ) -> tuple[Any, int, int]:
        """Return a model trained on all rows, its tokens and supervised tokens."""
        return self._fit(rows, rate, steps, seed, None)

    def _fit(
        self,
        rows: list[Example],
        rate: float,
        steps: int,
        seed: int,
        watch: Callable[[bool], AtSteps] | None,
    ) -> tuple[Any, int, int]:
        """`watch` makes the callback, told whether rows hold several sequences."""
        stream = self._stream(rows, seed)
        for name, number in stream.counts.too_long.items():
            print(f"left out: {number} rows of '{name}' longer than episodes.max_tokens")
        plan, rows_per_step = self._plan(stream, steps)
        config = self._config(rate, rows_per_step, seed)
        config.training.warmup = min(WARMUP, min(self.asked["steps"]) // 2) / steps
        data = RowDataset(plan, stream, config.objective)
        model: Any = load_model(self.study.base, config.model, training=True)
        freeze(model, config.training.freeze)
        callback = watch(any(len(row) > 1 for row in plan)) if watch else None
        with sequences_kept_apart(model, plan):
            done = fit(model, data, config, self.study.tokenizer, self.folder, callback)
        shown = [episode for row in plan[: done * rows_per_step] for episode in row]
        sequences = [stream.sequence(episode) for episode in shown]
        supervised = sum(span.stop - span.start for s in sequences for span in s.spans)
        return model, sum(len(s) for s in sequences), supervised

    def _config(self, rate: float, rows_per_step: int, seed: int) -> Config:
        config = self.study.run_config(
            "zero_shot", seed=seed, held_in=[self.task.name], learning_rate=rate, tokens=1
        )
        config.training.schedule = "constant"
        config.training.rows_per_step = rows_per_step
        return config

    def _stream(self, rows: Sequence[Example], seed: int) -> EpisodeStream:
        task = replace(self.task, load=lambda split: list(rows))
        config = self._config(1.0, 1, seed).episodes
        return EpisodeStream([EncodedPool(Pool(task), self.encoder)], config)

    def _plan(self, stream: EpisodeStream, steps: int) -> tuple[Plan, int]:
        """Return rows and rows a step, so that every step holds equally many answers."""
        answers = self.asked["answers_per_step"]
        episodes = [next(stream) for _ in range(steps * answers)]
        together = self._together(max(episode.num_tokens for episode in episodes))
        plan = [episodes[at : at + together] for at in range(0, len(episodes), together)]
        return plan, answers // together

    def _together(self, longest: int) -> int:
        """Return how many answers of a step share a row, a divisor of them all, by the longest."""
        answers, config = self.asked["answers_per_step"], self.study.config.episodes
        fitting = [n for n in range(1, answers + 1) if answers % n == 0]
        fits = config.max_tokens // longest if config.packing else 1
        return max(n for n in fitting if n == 1 or n <= fits)

    def _validation_rows(self, rows: Sequence[Example], *, packed: bool) -> list[dict[str, Any]]:
        """Return rows of one answer each or, where training rows are `packed`, full ones."""
        limit = self.study.config.episodes.max_tokens if packed else 0
        pool = EncodedPool(Pool(replace(self.task, load=lambda split: list(rows))), self.encoder)
        sequences = [pool.sequence([row]) for row in range(len(rows))]
        parts: list[list[EncodedSequence]] = []
        for sequence in sorted(sequences, key=len):
            if parts and sum(map(len, parts[-1])) + len(sequence) <= limit:
                parts[-1].append(sequence)
            else:
                parts.append([sequence])
        return [make_row(part, ObjectiveConfig()).as_batch() for part in parts]

    def score(self, model: Any) -> tuple[float, float | None]:
        """Return the test score without demonstrations, and the calibration error if closed."""
        config, settings = self.study.config.evaluation, self.study.config.model
        if settings.dtype == "auto" and not settings.lora.rank:  # as the other models are stored
            model.to(stored_dtype(self.study.base, trust_remote_code=settings.trust_remote_code))
            model = widen_slow_bf16(model)
        model.eval()
        engine = Engine(
            model,
            self.encoder,
            eos_token_id=self.study.tokenizer.eos_token_id,
            **engine_limits(config),
        )
        prefix = engine.prefix(EncodedPool(self.whole, self.encoder), [])
        answers = engine.answer(
            self.task, prefix, self.queries, config.scoring, config.max_new_tokens
        )
        texts = [answer.text for answer in answers]
        result = score_predictions(self.task.metric, texts, self.queries, self.task.labels)
        if self.task.kind == "generation":
            return result.mean, None
        confidences = [option_confidence(list((a.scores or {}).values())) for a in answers]
        correct = [t == q.target for t, q in zip(texts, self.queries, strict=True)]
        return result.mean, expected_calibration_error(confidences, correct)

    def flops(self, model: Any, tokens: int, searched: int, supervised: int, steps: int) -> float:
        """Return the operations of search and training; both supervise in the same proportion."""
        length = tokens / (steps * self.asked["answers_per_step"])
        share, tokens = supervised / tokens, tokens + searched
        return training_flops(Shape.of(model), tokens, round(share * tokens), length)


def _mean_loss(model: Any, rows: Sequence[dict[str, Any]]) -> float:
    """Return the mean loss (nats) over the answers' tokens."""
    training = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            device = model.device
            inputs = {k: v.to(device) for k, v in row.items() if isinstance(v, torch.Tensor)}
            nll = supervised_nll(model, inputs)
            total, count = total + float(nll.sum()), count + len(nll)
    model.train(training)
    return total / count
