"""The model before its first step: a stock Llama whose first layers compare lines from the start.

To answer from examples in its context a model must find the examples that resemble the question and
repeat their answer. In a model this small the parts of that take millions of tokens to appear one
after another; they can be there from the start, as a place to begin, all of it trainable:

- *Layer 0 gathers* (`_gather`). One head looks at the previous token, the others average the tokens
  of a window, rare ones more: they leave at each position a sum of its line. What each head writes
  has dimensions of its own; the rest stays free for the token itself.
- *Layer 1 finds and copies* (`_find`). Its heads attend where the token before equals the current
  one (induction: the place after the last `Output:`) and where the sum of the line is alike, but
  not in their own line; output maps that are the transpose of the value maps copy what stands
  there. Together this is a nearest-neighbour vote over the examples. Layer 2 begins the same,
  fainter.
- *Later layers* begin with equal query and key maps and copying output maps: mimetic initialization
  (Trockman and Kolter 2023, arXiv 2305.09828), with a plus sign.

Places are looked at through biases on queries and keys (`attention_bias`): with one constant vector
in some rotary planes, turned by the distance wanted, the score is largest there whatever the tokens
are (`_look_back`). Likeness uses only planes that turn slowly, so that within some
400 tokens it does not depend on distance; a large `rope_theta` makes half of them slow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from manyicl.pretraining.settings import ShapeConfig

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

SLOW = 1 / 400  # radians a token: planes that turn slower than this do not tell places apart
# Peak of the score of heads that look at a place, and the planes that shape it, in radians a token.
PREVIOUS = (90.0, 0.002, 2.0)
# (A peak of 8 or more: a thousand tokens further back must not outweigh the window together.)
WINDOWS = ((12.0, 0.004, 0.06), (8.0, 0.004, 0.03), (8.0, 0.004, 0.03))  # about 12, 28, 28 tokens
OWN_LINE = (8.0, 0.008, 0.06)
RARITY = 1.5  # of a token in the direction that tells it, in standard deviations of an embedding
RARER_IS_SEEN = 0.8  # change of a window's score with one standard deviation of rarity
WINDOW_GAIN, PREVIOUS_GAIN = 4.0, 1.0  # of what is written: sums must outweigh their own noise
INDUCTION, SAME_PLACE, ALIKE = 12.0, 40.0, 4.0  # strengths of the terms of a score in layer 1
FAINTER = 0.5  # of the scores in layer 2, but for the look away from the own line
COPY_GAINS = (2.25, 0.5)  # layers 1 and 2
LATE_GAIN = 0.5
MLP_GAIN = 0.3
PLACE_DIMENSIONS = 4  # one in so many of a head's slow dimensions tells places, the others lines


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


@dataclass(frozen=True)
class _Directions:
    """Orthonormal directions of the residual stream [width, n], and the token a head reads there.

    `written[h]`: what head h of layer 0 writes; `free`: what none writes; `rarity` [width]: how
    rare a token is; `token` [n, width]: a map of the token itself, read in the free directions.
    """

    written: list[Tensor]
    free: Tensor
    rarity: Tensor
    token: Tensor


@torch.no_grad()
def give_head_start(model: Any) -> None:
    """Set up the heads as this module says, from the global random state."""
    config = model.config
    slow = _slow_dimensions(config)
    directions = _directions(config, len(slow))
    _tell_rarity(model.model.embed_tokens.weight, directions.rarity)
    for number, layer in enumerate(model.model.layers):
        attention = layer.self_attn
        layer.mlp.down_proj.weight *= MLP_GAIN
        for head in range(config.num_attention_heads):
            if number == 0:
                _gather(config, attention, head, directions)
            elif number <= len(COPY_GAINS):
                _find(config, attention, head, directions, slow, number)
            else:
                _match(config, attention, head)


def _directions(config: Any, size: int) -> _Directions:
    """Each head of layer 0 gets directions of its own, but half of all stay free."""
    width, heads = config.hidden_size, config.num_attention_heads
    size = min(size, width // (2 * heads))
    basis = _orthonormal(width, width)
    written = [basis[:, head * size : (head + 1) * size] for head in range(heads)]
    free = basis[:, heads * size : -1]
    return _Directions(written, free, basis[:, -1], (free @ _orthonormal(free.shape[1], size)).T)


def _tell_rarity(embedding: Tensor, direction: Tensor) -> None:
    """Write into embeddings how rare their tokens are: BPE numbers the frequent ones first."""
    rank = torch.log(torch.arange(len(embedding)) + 200.0)
    rarity = ((rank - rank.mean()) / rank.std()).clamp(-2, 2)
    embedding -= (embedding @ direction)[:, None] * direction
    embedding += RARITY / math.sqrt(len(direction)) * rarity[:, None] * direction


def _gather(config: Any, attention: Any, head: int, directions: _Directions) -> None:
    """Head 0 passes on the previous token, the others the sum of a window."""
    size, rows = _rows(config, head)
    width, n = config.hidden_size, len(directions.token)
    attention.q_proj.weight[rows] = 0.01 * torch.randn(size, width)
    attention.k_proj.weight[rows] = 0.01 * torch.randn(size, width)
    value, output = 0.1 * _orthonormal(size, width), 0.1 * _orthonormal(width, size)
    if head == 0:
        value[:n] = directions.token
        output[:, :n] = PREVIOUS_GAIN * directions.written[head]
        _look_back(config, attention, head, PREVIOUS, distance=1)
    else:
        value[:n] = _orthonormal(n, width)
        output[:, :n] = WINDOW_GAIN * directions.written[head]
        _look_back(config, attention, head, WINDOWS[(head - 1) % len(WINDOWS)])
        slowest = rows.stop - 1  # a constant query there, and the rarity as key
        attention.q_proj.bias[slowest] = bias = math.sqrt(2 * size**0.5)
        attention.k_proj.weight[slowest] = (
            RARER_IS_SEEN * size**0.5 / bias / RARITY * directions.rarity
        )
    attention.v_proj.weight[rows] = 0.5 * value
    attention.o_proj.weight[:, rows] = output


def _find(
    config: Any,
    attention: Any,
    head: int,
    directions: _Directions,
    slow: list[int],
    layer: int,
) -> None:
    """Head 0 is an induction head; each other one matches the sums of one window as well."""
    size, rows = _rows(config, head)
    free, token, previous = directions.free, directions.token, directions.written[0].T
    copied = (free @ _orthonormal(free.shape[1], min(size, free.shape[1]))).T
    value = torch.zeros(size, config.hidden_size)
    value[: len(copied)] = math.sqrt(COPY_GAINS[layer - 1]) * copied
    attention.v_proj.weight[rows] = value
    attention.o_proj.weight[:, rows] = value.T
    query, key = torch.zeros_like(value), torch.zeros_like(value)
    strength = FAINTER ** (layer - 1)
    used = slow[: len(token)]
    if head == 0:
        query[used] = math.sqrt(strength * INDUCTION) * token
        key[used] = math.sqrt(strength * INDUCTION) * previous
    else:
        place, line = used[: len(used) // PLACE_DIMENSIONS], used[len(used) // PLACE_DIMENSIONS :]
        chosen = math.sqrt(strength * SAME_PLACE) * _orthonormal(len(place), len(token))
        query[place], key[place] = chosen @ token, chosen @ previous
        chosen = math.sqrt(strength * ALIKE) * _orthonormal(len(line), len(token))
        query[line] = key[line] = chosen @ directions.written[head].T
        _look_back(config, attention, head, OWN_LINE, sign=-1)
    attention.q_proj.weight[rows] = query
    attention.k_proj.weight[rows] = key


def _match(config: Any, attention: Any, head: int) -> None:
    """Equal maps of queries and keys attend to likes; transposed maps copy."""
    size, rows = _rows(config, head)
    value, alike = _orthonormal(size, config.hidden_size), _orthonormal(size, config.hidden_size)
    attention.v_proj.weight[rows] = LATE_GAIN * value
    attention.o_proj.weight[:, rows] = LATE_GAIN * value.T
    attention.q_proj.weight[rows] = LATE_GAIN * alike
    attention.k_proj.weight[rows] = LATE_GAIN * alike


def _look_back(
    config: Any,
    attention: Any,
    head: int,
    place: tuple[float, float, float],
    distance: int = 0,
    sign: int = 1,
) -> None:
    """Set biases so that the score has its peak at a distance; with `sign=-1` its deepest point.

    A plane of rotary embedding is dimensions i and i + size / 2 of a head; a constant c in it gives
    the score c'R(d - distance)c, in which R turns by the plane's speed times the distance d.
    """
    peak, slowest, fastest = place
    size, rows = _rows(config, head)
    speeds = _speeds(config)
    planes = [plane for plane, speed in enumerate(speeds) if slowest <= speed <= fastest]
    if not planes:
        return
    strength = math.sqrt(peak * math.sqrt(size) / len(planes))
    for plane in planes:
        turn = distance * speeds[plane]
        first = rows.start + plane
        attention.k_proj.bias[first] = strength
        attention.q_proj.bias[first] = sign * strength * math.cos(turn)
        attention.q_proj.bias[first + size // 2] = -sign * strength * math.sin(turn)


def _slow_dimensions(config: Any) -> list[int]:
    """Return the dimensions of a head whose planes are slow, or of the slower half of them."""
    speeds = _speeds(config)
    planes = [plane for plane, speed in enumerate(speeds) if speed <= SLOW]
    planes = planes or list(range(len(speeds) // 2, len(speeds)))
    return planes + [plane + len(speeds) for plane in planes]


def _speeds(config: Any) -> list[float]:
    """Return the radians a token by which each rotary plane turns, fastest first."""
    size = config.hidden_size // config.num_attention_heads
    theta = config.rope_parameters["rope_theta"]
    return [theta ** (-2 * plane / size) for plane in range(size // 2)]


def _rows(config: Any, head: int) -> tuple[int, slice]:
    size = config.hidden_size // config.num_attention_heads
    return size, slice(head * size, (head + 1) * size)


def _orthonormal(rows: int, columns: int) -> Tensor:
    """Return a part of a random orthogonal matrix."""
    larger = max(rows, columns)
    return torch.linalg.qr(torch.randn(larger, larger))[0][:rows, :columns]
