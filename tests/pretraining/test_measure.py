"""Measuring a finished run: each number from its own source, once for the same weights."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pretraining.tiny_pretraining import BLOCKS, MIXED, documents, make_small, tiny_config

from manyicl.cli import main as call
from manyicl.errors import ConfigError, RunError
from manyicl.models import load_model, load_tokenizer
from manyicl.pretraining import measure as measuring
from manyicl.pretraining.card import write_card
from manyicl.pretraining.corpus import split_of
from manyicl.pretraining.measure import learning_curve, measure, read_log, shown_command
from manyicl.pretraining.ngram import KneserNey
from manyicl.pretraining.program import Pretrainer, pretrain
from manyicl.pretraining.raw_kshot import closed_label_table, family_table, raw_kshot
from manyicl.pretraining.text_stream import TextStream
from manyicl.tasks import Example, Task

WEIGHTS = {"letters": 0.75, "novels": 0.25, "unused": 0.0}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Settings of a finished run, the text rows its training took, and its measurements."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "corpus").mkdir()
    for seed, name in enumerate(WEIGHTS):
        text = "\n\n".join(documents(seed, number=150, sentences=14))
        (folder / "corpus" / f"{name}.txt").write_text(text)
    config = tiny_config(
        folder,
        "letters-and-novels",
        stages=[BLOCKS, MIXED],
        weights=WEIGHTS,
        licences={"letters": "made up: CC BY 4.0"},
        licence="apache-2.0",
        seed=5,
    )
    rows: list[np.ndarray] = []
    take, run = TextStream.take, Pretrainer.run

    def run_and_note(trainer, *args):
        with pytest.MonkeyPatch.context() as patch:  # what follows training replays the stream
            patch.setattr(TextStream, "take", lambda s, n: rows.append(take(s, n)) or rows[-1])
            run(trainer, *args)

    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        patch.setattr(measuring, "PROBED", ("picked_out",))
        patch.setattr(Pretrainer, "run", run_and_note)
        pretrain(config)
        card = write_card(config)
    measured = json.loads((Path(config.run_dir) / "measured.json").read_text())
    return config, np.concatenate(rows), measured, card


def token_file(config, name: str, split: str) -> np.ndarray:
    return np.load(Path(config.run_dir) / "tokens" / f"{name}.{split}.npy").astype(np.int64)


def test_what_was_read_is_what_training_took(finished):
    config, rows, measured, _ = finished
    assert [s["planned"] for s in measured["training"]["stages"]] == [False, False]
    assert measured["training"]["stages"][1]["text_rows"] == len(rows)
    assert sum(s["seen_tokens"] for s in measured["sources"]) == rows.size
    assert [s["name"] for s in measured["sources"]] == ["letters", "novels"]
    assert measured["training"]["tokens"] == 6 * 128 + 5 * 192
    assert measured["training"]["steps"] == 11
    for source in measured["sources"]:
        ids = token_file(config, source["name"], "train")
        assert source["train_tokens"] == len(ids)
        of_source = [r for r in rows if any((ids[i : i + 64] == r).all() for i in
                     np.flatnonzero(ids[: len(ids) - 63] == r[0]))]  # fmt: skip
        assert source["seen_tokens"] == 64 * len(of_source)


def test_bits_per_byte_are_of_the_model_that_was_written(finished):
    config, _, measured, _ = finished
    folder = Path(config.run_dir) / "model"
    model, tokenizer = load_model(str(folder)).float(), load_tokenizer(str(folder))
    found = measured["bits_per_byte"]
    assert [row["name"] for row in found["sources"]] == ["letters", "novels"]
    assert found["context"] == 128
    for seed, row in enumerate(found["sources"]):
        texts = [d for d in documents(seed, 150, 14) if split_of(d) == "held_out"]
        assert row["documents"] == len(texts)
        assert row["bytes"] == sum(len(text.encode()) + 1 for text in texts)
        ids = token_file(config, row["name"], "held_out")
        assert row["tokens"] == len(ids)
        # The first window, computed plainly; all windows have much the same mean.
        start = torch.tensor([tokenizer.eos_token_id, *ids[:127]])[None]
        with torch.inference_mode():
            first = float(model(start, labels=start).loss)
        assert row["nats_per_token"] == pytest.approx(first, rel=0.05)
        bits = row["nats_per_token"] * row["tokens"] / np.log(2) / row["bytes"]
        assert row["model"] == pytest.approx(bits)
    letters, novels = found["sources"]
    for who in ("model", "ngram"):
        assert found["overall"][who] == pytest.approx(0.75 * letters[who] + 0.25 * novels[who])


def test_the_ngram_model_has_read_the_same_text(finished):
    config, rows, measured, _ = finished
    found = measured["bits_per_byte"]
    assert found["ngram_tokens"] == sum(s["different_tokens"] for s in measured["sources"])
    assert found["ngram_tokens"] == len(rows) * 64  # no row came twice, and none overlaps
    tokenizer = load_tokenizer(str(Path(config.run_dir) / "model"))
    ngram = KneserNey.fit(rows.ravel(), vocab_size=len(tokenizer))
    for row in found["sources"]:
        ids = token_file(config, row["name"], "held_out")
        nats = -ngram.log_probs(np.concatenate([[tokenizer.eos_token_id], ids]))[1:].sum()
        # Here the rows stand in another order, which matters where one ends only.
        assert row["ngram"] == pytest.approx(nats / np.log(2) / row["bytes"], rel=0.01)


def test_the_same_weights_are_measured_once(finished, monkeypatch):
    config, _, measured, card = finished
    text = card.read_text()
    monkeypatch.setattr(measuring, "_measure", None)  # calling it would fail
    assert measure(config) == measured
    card.unlink()
    assert write_card(config).read_text() == text


def test_kshot_results_are_asked_for_each_time(finished, tmp_path, monkeypatch):
    """Kept ones may be of tasks that have changed; `raw_kshot` knows which have."""
    config = dataclasses.replace(finished[0], run_dir=str(tmp_path / "copy"))
    shutil.copytree(finished[0].run_dir, config.run_dir)
    found = iter([{"scores": ["former"]}, {"scores": ["of today"]}])
    monkeypatch.setattr(measuring, "raw_kshot", lambda model, folder: next(found))
    for scores in (["former"], ["of today"]):
        assert measure(config, kshot=True)["kshot"] == {"scores": scores}
        assert measure(config)["kshot"] == {"scores": scores}


def test_no_card_without_a_finished_model(finished, tmp_path, capsys):
    config = finished[0]
    with pytest.raises(ConfigError, match="holds no pre-training yet"):
        measure(dataclasses.replace(config, run_dir=str(tmp_path / "none")))
    assert not (tmp_path / "none").exists()
    longer = dataclasses.replace(config, stages=[*config.stages, config.stages[-1]])
    with pytest.raises(ConfigError, match="are not all done"):
        measure(longer)
    assert measure(config)
    words = ["pretrain", "nano", "--card", "corpus=nowhere", f"run_dir={tmp_path / 'none'}"]
    assert call(words) == 2
    assert "Train first" in capsys.readouterr().err


def test_the_command_names_no_folder_of_the_machine():
    words = ["pretrain", "/home/me/own.yaml", "corpus=/data/text", "--run_dir=/x", "seed=2",
             "--kshot"]  # fmt: skip
    assert shown_command(words) == (
        "manyicl pretrain own.yaml corpus=FOLDER --run_dir=FOLDER seed=2"
    )


def test_the_learning_curve_keeps_one_point_a_moment():
    log = [
        {"tokens": 10, "losses": {"text": 3.0}},
        {"tokens": 20, "losses": {"text": 2.0, "blocks": 5.0}},
        {"tokens": 20, "probes": {"dictionary": 0.5}},
        {"tokens": 20, "probes": {"dictionary": 0.5}},
        {"tokens": 20, "finished": 0, "text_rows": 1},
    ]
    assert learning_curve(log) == {
        "losses": {"text": [[10, 3.0], [20, 2.0]], "blocks": [[20, 5.0]]},
        "probes": {"dictionary": [[20, 0.5]]},
    }


def test_a_damaged_log_is_named(tmp_path):
    assert read_log(tmp_path) == []
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n{"st')
    with pytest.raises(RunError, match=r"log.jsonl:2: not valid JSON"):
        read_log(tmp_path)


def colours(family: str, name: str) -> Task:
    rows = {
        split: [Example(f"{split} {i}", ("red", "blue")[i % 2]) for i in range(8)]
        for split in ("train", "test")
    }
    return Task(name=name, family=family, kind="classification", metric="accuracy", group=name,
                load=lambda split: rows[split], labels=("red", "blue"))  # fmt: skip


def test_raw_kshot_answers_every_task_at_every_k(finished, tmp_path):
    config = finished[0]
    tasks = [colours("classification", "one"), colours("nli", "two")]
    found = raw_kshot(
        Path(config.run_dir) / "model", tmp_path, tasks=tasks, num_shots=(0, 2), num_queries=4
    )
    found = json.loads(json.dumps(found))
    assert [(s["task"], s["num_shots"], s["num_queries"]) for s in found["scores"]] == [
        ("one", 0, 4), ("one", 2, 4), ("two", 0, 4), ("two", 2, 4),
    ]  # fmt: skip
    by_place = {(s["task"], s["num_shots"]): s["mean"] for s in found["scores"]}
    means = [f"{50 * (by_place['one', k] + by_place['two', k]):.1f}" for k in (0, 2)]
    table = family_table(found)
    assert table[0] == ["family (tasks)", "k=0", "k=2"]
    assert [row[0] for row in table[1:]] == ["classification (1)", "nli (1)", "all (2)"]
    assert table[-1][1:] == means
    assert closed_label_table(found)[1:] == [
        ["held in (2)", *means], ["held in, chance", "50.0", "50.0"],
    ]  # fmt: skip
