"""The model before its first step: random weights, and heads that have a place to begin.

Learning from the context needs three things of attention: to look at a place (the previous token,
the last few), to look at what is alike, and to copy what is found. In a model this small each takes
millions of tokens to appear, and nothing in-context happens before all are there. They can be there
from the start, in a stock Llama model; all of it stays trainable:

- *Looking at a place.* With biases on queries and keys (`attention_bias`), the key bias is a
  constant vector c in some rotary planes and the query bias the same vector turned back by one
  position: after rotary embedding the score c'R(distance - 1)c is largest at distance 1, whatever
  the tokens are.
  Fast planes make it sharp (a previous-token head); slower ones, not turned, make a window.
- *Looking at what is alike, and copying.* A head whose query and key maps are equal attends to
  positions that share content with it; one whose output map is the transpose of its value map
  copies.
  This is mimetic initialization (Trockman and Kolter 2023, arXiv 2305.09828), with a plus sign.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from manyicl.pretraining.settings import ShapeConfig

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

BIAS = 6.0  # of one rotary plane of a previous-token head, of 16; larger is sharper
PLANES = 16
# Window heads: bias, and the planes as shares of all: about 5 and about 10 tokens back.
WINDOWS = ((3.0, 4 / 32, 12 / 32), (2.0, 6 / 32, 14 / 32))
GAIN = 0.5  # of the orthonormal maps


def initial_model(shape: ShapeConfig, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """Return a Llama model in fp32 for this tokenizer, with the head start of this module."""
    from transformers import LlamaForCausalLM

    torch.manual_seed(shape.seed)
    model = LlamaForCausalLM(llama_config(shape, tokenizer))
    # Embeddings of length 1: what heads copy must not drown them, nor they the logits.
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=shape.hidden_size**-0.5)
    if shape.head_start:
        give_head_start(model)
    return model


def llama_config(shape: ShapeConfig, tokenizer: PreTrainedTokenizerBase) -> LlamaConfig:
    """Return the config of a model of this shape for this tokenizer."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        num_key_value_heads=shape.num_attention_heads,
        intermediate_size=shape.intermediate_size,
        initializer_range=shape.hidden_size**-0.5 / 2,
        max_position_embeddings=shape.max_position_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        tie_word_embeddings=True,
        attention_bias=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,  # pyright: ignore[reportArgumentType]
        pad_token_id=tokenizer.pad_token_id,  # pyright: ignore[reportArgumentType]
    )


@torch.no_grad()
def give_head_start(model: Any) -> None:
    """Set up heads: layer 0 looks at places, layer 1 has one such head, all others look for likes.

    Half of layer 0's heads are previous-token heads, the rest windows.
    """
    heads = model.config.num_attention_heads
    for number, layer in enumerate(model.model.layers):
        attention = layer.self_attn
        for head in range(heads):
            if number == 0 and head >= (heads + 1) // 2:
                _look_back_over_window(model.config, attention, head, WINDOWS[head % 2])
                _set_maps(attention, head, heads, matching=False)
            elif number == 0 or (number == 1 and head == 0):
                _look_at_previous_token(model.config, attention, head)
                _set_maps(attention, head, heads, matching=False)
            else:
                _set_maps(attention, head, heads, matching=True)


def _look_at_previous_token(config: Any, attention: Any, head: int) -> None:
    size = config.hidden_size // config.num_attention_heads
    planes = min(PLANES, size // 2)
    strength = BIAS * math.sqrt(PLANES / planes)
    theta = config.rope_parameters["rope_theta"]
    for plane in range(planes):  # the fastest; a plane is dimensions i and i + size / 2 of a head
        turn = theta ** (-2 * plane / size)
        first = head * size + plane
        attention.k_proj.bias[first] = strength
        attention.q_proj.bias[first] = strength * math.cos(turn)
        attention.q_proj.bias[first + size // 2] = -strength * math.sin(turn)


def _look_back_over_window(
    config: Any, attention: Any, head: int, window: tuple[float, float, float]
) -> None:
    size = config.hidden_size // config.num_attention_heads
    strength, start, stop = window
    for plane in range(round(start * size / 2), round(stop * size / 2)):
        attention.k_proj.bias[head * size + plane] = strength
        attention.q_proj.bias[head * size + plane] = strength


def _set_maps(attention: Any, head: int, heads: int, *, matching: bool) -> None:
    """Orthonormal maps: likes attend to likes and copy, or content is passed on turned."""
    width = attention.q_proj.weight.shape[1]
    size = width // heads
    rows = slice(head * size, (head + 1) * size)
    value = _orthonormal(size, width)
    attention.v_proj.weight[rows] = value
    attention.o_proj.weight[:, rows] = value.T if matching else _orthonormal(size, width).T
    if matching:
        alike = _orthonormal(size, width)
        attention.q_proj.weight[rows] = alike
        attention.k_proj.weight[rows] = alike


def _orthonormal(rows: int, columns: int) -> Tensor:
    return GAIN * torch.linalg.qr(torch.randn(columns, rows))[0].T
