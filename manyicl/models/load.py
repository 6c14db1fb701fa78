"""Loading models and tokenizers: nano, GGUF files, Hugging Face folders, hub ids, PEFT adapters.

Weights are read from safetensors only (GGUF files become safetensors first).
"""

from __future__ import annotations

import gc
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import xxhash

from manyicl.config import ModelConfig
from manyicl.errors import ModelError, on_one_line
from manyicl.models import gguf, shipped
from manyicl.models.adapters import add_adapter, base_of, refuse_other_adapter
from manyicl.models.hub import check_name, quiet_hub
from manyicl.models.missing import refuse_missing

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(
    path: str, *, trust_remote_code: bool = False, key: str = "model.path"
) -> PreTrainedTokenizerBase:
    """Return the tokenizer of `nano`, `smollm2`, a GGUF file, a model folder or hub id.

    `key` is the setting that named it.
    Raises `ModelError` with the way out.
    """
    path = shipped.resolve(path, key)
    check_name(key, path)
    adapter = Path(path) / "adapter_config.json"
    if adapter.is_file() and not any(Path(path).glob("tokenizer*")):  # PEFT saves none with it
        return load_tokenizer(
            base_of(Path(path), adapter), trust_remote_code=trust_remote_code, key=key
        )
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        if _stored_as_is(Path(path)):
            return PreTrainedTokenizerFast.from_pretrained(path)
        with quiet_hub():
            return AutoTokenizer.from_pretrained(path, trust_remote_code=trust_remote_code)
    except Exception as error:
        folder = Path(path)
        if folder.is_dir() and not any(folder.glob("tokenizer*")):
            reason = "the folder holds no tokenizer (tokenizer.json, tokenizer_config.json)"
            raise ModelError(
                f"{key}: {path}: {reason}. Add one, or name another with model.tokenizer."
            ) from None
        raise ModelError(_unreachable(key, path, error, "its tokenizer cannot")) from None


def load_model(
    path: str, config: ModelConfig | None = None, *, training: bool = False
) -> PreTrainedModel:
    """Return a causal LM in evaluation mode; a PEFT adapter folder gives base plus adapter.

    `path` is `nano`, `smollm2`, a GGUF file, a folder or a hub id.

    For `training` with `config.lora.rank` above 0, a fresh adapter is put on it and the base is
    frozen; with rank 0 all weights train. Raises `ModelError` with the way out.
    """
    config = config or ModelConfig()
    path = shipped.resolve(path)
    folder = Path(path)
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        return _load_adapter(folder, adapter, config, training)
    _check_model(path)
    from transformers import AutoModelForCausalLM

    dtype = config.dtype if config.dtype == "auto" else getattr(torch, config.dtype)
    if training and not config.lora.rank and config.dtype == "auto":
        # At fine-tuning rates most updates are smaller than bf16 can add to a weight: all weights
        # train in fp32 (autocast still computes in bf16) and are stored as they came.
        dtype = torch.float32
    try:
        with quiet_hub():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                path,
                output_loading_info=True,
                dtype=dtype,
                # transformers' own choice is sdpa where the model has it, else eager (Gemma 2).
                attn_implementation=None if config.attention == "sdpa" else config.attention,
                use_safetensors=True,
                trust_remote_code=config.trust_remote_code,
            )
    except Exception as error:
        raise ModelError(_unreachable("model.path", path, error)) from None
    model, found = loaded if isinstance(loaded, tuple) else (loaded, {})  # by code of its own
    refuse_missing("model.path", path, found)
    if training and config.lora.rank:
        model = add_adapter(model, config)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        # Its plans are made anew for every length, and hardly two rows here have the same.
        torch.backends.cuda.enable_cudnn_sdp(False)
    return model.to(device).eval()  # type: ignore[return-value,arg-type]


def model_without_weights(path: str, config: ModelConfig) -> torch.nn.Module:
    """Return the model that would train, on the meta device: names and shapes of its parameters.

    `path` is `nano`, a folder of a whole model (no adapter) or a hub id. Seeds the random state if
    an adapter is added. Raises `ModelError` as `load_model`.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    path = shipped.resolve(path)
    _check_model(path)
    trust = config.trust_remote_code
    try:
        with quiet_hub(), torch.device("meta"):
            described = AutoConfig.from_pretrained(path, trust_remote_code=trust)
            model = AutoModelForCausalLM.from_config(
                described,
                attn_implementation=None if config.attention == "sdpa" else config.attention,
                trust_remote_code=trust,
            )
    except Exception as error:
        raise ModelError(_unreachable("model.path", path, error)) from None
    return add_adapter(model, config) if config.lora.rank else model


def context_length(model: PreTrainedModel) -> int | None:
    """Return the longest sequence the model was built for, or None if its config names no limit."""
    return length_of_config(model.config)


def end_tokens(model: PreTrainedModel) -> set[int]:
    """Return the ids with which the model itself ends a text; chat models have several."""
    found = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return set(found) if isinstance(found, list) else set() if found is None else {found}


def stored_context_length(path: str, *, trust_remote_code: bool = False) -> int | None:
    """Return the context length of a model folder or hub id; no weights are loaded.

    Raises `ModelError` as `load_model` does.
    """
    from transformers import AutoConfig

    path = shipped.resolve(path)
    adapter = Path(path) / "adapter_config.json"
    if adapter.is_file():
        path = shipped.resolve(base_of(Path(path), adapter))
    _check_model(path)
    try:
        with quiet_hub():
            described = AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code)
    except Exception as error:
        raise ModelError(_unreachable("model.path", path, error)) from None
    return length_of_config(described)


def length_of_config(config: Any) -> int | None:
    """Return the longest sequence a Hugging Face config allows, or None if it names no limit."""
    config = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


def stored_dtype(path: str, *, trust_remote_code: bool = False) -> torch.dtype:
    """Return the dtype a model's weights are stored in, float32 where its config does not say."""
    from transformers import AutoConfig

    path = shipped.resolve(path)
    described = AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code)
    found = getattr(described, "dtype", None)
    return found if isinstance(found, torch.dtype) else torch.float32


def has_fast_bf16() -> bool:
    """Return whether this machine computes bf16 faster than fp32: most GPUs, and CPUs with AMX
    or AVX-512 BF16 (measured on the latter: five times the fp32 matrix rate)."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def widen_slow_bf16(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model with its weights in fp32 where this processor multiplies 16-bit matrices
    slowly (by a factor of ten and more on a CPU without AMX or AVX-512 BF16), for inference.

    The values stay what they were. A model that would then take over half of the free memory stays
    as it is.
    """
    if model.device.type != "cpu" or model.dtype == torch.float32 or has_fast_bf16():
        return model
    import psutil

    needed = 4 * sum(parameter.numel() for parameter in model.parameters())
    if needed > psutil.virtual_memory().available / 2:
        print(
            f"note: this processor is slow at {str(model.dtype).removeprefix('torch.')}, and the "
            f"model in float32 would take {needed / 2**30:.0f} GB; model.dtype=float32 does it "
            "all the same",
            file=sys.stderr,
        )
        return model
    return model.float()


def free_memory() -> None:
    """Give back what models that are no longer named still hold: cycles, and CUDA's cache."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def frozen_identity(model: torch.nn.Module) -> str:
    """Return a hash over samples of the weights under an adapter; empty without one.

    They are in no checkpoint, so a run that goes on must find them as they were.
    """
    adapted = hasattr(model, "peft_config")
    frozen = [(n, p) for n, p in model.named_parameters() if adapted and not p.requires_grad]
    if any(weights.is_meta for _, weights in frozen):
        return ""
    digest = xxhash.xxh3_128()
    for name, weights in sorted(frozen, key=lambda item: item[0]):
        flat = weights.detach().flatten()
        some = flat[:: max(1, len(flat) // 1024) | 1].float().cpu()  # odd: no one column alone
        digest.update(f"{name} {tuple(weights.shape)}".encode())
        digest.update(some.numpy().tobytes())
    return digest.hexdigest() if frozen else ""


def model_identity(model: torch.nn.Module) -> str:
    """Return a hash over the config and every weight, the adapter's included.

    It is over their values: the same weights in bf16 and, widened, in fp32 are the same model.
    """
    digest = xxhash.xxh3_128()
    config = getattr(model, "config", None)
    if config is not None:
        described = {k: v for k, v in config.to_dict().items() if not k.startswith("_")}
        for key in ("transformers_version", "dtype"):
            described.pop(key, None)
        digest.update(json.dumps(described, sort_keys=True, default=str).encode())
    for name, adapter in sorted(getattr(model, "peft_config", {}).items()):
        scaling = {k: v for k, v in adapter.to_dict().items() if "path" not in k}
        # Target modules are a set; the weights below say which were found.
        scaling = {k: sorted(v) if isinstance(v, set) else v for k, v in scaling.items()}
        digest.update(json.dumps([name, scaling], sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        if flat.dtype in (torch.bfloat16, torch.float16):
            flat = flat.float()
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _stored_as_is(folder: Path) -> bool:
    """Whether tokenizer.json is all there is to a tokenizer.

    AutoTokenizer would go by the model's type instead: on a tokenizer trained here, beside a Qwen 2
    model, it puts Qwen's own splitting and special tokens.
    """
    settings = folder / "tokenizer_config.json"
    if not (settings.is_file() and (folder / "tokenizer.json").is_file()):
        return False
    named = json.loads(settings.read_text(encoding="utf-8")).get("tokenizer_class")
    return named in ("TokenizersBackend", "PreTrainedTokenizerFast")


def _load_adapter(
    folder: Path, adapter: Path, config: ModelConfig, training: bool
) -> PreTrainedModel:
    from peft import PeftModel

    base = base_of(folder, adapter)
    if not (folder / "adapter_model.safetensors").is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        raise ModelError(
            f"model.path: {folder}: holds adapter_config.json but no adapter_model.safetensors. "
            + (
                "Its adapter_model.bin is a pickle and is not read; save it as safetensors."
                if pickled
                else "Copy the weights there, or train the adapter again."
            )
        )
    plain = ModelConfig(
        dtype=config.dtype,
        attention=config.attention,
        trust_remote_code=config.trust_remote_code,
    )
    model = load_model(base, plain)
    try:
        with warnings.catch_warnings():  # PEFT only warns, and goes on with an untrained adapter
            warnings.filterwarnings("error", message="Found missing adapter keys")
            loaded: Any = PeftModel.from_pretrained(model, folder, is_trainable=training)
    except Exception as error:
        raise ModelError(_unreachable("model.path", str(folder), error)) from None
    settings = loaded.active_peft_config
    settings.base_model_name_or_path = shipped.resolve(base)
    if training and config.lora.rank not in (0, settings.r):
        raise ModelError(
            f"model.lora.rank: is {config.lora.rank}, but model.path is an adapter of rank "
            f"{settings.r}, which goes on training. Leave the key out, or name the base model."
        )
    if training:
        refuse_other_adapter(config.lora, settings)
    return loaded.eval()


def _check_model(path: str) -> None:
    check_name("model.path", path)
    folder = Path(path)
    if not folder.is_dir():
        return
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"model.path: {folder}: holds no config.json. Name a Hugging Face model folder "
            "(of a run: its model/ folder)."
        )
    if not any(folder.glob("*.safetensors")):
        pickled = any(folder.glob("*.bin"))
        raise ModelError(
            f"model.path: {folder}: holds config.json but no weights (*.safetensors). "
            + (
                "Its pytorch_model.bin is a pickle and is not read; convert it to safetensors."
                if pickled
                else "Copy the weights there, or download the model again."
            )
        )


def _unreachable(key: str, path: str, error: Exception, cannot: str = "cannot") -> str:
    reason = on_one_line(error)
    if "trust_remote_code" in str(error):
        return (
            f"{key}: {path}: needs code that comes with it, and such code is not run unasked. "
            "If you trust it, set model.trust_remote_code=true."
        )
    if Path(path).is_dir():
        restore = "Install manyicl again" if shipped.is_nano(path) else "Restore the folder"
        if Path(path).parent == gguf.cache_folder():
            restore = "Remove the folder, so that its GGUF file is unpacked again"
        return (
            f"{key}: {path}: {cannot} be loaded ({reason}). {restore}, or change the setting that "
            "this names."
        )
    return (
        f"{key}: {path!r} is no local folder and could not be fetched from a hub ({reason}). Check "
        "the name, or download the model where a hub can be reached and name the folder."
    )
