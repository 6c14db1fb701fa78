"""The base of a run: the untuned model, its tokenizer, and what the two allow."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from accelerate import PartialState

from manyicl.config import Config
from manyicl.errors import ConfigError
from manyicl.models import base_tokenizer, build_base, context_length, load_tokenizer
from manyicl.models.adapters import is_adapter
from manyicl.models.forward import vocabulary_size
from manyicl.tasks import TaskCollection
from manyicl.training import run_folder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def base_path(config: Config, run_dir: Path, held_in: TaskCollection) -> str:
    """Return where the untuned model is: `model.path`, or the run's own base/."""
    check_base(config)
    if config.model.path:
        return config.model.path
    return str(build_base(config.model, run_dir / "base", _texts(held_in)))


def training_tokenizer(config: Config, held_in: TaskCollection) -> PreTrainedTokenizerBase:
    """Return the tokenizer a run trains with; no model is built and nothing is written."""
    check_base(config)
    model, base = config.model, Path(config.run_dir) / "base"
    trust = model.trust_remote_code
    if model.path:
        key = "model.tokenizer" if model.tokenizer else "model.path"
        return load_tokenizer(model.tokenizer or model.path, trust_remote_code=trust, key=key)
    if base.is_dir() and run_folder.is_bound_to(base.parent, config):
        return load_tokenizer(str(base), trust_remote_code=trust)
    return base_tokenizer(model, _texts(held_in))


def check_base(config: Config) -> None:
    """Raise `ConfigError` where `model` names no base, two, or one too short for the sequences."""
    model, limit = config.model, config.model.config.get("max_position_embeddings")
    if isinstance(limit, int) and config.episodes.max_tokens > limit:
        refuse_length(config, limit)
    if model.path and model.config:
        raise ConfigError(
            "model.path and model.config are both set. Keep one of them (model.path= on the "
            "command line clears the path)."
        )
    if model.path and model.tokenizer == "train":
        raise ConfigError(
            "model.tokenizer: is 'train', but the weights of model.path know another vocabulary. "
            "Leave it empty, or build a model from model.config."
        )
    if not model.path and not model.config:
        raise ConfigError(
            "model.path: is empty, and there is no model.config to build a model from. "
            "Name a model: model.path=nano (the one that comes with manyicl), a local folder, or "
            "a hub id such as mistralai/Mistral-7B-v0.3."
        )


def check_dtype(config: Config, base: str) -> None:
    """Refuse, or warn of, 16-bit weights that are to be trained themselves."""
    adapter = config.model.lora.rank or is_adapter(base)
    if adapter or config.model.dtype not in ("float16", "bfloat16"):
        return
    way_out = "Use auto: weights train in fp32 and are stored as they came; or an adapter (lora)."
    if config.model.dtype == "float16":
        raise ConfigError(
            "model.dtype: is float16, in which the optimizer's averages of squared gradients come "
            f"to 0 and steps grow without bound. {way_out}"
        )
    if PartialState().is_main_process:
        print(
            "warning: model.dtype=bfloat16: at fine-tuning rates most steps are smaller than bf16 "
            f"can add to a weight. {way_out}",
            file=sys.stderr,
        )


def check_fit(config: Config, model: Any, tokenizer: Any) -> None:
    """Raise `ConfigError` where sequences or token ids are more than the model can take."""
    limit = context_length(model)
    if limit and config.episodes.max_tokens > limit:
        refuse_length(config, limit)
    rows = vocabulary_size(model)
    if len(tokenizer) > rows:
        raise ConfigError(
            f"model.tokenizer: has {len(tokenizer)} tokens, but the model embeds only {rows}. "
            "Use the model's own tokenizer."
        )


def refuse_length(config: Config, limit: int) -> NoReturn:
    """Raise the `ConfigError` of sequences longer than the model's `limit` in tokens."""
    raise ConfigError(
        f"episodes.max_tokens: is {config.episodes.max_tokens}, but the model takes at most "
        f"{limit} tokens. Lower it, or choose a model with a longer context."
    )


def _texts(held_in: TaskCollection) -> Iterator[str]:
    """Yield what a run's own tokenizer is trained on: the train text, nothing else."""
    for task in held_in:
        for example in task.train:
            for text in (task.instruction, example.input, example.target):
                yield f"{text}\n"
