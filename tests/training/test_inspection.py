"""What inspection shows is what training computes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from builders import TOKENIZERS, byte_level_tokenizer, make_task
from hypothesis import given
from hypothesis import strategies as st
from texts import POOLS
from training.tiny_runs import tiny_config

from manyicl.config import ObjectiveConfig, TemplateConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.errors import ConfigError
from manyicl.tasks import Example
from manyicl.training import run_folder
from manyicl.training.base import base_path, training_tokenizer
from manyicl.training.data import held_in_tasks, make_stream
from manyicl.training.inspection import Inspection, inspect_rows, special_ids, text_pieces
from manyicl.training.objective import IGNORED, supervise
from manyicl.training.plan import plan_rows
from manyicl.training.rows import RowDataset

OBJECTIVES = [
    ObjectiveConfig(),
    ObjectiveConfig(supervise="last_answer"),
    ObjectiveConfig(supervise="all_tokens"),
    ObjectiveConfig(supervise="answers_after:1", normaliser="answer_mean"),
    ObjectiveConfig(normaliser="shot_weights", shot_weights=[0.0, 0.5, 1.0]),
]
_ENCODERS: dict[str, tuple[Encoder, frozenset[int]]] = {}


def encoder_of(kind: str) -> tuple[Encoder, frozenset[int]]:
    if kind not in _ENCODERS:
        tokenizer = TOKENIZERS[kind]()
        template = TemplateConfig(kind="chat" if kind == "chat" else "plain")
        _ENCODERS[kind] = Encoder(tokenizer, template), special_ids(tokenizer)
    return _ENCODERS[kind]


@given(
    pool=POOLS,
    kind=st.sampled_from(list(TOKENIZERS)),
    objective=st.sampled_from(OBJECTIVES),
)
def test_pieces_are_the_whole_text_and_cover_the_supervised_tokens(pool, kind, objective):
    encoder, specials = encoder_of(kind)
    sequence = EncodedPool(Pool(make_task(pool)), encoder).sequence(range(len(pool)))
    targets = supervise(sequence, objective)
    pieces = text_pieces(sequence, targets, encoder.decode, specials)
    assert "".join(piece.text for piece in pieces) == encoder.decode(sequence.input_ids)
    assert [piece.start for piece in pieces] == [0, *(piece.stop for piece in pieces[:-1])]
    assert pieces[-1].stop == len(sequence)
    assert [p.shot for p in pieces if p.opens_answer] == list(range(len(pool)))
    for piece in pieces[1:]:  # the first may begin inside a character
        assert {targets.labels[at] != IGNORED for at in range(piece.start, piece.stop)} == {
            piece.supervised
        }


def test_a_character_whose_tokens_differ_in_loss_stands_whole():
    """Without BOS the first token has no label: here it is the first of an emoji's four bytes."""
    tokenizer = byte_level_tokenizer()
    encoder = Encoder(
        tokenizer, TemplateConfig(instruction="none", kind="jinja", prompt="{{ input }}")
    )
    task = make_task([Example("🙂 fine", "good")])
    sequence = EncodedPool(Pool(task), encoder).sequence([0])
    assert encoder.decode(sequence.input_ids[:1]) == "\ufffd"
    targets = supervise(sequence, ObjectiveConfig(supervise="all_tokens"))
    pieces = text_pieces(sequence, targets, encoder.decode)
    assert pieces[0].text == "🙂 fine"


def test_a_users_text_that_looks_like_a_special_token_is_shown_as_text():
    encoder, specials = encoder_of("byte_level")
    task = make_task([Example("say <|end|> aloud", "<|end|>")])
    sequence = EncodedPool(Pool(task), encoder).sequence([0])
    pieces = text_pieces(sequence, supervise(sequence, ObjectiveConfig()), encoder.decode, specials)
    assert [p.text for p in pieces if p.special] == ["<|end|>"]
    assert [p.text for p in pieces if p.supervised] == [" <|end|>", "<|end|>"]


def comparable(inspection: Inspection) -> object:
    return inspection.rows, inspection.plan


def test_inspection_shows_the_rows_of_the_run(tmp_path):
    config = tiny_config(tmp_path)
    before = inspect_rows(config, 2, 3)
    assert not Path(config.run_dir).exists()  # nothing is written

    held_in = held_in_tasks(config)
    with run_folder.open_run(config) as run_dir:
        run_folder.bind(run_dir, config, held_in)
        base_path(config, run_dir, held_in)
    assert comparable(inspect_rows(config, 2, 3)) == comparable(before)  # with the run's tokenizer

    encoder = Encoder(training_tokenizer(config, held_in), config.template)
    stream = make_stream(config, encoder, held_in)
    dataset = RowDataset(plan_rows(stream, config), stream, config.objective)
    assert [row.index for row in before.rows] == [2, 3, 4]
    for shown in before.rows:
        row = dataset.row(shown.index)
        text = "".join(piece.text for s in shown.sequences for piece in s.pieces)
        assert text == encoder.decode(row.input_ids[0].tolist())
        assert shown.num_supervised == len(row.targets)
        assert shown.num_tokens == row.input_ids.shape[1]


def test_changed_settings_do_not_use_the_tokenizer_of_another_run(tmp_path):
    config = tiny_config(tmp_path)
    held_in = held_in_tasks(config)
    with run_folder.open_run(config) as run_dir:
        run_folder.bind(run_dir, config, held_in)
        base_path(config, run_dir, held_in)
    other = tiny_config(tmp_path, model__vocab_size=320)
    assert len(training_tokenizer(config, held_in)) == 300
    assert len(training_tokenizer(other, held_in)) == 320


def test_the_plan_is_counted(tmp_path):
    config = tiny_config(tmp_path, episodes__shots="1-3", episodes__max_tokens=80)
    inspection = inspect_rows(config)
    held_in = held_in_tasks(config)
    stream = make_stream(config, Encoder(training_tokenizer(config, held_in)), held_in)
    plan = plan_rows(stream, config)
    episodes = [episode for row in plan for episode in row]
    found = inspection.plan
    assert (found.rows, found.sequences) == (len(plan), len(episodes))
    assert found.num_shots == Counter(len(episode.rows) for episode in episodes)
    assert found.total("demonstrations") == sum(len(episode.rows) for episode in episodes)
    assert found.total("tokens") == sum(episode.num_tokens for episode in episodes)
    assert found.total("too_long") == sum(stream.counts.too_long.values())
    assert (found.drawn, found.fewer_shots) == (stream.counts.sequences, stream.counts.fewer_shots)
    dataset = RowDataset(plan, stream, config.objective)
    assert found.sampled_rows == len(plan)  # few enough to take them all
    assert found.total("sampled_supervised") == sum(
        len(dataset.row(at).targets) for at in range(len(plan))
    )


def test_held_out_tasks_are_never_opened(tmp_path):
    config = tiny_config(tmp_path)
    for split in ("train", "test"):
        (tmp_path / "tasks" / "held" / f"{split}.jsonl").unlink()
    assert {task.name for task in inspect_rows(config).plan.tasks} == {"letters", "sums"}


def test_rows_that_are_not_there_are_refused(tmp_path):
    config = tiny_config(tmp_path)
    with pytest.raises(ConfigError, match=r"--index: is 12, but the run has 12 rows: 0 to 11"):
        inspect_rows(config, 12)
    with pytest.raises(ConfigError, match=r"-n: is 0"):
        inspect_rows(config, 0, 0)
