"""The equivalences the design rests on, one section an invariant.

Here: 1-7 and 9. Cached scores (8) are in inference/test_sharing.py, resuming, accumulation and
processes (10) in training/, unopened held-out tasks (11) in training/.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from builders import ARCHITECTURES, TOKENIZERS, make_task, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import LONG, POOLS, TEXTS, WORDS

from manyicl.config import EpisodesConfig, ObjectiveConfig, TemplateConfig
from manyicl.episodes import (
    EncodedPool,
    EncodedSequence,
    Encoder,
    EpisodeStream,
    Pool,
    order_for_query,
    shared_order,
)
from manyicl.tasks import Example
from manyicl.tasks.duplicates import near_duplicates
from manyicl.training.loss import supervised_nll
from manyicl.training.objective import IGNORED, supervise
from manyicl.training.rows import Row, make_row

ENCODERS = {
    name: Encoder(make(), TemplateConfig(kind="chat" if name == "chat" else "plain"))
    for name, make in TOKENIZERS.items()
}
NAMES = st.sampled_from(sorted(ENCODERS))
NORMALISERS = {
    "token_mean": ObjectiveConfig(),
    "answer_mean": ObjectiveConfig(normaliser="answer_mean"),
    "shot_weights": ObjectiveConfig(normaliser="shot_weights", shot_weights=[0.5, 0, 2]),
    "last_answer": ObjectiveConfig(supervise="last_answer"),
    "all_tokens": ObjectiveConfig(supervise="all_tokens"),
}


def pool_of(name: str, rows: list[Example], instruction: str = "Do it.") -> EncodedPool:
    return EncodedPool(Pool(make_task(rows, instruction=instruction)), ENCODERS[name])


def sequences(name: str = "byte_level") -> list[EncodedSequence]:
    """Three sequences of different tasks, two of them longer than the models' sliding windows."""
    rows = [Example("late parcel", "no"), Example("late", "praise and thanks"), Example("box", "a")]
    one, other = pool_of(name, rows), EncodedPool(Pool(make_task()), ENCODERS[name])
    return [other.sequence([0, 4, 7]), one.sequence([2]), one.sequence([0, 2, 1])]


def gradients(model: Any, loss: torch.Tensor) -> list[torch.Tensor]:
    parameters = [p for p in model.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def assert_same_gradients(ours: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    assert any(bool(g.abs().max() > 1e-3) for g in expected)  # they say something
    for one, other in zip(ours, expected, strict=True):
        scale = max(1.0, float(other.abs().max()))
        torch.testing.assert_close(one, other, atol=2e-5 * scale, rtol=1e-4)


# --- 1: the prefix of k demonstrations is a token prefix of the prefix of k + 1 ------------------


@given(NAMES, POOLS, TEXTS, TEXTS)
def test_1_prefixes_nest_by_construction(name, rows, instruction, query):
    pool = pool_of(name, rows, instruction)
    encoder = pool.encoder
    prompt = encoder.prompt(pool.task, query)
    full = pool.sequence(range(len(rows)), trailing_separator=True).input_ids
    before = encoder.opening(pool.task)
    for k, row in enumerate(rows, start=1):
        prefix = pool.sequence(range(k), trailing_separator=True).input_ids
        assert prefix[: len(before)] == before
        added = encoder.prompt(pool.task, row.input) + encoder.target(row.target)
        assert prefix[len(before) :] == added + encoder.separator
        assert full[: len(prefix)] == prefix
        before = prefix
    # What training shows is what serving asks: a sequence ends as a query with its answer would.
    trained = pool.sequence([*range(len(rows)), 0]).input_ids
    asked = full + encoder.prompt(pool.task, rows[0].input) + encoder.target(rows[0].target)
    assert trained == asked
    assert encoder.decode(full + prompt) == encoder.decode(full) + encoder.decode(prompt)


# --- 2: target spans decode to targets; labels outside are -100; after the causal shift ----------


@given(
    NAMES,
    st.lists(POOLS, min_size=1, max_size=3),
    st.sampled_from(["every_answer", "last_answer"]),
)
def test_2_what_is_predicted_is_the_targets_and_their_end_marks(name, pools, mode):
    packed = [pool_of(name, rows).sequence(range(len(rows))) for rows in pools]
    row = make_row(packed, ObjectiveConfig(supervise=mode))
    expected: list[int] = []
    answers = [rows if mode == "every_answer" else rows[-1:] for rows in pools]
    for rows in answers:
        for example in rows:
            expected += ENCODERS[name].target(example.target)
    assert row.targets.tolist() == expected
    # The position before each target token is the one that predicts it, in the same sequence.
    ids, positions = row.input_ids[0], row.position_ids[0]
    assert torch.equal(ids[row.keep + 1], row.targets)
    assert torch.equal(positions[row.keep] + 1, positions[row.keep + 1])


# --- 3: no demonstration is ever cut --------------------------------------------------------------


@settings(max_examples=40)
@given(NAMES, POOLS, st.integers(30, 300), st.sampled_from(["fill", "1-4"]))
def test_3_demonstrations_are_shown_whole_or_left_out_and_counted(name, rows, room, shots):
    pool = pool_of(name, rows)
    alone = [len(pool.sequence([row])) for row in range(len(rows))]
    if min(alone) > room:
        return
    stream = EpisodeStream([pool], EpisodesConfig(max_tokens=room, shots=shots))
    assert stream.counts.too_long.get("toy", 0) == sum(length > room for length in alone)
    for _ in range(8):
        episode = next(stream)
        sequence = stream.sequence(episode)
        assert len(sequence) <= room
        assert len(sequence.spans) == len(episode.rows)
        rest = sequence.input_ids[sequence.stops[0] :]
        for shot, row in enumerate(episode.rows):
            whole = pool.encoder.prompt(pool.task, rows[row].input)
            whole = whole + pool.encoder.target(rows[row].target)
            whole = (pool.encoder.separator if shot else []) + whole
            assert rest[: len(whole)] == whole
            rest = rest[len(whole) :]
        assert rest == []


# --- 4: packed sequences give the loss and gradients of separate ones -----------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_4_packed_equals_separate(architecture):
    model = tiny_model(architecture)
    objective = ObjectiveConfig(normaliser="answer_mean")
    parts = sequences()
    assert max(map(len, parts)) > 2 * 20  # beyond the sliding windows
    row = make_row(parts, objective)
    packed = supervised_nll(model, row.as_batch())
    alone = [make_row([part], objective) for part in parts]
    separate = torch.cat([supervised_nll(model, part.as_batch()) for part in alone])
    torch.testing.assert_close(packed, separate, atol=1e-4, rtol=1e-5)
    weights = torch.cat([part.weights for part in alone])
    assert torch.equal(row.weights, weights)
    ours = gradients(model, (packed * row.weights).sum())
    assert_same_gradients(ours, gradients(model, (separate * weights).sum()))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_4_a_sequence_does_not_see_its_neighbours(architecture):
    model = tiny_model(architecture)
    first, second, third = sequences()
    with torch.no_grad():
        found = []
        for neighbours in ([second], [first, third], [third, third, first]):
            row = make_row([*neighbours, third], ObjectiveConfig())
            number = len(make_row([third], ObjectiveConfig()).keep)
            found.append(supervised_nll(model, row.as_batch())[-number:])
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(found[0], found[2], atol=1e-4, rtol=0)


def test_4_one_sequence_holds_one_task():
    tasks = [make_task(), make_task([Example(f"n{i}", "a") for i in range(9)], name="other")]
    pools = [EncodedPool(Pool(task), ENCODERS["byte_level"]) for task in tasks]
    stream = EpisodeStream(pools, EpisodesConfig(max_tokens=150))
    for _ in range(20):
        episode = next(stream)
        text = ENCODERS["byte_level"].decode(stream.sequence(episode).input_ids)
        inputs = [tasks[episode.task].train[row].input for row in episode.rows]
        assert text.count("Input: ") == len(inputs)
        assert all(f"Input: {text_of_row}\n" in text for text_of_row in inputs)


# --- 5: a sum over supervised tokens, divided once by the whole step's weights --------------------


def weighted(model: Any, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sum(weight * nll) and sum(weight) over the micro-batches of a step."""
    losses = [(supervised_nll(model, row.as_batch()) * row.weights).sum() for row in rows]
    return torch.stack(losses).sum(), torch.cat([row.weights for row in rows]).sum()


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_5_a_step_does_not_depend_on_how_it_is_cut_into_rows(normaliser):
    model, objective = tiny_model("llama"), NORMALISERS[normaliser]
    a, b, c = sequences()
    results = []
    for cut in ([[a, b, c]], [[a], [b], [c]], [[c, a], [b]]):
        total, divisor = weighted(model, [make_row(row, objective) for row in cut])
        results.append((total / divisor, gradients(model, total / divisor)))
    for loss, grads in results[1:]:
        torch.testing.assert_close(loss, results[0][0], atol=1e-5, rtol=1e-5)
        assert_same_gradients(grads, results[0][1])


def test_5_the_normalisers_by_definition():
    model = tiny_model("llama")
    parts = sequences()
    nll = [
        supervised_nll(model, make_row([part], ObjectiveConfig()).as_batch()).tolist()
        for part in parts
    ]
    answers: list[tuple[int, list[float]]] = []  # (shot, nll of the answer's tokens)
    for part, losses in zip(parts, nll, strict=True):
        for start, stop, shot in part.spans:
            answers.append((shot, [losses.pop(0) for _ in range(stop - start)]))
    tokens = [loss for _, losses in answers for loss in losses]
    means = [sum(losses) / len(losses) for _, losses in answers]
    weight = [[0.5, 0, 2][shot] for shot, _ in answers]
    expected = {
        "token_mean": sum(tokens) / len(tokens),
        "answer_mean": sum(means) / len(means),
        "shot_weights": sum(w * m for w, m in zip(weight, means, strict=True)) / sum(weight),
    }
    for normaliser, value in expected.items():
        total, divisor = weighted(model, [make_row(parts, NORMALISERS[normaliser])])
        assert (total / divisor).item() == pytest.approx(value, rel=1e-4)


# --- 6: head and logits at supervised rows only ---------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_6_supervised_rows_equal_the_full_logits(architecture):
    model = tiny_model(architecture)
    part = sequences()[0]
    row = make_row([part], ObjectiveConfig())
    rows_of_head: list[int] = []
    handle = model.get_output_embeddings().register_forward_hook(
        lambda _, inputs, output: rows_of_head.append(inputs[0].shape[1])
    )
    ours = supervised_nll(model, row.as_batch())
    handle.remove()
    assert rows_of_head == [len(row.targets)]
    assert len(row.targets) < len(part) / 2

    logits = model(input_ids=row.input_ids, use_cache=False).logits.float()
    labels = torch.tensor(supervise(part, ObjectiveConfig()).labels)
    full = F.cross_entropy(logits[0, :-1], labels[1:], ignore_index=IGNORED, reduction="sum")
    torch.testing.assert_close(ours.sum(), full, atol=1e-4, rtol=1e-5)
    assert_same_gradients(gradients(model, ours.sum()), gradients(model, full))


def test_6_the_loss_is_that_of_transformers_itself():
    model = tiny_model("llama")
    row = make_row([sequences()[0]], ObjectiveConfig())
    labels = torch.tensor([supervise(sequences()[0], ObjectiveConfig()).labels])
    expected = model(input_ids=row.input_ids, labels=labels).loss
    torch.testing.assert_close(supervised_nll(model, row.as_batch()).mean(), expected)


# --- 7: a query never meets itself or a near-duplicate --------------------------------------------

INPUTS = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join)
    | st.sampled_from([LONG, LONG.title(), LONG + " again", f"  {LONG}"]),
    min_size=2,
    max_size=16,
)
SELECTIONS = ["random", "balanced", "first", "similar", "mixed"]


@settings(max_examples=50)
@given(INPUTS, st.sampled_from(SELECTIONS), st.integers(0, 3))
def test_7_in_training(inputs, selection, seed):
    """Every demonstration is a query for those before it."""
    rows = [Example(text, "ab"[i % 2]) for i, text in enumerate(inputs)]
    stream = EpisodeStream(
        [pool_of("byte_level", rows)],
        EpisodesConfig(selection=selection, seed=seed, max_tokens=400),
    )
    near = near_duplicates(inputs)
    for _ in range(12):
        shown = next(stream).rows
        for shot, row in enumerate(shown):
            assert not near[row] & set(shown[:shot])
            assert row not in shown[:shot]


@given(INPUTS, INPUTS, st.sampled_from(SELECTIONS), st.integers(0, 3), st.integers(0, 16))
def test_7_in_evaluation(inputs, queries, selection, seed, num_shots):
    pool = Pool(make_task([Example(text, "a") for text in inputs]))
    examples = [Example(text, "a") for text in queries]
    expected = near_duplicates(queries, inputs)
    for query, near in zip(examples, pool.near_duplicates_of(examples), strict=True):
        if selection in ("similar", "mixed"):
            rows = order_for_query(pool, query, num_shots, selection, seed, 0.5, near)
        else:
            rows = shared_order(pool, selection, seed, near)[:num_shots]
        assert not set(rows) & expected[examples.index(query)]
        assert query.input.casefold().split() not in [
            inputs[row].casefold().split() for row in rows
        ]


# --- 9: larger k nests smaller k ------------------------------------------------------------------


@given(NAMES, st.sampled_from(["random", "balanced", "first"]), st.integers(0, 5))
def test_9_the_k_shot_prompt_begins_the_prompt_of_every_larger_k(name, selection, seed):
    pool = EncodedPool(Pool(make_task()), ENCODERS[name])
    order = shared_order(pool.pool, selection, seed)
    longest = pool.sequence(order, trailing_separator=True)
    for k in range(len(order) + 1):
        again = shared_order(Pool(make_task()), selection, seed)[:k]
        assert again == order[:k]
        assert (
            longest.input_ids[: longest.stops[k]]
            == pool.sequence(again, trailing_separator=True).input_ids
        )


@given(st.permutations(WORDS), st.integers(0, 3), st.sampled_from(["similar", "mixed"]))
def test_9_demonstrations_chosen_for_a_query_nest_as_sets(words, seed, selection):
    pool = Pool(make_task([Example(f"{a} {b}", "x") for a, b in pairwise(words)]))
    query = Example(f"{words[0]} {words[3]} {words[7]}", "x")
    before: set[int] = set()
    for k in range(len(pool) + 1):
        rows = order_for_query(pool, query, k, selection, seed, 0.5)
        assert before < set(rows) or k == 0
        before = set(rows)
        if selection == "similar" and k:
            assert rows[-1] == pool.by_similarity(query.input)[0]
