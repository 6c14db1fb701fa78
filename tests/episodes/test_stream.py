"""The stream of training episodes: what it shows, in what turn, and that it goes on exactly."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from builders import make_task
from episodes.streams import MIXTURES, SELECTIONS, clustered, draw, numbered, stream_of
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.episodes import Episode
from manyicl.errors import EpisodeError
from manyicl.tasks import Example, Task

# --- turns ---------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.integers(1, 25),
    st.sampled_from(["random", "balanced", "first"]),
    st.sampled_from(["fill", "1", "3", "2-6"]),
    st.integers(20, 200),
    st.integers(0, 3),
)
def test_every_row_is_shown_once_before_any_is_shown_twice(num_rows, selection, shots, room, seed):
    num_rows = max(num_rows, 3)
    stream = stream_of(
        [numbered(num_rows)], selection=selection, shots=shots, max_tokens=room, seed=seed
    )
    shown: Counter[int] = Counter(dict.fromkeys(range(num_rows), 0))
    for episode in draw(stream, 30):
        assert len(set(episode.rows)) == len(episode.rows) > 0
        for row in sorted(episode.rows, key=shown.__getitem__):
            shown[row] += 1
        if selection != "balanced":
            assert max(shown.values()) - min(shown.values()) <= 1


def test_first_keeps_the_order_of_the_file_and_random_does_not():
    task = numbered(12)
    rows = [row for e in draw(stream_of([task], selection="first", shots="4"), 6) for row in e.rows]
    assert rows == [*range(12), *range(12)]
    stream = stream_of([task], shots="4")
    first, second = ([row for e in draw(stream, 3) for row in e.rows] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert first != list(range(12))


def test_balanced_sequences_hold_the_classes_in_equal_numbers():
    task = numbered(40)
    for episode in draw(stream_of([task], selection="balanced", shots="6"), 6):
        targets = Counter(task.train[row].target for row in episode.rows)
        assert targets == {"a": 3, "b": 3}


def test_balanced_sequences_stay_so_when_a_class_is_rare():
    rows = [Example(f"n{i}", "rare" if i % 10 == 0 else "common") for i in range(200)]
    stream = stream_of([make_task(rows, instruction="")], selection="balanced", shots="16")
    shown: set[int] = set()
    for episode in draw(stream, 100):
        targets = Counter(rows[row].target for row in episode.rows)
        assert 6 <= targets["rare"] <= 10
        shown.update(episode.rows)
    assert len(shown) > 190  # other common rows in every epoch


def test_balanced_sequences_hold_each_class_for_ever_however_rare_one_is():
    names = ["one"] + ["some"] * 99 + ["many"] * 100
    rows = [Example(f"n{i}", name) for i, name in enumerate(names)]
    stream = stream_of([make_task(rows, instruction="")], selection="balanced", shots="16")
    for episode in draw(stream, 100):
        targets = Counter(rows[row].target for row in episode.rows)
        assert targets["one"] == 1
        assert min(targets["some"], targets["many"]) >= 5


def test_a_balanced_sequence_goes_on_with_what_is_left_if_it_must():
    rows = [Example(f"n{i}", "rare" if i == 0 else "common") for i in range(30)]
    stream = stream_of([make_task(rows, instruction="")], selection="balanced", shots="20")
    for episode in draw(stream, 5):
        assert len(set(episode.rows)) == 20


def test_the_first_shot_is_no_longer_than_the_others():
    """A row that did not fit opens the next sequence's draw, not its prompt."""
    rows = [Example(f"n{i} " * (30 if i % 10 == 0 else 2), "ab"[i % 2]) for i in range(200)]
    stream = stream_of([make_task(rows, instruction="")], max_tokens=300)
    places: dict[int, list[bool]] = {}
    for episode in draw(stream, 600):
        for place, row in enumerate(episode.rows):
            places.setdefault(place, []).append(row % 10 == 0)
    whole = np.mean([long for found in places.values() for long in found])
    # A little more: sequences with a long row are the shorter ones.
    assert np.mean(places[0]) == pytest.approx(whole, abs=0.08)


@settings(max_examples=40)
@given(
    st.integers(2, 8),
    st.integers(0, 8),
    st.sampled_from(SELECTIONS),
    st.sampled_from(["fill", "2-4"]),
    st.integers(60, 400),
)
def test_near_duplicates_never_share_a_sequence(copies, others, selection, shots, room):
    task = clustered(copies, others)
    stream = stream_of([task], selection=selection, shots=shots, max_tokens=room)
    near = stream.pools[0].pool.near_duplicates
    assert len(near[0]) == copies - 1
    shown: Counter[int] = Counter()
    for episode in draw(stream, 40):
        assert not any(near[row] & set(episode.rows) for row in episode.rows)
        assert 0 < episode.num_tokens <= room
        shown.update(episode.rows)
    assert set(shown) == set(range(copies + others))


def test_near_duplicates_wait_without_shortening_sequences():
    """All but one of ten copies wait, sequence after sequence; the others are shown each time."""
    stream = stream_of([clustered(10, 20)], max_tokens=4000)
    shown: Counter[int] = Counter()
    for episode in draw(stream, 60):
        assert len(episode.rows) == 21
        shown.update(episode.rows)
    assert {shown[row] for row in range(10, 30)} == {60}
    assert {shown[row] for row in range(10)} == {6}
    assert len(stream.state_dict()["rows"][0]["queue"]) <= 30  # waiting rows do not pile up


def test_a_pool_of_copies_is_shown_one_at_a_time():
    stream = stream_of([clustered(5, 0)], max_tokens=4000)
    rows = [episode.rows for episode in draw(stream, 10)]
    assert sorted(rows) == [(row,) for row in range(5) for _ in range(2)]


# --- similar demonstrations ----------------------------------------------------------------------


THEMES = ("red", "green", "blue", "brown", "white")


def themed(num_rows: int = 40) -> Task:
    theme = [THEMES[i % len(THEMES)] for i in range(num_rows)]
    rows = [Example(f"{word} {word} thing{i} part{i * 7}", "x") for i, word in enumerate(theme)]
    return make_task(rows, name="themed", instruction="")


def themes(task: Task, episode: Episode) -> Counter[str]:
    return Counter(task.train[row].input.split()[0] for row in episode.rows)


def test_similar_sequences_gather_around_one_row():
    task = themed()
    anchors = Counter()
    for episode in draw(stream_of([task], selection="similar", shots="6"), 40):
        assert len(themes(task, episode)) == 1
        anchors.update(themes(task, episode).keys())
    # Anchors take turns, so every theme has its sequences.
    assert dict(anchors) == dict.fromkeys(THEMES, 8)


def test_mixed_sequences_hold_similar_rows_in_every_share():
    task = themed(100)
    stream = stream_of([task], selection="mixed", similar_share=0.5, shots="10", max_tokens=4000)
    shares = [max(themes(task, e).values()) / 10 for e in draw(stream, 200)]
    # A share s of similar rows, s uniform in [0, 1], and a fifth of the others by chance.
    expected = 0.5 + 0.5 * 0.2
    assert float(np.mean(shares)) == pytest.approx(expected, abs=0.07)
    assert {round(share, 1) for share in shares} >= {0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.2, 0.4), (1.0, 0.75, 1.0)])
def test_the_similar_share_is_honoured_at_its_ends(share, low, high):
    task = themed(100)
    stream = stream_of([task], selection="mixed", similar_share=share, shots="10", max_tokens=4000)
    found = np.mean([max(themes(task, e).values()) / 10 for e in draw(stream, 100)])
    assert low <= found <= high


# --- budget and shots ----------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.sampled_from(SELECTIONS), st.integers(50, 300), st.sampled_from(["fill", "5", "1-9"]))
def test_a_sequence_never_exceeds_its_budget_and_its_length_is_told(selection, room, shots):
    tasks = [numbered(20, "short"), numbered(12, "long", width=12), make_task()]
    stream = stream_of(tasks, selection=selection, max_tokens=room, shots=shots, symbols=0.5)
    for episode in draw(stream, 25):
        sequence = stream.sequence(episode)
        assert len(sequence) == episode.num_tokens <= room
        assert len(sequence.spans) == len(episode.rows) >= 1
        assert sequence.task == tasks[episode.task].name


def test_fill_takes_demonstrations_until_the_next_one_does_not_fit():
    stream = stream_of([numbered(40, width=9)], selection="first", max_tokens=150)
    pool, episodes = stream.pools[0], draw(stream, 30)
    for episode, following in pairwise(episodes):
        if following.rows[0] not in episode.rows:
            one_more = pool.sequence([*episode.rows, following.rows[0]])
            assert len(one_more) > 150


@pytest.mark.parametrize("selection", SELECTIONS)
def test_fixed_shots_and_ranges_are_drawn_as_set(selection):
    task = numbered(40)
    fixed = draw(stream_of([task], selection=selection, shots="7"), 20)
    assert {len(episode.rows) for episode in fixed} == {7}
    stream = stream_of([task], selection=selection, shots="2-5")
    numbers = Counter(len(episode.rows) for episode in draw(stream, 200))
    assert set(numbers) == {2, 3, 4, 5}
    assert min(numbers.values()) > 30
    assert stream.counts.fewer_shots == 0


def test_sequences_with_fewer_shots_than_asked_for_are_counted():
    stream = stream_of([numbered(40)], shots="30", max_tokens=100)
    episodes = draw(stream, 10)
    assert all(len(episode.rows) < 30 for episode in episodes)
    assert stream.counts.fewer_shots == 10
    assert stream.counts.sequences == 10
    shown = sum(len(episode.rows) for episode in episodes)
    assert stream.counts.demonstrations == stream.counts.by_task["numbered"] == shown


@pytest.mark.parametrize("selection", SELECTIONS)
def test_rows_too_long_for_any_sequence_are_counted_and_never_shown(selection):
    lengths = [1 if i % 5 else 100 for i in range(20)]
    rows = [Example(f"n{i} " + "word " * n, "ab"[i % 2]) for i, n in enumerate(lengths)]
    stream = stream_of([make_task(rows, name="uneven")], selection=selection, max_tokens=100)
    assert stream.counts.too_long == {"uneven": 4}
    assert stream.num_rows == 16
    shown = {row for episode in draw(stream, 60) for row in episode.rows}
    assert shown == {row for row in range(20) if row % 5}


def test_a_budget_smaller_than_every_demonstration_is_refused():
    with pytest.raises(EpisodeError) as caught:
        stream_of([numbered(5), make_task(name="wordy")], max_tokens=30)
    message = str(caught.value)
    assert "episodes.max_tokens: is 30" in message
    assert "task 'wordy'" in message
    assert "Set it to at least" in message
    least = int(message.split("at least ")[1].split(",")[0])
    stream_of([make_task(name="wordy")], max_tokens=least)


def test_more_shots_than_the_pool_holds_are_refused():
    with pytest.raises(EpisodeError, match=r"episodes\.shots: is 9, but task 'numbered' has .* 8"):
        stream_of([numbered(8)], shots="9")
    with pytest.raises(EpisodeError, match="Use fewer shots, 'fill', or leave it out"):
        stream_of([numbered(8)], shots="9-12")
    assert max(len(e.rows) for e in draw(stream_of([numbered(8)], shots="4-12"), 40)) == 8


# --- state ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixture", MIXTURES)
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("shots", ["fill", "2-6"])
def test_a_saved_stream_goes_on_exactly(selection, mixture, shots):
    tasks = [make_task(), clustered(4, 9), numbered(20, width=5)]
    config = {"selection": selection, "mixture": mixture, "shots": shots}
    for after in (0, 1, 13):
        stream = stream_of(tasks, **config, max_tokens=150, symbols=0.5, seed=7)
        draw(stream, after)
        saved = json.dumps(stream.state_dict())
        expected = draw(stream, 15)
        restored = stream_of(tasks, **config, max_tokens=150, symbols=0.5, seed=7)
        restored.load_state_dict(json.loads(saved))
        assert draw(restored, 15) == expected


def test_saving_does_not_disturb_the_stream_and_the_state_is_a_copy():
    stream, undisturbed = (stream_of([make_task()], shots="2-6") for _ in range(2))
    states = []
    for _ in range(10):
        states.append(json.dumps(stream.state_dict()))
        assert next(stream) == next(undisturbed)
    state = stream.state_dict()
    before = json.dumps(state)
    draw(stream, 5)
    assert json.dumps(state) == before
    assert len(set(states)) == 10
