"""Names of models that are no folder yet: `nano`, which comes with the package, and GGUF files.

Wherever a model may be named the word `nano` means this package's own, in every directory, so that
a recipe means the same everywhere; a local folder of that name is given as `./nano`. So it is with
`smollm2`, which like the path of a GGUF file stands for a folder that gguf.py unpacks.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from manyicl.config import NANO
from manyicl.errors import ModelError
from manyicl.files import file_hash
from manyicl.models import gguf

FOLDER = Path(__file__).resolve().parent / NANO
FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "pretraining.json",
)


def resolve(name: str, key: str = "model.path") -> str:
    """Return the folder that `nano`, `smollm2` or a GGUF file stands for; other names as they are,
    but for a folder below `~`.

    `key` is the setting that the message names. Raises `ModelError` if the folder is not whole.
    """
    if gguf.is_gguf(name):
        if name == gguf.SMOLLM2:
            _say_which(Path.cwd(), name, "stands for a package's model")
        return str(gguf.unpacked_folder(name, key))
    if name != NANO:
        return _below_home(name) or name
    if missing := [file for file in FILES if not (FOLDER / file).is_file()]:
        raise ModelError(
            f"{key}: {NANO!r}, the model that comes with manyicl, is not whole: {FOLDER} lacks "
            f"{', '.join(missing)}. Install manyicl again, or name another model."
        )
    _say_which(Path.cwd(), NANO, "is the model that comes with manyicl")
    return str(FOLDER)


def _below_home(name: str) -> str | None:
    """Return the folder that a name beginning with `~` stands for, if there is one."""
    if not name.startswith("~"):
        return None
    try:
        folder = Path(name).expanduser()
    except RuntimeError:  # nobody of that name
        return None
    return str(folder) if folder.is_dir() else None


def is_nano(name: str | Path) -> bool:
    """Return whether a name, or the path of a folder, means the package's own model."""
    return name == NANO or Path(name).resolve() == FOLDER


def fingerprint() -> str:
    """Return the start of the SHA-256 of the weights, which tells one edition from another."""
    return file_hash(FOLDER / "model.safetensors")[:16]


def adapter_base(named: str) -> str:
    """Return the base model to load for the name that an adapter holds.

    An adapter on nano names nano's folder on the machine of its training, so that PEFT alone finds
    it there. Where that folder is not, it is the one of this package.
    """
    tail = re.split(r"[\\/]+", named.rstrip("\\/"))[-3:]
    if tail == ["manyicl", "models", NANO] and not Path(named).is_dir():
        return NANO
    return named


def check_edition(trained_on: str | None, place: Path) -> None:
    """Raise `ModelError` if an adapter was trained on other weights than this package's nano.

    `trained_on` is that model's `fingerprint`, None if the adapter does not tell.
    """
    if trained_on is not None and trained_on != fingerprint():
        raise ModelError(
            f"model.path: {place}: was trained on another edition of {NANO!r} (weights "
            f"{trained_on}, here {fingerprint()}). Install the manyicl it was trained with, or "
            "train again."
        )


@cache  # said once
def _say_which(directory: Path, name: str, meaning: str) -> None:
    local = directory / name
    if local.is_dir() and local.resolve() != FOLDER:
        print(f"note: {name!r} {meaning}; the folder here is './{name}'", file=sys.stderr)
