"""A pre-training that starts from a model: its weights, its tokenizer, its history; or refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from pretraining.tiny_pretraining import (
    BLOCKS,
    MIXED,
    documents,
    log_lines,
    make_small,
    stop_at,
    tiny_config,
)
from safetensors.torch import load_file, save_file
from training.tiny_runs import assert_same_weights

from manyicl.errors import ConfigError, Interrupted, ManyICLError, RunError
from manyicl.models import load_tokenizer
from manyicl.pretraining import measure as measuring
from manyicl.pretraining import program
from manyicl.pretraining.card import write_card
from manyicl.pretraining.card_history import programs
from manyicl.pretraining.program import pretrain
from manyicl.training.checkpoint import checkpoints

STILL = BLOCKS | {"name": "still", "learning_rate": [0.0, 0.0]}
FIRST_TOKENS, MIXED_TOKENS = 6 * 4 * 32 + 5 * 3 * 64, 5 * 3 * 64

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with a corpus and a finished pre-training of two stages, `run`."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "corpus").mkdir()
    for seed, name in enumerate(("letters", "novels")):  # enough for a part of each to be held out
        text = "\n\n".join(documents(seed, number=150, sentences=14))
        (folder / "corpus" / f"{name}.txt").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        pretrain(tiny_config(folder, stages=[BLOCKS, MIXED]))
    return folder


def on(folder: Path, run: str = "on", start: str = "run/model", **settings) -> Path:
    """Train on from a model of the folder, by default one stage that changes nothing."""
    config = tiny_config(
        folder, run, start_from=str(folder / start), **({"stages": [STILL], "seed": 1} | settings)
    )
    pretrain(config)
    return Path(config.run_dir)


def record(run_dir: Path) -> dict:
    return json.loads((run_dir / "model" / "pretraining.json").read_text())


def digest(model: Path) -> str:
    return sha256((model / "model.safetensors").read_bytes()).hexdigest()


def test_at_learning_rate_zero_the_weights_stay_what_they_were(folder):
    run_dir = on(folder)
    assert_same_weights(run_dir / "model", folder / "run" / "model")
    saved = load_file(checkpoints(run_dir)[0] / "weights.safetensors")
    begun = load_file(folder / "run" / "model" / "model.safetensors")
    for name, weight in saved.items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, begun[name].float()), name
    texts = ["Of a word", "12 + 3"]
    made, before = (load_tokenizer(str(p / "model")) for p in (run_dir, folder / "run"))
    assert made(texts)["input_ids"] == before(texts)["input_ids"]
    assert made.chat_template == before.chat_template
    assert [line["tokens"] for line in log_lines(run_dir) if "finished" in line] == [768]


def test_the_optimizer_is_fresh_and_warms_up(folder, monkeypatch):
    rates: list[float] = []
    original = program.MuonWithAdam.set_learning_rate
    monkeypatch.setattr(
        program.MuonWithAdam,
        "set_learning_rate",
        lambda self, value: (rates.append(value), assert_fresh(self, len(rates)),
                             original(self, value))[0],
    )  # fmt: skip

    def assert_fresh(optimizer, step):
        assert bool(optimizer.state_tensors()) == (step > 1)

    on(folder, stages=[BLOCKS])
    assert rates == pytest.approx([3e-3 * step / 20 for step in range(1, 7)])


def test_a_stopped_one_goes_on_without_the_folder_it_began_with(folder):
    on(folder, "whole", stages=[MIXED])
    with stop_at(3, Interrupted("now")), pytest.raises(Interrupted):
        on(folder, "stopped", stages=[MIXED])
    (folder / "run" / "model").rename(folder / "elsewhere")
    run_dir = on(folder, "stopped", stages=[MIXED])
    assert_same_weights(run_dir / "model", folder / "whole" / "model")
    assert log_lines(run_dir) == log_lines(folder / "whole")
    told, whole = record(run_dir), record(folder / "whole")
    assert {**told, "seconds": 0} == {**whole, "seconds": 0}


def test_the_record_carries_every_program_before(folder):
    on(folder, "second", stages=[MIXED])
    third = on(folder, "third", "second/model", seed=2)
    one, two, three = (record(folder / name) for name in ("run", "second", "third"))
    assert one["began_from"] is None
    assert one["before"] == []
    assert two["began_from"] == digest(folder / "run" / "model")
    assert three["began_from"] == digest(folder / "second" / "model")
    drawn = {"learning_curve": False}
    assert two["before"] == [{key: one[key] for key in one if key != "before"} | drawn]
    assert three["before"] == [
        *two["before"], {key: two[key] for key in two if key != "before"} | drawn
    ]  # fmt: skip
    assert [program["tokens"] for program in (one, two, three)] == [
        FIRST_TOKENS, MIXED_TOKENS, 768
    ]  # fmt: skip
    ends = [line["text_rows"] for line in log_lines(folder / "run") if "finished" in line]
    assert [sum(stage["text_rows"].values()) for stage in one["stages"]] == ends
    assert str(folder) not in (third / "model" / "pretraining.json").read_text()


def test_the_card_tells_all_programs(folder, monkeypatch):
    monkeypatch.setattr(measuring, "PROBED", ("picked_out",))
    (folder / "run" / "model" / "learning_curve.svg").write_text("<svg/>")
    config = tiny_config(
        folder, "on", start_from=str(folder / "run" / "model"), stages=[MIXED], seed=7
    )
    pretrain(config)
    text = write_card(config).read_text()
    parts = text.split("### Program ")
    assert parts[1].startswith("1 of 2\n\nFrom random weights.")
    assert "| blocks | 0.00 | 32 | 4 |" in parts[1]
    assert parts[2].startswith("2 of 2\n\nFrom the weights of program 1 (SHA-256 `"
                               + digest(folder / "run" / "model"))  # fmt: skip
    assert "| mixed | 0.00 | 64 | 3 |" in parts[2]
    assert "| blocks |" not in parts[2]
    assert "All programs: 16 steps, 0.00 M tokens." in text
    assert "in 2 programs one after the other" in text
    assert "0 (weights), 0, 7 (rows)" in text
    assert "The curve of the program before is in the folder of the model it made." in text
    assert "All other settings of program 1:" in text
    assert str(folder) not in text
    assert "start_from:" not in text
    measured = json.loads((Path(config.run_dir) / "measured.json").read_text())
    told = programs(config, measured)
    assert [program.tokens for program in told] == [FIRST_TOKENS, MIXED_TOKENS]
    for told_one in told:
        rows = sum(done for done, _ in told_one.sources.values()) / 64
        assert rows == round(rows) > 0


def test_a_record_of_the_first_versions_is_made_whole_and_taken_if_not(folder, capsys):
    path = folder / "run" / "model" / "pretraining.json"
    whole = record(folder / "run")
    path.write_text(json.dumps({key: whole[key] for key in ("steps", "tokens", "seconds")}))
    on(folder, "on")
    before = record(folder / "on")["before"]
    assert before == [{key: whole[key] for key in ("steps", "tokens", "seconds")}
                      | {"learning_curve": False}]  # fmt: skip
    config = tiny_config(folder, "on", start_from=str(folder / "run" / "model"), stages=[STILL])
    measured = {"training": {"stages": [], "steps": 1, "tokens": 1, "seconds": 1.0}, "sources": [],
                "start": {"weights": "x", "before": before}}  # fmt: skip
    assert programs(config, measured)[0].settings is None
    pretrain(tiny_config(folder, stages=[BLOCKS, MIXED]))
    assert record(folder / "run") == whole


def test_the_same_seed_is_noted(folder, capsys):
    on(folder, "same", seed=0)
    assert "note: seed=0 was the seed of a program before" in capsys.readouterr().out
    on(folder, "other", seed=5)
    assert "note: seed" not in capsys.readouterr().out


def test_a_run_folder_older_than_the_setting_goes_on(folder):
    settings = folder / "run" / "pretraining.json"
    kept = json.loads(settings.read_text())
    del kept["start_from"]
    settings.write_text(json.dumps(kept))
    pretrain(tiny_config(folder, stages=[BLOCKS, MIXED, STILL]))
    assert json.loads(settings.read_text())["start_from"] == ""
    with pytest.raises(ConfigError, match=r"start_from:  then, .*run/model now"):
        on(folder, "run", stages=[BLOCKS, MIXED, STILL], seed=0)


def change_json(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def no_record(model):
    (model / "pretraining.json").unlink()


def other_kind(model):
    change_json(model / "config.json", model_type="gpt2")


def no_biases(model):
    change_json(model / "config.json", attention_bias=False)


def other_end(model):
    change_json(model / "config.json", eos_token_id=7)


def other_tokenizer(model):
    path = model / "tokenizer.json"
    kept = json.loads(path.read_text())
    kept["model"]["merges"] = kept["model"]["merges"][:-1]
    path.write_text(json.dumps(kept))


def other_weights(model):
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"] = torch.ones(7)
    save_file(weights, model / "model.safetensors", {"format": "pt"})


def not_finite(model):
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, model / "model.safetensors", {"format": "pt"})


def half(model):
    (model / "model.safetensors").write_bytes(b"half")


def empty_record(model):
    (model / "pretraining.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_record, r"holds no model of a pre-training \(it lacks pretraining.json\)"),
        (empty_record, "does not tell what made the model"),
        (other_kind, "model_type is 'gpt2', not 'llama'"),
        (no_biases, r"no model that this program makes \(attention_bias: False there, True here\)"),
        (other_end, r"its tokenizer has other ids than its weights .*end and padding"),
        (other_tokenizer, "not the one the model was trained with"),
        (other_weights, r"do not fit its config.*model.norm.weight"),
        (not_finite, r"are not finite \(model.norm.weight\)"),
        (half, "model.safetensors cannot be read"),
    ],
)
def test_a_folder_that_training_cannot_start_from(folder, damage, message):
    damage(folder / "run" / "model")
    with pytest.raises(ConfigError, match=rf"start_from: .*{message}.*\. "):
        on(folder)
    assert not checkpoints(folder / "on")


def test_a_folder_of_something_else(folder):
    with pytest.raises(ConfigError, match=r"start_from: '.*nothing' is no folder. Name the model"):
        on(folder, start="nothing")
    with pytest.raises(ConfigError, match=r"lacks config.json.*Name .*run/model"):
        on(folder, start="run")


def test_another_shape_is_refused_with_what_to_set(folder):
    shape = {"hidden_size": 64, "rope_theta": 500.0}
    with pytest.raises(ConfigError) as refused:
        on(folder, shape=shape)
    assert "shape.hidden_size: 32 there, 64 here" in str(refused.value)
    assert "Set shape.hidden_size=32 shape.rope_theta=500000.0, or" in str(refused.value)
    on(folder)  # mended: nothing was trained yet


def test_weights_that_changed_below_a_run_are_refused_where_they_are_needed(folder):
    run_dir = on(folder)
    shutil.rmtree(run_dir / "tokenizer")
    not_finite(folder / "run" / "model")
    with pytest.raises(ConfigError, match="holds other weights now than"):
        on(folder, stages=[STILL, MIXED])


def test_a_lost_start_is_told(folder):
    run_dir = on(folder)
    (run_dir / "start.json").write_text("{half")
    config = tiny_config(
        folder, "on", start_from=str(folder / "run" / "model"), stages=[STILL], seed=1
    )
    with pytest.raises(RunError, match=r"start.json: cannot be read .*Remove it"):
        measuring.measure(config)


def test_nano_means_the_shipped_model(folder, monkeypatch):
    from manyicl.models import shipped

    monkeypatch.setattr(shipped, "FOLDER", folder / "run" / "model")
    config = tiny_config(folder, "on", start_from="nano", stages=[STILL], seed=1)
    pretrain(config)
    assert_same_weights(folder / "on" / "model", folder / "run" / "model")
    assert dataclasses.asdict(config)["start_from"] == "nano"
    (folder / "run" / "model" / "tokenizer.json").unlink()
    with pytest.raises(ManyICLError, match=r"start_from: 'nano', .*is not whole"):
        pretrain(dataclasses.replace(config, run_dir=str(folder / "again")))
