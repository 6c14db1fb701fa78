"""Text streams: shares, walks without repeats, and going on as if never stopped."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.errors import ConfigError, CorpusError
from manyicl.pretraining.text_stream import TextStream

SOURCES = {"novels": np.arange(5000, dtype=np.uint16), "mails": np.arange(8000, 9003)}


def epochs_done(stream: TextStream) -> dict[str, int]:
    """Times each source has been gone through completely."""
    return {name: walk["epoch"] for name, walk in stream.state_dict()["walks"].items()}


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 5))
def test_a_source_is_walked_through_without_repeats(size, row_tokens, seed):
    if size < row_tokens:
        return
    stream = TextStream({"a": np.arange(size)}, row_tokens, seed=seed)
    for epoch in range(3):
        rows = []
        while epochs_done(stream)["a"] == epoch:
            rows.append(stream.take(1)[0])
        seen = np.concatenate(rows)
        assert len(np.unique(seen)) == len(seen)
        assert len(seen) > size - 2 * row_tokens
        for row in rows:
            np.testing.assert_array_equal(row, np.arange(row[0], row[0] + row_tokens))
    assert stream.rows_taken["a"] * row_tokens <= 3 * size


def test_order_and_cuts_differ_between_epochs_and_seeds():
    def starts(seed, epochs):
        stream, found = TextStream({"a": np.arange(1000)}, 10, seed=seed), []
        while epochs_done(stream)["a"] < epochs:
            found.append(int(stream.take(1)[0, 0]))
        return found

    one, two, other = starts(0, 1), starts(0, 2), starts(1, 1)
    assert two[: len(one)] == one
    assert one != sorted(one)
    assert two[len(one) :] != one
    assert other != one
    assert len({start % 10 for start in starts(0, 8)}) > 3


def test_rows_follow_the_weights():
    stream = TextStream(SOURCES, 10, weights={"novels": 1, "mails": 3}, seed=4)
    rows = stream.take(400)
    assert rows.shape == (400, 10)
    assert rows.dtype == np.int64
    from_mails = int((rows[:, 0] >= 8000).sum())
    assert from_mails == stream.rows_taken["mails"] == pytest.approx(300, abs=2)
    assert stream.rows_taken["novels"] == 400 - from_mails
    assert epochs_done(stream) == {"mails": 3, "novels": 0}


def test_sources_have_shares_by_size_unless_weighted_and_zero_leaves_out():
    stream = TextStream(SOURCES, 10)
    stream.take(600)
    assert stream.rows_taken["novels"] == pytest.approx(600 * 5000 / 6003, abs=2)
    stream = TextStream({**SOURCES, "tiny": np.arange(3)}, 10, weights={
        "novels": 0.5, "mails": 0, "tiny": 0
    })  # fmt: skip
    assert stream.take(50).max() < 5000
    assert stream.rows_taken == {"novels": 50}


@given(st.integers(0, 400), st.integers(0, 400))
def test_resumed_equals_uninterrupted(before, after):
    sources = {"a": np.arange(100), "b": np.arange(1000, 1033)}
    weights = {"a": 1.0, "b": 0.7}
    whole = TextStream(sources, 8, weights=weights, seed=9)
    whole.take(before)
    state = json.loads(json.dumps(whole.state_dict()))
    resumed = TextStream(dict(reversed(sources.items())), 8, weights=weights, seed=9)
    resumed.take(5)
    resumed.load_state_dict(state)
    np.testing.assert_array_equal(resumed.take(after), whole.take(after))
    assert resumed.state_dict() == whole.state_dict()


def test_a_state_is_a_copy():
    stream = TextStream(SOURCES, 10)
    state = stream.state_dict()
    kept = copy.deepcopy(state)
    stream.take(30)
    assert state == kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_tokens": 20}, "row_tokens: 10 then, 20 now"),
        ({"seed": 1}, "seed: 0 then, 1 now"),
        ({"weights": {"novels": 1, "mails": 1}}, "other weights"),
        ({"tokens": {**SOURCES, "mails": np.arange(900)}}, "other weights, tokens"),
    ],
)
def test_a_state_of_another_stream_is_refused(change, message):
    state = TextStream(SOURCES, 10).state_dict()
    settings = {"tokens": SOURCES, "row_tokens": 10, "seed": 0} | change
    with pytest.raises(CorpusError, match=message):
        TextStream(**settings).load_state_dict(state)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"novels": 1, "mials": 1}, "'mials'.*Did you mean 'mails'"),
        ({"novels": 1}, "none for mails"),
        ({"novels": 1, "mails": -1}, r"weights\.mails: -1"),
        ({"novels": float("nan"), "mails": 1}, r"weights\.novels: nan"),
        ({"novels": 0, "mails": 0}, "all are 0"),
    ],
)
def test_weights_that_do_not_fit(weights, message):
    with pytest.raises(ConfigError, match=message):
        TextStream(SOURCES, 10, weights=weights)


def test_too_little_text():
    with pytest.raises(CorpusError, match=r"'mails': 1,003 training tokens are too few.*1,004"):
        TextStream(SOURCES, 1004)
    assert TextStream(SOURCES, 1003).take(3).shape == (3, 1003)
    with pytest.raises(CorpusError, match="no source"):
        TextStream({}, 10)
    with pytest.raises(ConfigError, match="row_tokens"):
        TextStream(SOURCES, 0)
