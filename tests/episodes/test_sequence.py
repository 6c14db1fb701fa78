"""Sequences: whole demonstrations, spans that hold the answers, prefixes that nest."""

from __future__ import annotations

import pytest
from builders import TOKENIZERS, make_task
from hypothesis import given
from hypothesis import strategies as st
from texts import POOLS, TEXTS

from manyicl.config import TemplateConfig
from manyicl.episodes import EncodedExample, EncodedPool, Encoder, Pool, TargetSpan, join
from manyicl.errors import EpisodeError
from manyicl.tasks import Example

ENCODERS = {
    name: Encoder(make(), TemplateConfig(kind="chat" if name == "chat" else "plain"))
    for name, make in TOKENIZERS.items()
}
NAMES = st.sampled_from(sorted(ENCODERS))


def pool_of(name: str, rows: list[Example], instruction: str = "Do it.", **metadata) -> EncodedPool:
    return EncodedPool(Pool(make_task(rows, instruction=instruction, **metadata)), ENCODERS[name])


def test_join_by_hand():
    demonstrations = [EncodedExample([1, 2], [3, 9]), EncodedExample([4], [5, 6, 9])]
    found = join("t", [7], demonstrations, [0], [20, 10])
    assert found.input_ids == [7, 1, 2, 3, 9, 0, 4, 5, 6, 9]
    assert found.spans == (TargetSpan(3, 5, 0), TargetSpan(7, 10, 1))
    assert found.stops == (1, 5, 10)
    assert (found.task, found.rows, len(found)) == ("t", (20, 10), 10)
    prefix = join("t", [7], demonstrations, [0], trailing_separator=True)
    assert prefix.input_ids == [7, 1, 2, 3, 9, 0, 4, 5, 6, 9, 0]
    assert prefix.spans == found.spans
    assert prefix.stops == (1, 6, 11)
    assert join("t", [7], [], [0], trailing_separator=True).input_ids == [7]


@given(NAMES, POOLS, TEXTS)
def test_a_sequence_is_its_segments_and_every_span_its_target(name, rows, instruction):
    pool = pool_of(name, rows, instruction)
    encoder = pool.encoder
    sequence = pool.sequence(range(len(rows)))
    expected = encoder.opening(pool.task)
    for shot, row in enumerate(rows):
        expected += encoder.separator if shot else []
        expected += encoder.prompt(pool.task, row.input) + encoder.target(row.target)
        start, stop, index = sequence.spans[shot]
        assert index == shot
        assert sequence.input_ids[start:stop] == encoder.target(row.target)
        assert encoder.decode_target(sequence.input_ids[start:stop]) == row.target
        assert sequence.stops[shot + 1] == stop
    assert sequence.input_ids == expected
    assert sequence.stops[0] == len(encoder.opening(pool.task))


@given(NAMES, POOLS, TEXTS)
def test_the_prefix_of_k_shots_is_a_token_prefix_of_every_longer_one(name, rows, instruction):
    pool = pool_of(name, rows, instruction)
    longest = pool.sequence(range(len(rows)), trailing_separator=True)
    trained = pool.sequence(range(len(rows)))
    assert longest.input_ids == trained.input_ids + pool.encoder.separator
    for k in range(len(rows) + 1):
        shorter = pool.sequence(range(k), trailing_separator=True)
        assert shorter.input_ids == longest.input_ids[: longest.stops[k]]
        assert shorter.stops == longest.stops[: k + 1]
        assert shorter.spans == longest.spans[:k]


def test_demonstrations_are_encoded_once_and_relabelled_on_top():
    pool = EncodedPool(Pool(make_task()), ENCODERS["byte_level"])
    assert pool.demonstration(3) is pool.demonstration(3)
    symbols = {"positive": "QX", "negative": "BA", "no opinion": "ZU"}
    plain, relabelled = pool.demonstration(0), pool.demonstration(0, symbols)
    assert list(relabelled.prompt) == list(plain.prompt)
    assert pool.encoder.decode_target(relabelled.target) == "QX"
    assert pool.encoder.decode_target(plain.target) == "positive"
    sequence = pool.sequence([0, 1], symbols, instructed=False)
    assert "Say what" not in pool.encoder.decode(sequence.input_ids)
    assert "BA<|end|>" in pool.encoder.decode(sequence.input_ids)


def test_options_shown_in_the_prompt_are_relabelled_though_rows_are_cached():
    config = TemplateConfig(kind="jinja", prompt="{{ input }} ({{ options | join(', ') }}):")
    pool = EncodedPool(Pool(make_task()), Encoder(TOKENIZERS["byte_level"](), config))
    pool.demonstration(0)
    symbols = {"positive": "QX", "negative": "BA", "no opinion": "ZU"}
    text = pool.encoder.decode(pool.demonstration(0, symbols).prompt)
    assert text.endswith("(QX, BA, ZU):")
    assert "positive" in pool.encoder.decode(pool.demonstration(0).prompt)


@given(NAMES, POOLS, st.integers(8, 400))
def test_fitting_rows_are_those_whose_one_shot_sequence_fits(name, rows, max_tokens):
    pool = pool_of(name, rows)
    alone = {row: len(pool.sequence([row])) for row in range(len(rows))}
    fitting = {row for row, length in alone.items() if length <= max_tokens}
    if fitting:
        assert pool.fitting_rows(max_tokens) == fitting
        return
    with pytest.raises(EpisodeError) as caught:
        pool.fitting_rows(max_tokens)
    assert f"episodes.max_tokens: is {max_tokens}" in str(caught.value)
    assert "task 'toy'" in str(caught.value)
    assert f"at least {min(alone.values())}" in str(caught.value)
