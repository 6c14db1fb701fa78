"""Packing: rows within their budget, nothing lost, nothing twice."""

from __future__ import annotations

from itertools import count, islice

from hypothesis import given
from hypothesis import strategies as st

from manyicl.episodes import Episode, pack
from manyicl.episodes.packing import OPEN_ROWS


def episodes_of(lengths: list[int]) -> list[Episode]:
    return [Episode(0, (index,), length) for index, length in enumerate(lengths)]


def shape(rows: list[list[Episode]]) -> list[list[int]]:
    return [[episode.rows[0] for episode in row] for row in rows]


def test_first_fit_by_hand():
    episodes = episodes_of([6, 5, 4, 5, 1, 10])
    assert shape(list(pack(iter(episodes), 10))) == [[0, 2], [1, 3], [4], [5]]


def test_without_sharing_every_episode_is_a_row():
    episodes = episodes_of([1, 1, 1])
    assert shape(list(pack(iter(episodes), 10, share_rows=False))) == [[0], [1], [2]]


@given(st.lists(st.integers(1, 50), max_size=80))
def test_every_episode_is_in_one_row_and_no_row_exceeds_the_budget(lengths):
    episodes = episodes_of(lengths)
    rows = list(pack(iter(episodes), 50))
    assert sorted(number for row in shape(rows) for number in row) == list(range(len(lengths)))
    assert all(sum(episode.num_tokens for episode in row) <= 50 for row in rows)
    assert all(row == sorted(row) for row in shape(rows))
    # Rows come in the order in which they were opened.
    opened = [row[0] for row in shape(rows)]
    assert opened == sorted(opened)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_a_row_is_given_out_after_a_bounded_number_of_episodes(lengths):
    taken = count()

    def endless():
        while True:
            index = next(taken)
            yield Episode(0, (index,), lengths[index % len(lengths)])

    rows = list(islice(pack(endless(), 50), 10))
    assert len(rows) == 10
    # At most OPEN_ROWS rows wait, each of at most 50 one-token episodes.
    assert next(taken) <= (10 + OPEN_ROWS + 1) * 50 + 1


def test_short_episodes_fill_rows_well():
    lengths = [7 + index * 13 % 30 for index in range(400)]
    rows = list(pack(iter(episodes_of(lengths)), 100))
    assert sum(lengths) / (100 * len(rows)) > 0.9
