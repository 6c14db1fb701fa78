"""The settings of a pre-training: shape of the model, sources of text, stages of the curriculum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from manyicl.config.load import parse_overrides, read_yaml
from manyicl.errors import ConfigError, did_you_mean, first_line

MIN_ROW = 9  # two copies of the smallest repeated block, and one more
MIN_VOCABULARY = 300


@dataclass
class ShapeConfig:
    """A Llama-shaped model. Width and heads set the head size; a head of 64 is the fastest here."""

    vocab_size: int = 8192
    hidden_size: int = 256
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    intermediate_size: int = 704
    max_position_embeddings: int = 4096
    rope_theta: float = 500000.0
    head_start: bool = True
    """Begin with heads that look at the previous token and at what is alike (see initial.py)."""
    seed: int = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name not in ("seed", "head_start"):
                _check_above_zero(f"shape.{item.name}", getattr(self, item.name))
        if self.vocab_size < MIN_VOCABULARY:
            raise ConfigError(
                f"shape.vocab_size: {self.vocab_size} is too small: 256 bytes and three marks are "
                f"tokens in any case. Use {MIN_VOCABULARY} or more."
            )
        heads = self.num_attention_heads
        if self.hidden_size % heads or self.hidden_size // heads % 2:
            raise ConfigError(
                f"shape.hidden_size: {self.hidden_size} over {heads} heads is no even whole number "
                "a head. Change hidden_size or num_attention_heads."
            )


@dataclass
class StageConfig:
    """A part of the curriculum: what its rows hold, how long they are, for how many tokens."""

    name: str = "text"
    million_tokens: float = 1.0
    row_tokens: int = 512
    rows_per_step: int = 8
    mixture: dict[str, float] = field(default_factory=dict)
    """Shares of rows: `text`, `blocks`, `lookups`, `sentences`, `pages`, or one pattern by name."""
    learning_rate: list[float] = field(default_factory=lambda: [3e-3, 3e-3])
    """At the stage's start and end; linear between."""
    until_loss: float = 0.0
    """End the stage early once the mean loss of ten steps is below this."""
    block_vocabulary: int = 0
    """Repeated blocks draw from so many token ids; 0 means all."""

    @property
    def tokens_per_step(self) -> int:
        return self.row_tokens * self.rows_per_step

    @property
    def num_steps(self) -> int:
        return math.ceil(self.million_tokens * 1e6 / self.tokens_per_step)


@dataclass
class PretrainingConfig:
    """Everything that decides the weights."""

    run_dir: str = "runs/nano"
    corpus: str = ""
    """Folder of text files (*.txt, *.txt.zst); documents are separated by blank lines."""
    leave_out: list[str] = field(default_factory=list)
    """Files (without suffix) that are not read: licences, for instance."""
    start_from: str = ""
    """Model folder of a pre-training, or `nano`: begin with its weights and its tokenizer."""
    weights: dict[str, float] = field(default_factory=dict)
    """Shares of the sources in text rows; those not named have none. Empty: shares by size."""
    licences: dict[str, str] = field(default_factory=dict)
    """Origin and licence of each source, for the model card."""
    licence: str = ""
    """Licence of the weights (SPDX, lower case), for the model card."""
    remarks: list[str] = field(default_factory=list)
    """What else a reader of the model card must know: how a run departed from its recipe, say."""
    shape: ShapeConfig = field(default_factory=ShapeConfig)
    stages: list[StageConfig] = field(default_factory=list)
    tokenizer_mb: float = 24.0
    """Millions of characters of the sources, by weight, that the tokenizer is trained on."""
    open_weight: float = 0.1
    """Loss weight of tokens in pattern documents that nothing before them settles."""
    settled_weight: float = 2.0
    """Loss weight of tokens that the document before them settles. Plain text has weight 1."""
    muon_momentum: float = 0.95
    embedding_learning_rate: float = 0.3
    """Learning rate of embeddings, norms and biases (AdamW) as a multiple of the stage's (Muon)."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    seed: int = 0
    probe_every: int = 500
    log_every: int = 50
    save_minutes: float = 10.0

    def __post_init__(self) -> None:
        if not self.corpus:
            raise ConfigError("corpus: is not set. Name a folder of text files.")
        if not self.stages:
            raise ConfigError("stages: is empty. List at least one (see recipes/nano.yaml).")
        for key in ("tokenizer_mb", "probe_every", "log_every", "max_grad_norm"):
            _check_above_zero(key, getattr(self, key))
        for key in ("open_weight", "settled_weight", "weight_decay", "save_minutes"):
            value = getattr(self, key)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{key}: is {value}; it must be 0 or more.")
        if not self.open_weight + self.settled_weight:
            raise ConfigError("open_weight, settled_weight: are both 0; raise one.")
        for number, stage in enumerate(self.stages):
            self._check_stage(f"stages[{number}]", stage)

    def text_seed(self, stage_number: int) -> int:
        """Return the seed of a stage's text stream: in training, and where it is replayed."""
        return self.seed * 1000 + stage_number

    def _check_stage(self, place: str, stage: StageConfig) -> None:
        from manyicl.pretraining.patterns import GROUPS, PATTERNS

        known = ["text", "blocks", *GROUPS, *PATTERNS]
        for kind, share in stage.mixture.items():
            if kind not in known:
                raise ConfigError(
                    f"{place}.mixture: unknown kind of row {kind!r}.{did_you_mean(kind, known)} "
                    f"Known: {', '.join(known)}."
                )
            if not (math.isfinite(share) and share >= 0):
                raise ConfigError(f"{place}.mixture.{kind}: is {share}; shares are 0 or more.")
        if not any(stage.mixture.values()):
            raise ConfigError(f"{place}.mixture: has no share above 0.")
        rates = stage.learning_rate
        if len(rates) != 2 or not all(math.isfinite(rate) and rate >= 0 for rate in rates):
            raise ConfigError(
                f"{place}.learning_rate: is {rates}; it must be [start, end], both 0 or more."
            )
        _check_above_zero(f"{place}.million_tokens", stage.million_tokens)
        _check_above_zero(f"{place}.rows_per_step", stage.rows_per_step)
        if stage.row_tokens < MIN_ROW:
            raise ConfigError(
                f"{place}.row_tokens: is {stage.row_tokens}; a row has at least {MIN_ROW} tokens."
            )
        if stage.block_vocabulary < 0:
            raise ConfigError(
                f"{place}.block_vocabulary: is {stage.block_vocabulary}; it must be 0 or more."
            )
        if stage.row_tokens > self.shape.max_position_embeddings:
            raise ConfigError(
                f"{place}.row_tokens: {stage.row_tokens} is more than the context of the model, "
                f"shape.max_position_embeddings={self.shape.max_position_embeddings}."
            )


def load_pretraining(path: str | Path, overrides: Sequence[str] = ()) -> PretrainingConfig:
    """Return the settings of a YAML file with `key=value` overrides.

    Raises `ConfigError` naming the key, what was found and what is expected.
    """
    settings = read_yaml(Path(path))
    for override in overrides:
        try:
            for key, value in parse_overrides([override]):
                OmegaConf.update(settings, key, value, merge=False)
        except (OmegaConfBaseException, IndexError, TypeError, ValueError) as error:
            raise ConfigError(f"'{override}': cannot be set ({first_line(error)}).") from None
    shape = settings.pop("shape", None)
    stages = settings.pop("stages", None)
    if not isinstance(stages, (ListConfig, type(None))):
        raise ConfigError(f"{path}: stages: is {stages!r}; it must be a list of stages.")
    values = _checked(_Schema, settings, f"{path}: ")
    values["shape"] = ShapeConfig(**_checked(_ShapeSchema, shape, f"{path}: shape."))
    values["stages"] = [
        StageConfig(**_checked(StageConfig, stage, f"{path}: stages[{number}]."))
        for number, stage in enumerate(stages or [])
    ]
    return PretrainingConfig(**values)


def _checked(schema: type, settings: Any, place: str) -> dict[str, Any]:
    """Return all fields of the schema, the settings among them, each of its type."""
    if settings is None:
        settings = OmegaConf.create()
    if not isinstance(settings, DictConfig):
        raise ConfigError(f"{place[:-1]}: is {settings!r}; it must be a mapping of settings.")
    known = {item.name: str(item.type) for item in fields(schema)}
    try:
        if missing := sorted(OmegaConf.missing_keys(settings)):
            raise ConfigError(f"{place}{missing[0]}: is '???', which means no value. Give one.")
        for key, value in settings.items():
            if key not in known:
                raise ConfigError(
                    f"{place}{key}: unknown key.{did_you_mean(str(key), list(known))} "
                    f"Known: {', '.join(known)}."
                )
            if value is None:
                raise ConfigError(f"{place}{key}: is empty. Give a value, or leave the key out.")
            for name, kind in (("list", ListConfig), ("dict", DictConfig)):
                if known[key].startswith(name) and not isinstance(value, kind):
                    shape = {"list": "a list, e.g. [a, b]", "dict": "a mapping of names to values"}
                    raise ConfigError(f"{place}{key}: is {value!r}; it must be {shape[name]}.")
        merged = OmegaConf.merge(OmegaConf.structured(schema), settings)
        values: Any = OmegaConf.to_container(merged, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{place}{error.full_key}: {first_line(error)}.") from None
    return values


def _check_above_zero(key: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(f"{key}: is {value}; it must be above 0.")


class _Schema(PretrainingConfig):
    """The same fields without the checks, which need all values to be there."""

    def __post_init__(self) -> None: ...


class _ShapeSchema(ShapeConfig):
    """The same, for the shape."""

    def __post_init__(self) -> None: ...
