"""Exports: a merged model computes what the adapter did, sequences arrive in TRL untouched."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import pytest
import torch
from builders import byte_level_tokenizer, tiny_model
from training.tiny_runs import tiny_config

from manyicl.episodes import Encoder
from manyicl.errors import ConfigError, ModelError, RunError
from manyicl.models import load_model, load_tokenizer
from manyicl.training.base import training_tokenizer
from manyicl.training.data import held_in_tasks, make_stream
from manyicl.training.export import export_merged
from manyicl.training.model_folder import model_path, read_description
from manyicl.training.objective import IGNORED, supervise
from manyicl.training.plan import plan_rows
from manyicl.training.run import train
from manyicl.training.sequences import export_sequences

DISK_FULL = OSError(28, "No space left on device")
IDS = torch.tensor([[5, 9, 2, 40, 17, 3, 88, 120, 7]])


@pytest.fixture(scope="module")
def adapter_run(tmp_path_factory) -> Path:
    """A finished run whose adapter is large enough to change every logit."""
    config = tiny_config(
        tmp_path_factory.mktemp("export"), model__lora={"rank": 4}, training__learning_rate=0.05
    )
    train(config)
    return Path(config.run_dir)


def logits(model) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=IDS.to(model.device)).logits.float().cpu()


def test_a_merged_model_computes_what_base_and_adapter_compute(adapter_run, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = export_merged(model_path(str(adapter_run)), tmp_path / "merged")
    adapted = logits(load_model(str(adapter_run / "model")))
    base = logits(load_model(str(adapter_run / "base")))
    assert (adapted - base).abs().max() > 1e-2
    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert type(plain).__name__ == "LlamaForCausalLM"
    torch.testing.assert_close(logits(plain), adapted, atol=1e-5, rtol=1e-5)


def test_a_merged_folder_has_all_that_a_run_model_has(adapter_run, tmp_path):
    folder = export_merged(str(adapter_run / "model"), tmp_path / "merged")
    ours, theirs = (load_tokenizer(str(path)) for path in (folder, adapter_run / "model"))
    assert ours.get_vocab() == theirs.get_vocab()
    assert read_description(folder) == read_description(adapter_run / "model")
    card = (folder / "README.md").read_text()
    assert card == (adapter_run / "model" / "README.md").read_text().replace(
        "library_name: peft", "library_name: transformers"
    )
    names = {path.name for path in folder.iterdir()}
    assert "model.safetensors" in names
    assert not [name for name in names if name.startswith("adapter") or name.endswith(".bin")]


def test_a_full_model_is_copied_byte_for_byte(tmp_path):
    source = tmp_path / "full"
    tiny_model(vocab_size=64).save_pretrained(source)
    byte_level_tokenizer().save_pretrained(source)
    folder = export_merged(str(source), tmp_path / "new" / "copy")
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_an_adapter_that_was_trained_elsewhere_is_merged_too(tmp_path):
    import peft

    base = tiny_model(vocab_size=400)
    base.save_pretrained(tmp_path / "base")
    byte_level_tokenizer().save_pretrained(tmp_path / "adapter")
    config = peft.LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    base.name_or_path = str(tmp_path / "base")
    adapted = peft.get_peft_model(base, config).eval()
    adapted.save_pretrained(tmp_path / "adapter")
    folder = export_merged(str(tmp_path / "adapter"), tmp_path / "merged")
    torch.testing.assert_close(
        logits(load_model(str(folder))), logits(adapted), atol=1e-4, rtol=1e-4
    )
    assert not (folder / "manyicl.json").exists()


def test_targets_in_use_and_models_that_are_none_are_refused(adapter_run, tmp_path):
    model = str(adapter_run / "model")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"--merged: .*taken exists and is not empty"):
        export_merged(model, tmp_path / "taken")
    assert (tmp_path / "taken" / "notes.txt").read_text() == "mine"
    with pytest.raises(ModelError, match="'some/hub-id' is no local folder"):
        export_merged("some/hub-id", tmp_path / "out")
    with pytest.raises(ModelError, match="holds neither an adapter nor weights"):
        export_merged(str(tmp_path / "taken"), tmp_path / "out")
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "config.yaml").touch()
    with pytest.raises(ModelError, match="is a run folder without a trained model"):
        model_path(str(tmp_path / "unfinished"))
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        export_merged(model, tmp_path / "file" / "merged")
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "unfinished", "file"}


# --- sequences -----------------------------------------------------------------------------------


def expected_columns(config) -> list[dict[str, list[int]]]:
    held_in = held_in_tasks(config)
    encoder = Encoder(training_tokenizer(config, held_in), config.template)
    stream = make_stream(config, encoder, held_in)
    sequences = [stream.sequence(e) for row in plan_rows(stream, config) for e in row]
    return [
        {"input_ids": s.input_ids, "labels": supervise(s, config.objective).labels}
        for s in sequences
    ]


def load(folder: Path, cache: Path):
    from datasets import load_dataset

    return load_dataset(str(folder), split="train", cache_dir=str(cache))


def test_sequences_are_those_of_the_run_one_a_row(tmp_path):
    config = tiny_config(tmp_path, episodes__shots="1-4")
    told: list[tuple[int, int]] = []
    written, left_out = export_sequences(
        config, tmp_path / "data", advance=lambda done, of: told.append((done, of))
    )
    expected = expected_columns(config)
    assert (written, left_out) == (len(expected), 0)
    assert told[-1] == (written, written)
    data = load(tmp_path / "data", tmp_path / "cache")
    assert data.column_names == ["input_ids", "labels"]
    assert data.to_list() == expected
    assert not Path(config.run_dir).exists()
    tokenizer = load_tokenizer(str(tmp_path / "data" / "tokenizer"))
    assert "Output:" in tokenizer.decode(expected[0]["input_ids"])
    card = (tmp_path / "data" / "README.md").read_text()
    assert "| letters | licence of letters |" in card
    assert "weights" not in card


def test_fewer_sequences_are_the_first_ones_and_more_than_there_are_is_an_error(tmp_path):
    config = tiny_config(tmp_path)
    assert export_sequences(config, tmp_path / "data", 3) == (3, 0)
    data = load(tmp_path / "data", tmp_path / "cache")
    assert data.to_list() == expected_columns(config)[:3]
    with pytest.raises(ConfigError, match=r"--num: is 999, but the run has \d+ sequences"):
        export_sequences(config, tmp_path / "more", 999)
    with pytest.raises(ConfigError, match="--num: is 0"):
        export_sequences(config, tmp_path / "more", 0)
    with pytest.raises(ConfigError, match=r"--sequences: .*data exists and is not empty"):
        export_sequences(config, tmp_path / "data")
    assert not (tmp_path / "more").exists()


def test_sequences_without_any_target_are_left_out_and_weights_mentioned(tmp_path):
    config = tiny_config(
        tmp_path,
        episodes__shots="1-4",
        objective__supervise="answers_after:2",
        objective__normaliser="answer_mean",
    )
    expected = expected_columns(config)
    kept = [row for row in expected if any(label != IGNORED for label in row["labels"])]
    assert 0 < len(kept) < len(expected)
    written = export_sequences(config, tmp_path / "data")
    assert written == (len(kept), len(expected) - len(kept))
    assert load(tmp_path / "data", tmp_path / "cache").to_list() == kept
    card = (tmp_path / "data" / "README.md").read_text()
    assert f"{len(expected) - len(kept)} sequences in which nothing carries loss" in card
    assert "objective.normaliser=answer_mean" in card


def test_a_failed_export_of_sequences_leaves_nothing(tmp_path, monkeypatch):
    config = tiny_config(tmp_path)

    def full(*_) -> None:
        raise DISK_FULL

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match="cannot be written"):
        export_sequences(config, tmp_path / "data")
    assert {path.name for path in tmp_path.iterdir()} == {"tasks"}


def test_trl_trains_on_the_exported_sequences_as_they_are(tmp_path):
    trl = pytest.importorskip("trl", reason="TRL is not installed")
    config = tiny_config(tmp_path)
    export_sequences(config, tmp_path / "data")
    data = load(tmp_path / "data", tmp_path / "cache")
    model = tiny_model(vocab_size=300)
    before = model.model.layers[0].mlp.up_proj.weight.detach().clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = trl.SFTConfig(
            output_dir=str(tmp_path / "trl"),
            max_length=None,
            max_steps=3,
            per_device_train_batch_size=2,
            learning_rate=1e-3,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1,
        )
        trainer = trl.SFTTrainer(
            model=model,
            args=arguments,
            train_dataset=data,
            processing_class=load_tokenizer(str(tmp_path / "data" / "tokenizer")),
        )
        seen = []
        compute = trainer.compute_loss

        def spy(model, inputs, *rest, **named):
            seen.append({name: inputs[name].tolist() for name in ("input_ids", "labels")})
            return compute(model, inputs, *rest, **named)

        trainer.compute_loss = spy
        trainer.train()
    assert trainer.state.global_step == 3
    assert not torch.equal(model.model.layers[0].mlp.up_proj.weight, before)
    exported = {json.dumps(row) for row in data.to_list()}
    for batch in seen:
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            stop = max(at for at, label in enumerate(labels) if label != IGNORED) + 1
            # padded at the end; every sequence of ours ends in a supervised end mark
            assert json.dumps({"input_ids": ids[:stop], "labels": labels[:stop]}) in exported
            assert set(labels[stop:]) <= {IGNORED}
    assert sum(len(batch["labels"]) for batch in seen) == 6


def test_a_model_is_not_exported_into_itself(adapter_run, tmp_path):
    model = adapter_run / "model"
    before = sorted(model.rglob("*"))
    with pytest.raises(ConfigError, match=r"lies in .*which is to be exported"):
        export_merged(str(model), model / "merged")
    assert sorted(model.rglob("*")) == before
