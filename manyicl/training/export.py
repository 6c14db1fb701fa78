"""Export of a trained model: a plain Hugging Face folder, the adapter merged into the weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from manyicl.errors import ConfigError, ModelError
from manyicl.files import check_free, whole_folder
from manyicl.models import load_model, load_tokenizer, shipped
from manyicl.training.model_folder import MANIFEST, trained_model_config

CARD = "README.md"


def export_merged(model: str, folder: str | Path, *, trust_remote_code: bool = False) -> Path:
    """Write a model folder that needs no PEFT: weights, tokenizer, card, manyicl.json.

    `model` is a model folder of a run, or any PEFT adapter folder; a folder without an adapter,
    `nano`, `smollm2` and a GGUF file are copied as they are (unpacked). Raises `ManyICLError`, and
    then writes nothing.
    """
    # Absolute: the folder ./nano must not become the word nano.
    source, folder = Path(shipped.resolve(model, "--merged")).absolute(), Path(folder)
    check_free(folder, "--merged")
    if not source.is_dir():
        raise ModelError(
            f"--merged: {model!r} is no local folder. Name a run folder or a folder with a model."
        )
    if source.resolve() in folder.resolve().parents:
        raise ConfigError(
            f"--merged: {folder} lies in {source}, which is to be exported. Name another place."
        )
    if not (source / "adapter_config.json").is_file():
        if not any(source.glob("*.safetensors")):
            raise ModelError(
                f"--merged: {source}: holds neither an adapter nor weights (*.safetensors)."
            )
        with whole_folder(folder) as part:
            shutil.copytree(source, part, dirs_exist_ok=True)
        return folder
    adapted: Any = load_model(
        str(source), trained_model_config(source, trust_remote_code=trust_remote_code)
    )
    tokenizer = load_tokenizer(str(source), trust_remote_code=trust_remote_code)
    try:
        merged = adapted.merge_and_unload(safe_merge=True)
    except ValueError as error:  # weights that are not finite
        raise ModelError(f"{source}: the adapter cannot be merged ({error}).") from None
    with whole_folder(folder) as part:
        merged.save_pretrained(part)
        tokenizer.save_pretrained(part)
        if (source / MANIFEST).is_file():
            shutil.copy(source / MANIFEST, part / MANIFEST)
        if (source / CARD).is_file():
            text = (source / CARD).read_text(encoding="utf-8")
            text = text.replace("library_name: peft", "library_name: transformers", 1)
            (part / CARD).write_text(text, encoding="utf-8")
    return folder
