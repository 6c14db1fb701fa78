"""The models that are measured: `nano`, and Llama shapes with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyicl.config import ModelConfig, TemplateConfig

_LLAMA3 = {"rms_norm_eps": 1e-5, "rope_theta": 500_000.0, "vocab_size": 128_256}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
        "vocab_size": 8192,
        "tie_word_embeddings": True,
    },
    "llama_100m": {  # 103 M parameters, 32 M of them the tied embeddings
        "hidden_size": 640,
        "num_hidden_layers": 14,
        "num_attention_heads": 10,
        "num_key_value_heads": 10,
        "intermediate_size": 1792,
        "vocab_size": 50_000,
        "tie_word_embeddings": True,
    },
    "llama_1b": {
        **_LLAMA3,
        "hidden_size": 2048,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "intermediate_size": 8192,
        "tie_word_embeddings": True,
    },
    "llama_8b": {
        **_LLAMA3,
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "tie_word_embeddings": False,
    },
}


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def build(settings: Mapping[str, Any]) -> Any:
    """Return `settings["model"]` in `settings["dtype"]`, for contexts of `settings["context"]`.

    nano was trained at 4,096 tokens; at longer ones its answers mean little, its cost is right.
    """
    import torch

    from manyicl.models import load_model
    from manyicl.quiet import quiet_libraries

    quiet_libraries()
    dtype, name = settings.get("dtype", "float32"), settings["model"]
    if name == "nano":
        model: Any = load_model("nano", ModelConfig(dtype=dtype))
        model.config.max_position_embeddings = settings["context"]
        return model
    from transformers import AutoConfig, AutoModelForCausalLM

    values = {**SHAPES[name], "max_position_embeddings": settings["context"]}
    config = AutoConfig.for_model("llama", pad_token_id=0, eos_token_id=0, **values)
    torch.manual_seed(0)
    with torch.device(device()):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
    return model.eval()


TEMPLATE = TemplateConfig(kind="jinja", instruction_text="{{ instruction }}\n", separator="\n")
"""The plain template with single line breaks.

Peers tokenise the joined text. A byte-level tokenizer keeps a double line break apart there, where
our segments make it one token; with single ones both give the same tokens.
"""


def encoder() -> Any:
    """Return nano's tokenizer with `TEMPLATE`: every shape here embeds its 8,192 tokens."""
    from manyicl.episodes import Encoder
    from manyicl.models import load_tokenizer

    return Encoder(load_tokenizer("nano"), TEMPLATE)


def engine(settings: Mapping[str, Any]) -> Any:
    """Return an engine over `build(settings)`."""
    from manyicl.inference import Engine

    return Engine(
        build(settings),
        encoder(),
        eos_token_id=0,
        tokens_per_batch=settings.get("tokens_per_batch", 1024),
    )


def generated_task(name: str, num_train: int, num_test: int) -> Any:
    """Return the generated task of that name with so many rows a split."""
    from manyicl.tasks.builtin.registry import task_generators

    for generator in task_generators():
        if generator.name == name:
            return generator.as_task(num_train, num_test)
    raise ValueError(f"no generated task is named {name!r}")
