"""Loss by shot against prompts of their own, and the operations of training counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from builders import byte_level_tokenizer, make_task, tiny_model

from manyicl.episodes import EncodedPool, Encoder, Pool, shared_order
from manyicl.inference import Engine
from manyicl.models.flops import Shape, training_flops
from manyicl.study.shot_curve import FEWEST_SHOTS, SEQUENCES, loss_by_shot
from manyicl.tasks import Example, Task

ENCODER = Encoder(byte_level_tokenizer())
LETTERS = [Example(f"{w} {v}", ("yes", "no")[ord(v) % 2]) for w in "abcdefg" for v in "hijkl"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(tiny_model(vocab_size=400, max_position_embeddings=2048), ENCODER)


def letters(name: str = "letters", rows: list[Example] | None = None) -> Task:
    return make_task(rows or LETTERS, name=name, instruction="Answer.")


def nll_of_a_prompt(engine: Engine, task: Task, rows: list[int], query: int) -> float:
    """The mean loss of an answer's tokens after a k-shot prompt of its own: one plain forward."""
    pool = EncodedPool(Pool(task), engine.encoder)
    asked = pool.demonstration(query)
    prompt = pool.sequence(rows, trailing_separator=True).input_ids + list(asked.prompt)
    ids = torch.tensor([[*prompt, *asked.target]])
    with torch.no_grad():
        scores = torch.log_softmax(engine.model(input_ids=ids).logits[0].float(), -1)
    places = range(len(prompt), ids.shape[1])
    return sum(-float(scores[at - 1, ids[0, at]]) for at in places) / len(places)


def by_hand(engine: Engine, task: Task, shots: int, seed: int) -> list[float]:
    """The curve of one task from separate prompts, the mean of its sequences."""
    curves: list[list[float]] = []
    for number in range(SEQUENCES):
        order = shared_order(Pool(task), "random", seed * SEQUENCES + number)
        curves.append([nll_of_a_prompt(engine, task, order[:k], order[k]) for k in range(shots)])
    return [sum(column) / SEQUENCES for column in zip(*curves, strict=True)]


def test_the_loss_by_shot_is_that_of_separate_prompts(engine):
    found = loss_by_shot(engine, [letters()], 300, seed=3)
    assert [shot for shot, _ in found] == list(range(len(found)))
    assert FEWEST_SHOTS <= len(found) < len(LETTERS)
    expected = by_hand(engine, letters(), len(found), 3)
    assert [loss for _, loss in found] == pytest.approx(expected, abs=1e-4)
    assert len({round(loss, 3) for loss in expected}) > 5  # shots do make a difference here


def test_the_curve_has_as_many_shots_as_fit_in_every_sequence(engine):
    pool = EncodedPool(Pool(letters()), ENCODER)
    lengths = []
    for number in range(SEQUENCES):
        order = shared_order(pool.pool, "random", number)
        fits = [k for k in range(1, 36) if len(pool.sequence(order[:k])) <= 270]
        lengths.append(max(fits))
    assert len(loss_by_shot(engine, [letters()], 270, seed=0)) == min(lengths) < 35
    # A sequence shows every row once at most.
    assert len(loss_by_shot(engine, [letters()], 2048, seed=0)) == 35


def test_tasks_weigh_the_same_and_the_shortest_decides_the_length(engine):
    other = letters("others", [Example(f"{w} is {v}", v) for w in "abcd" for v in "mnopqr"])
    few = letters("few", LETTERS[: FEWEST_SHOTS - 1])
    long = letters("long", [Example("very " * 200 + w, "x") for w in "abcdefghijklmnopqrst"])
    one, two = (dict(loss_by_shot(engine, [task], 400, 0)) for task in (letters(), other))
    both = loss_by_shot(engine, [letters(), few, other, long], 400, 0)
    assert len(both) == min(len(one), len(two)) == 24
    for shot, loss in both:
        assert loss == pytest.approx((one[shot] + two[shot]) / 2, abs=1e-6)
    assert loss_by_shot(engine, [few, long], 400, 0) == []
    assert loss_by_shot(engine, [], 400, 0) == []


def test_a_row_that_is_too_long_alone_is_passed_over(engine):
    rows = [*LETTERS[:20], Example("very " * 200, "yes")]
    found = loss_by_shot(engine, [letters("some", rows)], 400, 0)
    assert len(found) == 20


def test_other_seeds_show_other_demonstrations(engine):
    curves = [loss_by_shot(engine, [letters()], 300, seed) for seed in (0, 0, 1)]
    assert curves[0] == curves[1] != curves[2]


# --- operations ----------------------------------------------------------------------------------

# width 32, 2 layers, 4 heads of 8, 2 key-value heads, inner width 48
LLAMA = 2 * (32 * 32 + 2 * 32 * 16 + 32 * 32 + 3 * 32 * 48)


@pytest.mark.parametrize("tied", [True, False])
def test_the_shape_of_a_llama_by_hand(tied):
    """Embeddings, head (whether they share weights or not) and norms are none of the body."""
    model = tiny_model("llama", vocab_size=400, tie_word_embeddings=tied)
    assert LLAMA == 15_360
    assert Shape.of(model) == Shape(15_360, 2, 32, 32, 400)
    norms = 5 * 32  # two a layer, and a last one
    assert sum(p.numel() for p in model.parameters()) == LLAMA + norms + 400 * 32 * (2 - tied)


def test_the_shapes_of_other_models_by_hand():
    # Learned positions are looked up, not multiplied with; matrices have biases, which count not.
    gpt2 = 2 * (32 * 96 + 32 * 32 + 2 * 32 * 128)
    assert Shape.of(tiny_model("gpt2", vocab_size=400)) == Shape(gpt2, 2, 32, 32, 400)
    # Heads of a size of their own: four of 16 are wider than the model.
    wide = tiny_model("qwen3", vocab_size=400, head_dim=16)
    body = 2 * (32 * 64 + 2 * 32 * 32 + 64 * 32 + 3 * 32 * 48)
    assert Shape.of(wide) == Shape(body, 2, 64, 32, 400)


def test_an_adapter_is_counted_with_its_base():
    from peft import LoraConfig, get_peft_model

    model: Any = get_peft_model(
        tiny_model("llama", vocab_size=400), LoraConfig(r=2, target_modules=["q_proj"])
    )
    assert Shape.of(model) == Shape(15_360 + 2 * 2 * (32 + 32), 2, 32, 32, 400)


def test_the_operations_of_a_training_by_hand():
    shape = Shape(15_360, 2, 32, 32, 400)
    body = 2 * 15_360 * 1000
    head = 2 * 32 * 400 * 70
    attention = 2 * (2 * 2 * 32 * 50) * 1000  # scores and values, after 50 tokens on average
    assert training_flops(shape, 1000, 70, 100.0) == 3 * (body + head + attention) == 135_936_000
    # Without layers and supervised tokens, six operations a parameter and token.
    assert training_flops(Shape(10, 0, 0, 0, 0), 7, 0, 7.0) == 6 * 10 * 7


def test_the_operations_are_those_that_torch_counts():
    """Forward and backward of one sequence, but for the half of the attention that is masked."""
    from torch.utils.flop_counter import FlopCounterMode

    model = tiny_model("llama", vocab_size=400, attn_implementation="eager").train()
    model.set_attn_implementation("eager")
    ids = torch.arange(64)[None]
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids).logits.sum().backward()
    shape = Shape.of(model)
    masked = 3 * 4 * shape.layers * shape.attention_width * 64 * 32
    assert counter.get_total_flops() == pytest.approx(
        training_flops(shape, 64, 64, 64.0) + masked, rel=0.02
    )
