"""Tokenizers of three kinds, models of many architectures and tasks: tiny, made in-process.

A module of its own, because `conftest` means another file in every folder that has one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from manyicl.tasks import Example, Task

REAL_TASKS = Path(__file__).resolve().parents[2] / "shared" / "data" / "tasks"

CORPUS = [
    "Input: the parcel arrived late and the box was torn\nOutput: complaint",
    "Input: thank you for the quick answer, it works again\nOutput: praise",
    "Premise: All 12 dogs sleep. Hypothesis: No dog is awake. entailment contradiction neutral",
    "What is 48 plus 76? 124. Summarise the report in one sentence, please.",
    "<|user|> hello <|assistant|> good morning, how can I help you today?",
]


def byte_level_tokenizer(**kwargs: Any) -> Any:
    """Byte-level BPE: GPT-2, Llama 3, Qwen."""
    from manyicl.models import train_tokenizer

    tokenizer = train_tokenizer(CORPUS * 3, 400)
    for key, value in kwargs.items():
        setattr(tokenizer, key, value)
    return tokenizer


def metaspace_tokenizer() -> Any:
    """SentencePiece style with byte fallback, a BOS token and a dummy space: Llama 2, Mistral."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=480, special_tokens=specials, show_progress=False)
    backend.train_from_iterator(CORPUS * 3, trainer)
    # Byte pieces are ordinary vocabulary, not special tokens.
    import json

    state = json.loads(backend.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if not t["content"].startswith("<0x")]
    backend = Tokenizer.from_str(json.dumps(state))
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", backend.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def chat_tokenizer() -> Any:
    """Byte-level BPE with special turn markers and a chat template."""
    tokenizer = byte_level_tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|system|>", "<|user|>", "<|assistant|>"]}
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


TOKENIZERS = {
    "byte_level": byte_level_tokenizer,
    "metaspace": metaspace_tokenizer,
    "chat": chat_tokenizer,
}


_SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 512,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {**_SMALL, "num_key_value_heads": 2},
    "mistral": {**_SMALL, "num_key_value_heads": 2, "sliding_window": 20},
    "gemma2": {**_SMALL, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 20},
    "gemma3_text": {
        **_SMALL,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "sliding_window": 20,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "qwen2": {**_SMALL, "num_key_value_heads": 2},
    "qwen3": {**_SMALL, "num_key_value_heads": 2, "head_dim": 8},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512},
}
_GROUPED = {**_SMALL, "num_key_value_heads": 2}
_EXPERTS = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2}
MORE_ARCHITECTURES: dict[str, dict[str, Any]] = {
    "apertus": _GROUPED,
    "cohere": _GROUPED,
    "cohere2": {**_GROUPED, "sliding_window": 20},
    "deepseek_v3": {  # keys and values of different width
        **_SMALL,
        "num_key_value_heads": 4,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_nope_head_dim": 8,
        "qk_rope_head_dim": 8,
        "v_head_dim": 8,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "moe_intermediate_size": 16,
        "n_shared_experts": 1,
    },
    "ernie4_5": _GROUPED,
    "exaone4": {**_GROUPED, "sliding_window": 20, "sliding_window_pattern": 2},
    "gemma": {**_GROUPED, "head_dim": 8},
    "gemma4_text": {**_GROUPED, "head_dim": 8, "sliding_window": 20},
    "glm4": {**_GROUPED, "head_dim": 8},
    "gpt_neox": _SMALL,
    "granite": _GROUPED,
    "mixtral": {**_GROUPED, **_EXPERTS},
    "nemotron": _GROUPED,
    "olmo2": _GROUPED,
    "olmo3": {**_GROUPED, "sliding_window": 20},
    "opt": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "ffn_dim": 48,
        "max_position_embeddings": 512,
        "word_embed_proj_dim": 32,
    },
    "phi": _SMALL,
    "phi3": _GROUPED,
    "qwen3_moe": {**_GROUPED, **_EXPERTS, "head_dim": 8, "moe_intermediate_size": 16},
    "smollm3": _GROUPED,
    "stablelm": _GROUPED,
    "starcoder2": {**_GROUPED, "sliding_window": 20},
}
OWN_ATTENTION: dict[str, dict[str, Any]] = {  # not computed through transformers' interface
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "doge": {**_GROUPED, "keep_window_size": 8},  # makes masks of its own
    "gpt_oss": {**_GROUPED, **_EXPERTS, "head_dim": 8, "sliding_window": 20},
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512, "rotary_dim": 8},
    "jamba": _GROUPED,
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
}


def tiny_model(
    architecture: str = "llama", vocab_size: int = 512, seed: int = 0, **more: Any
) -> Any:
    """Return a randomly initialised model, its weights large enough to tell answers apart."""
    from transformers import AutoConfig, AutoModelForCausalLM

    known = ARCHITECTURES | MORE_ARCHITECTURES | OWN_ATTENTION
    values = {"vocab_size": vocab_size, **known[architecture], **more}
    for key in ("pad_token_id", "bos_token_id", "eos_token_id"):
        values[key] = 0
    eager = architecture == "gemma2" or architecture in OWN_ATTENTION
    attention = "eager" if eager else "sdpa"
    torch.manual_seed(seed)
    config = AutoConfig.for_model(architecture, **values)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4.0)
    return model.float().eval()


def make_task(
    train: list[Example] | None = None,
    test: list[Example] | None = None,
    name: str = "toy",
    **metadata: Any,
) -> Task:
    """Return an in-memory task; by default a three-label one with distinct short inputs."""
    labels = ("positive", "negative", "no opinion")
    words = [
        "late",
        "broken",
        "quick",
        "friendly",
        "torn",
        "cheap",
        "heavy",
        "bright",
        "silent",
        "missing",
    ]
    if train is None:
        train = [
            Example(
                f"{words[i % 10]} parcel number {i * 37 % 101} {words[i * 3 % 7]}", labels[i % 3]
            )
            for i in range(30)
        ]
        metadata.setdefault("labels", labels)
        metadata.setdefault("kind", "classification")
    if test is None:
        test = [Example(f"{words[i]} letter {i}", labels[i % 3]) for i in range(6)]
    kind = "multiple_choice" if any(row.options for row in train) else "generation"
    settings: dict[str, Any] = {
        "family": "classification",
        "kind": "classification" if metadata.get("labels") else kind,
        "metric": "accuracy",
        "group": name,
        "instruction": "Say what the customer thinks.",
    } | metadata
    rows = {"train": train, "test": test}
    return Task(name=name, load=lambda split: rows[split], **settings)
