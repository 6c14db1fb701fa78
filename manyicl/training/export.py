"""Export of a trained model: a plain Hugging Face folder, the adapter merged into the weights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyicl.errors import ConfigError, ModelError, RunError
from manyicl.models import load_model, load_tokenizer, shipped
from manyicl.training.disk import SIGNS
from manyicl.training.model_folder import MANIFEST, trained_model_config

CARD = "README.md"


def check_free(folder: Path, option: str) -> None:
    """Raise `ConfigError` unless the folder is empty or not there. `option` is what named it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{option}: {folder} exists and is not empty. Name a new folder, or remove that one."
        )


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to write to, which becomes `folder` when the block ends without an error.

    Raises `RunError` if it cannot be written; nothing is left behind then.
    """
    folder = folder.resolve()
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        os.replace(part, folder)
    except Exception as error:
        if not (isinstance(error, OSError) or any(sign in str(error) for sign in SIGNS)):
            raise
        raise RunError(
            f"{folder}: cannot be written ({error}). Free space, or name another folder."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def export_merged(model: str, folder: str | Path, *, trust_remote_code: bool = False) -> Path:
    """Write a model folder that needs no PEFT: weights, tokenizer, card, manyicl.json.

    `model` is a model folder of a run, or any PEFT adapter folder; a folder without an adapter,
    and `nano`, is copied. Raises `ManyICLError`, and then writes nothing.
    """
    # Absolute: the folder ./nano must not become the word nano.
    source, folder = Path(shipped.resolve(model, "--merged")).absolute(), Path(folder)
    check_free(folder, "--merged")
    if not source.is_dir():
        raise ModelError(
            f"--merged: {model!r} is no local folder. Name a run folder or a folder with a model."
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
