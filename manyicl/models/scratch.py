"""Models from a config with random weights, and tokenizers trained on the tasks' own text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from manyicl.config import ModelConfig
from manyicl.errors import ConfigError, did_you_mean, on_one_line
from manyicl.files import folder_beside
from manyicl.models.load import length_of_config, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

END_MARK = "<|end|>"
USER_MARK, ASSISTANT_MARK = "<|user|>", "<|assistant|>"


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, marks: Sequence[str] = ()
) -> PreTrainedTokenizerBase:
    """Return a byte-level BPE tokenizer (no text is unknown to it) with an end mark.

    `marks` are further special tokens, those of a chat template.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(  # digits apart: numbers stay comparable
        [
            pre_tokenizers.Split(Regex(r" ?\p{Nd}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_MARK, *marks],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=END_MARK,
        pad_token=END_MARK,
        clean_up_tokenization_spaces=False,
    )


def base_tokenizer(config: ModelConfig, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a model built from a config: the named one, or trained on `texts`."""
    if config.tokenizer and config.tokenizer != "train":
        trust = config.trust_remote_code
        return load_tokenizer(config.tokenizer, trust_remote_code=trust, key="model.tokenizer")
    return train_tokenizer(texts, config.vocab_size)


def build_base(config: ModelConfig, folder: Path, texts: Iterable[str]) -> Path:
    """Make a randomly initialised model from `config.config` and save it with its tokenizer.

    `texts` train the tokenizer unless one is named. The folder appears whole or not at all; if it
    is there already it is returned as it is.
    """
    if folder.is_dir():
        return folder
    from transformers import AutoModelForCausalLM

    tokenizer = base_tokenizer(config, texts)
    model_config = _model_config(config, tokenizer)
    torch.manual_seed(config.seed)
    try:
        model = AutoModelForCausalLM.from_config(model_config, dtype=torch.float32)
    except Exception as error:
        raise ConfigError(f"model.config: no model can be built from it ({error}).") from None
    with folder_beside(folder) as part:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
    return folder


def built_context_length(config: ModelConfig) -> int | None:
    """Return the context length of the model that `config.config` describes; none is built.

    None if its type has no limit. Raises `ConfigError` as `build_base` does.
    """
    return length_of_config(_model_config(config, None))


def _model_config(config: ModelConfig, tokenizer: Any) -> Any:
    """Return the Hugging Face config; without a tokenizer, with the type's own vocabulary."""
    from transformers import AutoConfig

    values = dict(config.config)
    model_type = values.pop("model_type")
    try:
        known = AutoConfig.for_model(model_type).to_dict()
    except Exception:
        raise ConfigError(
            f"model.config.model_type: {model_type!r} is not known to transformers. "
            "Use e.g. llama, mistral, gemma2, qwen2, gpt2."
        ) from None
    for key in values:
        if key not in known:
            raise ConfigError(
                f"model.config.{key}: not a setting of {model_type!r} models."
                f"{did_you_mean(key, list(known))}"
            )
    if tokenizer is not None:
        values = {
            "vocab_size": len(tokenizer),
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        } | values
    try:
        return AutoConfig.for_model(model_type, **values)
    except Exception as error:
        reason = on_one_line(error)
        raise ConfigError(f"model.config: not a valid {model_type!r} config ({reason}).") from None
