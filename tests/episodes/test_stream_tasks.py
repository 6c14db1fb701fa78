"""The stream of training episodes: relabelled with symbols, and mixed from several tasks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from builders import byte_level_tokenizer, make_task
from episodes.streams import ENCODER, MIXTURES, draw, numbered, stream_of

from manyicl.config import TemplateConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.tasks import Example

# --- symbols -------------------------------------------------------------------------------------


def test_a_relabelled_episode_has_one_bijection_and_no_instruction():
    task = make_task()
    stream = stream_of([task], symbols=1.0, shots="9", max_tokens=4000)
    seen = set()
    for episode in draw(stream, 20):
        assert episode.symbols is not None
        assert set(episode.symbols) == set(task.labels)
        assert len(set(episode.symbols.values())) == 3
        sequence = stream.sequence(episode)
        shown = [ENCODER.decode_target(sequence.input_ids[a:b]) for a, b, _ in sequence.spans]
        assert shown == [episode.symbols[task.train[row].target] for row in episode.rows]
        text = ENCODER.decode(sequence.input_ids)
        assert task.instruction not in text
        assert all(f"Output: {label}" not in text for label in task.labels)
        seen.add(tuple(episode.symbols.values()))
    assert len(seen) == 20  # fresh every time


def test_the_instruction_of_relabelled_episodes_can_be_kept():
    task = make_task()
    stream = stream_of([task], symbols=1.0, symbols_instruction=True)
    text = ENCODER.decode(stream.sequence(next(stream)).input_ids)
    assert text.startswith(task.instruction)


def test_options_in_a_prompt_are_relabelled_with_the_targets():
    config = TemplateConfig(kind="jinja", prompt="{{ input }} ({{ options | join(', ') }}):")
    encoder = Encoder(byte_level_tokenizer(), config)
    stream = stream_of([make_task()], symbols=1.0, encoder=encoder)
    episode = next(stream)
    assert episode.symbols is not None
    text = encoder.decode(stream.sequence(episode).input_ids)
    assert text.count(f"({', '.join(episode.symbols.values())}):") == len(episode.rows)
    assert len(stream.sequence(episode)) == episode.num_tokens


def test_only_the_set_share_of_closed_label_tasks_is_relabelled():
    tasks = [make_task(), numbered(20)]
    episodes = draw(stream_of(tasks, symbols=0.3, shots="3", mixture="uniform"), 600)
    relabelled = Counter((e.task, e.symbols is not None) for e in episodes)
    assert relabelled[1, True] == 0
    share = relabelled[0, True] / (relabelled[0, True] + relabelled[0, False])
    assert share == pytest.approx(0.3, abs=0.08)
    assert all(e.symbols is None for e in draw(stream_of(tasks), 50))


def test_a_row_that_fits_only_with_its_own_label_is_shown_with_it():
    task = make_task([Example("n1", "a")], labels=("a", "b"), instruction="")
    room = len(EncodedPool(Pool(task), ENCODER).sequence([0]))
    episodes = draw(stream_of([task], max_tokens=room, symbols=1.0), 40)
    assert all(episode.rows == (0,) for episode in episodes)
    assert any(episode.symbols is None for episode in episodes)


# --- mixture -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixture", MIXTURES)
def test_the_mixture_is_met_within_a_sequence_or_two(mixture):
    tasks = [numbered(60, "many"), numbered(12, "few"), numbered(30, "long", width=8)]
    stream = stream_of(tasks, mixture=mixture, max_tokens=120)
    tokens = np.zeros(3)
    for episode in draw(stream, 150):
        pool = stream.pools[episode.task]
        tokens[episode.task] += sum(len(pool.demonstration(row)) for row in episode.rows)
        behind = stream._mixture._weights * tokens.sum() - tokens
        assert np.abs(behind).max() <= 2 * 120
    if mixture == "uniform":
        assert stream._mixture._weights.tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("shots", ["1", "3", "fill"])
def test_proportional_shows_every_row_of_every_task_equally_often(shots):
    tasks = [numbered(60, "many"), numbered(12, "few"), numbered(30, "long", width=8)]
    tasks[0] = replace(tasks[0], instruction="Say a or b. " * 5)
    stream = stream_of(tasks, max_tokens=160, shots=shots)
    draw(stream, 600)
    shown = [stream.counts.by_task[task.name] / len(task.train) for task in tasks]
    assert max(shown) / min(shown) < 1.1


def test_the_cap_limits_what_a_large_task_counts_for():
    tasks = [numbered(60, "many"), numbered(10, "few")]
    stream = stream_of(tasks, mixture_cap=20, shots="2")
    assert stream.num_rows == 30
    draw(stream, 300)
    counts = stream.counts.by_task
    assert counts["many"] / counts["few"] == pytest.approx(2, abs=0.2)


def test_streams_differ_by_seed_and_only_by_seed():
    tasks = [make_task(), numbered(20)]
    first = draw(stream_of(tasks, symbols=0.5, shots="2-4", seed=1), 20)
    assert first == draw(stream_of(tasks, symbols=0.5, shots="2-4", seed=1), 20)
    assert first != draw(stream_of(tasks, symbols=0.5, shots="2-4", seed=2), 20)
