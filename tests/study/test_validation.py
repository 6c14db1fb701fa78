"""The loss a search chooses by: against prompts of their own, and which rows it reads."""

from __future__ import annotations

import pytest
import torch
from builders import byte_level_tokenizer, make_task, tiny_model

from manyicl.episodes import EncodedPool, Encoder, Pool, shared_order
from manyicl.inference import Engine
from manyicl.study.validation import QUERIES, validation_loss
from manyicl.tasks import Example, Task

ENCODER = Encoder(byte_level_tokenizer())
ROWS = [Example(f"{w} {v}", ("yes", "no indeed")[ord(v) % 2]) for w in "abcdefg" for v in "hijkl"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(tiny_model(vocab_size=400, max_position_embeddings=2048), ENCODER)


def letters(rows: list[Example] | None = None, name: str = "letters") -> Task:
    return make_task(rows or ROWS, [], name=name, instruction="Answer.")


def by_hand(engine: Engine, task: Task, shots: int, seed: int, max_tokens: int = 2048) -> float:
    """One plain forward for every query."""
    pool = EncodedPool(Pool(task), engine.encoder)
    order = pool.pool.rng("validation", seed).permutation(len(pool)).tolist()
    queries = order[: min(QUERIES, len(pool) // 2)]
    shown = shared_order(pool.pool, "random", seed, queries)[:shots]
    assert not set(shown) & set(queries)
    room = max_tokens - max(len(pool.demonstration(query)) for query in queries)
    while len(pool.sequence(shown, trailing_separator=True)) > room:
        shown.pop()
    total, count = 0.0, 0
    for query in queries:
        asked = pool.demonstration(query)
        prompt = pool.sequence(shown, trailing_separator=True).input_ids + list(asked.prompt)
        ids = torch.tensor([[*prompt, *asked.target]])
        with torch.no_grad():
            scores = torch.log_softmax(engine.model(input_ids=ids).logits[0].float(), -1)
        for at in range(len(prompt), ids.shape[1]):
            total -= float(scores[at - 1, ids[0, at]])
            count += 1
    return total / count


@pytest.mark.parametrize("shots", [0, 1, 5, 16])
def test_the_loss_is_that_of_separate_prompts(engine, shots):
    found = validation_loss(engine, [letters()], shots, 2048, seed=1)
    assert found == pytest.approx(by_hand(engine, letters(), shots, 1), abs=1e-4)


def test_tasks_weigh_the_same(engine):
    other = letters([Example(f"{w} is {v}", v * 9) for w in "abcd" for v in "mno"], "others")
    one, two = (validation_loss(engine, [task], 2, 2048, 0) for task in (letters(), other))
    both = validation_loss(engine, [letters(), other], 2, 2048, 0)
    assert both == pytest.approx((one + two) / 2, abs=1e-6)


def test_no_test_row_is_opened(engine):
    def load(split: str) -> list[Example]:
        assert split == "train"
        return ROWS

    task = Task("closed", "other", "generation", "exact_match", "closed", load, "Answer.")
    assert validation_loss(engine, [task], 2, 2048, 0) > 0


def test_as_many_demonstrations_as_fit_are_shown(engine):
    """With room for none, none are."""
    task = letters()
    tight = max(len(ENCODER.opening(task)) + len(ENCODER.demonstration(task, r)) for r in ROWS)
    losses = []
    for max_tokens in (tight, 60, 90, 150):
        losses.append(validation_loss(engine, [task], 30, max_tokens, 0))
        assert losses[-1] == pytest.approx(by_hand(engine, task, 30, 0, max_tokens), abs=1e-4)
    assert len({round(loss, 4) for loss in losses}) == 4
    assert losses[0] == pytest.approx(by_hand(engine, task, 0, 0), abs=1e-4)


def test_queries_too_long_are_left_out_and_tiny_pools_have_one(engine):
    long = [Example("very " * 300 + w, "yes") for w in "pq"]
    found = validation_loss(engine, [letters([*ROWS, *long])], 2, 200, 0)
    assert found < 20
    alone = validation_loss(engine, [letters([ROWS[0]])], 4, 2048, 0)
    assert alone == pytest.approx(validation_loss(engine, [letters([ROWS[0]])], 0, 2048, 0))
