"""The engine: a model and its encoder, answering queries by shown examples.

It is what evaluation and prediction talk to: give it demonstrations once, then queries.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyicl.config import ModelConfig, TemplateConfig
from manyicl.episodes import EncodedPool, Encoder
from manyicl.errors import Diverged
from manyicl.inference.generate import generate
from manyicl.inference.layers import Storage
from manyicl.inference.memory import Limits, bytes_per_prefix_token
from manyicl.inference.prefill import prefill
from manyicl.inference.prefix import Prefix, load_prefix, save_prefix
from manyicl.inference.score import OptionQuery, adjust, score_options
from manyicl.inference.shared import unshareable
from manyicl.inference.trial import why_not_shared
from manyicl.models import (
    context_length,
    end_tokens,
    load_model,
    load_tokenizer,
    model_identity,
    widen_slow_bf16,
)
from manyicl.models.causal import NOT_NUMBERS, check_causal
from manyicl.tasks import Example, Task
from manyicl.training.model_folder import model_path, trained_model_config, trained_template

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Answer:
    """One answered query: the text, and where options were scored, each option's score."""

    text: str
    scores: dict[str, float] | None = None
    ids: tuple[int, ...] = ()
    cut: bool = False
    """Whether a generated answer reached `max_new_tokens` before it ended."""


class Engine:
    """A causal LM that answers by examples. Prefixes are shared wherever the model allows it."""

    def __init__(
        self,
        model: PreTrainedModel,
        encoder: Encoder,
        *,
        eos_token_id: int | None = None,
        tokens_per_batch: int = 1024,
        prefix_storage: Storage = "model",
        memory_mb: int = 0,
    ):
        """`memory_mb` bounds what is computed and held at once beside the model (memory.py); with
        0, `tokens_per_batch` alone does."""
        self.model, self.encoder = model, encoder
        self.limits = Limits.of(model, tokens_per_batch, memory_mb)
        self.prefix_storage: Storage = prefix_storage
        self.context_length = context_length(model)
        # An instruction-tuned model may end its turn otherwise than our template ends an answer.
        own = {eos_token_id} if eos_token_id is not None else set()
        self._ends = end_tokens(model) | own
        self._other_ends = sorted(end_tokens(model) - own)
        check_causal(model)
        reason = unshareable(model) or why_not_shared(model)
        self.shares_prefix = reason is None
        if reason:
            print(
                f"note: prefixes are recomputed for every query ({reason}); answers are the same, "
                "only slower",
                file=sys.stderr,
            )

    @classmethod
    def load(
        cls,
        path: str,
        model: ModelConfig | None = None,
        template: TemplateConfig | None = None,
        *,
        trust_remote_code: bool = False,
        tokens_per_batch: int = 1024,
        prefix_storage: Storage = "model",
        memory_mb: int = 0,
    ) -> Engine:
        """Load a model by what the command line knows it by: a run folder, `nano`, `smollm2`, a
        model or adapter folder, a GGUF file, or a hub id.

        `model` and `template` default to those of its training; `trust_remote_code` is what the
        former then says of code that comes with the weights. Raises `ModelError`.
        """
        path = model_path(path)
        model = model or trained_model_config(path, trust_remote_code=trust_remote_code)
        trust = model.trust_remote_code
        named = model.path and model.tokenizer  # a run's own folder brings its tokenizer
        tokenizer: Any = load_tokenizer(
            named or path,
            trust_remote_code=trust,
            key="model.tokenizer" if named else "model.path",
        )
        template = template or trained_template(path)
        loaded = load_model(path, model)
        return cls(
            widen_slow_bf16(loaded) if model.dtype == "auto" else loaded,
            Encoder(tokenizer, template),
            eos_token_id=tokenizer.eos_token_id,
            tokens_per_batch=tokens_per_batch,
            prefix_storage=prefix_storage,
            memory_mb=memory_mb,
        )

    @cached_property
    def prefix_token_bytes(self) -> int:
        """Bytes that one token of a prefix takes, keys and values of all layers."""
        return bytes_per_prefix_token(self.model, self.prefix_storage)

    # --- prefixes --------------------------------------------------------------------------------

    def prefix(
        self, pool: EncodedPool, rows: Sequence[int], storage: Storage | None = None
    ) -> Prefix:
        """Show the pool's `rows` in this order; computed once. `storage`: else the engine's own."""
        sequence = pool.sequence(rows, trailing_separator=True)
        return prefill(
            self.model,
            sequence,
            cached=self.shares_prefix,
            storage=storage or self.prefix_storage,
        )

    @cached_property
    def identity(self) -> str:
        """A hash over all weights, the adapter's included."""
        return model_identity(self.model)

    @property
    def manner(self) -> str:
        """What answers depend on besides weights, settings and template: empty for most models."""
        parts = [f"ends {self._other_ends}"] if self._other_ends else []
        if self.encoder.tokenizer.protects_markers:
            parts.append(f"markers {self.encoder.tokenizer.fingerprint}")
        return ", ".join(parts)

    def save_prefix(self, prefix: Prefix, path: str | Path) -> None:
        """Write a prefix to a file, bound to this model and template."""
        save_prefix(prefix, path, model=self.identity, encoder=self.encoder.fingerprint())

    def load_prefix(self, path: str | Path) -> Prefix:
        """Read a prefix saved by this same model and template; any other is refused."""
        return load_prefix(
            path,
            model=self.identity,
            encoder=self.encoder.fingerprint(),
            device=self.model.device,
            dtype=self.model.dtype,
        )

    # --- answers ---------------------------------------------------------------------------------

    def answer(
        self,
        task: Task,
        prefix: Prefix | Sequence[Prefix],
        queries: Sequence[Example],
        scoring: str = "sum",
        max_new_tokens: int = 64,
    ) -> list[Answer]:
        """Answer each query as its task wants it: by `choose`, or in free text by `write`."""
        if task.kind == "generation":
            return self.write(task, prefix, queries, max_new_tokens)
        return self.choose(task, prefix, queries, scoring)

    def choose(
        self,
        task: Task,
        prefix: Prefix | Sequence[Prefix],
        queries: Sequence[Example],
        scoring: str = "sum",
    ) -> list[Answer]:
        """Answer each query by its best option. Ties go to the option listed first.

        `prefix` is shown to all queries, or is one prefix for each of them.
        """
        encoded = [self._option_query(task, query) for query in queries]
        scores = self._score(prefix, encoded)
        priors: list[list[float]] = [[] for _ in queries]
        if scoring == "prior":
            priors = self._priors(task, prefix, queries)
        if any(math.isnan(score) for row in scores for score in row):
            raise Diverged(NOT_NUMBERS)
        answers = []
        for query, item, raw, prior in zip(queries, encoded, scores, priors, strict=True):
            adjusted = adjust(raw, item.options, scoring, prior or None)
            by_option = dict(zip(task.options_of(query), adjusted, strict=True))
            answers.append(Answer(max(by_option, key=by_option.__getitem__), by_option))
        return answers

    def write(
        self,
        task: Task,
        prefix: Prefix | Sequence[Prefix],
        queries: Sequence[Example],
        max_new_tokens: int = 64,
    ) -> list[Answer]:
        """Answer each query by greedy generation, up to the template's end mark.

        `prefix` is shown to all queries, or is one prefix for each of them.
        """
        prompts = [
            self.encoder.prompt(task, query.input, task.options_of(query)) for query in queries
        ]
        written = generate(
            self.model,
            prefix,
            prompts,
            finished=self._finished,
            max_new_tokens=max_new_tokens,
            tokens_per_batch=self.limits.tokens,
        )
        return [
            Answer(self._text(ids), ids=tuple(ids), cut=not self._finished(ids)) for ids in written
        ]

    def query_tokens(self, task: Task, query: Example, max_new_tokens: int) -> int:
        """Return how many tokens a query and its longest answer take after the prefix."""
        options = task.options_of(query)
        prompt = self.encoder.prompt(task, query.input, options)
        if not options:
            return len(prompt) + max_new_tokens
        return len(prompt) + max(len(self.encoder.target(option)) for option in options) - 1

    def _option_query(self, task: Task, query: Example) -> OptionQuery:
        options = task.options_of(query)
        prompt = self.encoder.prompt(task, query.input, options)
        return OptionQuery(prompt, [self._target(option) for option in options])

    def _target(self, option: str) -> list[int]:
        if option not in self._targets:
            self._targets[option] = self.encoder.target(option)
        return self._targets[option]

    @cached_property
    def _targets(self) -> dict[str, list[int]]:
        return {}

    def _score(
        self, prefix: Prefix | Sequence[Prefix], queries: Sequence[OptionQuery]
    ) -> list[list[float]]:
        return score_options(
            self.model,
            prefix,
            queries,
            tokens_per_batch=self.limits.tokens,
            logits_per_batch=self.limits.logits,
        )

    def _priors(
        self, task: Task, prefix: Prefix | Sequence[Prefix], queries: Sequence[Example]
    ) -> list[list[float]]:
        """Score every query's options after an empty input; once per prefix and set of options."""
        prefixes = [prefix] * len(queries) if isinstance(prefix, Prefix) else prefix
        wanted: dict[tuple[int, tuple[str, ...]], tuple[Prefix, OptionQuery]] = {}
        keys = []
        for shown, query in zip(prefixes, queries, strict=True):
            options = task.options_of(query)
            keys.append((id(shown), options))
            if keys[-1] not in wanted:
                empty = Example("", query.target, query.options)
                wanted[keys[-1]] = shown, self._option_query(task, empty)
        shown_each, asked = zip(*wanted.values(), strict=True) if wanted else ((), ())
        found = dict(zip(wanted, self._score(shown_each, asked), strict=True))
        return [found[key] for key in keys]

    def _finished(self, ids: Sequence[int]) -> bool:
        end = self.encoder.end
        if ids[-1] in self._ends or list(ids[-len(end) :]) == end:
            return True
        # A text end mark may come out in other tokens than ours.
        text = self.encoder.end_text
        return text is not None and text in self.encoder.decode(ids[-len(text) - 2 :])

    def _text(self, ids: Sequence[int]) -> str:
        body = list(ids)
        if body and body[-1] in self._ends and self.encoder.end != body[-1:]:
            body = body[:-1]
        text = self.encoder.decode_target(body)
        if self.encoder.end_text:
            text = text.partition(self.encoder.end_text)[0]
        return text.strip()

    def check_scoring(self, task: Task, query: Example, scoring: str) -> None:
        """Raise `TemplateError` where `prior` asks after an input that the template cannot show."""
        if scoring == "prior" and task.kind != "generation":
            self.encoder.prompt(task, "", task.options_of(query))
