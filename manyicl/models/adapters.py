"""LoRA adapters: put on a base, and found together with the base they were trained on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from manyicl.config import LoraConfig, ModelConfig
from manyicl.errors import ModelError
from manyicl.models import gguf, shipped


def is_adapter(name: str) -> bool:
    """Return whether a model's name stands for a folder with a PEFT adapter."""
    return (Path(shipped.resolve(name)) / "adapter_config.json").is_file()


def base_of(folder: Path, adapter: Path) -> str:
    """Return the base model an adapter names; a run's own base is found where the run is now."""
    try:
        settings = json.loads(adapter.read_text(encoding="utf-8"))
        named = settings["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError):
        settings, named = {}, None
    if not isinstance(named, str):
        raise ModelError(
            f"model.path: {adapter}: names no base model. Restore the file; its "
            "'base_model_name_or_path' is a folder or hub id."
        )
    beside = folder.parent / "base"
    of_run = (folder.parent / "config.yaml").is_file() or not Path(named).is_dir()
    if Path(named).name == "base" and beside.is_dir() and of_run:
        return str(beside)
    base = shipped.adapter_base(named)
    if shipped.is_nano(base):
        shipped.check_edition(settings.get("revision"), folder)
    if Path(base).is_absolute() and not Path(base).is_dir():
        return _unpacked_again(folder, base) or base
    return base


def _unpacked_again(folder: Path, named: str) -> str | None:
    """Return the folder of the GGUF file that an adapter was trained on, where it names no other.

    Such adapters name the folder that the file was unpacked to on the machine of their training;
    the run's own description names the file. Raises `ModelError` if that file is another one now.
    """
    try:
        described = json.loads((folder / "manyicl.json").read_text(encoding="utf-8"))
        given = described["base"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(given, str) or not gguf.is_gguf(given):
        return None
    here, there = Path(shipped.resolve(given)), re.split(r"[\\/]+", named.rstrip("\\/"))[-1]
    if here.name != there:
        raise ModelError(
            f"model.path: {folder}: was trained on another edition of {given!r} (unpacked as "
            f"{there}, here {here.name}). Restore that file, or train again."
        )
    return str(here)


def add_adapter(model: Any, config: ModelConfig) -> Any:
    """Return the model with a fresh LoRA adapter, drawn by `model.seed` alone.

    Raises `ModelError` where `model.lora.target_modules` names what the model does not have, or an
    embedding that is tied to the head.
    """
    import peft

    lora, names = config.lora, config.lora.target_modules
    if names != "all-linear":
        names = [name.strip() for name in names.split(",")]
        known = [f".{path}" for path, _ in model.named_modules()]
        for name in names:  # PEFT passes over what it does not find, if it finds another
            if not any(path.endswith(f".{name}") for path in known):
                raise _no_such_modules(lora.target_modules, f"no module is named {name!r}")
        _refuse_tied(model, names)
    torch.manual_seed(config.seed)
    try:
        return peft.get_peft_model(
            model,
            peft.LoraConfig(
                r=lora.rank,
                lora_alpha=lora.alpha,  # type: ignore[arg-type]
                lora_dropout=lora.dropout,
                target_modules=names,
                task_type="CAUSAL_LM",
            ),
        )
    except ValueError as error:
        raise _no_such_modules(lora.target_modules, str(error)[:200]) from None


def refuse_other_adapter(asked: LoraConfig, settings: Any) -> None:
    """Raise `ModelError` for settings that an adapter which goes on training does not take up."""
    usual, modules = LoraConfig(), settings.target_modules
    named = sorted(modules) if isinstance(modules, set | list) else modules
    own = {
        "alpha": getattr(settings, "lora_alpha", None),  # other kinds of adapters have none
        "dropout": getattr(settings, "lora_dropout", None),
        "target_modules": named,
    }
    for key, value in own.items():
        wanted = getattr(asked, key)
        same = wanted == value
        if isinstance(value, list):
            same = sorted(name.strip() for name in wanted.split(",")) == value
        if wanted != getattr(usual, key) and not same:
            raise ModelError(
                f"model.lora.{key}: is {wanted!r}, but model.path is an adapter with {value!r}, "
                "which goes on training as it is. Leave the key out, or name the base model."
            )


def _refuse_tied(model: Any, names: Sequence[str]) -> None:
    """Raise `ModelError` for adapters on a matrix that is embedding and head at once.

    Merged into it, an adapter of one would change the other too.
    """
    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    if None in ends or ends[0].weight is not ends[1].weight:
        return
    for path, module in model.named_modules():
        name = path.rpartition(".")[2]
        if name in names and any(module is end for end in ends):
            raise ModelError(
                f"model.lora.target_modules: names {name!r}, but this model's embedding and "
                "head are one matrix, so an adapter on one could not be merged. Leave it out; "
                "all-linear does."
            )


def _no_such_modules(named: str, reason: str) -> ModelError:
    return ModelError(
        f"model.lora.target_modules: is {named!r}, but {reason}. Use all-linear, or names of the "
        "model's linear layers."
    )
