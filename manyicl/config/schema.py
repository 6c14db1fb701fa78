"""The configuration: one dataclass a stage, its meaning in the string below each field.

Values are checked where they are built (`__post_init__`), so a `Config` in hand is a valid one;
reading files and overrides is `load.py`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from manyicl.config.checks import above_zero, at_least, one_of, share
from manyicl.errors import ConfigError, did_you_mean

Regime = Literal["many_shot", "few_shot", "zero_shot", "dedicated"]
# The word for the small base model that comes with the package (models/shipped.py).
NANO = "nano"
# The Hugging Face Trainer's trackers whose absence it can detect.
TRACKERS = ("azure_ml", "clearml", "codecarbon", "comet_ml", "dagshub", "dvclive", "kubeflow")
TRACKERS += ("mlflow", "neptune", "swanlab", "tensorboard", "trackio", "wandb")


@dataclass
class TasksConfig:
    """Which tasks there are, and which of them no training sees."""

    path: list[str] = field(default_factory=lambda: ["builtin"])
    """Folders that hold task folders; `builtin` adds the generated tasks."""
    held_in: list[str] = field(default_factory=list)
    """Tasks to train on: names, wildcards, `family:x`, `group:x`. Empty: all but the held-out."""
    held_out: list[str] = field(default_factory=list)
    """Tasks never trained on, in the same notation. Whole groups only."""


@dataclass
class LoraConfig:
    """The adapter that is trained in place of the weights."""

    rank: int = 0
    """Rank of the LoRA adapter; 0 fine-tunes all weights."""
    alpha: float = 32.0
    """Scale of the adapter: its output is multiplied by alpha / rank."""
    dropout: float = 0.0
    """Dropout on the adapter's input."""
    target_modules: str = "all-linear"
    """PEFT's target modules: `all-linear`, or module names with commas, e.g. q_proj,v_proj."""

    def __post_init__(self) -> None:
        at_least(0, "model.lora.rank", self.rank)
        above_zero("model.lora.alpha", self.alpha)
        share("model.lora.dropout", self.dropout)
        for key, usual in (("alpha", 32.0), ("dropout", 0.0), ("target_modules", "all-linear")):
            if not self.rank and getattr(self, key) != usual:
                raise ConfigError(
                    f"model.lora.{key}: is {getattr(self, key)!r}, but model.lora.rank is 0, so no "
                    "new adapter is made. Set the rank, or leave this out."
                )


@dataclass
class ModelConfig:
    """The base model, by name or by the config to build it from, and how it is loaded."""

    path: str = NANO
    """`nano`, the small base model that comes with the package; `smollm2` (`make smollm2`); a GGUF
    file; a hub id; or a local Hugging Face folder (or PEFT adapter). The two words mean the same in
    every directory: a local folder of that name is `./nano`. Empty, or not given beside `config`:
    build from `config`."""
    config: dict[str, Any] = field(default_factory=dict)
    """Hugging Face config values with `model_type`, for a model with random weights."""
    tokenizer: str = ""
    """As `path`; `train` trains a byte-level BPE on the held-in tasks' train text.
    Empty: the model's own, or `train` for a model built from `config`."""
    vocab_size: int = 4096
    """Size of a trained tokenizer."""
    dtype: str = "auto"
    """Weights: auto, float32, bfloat16 or float16. auto is as stored, but full fine-tuning
    trains fp32 weights and stores them as they came, and a processor that is slow at 16 bits
    answers with the same weights in fp32."""
    attention: str = "sdpa"
    """Attention: sdpa (eager where a model lacks it), eager, flash_attention_2 or _3."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    trust_remote_code: bool = False
    """Run modelling code that comes with the weights. Off unless you asked for it by name."""
    seed: int = 0
    """Seed of random weights and of new adapters."""

    def __post_init__(self) -> None:
        one_of("model.dtype", self.dtype, ("auto", "float32", "bfloat16", "float16"))
        at_least(300, "model.vocab_size", self.vocab_size)
        at_least(0, "model.seed", self.seed)
        if self.config and "model_type" not in self.config:
            raise ConfigError(
                "model.config: 'model_type' is missing. Add it, e.g. model_type: llama."
            )
        if self.config and self.path == NANO:
            self.path = ""  # the default gives way; load_config refuses a nano that was asked for


@dataclass
class TemplateConfig:
    """How instruction, demonstrations and query become text."""

    kind: Literal["plain", "chat", "jinja"] = "plain"
    """plain: readable separators; chat: the tokenizer's own template, demonstrations as turns;
    jinja: `prompt`, `instruction_text` and `separator` as you write them."""
    instruction: Literal["once", "per_example", "none"] = "once"
    """Where the task's instruction stands."""
    instruction_text: str = "{{ instruction }}\n\n"
    """Jinja text of the instruction."""
    prompt: str = "Input: {{ input }}\nOutput:"
    """Jinja text of an input, up to where the answer begins (`input`, `options`, `instruction`)."""
    target_prefix: str = " "
    """Text between prompt and answer, part of the answer's tokens."""
    separator: str = "\n\n"
    """Text between two demonstrations."""
    end_mark: str = "eos"
    """What ends an answer and is learned with it: `eos`, or a text such as "\\n\\n"."""

    def __post_init__(self) -> None:
        if not self.end_mark:
            raise ConfigError(
                "template.end_mark: is empty, so no answer could ever end. Use 'eos' or a text."
            )


@dataclass
class EpisodesConfig:
    """What training sequences hold: shots, selection, mixture, symbols, packing."""

    shots: str = "fill"
    """Demonstrations a sequence: `fill` (as many as fit max_tokens), a number, or `LOW-HIGH`
    (drawn per sequence). The last demonstration is the query of the ones before it."""
    max_tokens: int = 2048
    """Token budget of one sequence. Whole demonstrations only; nothing is cut."""
    selection: Literal["random", "balanced", "first", "similar", "mixed"] = "random"
    """Which demonstrations: seeded random, class-balanced (as many rows of each class; those of
    large classes take turns), the first rows, BM25-similar to one another, or `mixed`: a share of
    similar ones among random ones."""
    similar_share: float = 0.5
    """With `mixed`: share of similar demonstrations. Each sequence draws its own share uniformly
    from [0, 2 x share] (within [0, 1]), so that the grade of similarity varies across contexts."""
    symbols: float = 0.0
    """Share of sequences of closed-label tasks whose labels are replaced by fresh symbols."""
    symbols_instruction: bool = False
    """Keep the instruction in relabelled sequences (it often names the labels)."""
    mixture: Literal["proportional", "uniform", "temperature"] = "proportional"
    """Shares of the demonstrations' tokens: by the tokens of a task's (capped) rows, equal, or by
    those tokens ** (1/temperature)."""
    mixture_cap: int = 2000
    """Rows of a task that count for `proportional` and `temperature`, and for training.epochs."""
    temperature: float = 2.0
    """Exponent's inverse with `temperature`; 1 is proportional, large is uniform."""
    packing: bool = True
    """Put several short sequences into one row of max_tokens; they do not see each other."""
    seed: int = 0
    """Seed of the draw of tasks, demonstrations, order and symbols."""

    def __post_init__(self) -> None:
        self.shot_range()
        at_least(8, "episodes.max_tokens", self.max_tokens)
        share("episodes.similar_share", self.similar_share)
        share("episodes.symbols", self.symbols)
        at_least(1, "episodes.mixture_cap", self.mixture_cap)
        at_least(0, "episodes.seed", self.seed)
        if not self.temperature >= 1:
            raise ConfigError(f"episodes.temperature: is {self.temperature}; it must be 1 or more.")

    def shot_range(self) -> tuple[int, int] | None:
        """Return (fewest, most) demonstrations a sequence; None means as many as fit."""
        if self.shots == "fill":
            return None
        found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", self.shots)
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= low <= high:
            raise ConfigError(
                f"episodes.shots: is {self.shots!r}; it must be 'fill', a number of at least 1, "
                "or LOW-HIGH such as 4-32."
            )
        return low, high


@dataclass
class ObjectiveConfig:
    """Which tokens carry loss, and what they weigh (training/objective.py)."""

    supervise: str = "every_answer"
    """Which targets carry loss: every_answer (ManyICL), last_answer (few-shot fine-tuning),
    answers_after:N (all but the first N answers of a sequence), all_tokens."""
    normaliser: Literal["token_mean", "answer_mean", "shot_weights"] = "token_mean"
    """token_mean: every supervised token counts the same; answer_mean: every answer;
    shot_weights: answer k counts shot_weights[k]. Sums are divided once a step, over all rows."""
    shot_weights: list[float] = field(default_factory=list)
    """With `shot_weights`: weight of the answer after 0, 1, 2 ... shots; the last is repeated."""

    def __post_init__(self) -> None:
        self.first_supervised()
        if self.normaliser == "shot_weights" and not self.shot_weights:
            raise ConfigError("objective.shot_weights: is empty. List the weights, e.g. [0, 1, 1].")
        if self.shot_weights and self.normaliser != "shot_weights":
            raise ConfigError(
                f"objective.shot_weights: is set, but objective.normaliser is {self.normaliser!r}, "
                "which would not use it. Set objective.normaliser=shot_weights."
            )
        if not all(0 <= weight < math.inf for weight in self.shot_weights) or (
            self.shot_weights and self.shot_weights[-1] == 0
        ):
            raise ConfigError(
                f"objective.shot_weights: is {self.shot_weights}; weights are 0 or more, and the "
                "last one, which every later shot repeats, is above 0."
            )

    def first_supervised(self) -> int | None:
        """Return the first supervised answer (0-based), -1 for the last, None for all tokens."""
        named = {"every_answer": 0, "last_answer": -1, "all_tokens": None}
        if self.supervise in named:
            return named[self.supervise]
        found = re.fullmatch(r"answers_after:(\d+)", self.supervise)
        if not found:
            raise ConfigError(
                f"objective.supervise: is {self.supervise!r}; it must be every_answer, "
                "last_answer, answers_after:N or all_tokens."
            )
        return int(found[1])


@dataclass
class TrainingConfig:
    """Length, optimizer, precision, saving."""

    steps: int = 0
    """Optimizer steps. 0: as many as `epochs` asks for."""
    epochs: float = 1.0
    """With steps=0: how often every held-in train row is shown, on average. Of each task at most
    episodes.mixture_cap rows are counted, so rows beyond the cap make a run no longer."""
    tokens: int = 0
    """Instead of steps or epochs: tokens run through the model, met to the nearest row."""
    answers: int = 0
    """Instead of steps or epochs: answers that carry loss (supervised targets), met exactly."""
    rows_per_step: int = 8
    """Rows (each of at most episodes.max_tokens tokens) in one optimizer step, over all devices."""
    learning_rate: float = 1e-4
    """Peak learning rate."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """Learning-rate schedule after warm-up."""
    warmup: float = 0.05
    """Share of the steps spent warming up."""
    weight_decay: float = 0.0
    """AdamW weight decay."""
    betas: list[float] = field(default_factory=lambda: [0.9, 0.98])
    """AdamW moment decays."""
    max_grad_norm: float = 1.0
    """Gradient clipping; 0 turns it off."""
    freeze: list[str] = field(default_factory=list)
    """Parameters that keep their values: regular expressions, looked for anywhere in a parameter's
    name, e.g. ['layers[.][012][.]']. Embeddings, norms and biases can be named too."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Autocast: auto uses bf16 where the machine is fast at it (GPUs, CPUs with AMX), else fp32."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    log_every: int = 10
    """Steps between log lines."""
    save_every: int = 200
    """Steps between checkpoints; 0 saves only at the end and on interruption."""
    keep_checkpoints: int = 2
    """Complete checkpoints kept."""
    report_to: list[str] = field(default_factory=list)
    """Trackers of the Hugging Face Trainer, e.g. [tensorboard] (its files: run_dir/runs) or
    [wandb]. They must be installed: pip install 'manyicl[track]', pip install wandb."""
    seed: int = 0
    """Seed of dropout and of everything else random in a training step."""

    def __post_init__(self) -> None:
        for key in ("steps", "tokens", "answers", "save_every", "seed"):
            at_least(0, f"training.{key}", getattr(self, key))
        for key in ("rows_per_step", "log_every", "keep_checkpoints"):
            at_least(1, f"training.{key}", getattr(self, key))
        share("training.warmup", self.warmup)
        for key in ("epochs", "weight_decay", "max_grad_norm"):
            value = getattr(self, key)
            if not 0 <= value < math.inf:
                raise ConfigError(f"training.{key}: is {value}; it must be a number of at least 0.")
        for pattern in self.freeze:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(
                    f"training.freeze: {pattern!r} is no regular expression: {error}."
                ) from None
        for name in self.report_to:
            if name not in TRACKERS:
                raise ConfigError(
                    f"training.report_to: names {name!r}, which is no tracker."
                    f"{did_you_mean(name, list(TRACKERS))} Known: {', '.join(TRACKERS)}; "
                    "none is []."
                )
        if len(set(self.report_to)) < len(self.report_to):
            raise ConfigError(f"training.report_to: is {self.report_to}. Name each tracker once.")
        lengths = [key for key in ("steps", "tokens", "answers") if getattr(self, key)]
        if len(lengths) > 1:
            raise ConfigError(
                f"training.{lengths[0]} and training.{lengths[1]} both say how long to train. "
                "Keep one, and set the other to 0."
            )
        if not lengths and self.epochs == 0:
            raise ConfigError("training.steps: is 0 and training.epochs too. Set one of them.")
        above_zero("training.learning_rate", self.learning_rate)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"training.betas: is {self.betas}; give two numbers in [0, 1).")


@dataclass
class EvaluationConfig:
    """The k-shot sweep: shots, seeds, queries, scoring, memory."""

    num_shots: list[int] = field(default_factory=lambda: [0, 1, 4, 16, 64])
    """The sweep. Smaller k use the first demonstrations of larger k."""
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    """Seeds of the demonstrations; one prefix each. `first` and `similar`, which draw nothing, take
    the first seed alone."""
    max_queries: int = 100
    """Test rows a task (a fixed random part of the test split); 0 takes all."""
    selection: Literal["random", "balanced", "first", "similar", "mixed"] = "random"
    """Which demonstrations a query gets. random, balanced and first share one prefix per seed."""
    similar_share: float = 0.5
    """With `mixed`: share of the demonstrations that are similar to the query (placed last)."""
    scoring: Literal["sum", "mean", "prior"] = "sum"
    """Option scores: sum of token log-probabilities, their mean, or the sum minus the option's
    score after an empty query."""
    max_tokens: int = 0
    """Token budget of prefix, query and answer; 0 takes the model's own limit."""
    max_new_tokens: int = 64
    """Longest generated answer."""
    tokens_per_batch: int = 1024
    """Query and option tokens computed at once against the shared prefix."""
    memory_mb: int = 0
    """Memory for prefixes and batches, beside the model: lowers tokens_per_batch where it is too
    much, and holds the prefixes of several seeds at once where they fit. 0: no limit, one seed at
    a time."""
    prefix_storage: Literal["model", "int8", "offload"] = "model"
    """How prefixes are kept: as the model computes them, as int8 (9/32 of fp32, answers may change
    a little), or in the host's memory (useful on a GPU)."""
    held_in: list[str] = field(default_factory=list)
    """Held-in tasks to evaluate as well, in the notation of tasks.held_in; held-out ones are
    evaluated anyhow. Empty: none (in a study: all)."""
    before: bool = True
    """`manyicl run`: evaluate the untuned model too."""
    samples: bool = True
    """Write every prediction to samples.jsonl."""

    def __post_init__(self) -> None:
        if not self.num_shots or min(self.num_shots) < 0:
            raise ConfigError(
                f"evaluation.num_shots: is {self.num_shots}; list numbers of at least 0."
            )
        if not self.seeds:
            raise ConfigError("evaluation.seeds: is empty. List at least one seed, e.g. [0].")
        if len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(
                f"evaluation.seeds: is {self.seeds}; a seed given twice would count twice. List "
                "each once."
            )
        for key in ("max_queries", "max_tokens", "memory_mb"):
            at_least(0, f"evaluation.{key}", getattr(self, key))
        for key in ("max_new_tokens", "tokens_per_batch"):
            at_least(1, f"evaluation.{key}", getattr(self, key))
        share("evaluation.similar_share", self.similar_share)


@dataclass
class Config:
    """A run, whole; every section has defaults."""

    run_dir: str = "runs/manyicl"
    """Folder of everything this run writes."""
    regime: Regime = "many_shot"
    """Preset of shots and supervision: many_shot, few_shot (5 shots, last answer), zero_shot,
    dedicated (zero-shot sequences of one task). Explicit settings win over it."""
    tasks: TasksConfig = field(default_factory=TasksConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    template: TemplateConfig = field(default_factory=TemplateConfig)
    episodes: EpisodesConfig = field(default_factory=EpisodesConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
