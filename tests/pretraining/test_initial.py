"""The model before its first step: it gathers lines, compares them and copies, in a stock Llama."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from builders import byte_level_tokenizer
from torch import Tensor
from transformers import AutoModelForCausalLM, LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from manyicl.pretraining.initial import initial_model
from manyicl.pretraining.settings import ShapeConfig

VOCABULARY = 2000
LINE_TOKENS, LABEL_AT = 13, 11  # of a line of `page_of_lines`
# (width, heads, layers): head sizes from 8 to 64
SHAPES = [(32, 2, 1), (32, 4, 2), (64, 2, 2), (128, 2, 3), (128, 4, 3), (256, 4, 2)]


def make(width: int = 256, heads: int = 4, layers: int = 2, **shape: Any) -> Any:
    given: dict[str, Any] = {"vocab_size": 500, "intermediate_size": 96} | shape
    config = ShapeConfig(
        hidden_size=width, num_attention_heads=heads, num_hidden_layers=layers, **given
    )
    model = initial_model(config, byte_level_tokenizer())
    model.set_attn_implementation("eager")
    return model


@pytest.fixture(scope="module")
def nano() -> Any:
    """All of nano's shape but the number of tokens."""
    model = initial_model(ShapeConfig(vocab_size=VOCABULARY), byte_level_tokenizer())
    model.set_attn_implementation("eager")
    return model


@pytest.fixture(scope="module")
def first_layers() -> Any:
    return make(layers=2, vocab_size=VOCABULARY)


def drawn(model: Any, rows: int, length: int) -> Tensor:
    """Return random token ids [rows, length]."""
    generator = torch.Generator().manual_seed(5)
    return torch.randint(3, model.config.vocab_size, (rows, length), generator=generator)


def attention_of(model: Any, ids: Tensor) -> Tensor:
    """Return the attention of each layer and head [layers, rows, heads, queries, keys]."""
    with torch.no_grad():
        return torch.stack(model(ids, output_attentions=True).attentions)


def at_distance(attention: Tensor, distance: int) -> Tensor:
    """Return the mean weight on the token so far back [layers, heads]."""
    return attention.diagonal(-distance, dim1=-2, dim2=-1)[..., 8:].mean((1, -1))


def copy_losses(model: Any) -> tuple[float, float]:
    """Return the mean loss on random blocks of 64 tokens and on their second copy, nats a token."""
    ids = drawn(model, 4, 64).repeat(1, 2)
    with torch.no_grad():
        logits = model(ids).logits
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none"
    )
    return float(losses[:, :63].mean()), float(losses[:, 64:].mean())


def page_of_lines(seed: int, num_labels: int) -> tuple[list[int], list[int]]:
    """Return token ids, up to where the last of twenty labels is due, and the class of each line.

    A line: two tokens of markup, six words of its class, three of markup, the label, an end.
    """
    rng = random.Random(seed)
    tokens = rng.sample(range(100, VOCABULARY), 9 * num_labels)
    bags = [tokens[9 * label : 9 * label + 8] for label in range(num_labels)]
    classes = [line % num_labels for line in range(20)]
    rng.shuffle(classes)
    ids: list[int] = []
    for label in classes:
        ids += [3, 4, *rng.sample(bags[label], 6), 5, 6, 7, tokens[9 * label + 8], 8]
    return ids[:-2], classes


def part(weight: Tensor, head: int, size: int) -> Tensor:
    """Return the rows of a head."""
    return weight[head * size : (head + 1) * size].detach()


def written(model: Any, head: int) -> Tensor:
    """Return an orthonormal basis of what a head of layer 0 writes, small parts left out."""
    config = model.config
    size = config.hidden_size // config.num_attention_heads
    output = part(model.model.layers[0].self_attn.o_proj.weight.T, head, size).T
    left, strength, _ = torch.linalg.svd(output, full_matrices=False)
    return left[:, strength > strength[0] / 2]


# --- layer 0 gathers -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_head_looks_at_the_previous_token(shape):
    model = make(*shape)
    attention = attention_of(model, drawn(model, 4, 96))
    assert at_distance(attention, 1)[0, 0] > 0.8
    assert max(at_distance(attention, d)[0, 0] for d in (0, 2, 3, 5)) < 0.15
    assert (at_distance(attention, 1)[0, 1:] < 0.3).all()


def test_the_other_heads_look_back_over_windows(first_layers):
    """The first one over some 12 tokens, the others over more; also where a lot stands before."""
    attention = attention_of(first_layers, drawn(first_layers, 2, 600))[0, :, :, -100:].mean(0)
    back = torch.arange(500, 600)[:, None] - torch.arange(600)[None]
    mean = [float((weight * back * (back < 100)).sum(-1).mean()) for weight in attention]
    assert mean[0] == pytest.approx(1, abs=0.1)
    assert 6 < mean[1] < 10
    assert 16 < mean[2] < 24
    assert 16 < mean[3] < 24
    for head, span in ((1, 24), (2, 56), (3, 56)):
        assert (attention[head] * (back < span)).sum(-1).mean() > 0.9, head
        assert attention[head].max(-1).values.mean() < 0.4  # no single token has most of it


def test_windows_see_rare_tokens_more(first_layers):
    """Byte-level BPE gives frequent tokens the low ids."""
    generator = torch.Generator().manual_seed(0)
    rare = torch.rand(4, 96, generator=generator) < 0.5
    fifth = VOCABULARY // 5
    ids = torch.randint(3, fifth, (4, 96), generator=generator) + rare * (VOCABULARY - fifth)
    weight = attention_of(first_layers, ids)[0, :, :, 48:]
    on_rare = (weight * rare[:, None, None]).sum(-1).mean((0, 2))
    assert on_rare[0] < 0.6  # the token before, whatever it is
    assert (on_rare[1:] > 0.75).all()


@pytest.mark.parametrize("shape", [(64, 2, 1), (128, 4, 1), (256, 4, 1)])
def test_heads_of_layer_0_write_into_directions_of_their_own(shape):
    model = make(*shape)
    width, heads, _ = shape
    bases = [written(model, head) for head in range(heads)]
    assert 0 < sum(basis.shape[1] for basis in bases) <= width // 2  # half of all stay free
    for one in range(heads):
        for other in range(one):
            assert torch.linalg.matrix_norm(bases[one].T @ bases[other], 2) < 0.02


# --- layer 1 finds and copies --------------------------------------------------------------------


def test_a_random_block_is_known_when_it_comes_again(nano):
    """Without a single step. The numbers are pinned: weights that ship were begun with these."""
    first, second = copy_losses(nano)
    assert second < first - 1
    assert (first, second) == pytest.approx((8.069, 4.056), abs=0.02)


@pytest.mark.parametrize(("shape", "less"), [((32, 2, 2), 0.5), ((64, 2, 2), 1), ((128, 4, 3), 1)])
def test_small_models_know_it_too(shape, less):
    first, second = copy_losses(make(*shape))
    assert second < first - less


@pytest.mark.parametrize("num_labels", [2, 3, 4])
def test_the_label_of_a_similar_line_gets_more_weight(first_layers, num_labels):
    """Pages of twenty lines of disjoint bags of words: what head 2 sees of the labels before."""
    pages, classes = zip(*(page_of_lines(seed, num_labels) for seed in range(20)), strict=True)
    weight = attention_of(first_layers, torch.tensor(pages))[1, :, 2, -1]
    on_labels = weight[:, LABEL_AT::LINE_TOKENS]
    alike = torch.tensor([[label == row[-1] for label in row[:-1]] for row in classes])
    own = (on_labels * alike).sum(1) / on_labels.sum(1)
    assert own.mean() > alike.float().mean() + 0.1


def score(model: Any, head: int, query: Tensor, key: Tensor, distance: int) -> float:
    """Return the score of a head of layer 1 for a query [size] so far behind a key [size]."""
    cos, sin = model.model.rotary_emb(query[None, None], torch.tensor([[0, distance]]))
    both = torch.stack([key, query])[None, None]
    turned, _ = apply_rotary_pos_emb(both, both, cos, sin)
    return float(turned[0, 0, 1] @ turned[0, 0, 0] / len(query) ** 0.5)


def test_what_is_found_may_be_far_away(nano):
    """The induction head of layer 1 scores a match alike 1 and 400 tokens away."""
    attention = nano.model.layers[1].self_attn
    caught: dict[str, Tensor] = {}
    hook = attention.register_forward_pre_hook(
        lambda _, __, given: caught.update(given), with_kwargs=True
    )
    ids = drawn(nano, 1, 60)
    ids[0, -1] = ids[0, 20]
    with torch.no_grad():
        nano(ids)
        hook.remove()
        states = caught["hidden_states"][0]
        query = part(attention.q_proj(states).T, 0, 64).T[-1]
        keys = part(attention.k_proj(states).T, 0, 64).T
    near, other = (score(nano, 0, query, keys[at], 1) for at in (21, 40))
    assert near > other + 4
    for distance in (50, 200, 400):
        assert score(nano, 0, query, keys[21], distance) > 0.75 * near


def test_heads_that_compare_lines_do_not_look_at_their_own(nano):
    """By their biases alone: the score is low for a few tokens back and flat further away."""
    attention = nano.model.layers[1].self_attn
    for head in range(1, 4):
        query, key = (part(p.bias, head, 64) for p in (attention.q_proj, attention.k_proj))
        at = {d: score(nano, head, query, key, d) for d in (0, 5, 100, 400)}
        assert at[0] == pytest.approx(-8, abs=1e-3)  # OWN_LINE
        assert at[5] < -6
        assert max(abs(at[100]), abs(at[400])) < 4


def test_heads_of_layer_1_read_what_layer_0_wrote(nano):
    """Keys: head 0 reads the previous token alone, each other head its own window as well.

    [heads of layer 1, heads of layer 0] Frobenius norms, which no seed changes; pinned as above.
    """
    attention, gathered = nano.model.layers[1].self_attn, nano.model.layers[0].self_attn
    found = [
        [
            float((part(attention.k_proj.weight, head, 64) @ written(nano, other)).norm())
            for other in range(4)
        ]
        for head in range(4)
    ]
    alike, own, place = 12.0**0.5 * 32**0.5, 9.798, 40.0**0.5 * 8**0.5
    expected = [[alike, 0, 0, 0], [place, own, 0, 0], [place, 0, own, 0], [place, 0, 0, own]]
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), atol=0.1, rtol=0)
    assert [
        round(float(weight.detach().norm()), 2)
        for weight in (
            gathered.v_proj.weight,
            gathered.o_proj.weight,
            attention.q_proj.weight,
            attention.k_proj.weight,
            attention.v_proj.weight,
            nano.model.layers[2].self_attn.q_proj.weight,
            nano.model.layers[2].self_attn.v_proj.weight,
            nano.model.layers[3].self_attn.q_proj.weight,
        )
    ] == [5.69, 39.61, 40.40, 40.40, 24.0, 28.57, 11.31, 8.0]


def test_places_are_told_by_these_biases(nano):
    """Pinned: weights that ship were begun with these."""
    gathered = nano.model.layers[0].self_attn
    key, query = gathered.k_proj.bias.detach(), gathered.q_proj.bias.detach()
    strength = (90 * 8 / 16) ** 0.5  # peak, root of the head size, planes
    assert key[:64].tolist() == pytest.approx([strength] * 16 + [0.0] * 48)
    assert query[[0, 1, 5, 32, 33, 37]].tolist() == pytest.approx(
        [3.6245, 5.2846, 6.6527, -5.6448, -4.1320, -0.8609], abs=1e-3
    )
    assert query[[127, 191, 255]].tolist() == pytest.approx([4.0] * 3)  # rarity is seen through it


# --- what holds for all --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [*SHAPES, (64, 1, 2), (32, 8, 2), (32, 16, 2)])
@pytest.mark.parametrize("theta", [500.0, 10_000.0, 500_000.0])
def test_any_shape_can_begin_so(shape, theta):
    model = make(*shape, rope_theta=theta)
    assert all(weight.isfinite().all() for weight in model.parameters())
    with torch.no_grad():
        assert model(drawn(model, 2, 40)).logits.isfinite().all()


def test_without_head_start_nothing_is_set():
    model = make(head_start=False)
    biases = [p for name, p in model.named_parameters() if name.endswith("_proj.bias")]
    assert biases
    assert all(not bias.any() for bias in biases)
    assert at_distance(attention_of(model, drawn(model, 4, 96)), 1).max() < 0.1


def test_a_stock_model_loads_it(tmp_path):
    model = make(64, 2, 2, max_position_embeddings=256)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(loaded) is LlamaForCausalLM
    assert loaded.config.eos_token_id == byte_level_tokenizer().eos_token_id
    assert loaded.config.max_position_embeddings == 256
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, model(ids).logits)


def test_the_seed_decides_the_weights():
    one, same, other = (make(32, 2, 2, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(tensor, same[name]) for name, tensor in one.items())
    for name in ("embed_tokens", "layers.0.self_attn.v_proj", "layers.1.self_attn.q_proj"):
        assert not torch.equal(one[f"model.{name}.weight"], other[f"model.{name}.weight"])
