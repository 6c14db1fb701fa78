"""Where a pre-training begins if not with random weights: the model of another one (`start_from`).

Its weights and its tokenizer are taken, nothing else: the optimizer is fresh. What made that model
goes along (`history.py`), so that the last card of a chain tells all of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file

from manyicl.errors import ConfigError, RunError, listing, on_one_line
from manyicl.files import file_hash, folder_beside, replace_file
from manyicl.models import gguf, shipped
from manyicl.models.load import load_tokenizer
from manyicl.models.scratch import ASSISTANT_MARK, END_MARK, USER_MARK
from manyicl.pretraining import saving
from manyicl.pretraining.initial import llama_config
from manyicl.pretraining.settings import PretrainingConfig
from manyicl.pretraining.tokenizer import fingerprint
from manyicl.training.checkpoint import latest_checkpoint

if TYPE_CHECKING:
    from transformers import LlamaConfig, PreTrainedTokenizerBase

BEGAN = "start.json"  # in the run folder: hash of the weights begun with, programs before
CURVE = "learning_curve.svg"
NEEDED = shipped.FILES
NAME_ONE = "Name the model folder of a finished pre-training (run_dir/model), or nano."
# What this program gives every model, so no setting of `shape` can make up for another value.
FIXED = ("attention_bias", "attention_dropout", "head_dim", "hidden_act", "mlp_bias",
         "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings")  # fmt: skip


def begin(config: PretrainingConfig, run_dir: Path) -> None:
    """Check `start_from` and put its tokenizer and its history into the run folder.

    Once a checkpoint is there the folder is needed no more. Raises `ConfigError` for a folder that
    training cannot start from, `ModelError` for a `nano` that is not whole.
    """
    if not config.start_from:
        (run_dir / BEGAN).unlink(missing_ok=True)  # left by settings that were mended
        return
    under_way = latest_checkpoint(run_dir)[0] is not None
    whole = (run_dir / BEGAN).is_file() and (run_dir / "tokenizer" / "tokenizer.json").is_file()
    if under_way and whole:
        return
    folder = _folder(config)
    record = _record(folder)
    tokenizer = load_tokenizer(str(folder), key="start_from")
    _check_model(config, folder, tokenizer)
    _check_ids(config, folder, tokenizer, record)
    weights = file_hash(folder / "model.safetensors")
    known = began(config, run_dir) if under_way and (run_dir / BEGAN).is_file() else None
    if known is not None and known["weights"] != weights:
        raise ConfigError(
            f"start_from: {folder} holds other weights now than {run_dir} began with. Put those "
            "back, or choose another run_dir."
        )
    _note_seed(config, record)
    with folder_beside(run_dir / "tokenizer", replace=True) as part:
        tokenizer.save_pretrained(part)
    before = record.pop("before", [])
    last = record | {"learning_curve": (folder / CURVE).is_file()}
    start = {"weights": weights, "before": [*before, last]}
    replace_file(run_dir / BEGAN, json.dumps(start, indent=1) + "\n", lasting=True)


def began(config: PretrainingConfig, run_dir: Path) -> dict[str, Any] | None:
    """Return `weights`, the SHA-256 of what training started from, and the programs `before`.

    None if it started from random weights. Raises `RunError` if the run folder does not tell.
    """
    if not config.start_from:
        return None
    path = run_dir / BEGAN
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path}: cannot be read ({error}). Remove it and train on with the same settings: it "
            "is made again from start_from."
        ) from None


def load_weights(config: PretrainingConfig, model: Any) -> None:
    """Put the weights of `start_from` into a model in its own dtype (fp32).

    Raises `ConfigError` if they are another model's, or not finite.
    """
    folder = _folder(config)
    try:
        weights = load_file(folder / "model.safetensors")
    except Exception as error:
        raise ConfigError(
            f"start_from: {folder}/model.safetensors cannot be read ({error}). {NAME_ONE}"
        ) from None
    wrong = saving.put_weights(model, weights) or next(
        (name for name, value in weights.items() if not torch.isfinite(value).all()), None
    )
    if wrong is not None:
        raise ConfigError(
            f"start_from: {folder}: its weights do not fit its config, or are not finite "
            f"({wrong}). {NAME_ONE}"
        )
    print(f"Starting from the weights of {config.start_from}.", flush=True)


def _folder(config: PretrainingConfig) -> Path:
    named = config.start_from
    folder = Path(named if gguf.is_gguf(named) else shipped.resolve(named, "start_from"))
    if not folder.is_dir():
        raise ConfigError(f"start_from: {config.start_from!r} is no folder. {NAME_ONE}")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"start_from: {folder} holds no model of a pre-training (it lacks {listing(missing)}). "
            + (f"Name {folder / 'model'}." if (folder / "model").is_dir() else NAME_ONE)
        )
    return folder


def _record(folder: Path) -> dict[str, Any]:
    """Return what made the model, the programs `before` it included."""
    try:
        record = json.loads((folder / saving.MADE_BY).read_text(encoding="utf-8"))
        if all(isinstance(record[key], int | float) for key in ("steps", "tokens", "seconds")):
            return record
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ConfigError(
        f"start_from: {folder / saving.MADE_BY} does not tell what made the model (steps, tokens, "
        f"seconds). {NAME_ONE}"
    )


def _check_model(
    config: PretrainingConfig, folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Raise `ConfigError` for another kind of model, or another shape than the settings say."""
    found, wanted = _stored_config(folder), llama_config(config.shape, tokenizer)
    values = [(key, getattr(found, key), getattr(wanted, key)) for key in FIXED]
    ropes = [dict(some.rope_parameters or {}) for some in (found, wanted)]
    theta = ropes[0].pop("rope_theta", None)
    values.append(("rope_parameters", ropes[0], {"rope_type": "default"}))
    shape = {
        key: theta if key == "rope_theta" else getattr(found, key)
        for key in vars(config.shape)
        if key not in ("head_start", "seed")
    }
    differ = {key: it for key, it in shape.items() if it != getattr(config.shape, key)}
    if differ:
        listed = [
            f"shape.{key}: {it} there, {getattr(config.shape, key)} here"
            for key, it in differ.items()
        ]
        mended = " ".join(f"shape.{key}={it}" for key, it in differ.items())
        raise ConfigError(
            f"start_from: {folder} is a model of another shape ({listing(listed)}). Set {mended}, "
            "or start from another model."
        )
    other = [f"{key}: {has} there, {makes} here" for key, has, makes in values if has != makes]
    if other:
        raise ConfigError(
            f"start_from: {folder} is no model that this program makes ({listing(other)}). "
            f"{NAME_ONE}"
        )


def _stored_config(folder: Path) -> LlamaConfig:
    from transformers import LlamaConfig

    path = folder / "config.json"
    try:
        named = json.loads(path.read_text(encoding="utf-8")).get("model_type")
        if named == "llama":
            return LlamaConfig.from_pretrained(folder)
        reason = f"its model_type is {named!r}, not 'llama'"
    except Exception as error:
        reason = on_one_line(error)
    raise ConfigError(f"start_from: {path}: {reason}. {NAME_ONE}")


def _check_ids(
    config: PretrainingConfig,
    folder: Path,
    tokenizer: PreTrainedTokenizerBase,
    record: dict[str, Any],
) -> None:
    """Raise `ConfigError` if the tokenizer is not the one that the weights were trained with."""
    stored = _stored_config(folder)
    ids = tokenizer.convert_tokens_to_ids([END_MARK, USER_MARK, ASSISTANT_MARK])
    ends = (tokenizer.eos_token_id, tokenizer.pad_token_id)
    most = max(tokenizer.get_vocab().values(), default=0)
    reasons = {
        "it is not the one the model was trained with": record.get("tokenizer")
        not in (None, fingerprint(tokenizer)),
        f"its marks are tokens {ids}, not 0, 1, 2": ids != [0, 1, 2],
        f"its end and padding are {ends}, the model's {(stored.eos_token_id, stored.pad_token_id)}":
            ends != (stored.eos_token_id, stored.pad_token_id),
        f"it has token {most:,}, and the model {stored.vocab_size:,} tokens":
            most >= stored.vocab_size,
    }  # fmt: skip
    for reason, holds in reasons.items():
        if holds:
            raise ConfigError(
                f"start_from: {folder}: its tokenizer has other ids than its weights ({reason}). "
                "Put the model's own back."
            )


def _note_seed(config: PretrainingConfig, record: dict[str, Any]) -> None:
    """Rows are a function of seed and stage: the same seed would draw the same text again."""
    programs = [*record.get("before", []), record]
    if any(program.get("settings", {}).get("seed") == config.seed for program in programs):
        print(
            f"note: seed={config.seed} was the seed of a program before this one, so stages of "
            "equal number and row length read the same rows of text again. Another seed draws "
            "others.",
            flush=True,
        )
