"""The model folder: plain libraries load it, and it says how it came about."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from training.tiny_runs import log_lines, rows_of, tiny_config, weights

from manyicl.config import ModelConfig, TemplateConfig, as_dict, load_config
from manyicl.errors import ModelError, RunError
from manyicl.models import load_model, load_tokenizer
from manyicl.tasks import load_tasks
from manyicl.training import model_folder
from manyicl.training.model_card import KSHOT_END, KSHOT_START, fill_kshot_table
from manyicl.training.model_folder import (
    model_path,
    read_description,
    trained_model_config,
    trained_template,
)
from manyicl.training.run import train

IDS = torch.tensor([[5, 9, 200, 31, 7, 7, 120, 64]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def full(folder) -> Path:
    return train(tiny_config(folder, run="full"))


@pytest.fixture(scope="module")
def adapter(folder) -> Path:
    return train(tiny_config(folder, run="adapter", model__lora__rank=4))


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits


# --- loading -------------------------------------------------------------------------------------


def test_transformers_loads_a_full_model_with_the_same_logits(full):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain = AutoModelForCausalLM.from_pretrained(full)
    assert torch.equal(logits(plain), logits(load_model(str(full))))
    base = logits(load_model(str(full.parent / "base")))
    assert (logits(plain) - base).abs().max() > 0.1
    text = "late item 37 0\nbroken"
    assert AutoTokenizer.from_pretrained(full)(text) == load_tokenizer(str(full))(text)


def test_peft_loads_an_adapter_from_any_directory(adapter, tmp_path, monkeypatch):
    from peft import AutoPeftModelForCausalLM, PeftModel
    from transformers import AutoModelForCausalLM

    monkeypatch.chdir(tmp_path)
    ours = logits(load_model(str(adapter)))
    assert torch.equal(logits(AutoPeftModelForCausalLM.from_pretrained(adapter)), ours)
    base = AutoModelForCausalLM.from_pretrained(adapter.parent / "base")
    untuned = logits(base)
    assert torch.equal(logits(PeftModel.from_pretrained(base, adapter)), ours)
    assert (ours - untuned).abs().max() > 1e-3


def test_a_run_with_an_adapter_may_be_moved(adapter, tmp_path):
    shutil.copytree(adapter.parent, tmp_path / "moved")
    ours = logits(load_model(str(adapter)))
    assert torch.equal(logits(load_model(str(tmp_path / "moved/model"))), ours)
    # It is the base beside the adapter that is read, not the one in the old place.
    path = tmp_path / "moved/base/model.safetensors"
    save_file({name: 2 * t for name, t in load_file(path).items()}, path, {"format": "pt"})
    assert not torch.allclose(logits(load_model(str(tmp_path / "moved/model"))), ours)


def test_an_adapter_trained_further_names_the_same_base(adapter, tmp_path):
    from peft import AutoPeftModelForCausalLM

    config = tiny_config(tmp_path, model__config={}, model__path=str(adapter), training__steps=2)
    further = train(config)
    settings = json.loads((further / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(adapter.parent / "base")
    ours = logits(load_model(str(further)))
    assert torch.equal(logits(AutoPeftModelForCausalLM.from_pretrained(further)), ours)
    assert (ours - logits(load_model(str(adapter)))).abs().max() > 1e-4


def test_an_adapter_on_a_named_base_names_it(full, tmp_path, monkeypatch):
    monkeypatch.chdir(full.parent)
    config = tiny_config(
        tmp_path, model__config={}, model__path="model", model__lora__rank=2, training__steps=1
    )
    settings = json.loads((train(config) / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(full)  # absolute, though "model" was said


def test_weights_train_in_fp32_and_are_stored_as_they_came(full, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(full, half)
    stored: Any = load_model(str(full))
    stored.to(torch.bfloat16).save_pretrained(half)
    config = tiny_config(tmp_path, model__config={}, model__path=str(half), training__steps=2)
    model = train(config)
    assert {tensor.dtype for tensor in weights(model).values()} == {torch.bfloat16}
    checkpoint = weights(tmp_path / "run/checkpoint-2")
    assert {tensor.dtype for tensor in checkpoint.values()} == {torch.float32}
    for name, tensor in weights(model).items():
        assert torch.equal(tensor, checkpoint[name].to(torch.bfloat16))


def test_no_file_is_a_pickle(full, adapter):
    for path in (full, adapter):
        assert not [file.name for file in path.iterdir() if file.suffix in (".bin", ".pt", ".pth")]


def test_a_folder_half_written_is_not_there(tmp_path, monkeypatch):
    def failing(*args: Any) -> None:
        raise KeyboardInterrupt

    config = tiny_config(tmp_path, training__steps=1)
    with monkeypatch.context() as patch:
        patch.setattr(model_folder, "write_card", failing)
        with pytest.raises(KeyboardInterrupt):
            train(config)
    assert not (tmp_path / "run/model").exists()
    (tmp_path / "run/model.part/left over").write_text("of the first attempt")
    folder = train(config)
    assert not (folder / "left over").exists()
    assert not (tmp_path / "run/model.part").exists()


# --- what it says of itself ----------------------------------------------------------------------


def test_the_description_is_that_of_the_run(full, folder):
    config = tiny_config(folder, run="full")
    found = read_description(full)
    assert found is not None
    assert found["config"] == json.loads(json.dumps(as_dict(config)))
    assert found["config"] == json.loads(
        json.dumps(as_dict(load_config(folder / "full/config.yaml")))
    )
    tasks = {task["name"]: task for task in found["tasks"]}
    assert tasks.keys() == {"letters", "sums"}  # the held-out task is in no card
    for task in load_tasks([folder / "tasks"]).matching(["letters", "sums"]):
        described = tasks[task.name]
        assert described["sha256"] == task.fingerprint("train")
        assert described["licence"] == f"licence of {task.name}"
        assert described["rows"] == len(task.train)
        assert (described["family"], described["group"]) == (task.family, task.group)
    training = found["training"]
    lines = log_lines(folder / "full")
    assert training["steps"] == 6
    assert training["tokens"] == sum(line["tokens"] for line in lines)
    assert training["supervised_tokens"] == sum(line["supervised_tokens"] for line in lines)
    assert training["loss_curve"] == [[line["step"], line["loss"]] for line in lines]
    assert training["loss_by_shot"]["start"] == lines[0]["loss_by_shot"]
    assert training["loss_by_shot"]["end"] == lines[-1]["loss_by_shot"]
    assert training["num_trainable_parameters"] == training["num_parameters"]


def test_only_what_was_trained_on_is_counted(full, folder):
    """Packing draws ahead; what stays over is neither trained on nor counted."""
    plan = rows_of(tiny_config(folder, run="full")).plan
    names = ["letters", "sums"]
    shown = Counter()
    for row in plan:
        for episode in row:
            shown[names[episode.task]] += len(episode.rows)
    found = read_description(full)
    assert found is not None
    assert {task["name"]: task["demonstrations_shown"] for task in found["tasks"]} == dict(shown)
    training = found["training"]
    assert training["sequences"] == sum(len(row) for row in plan)
    assert training["demonstrations"] == shown.total() == training["supervised_answers"]
    assert training["shots_per_sequence"] == shown.total() / training["sequences"]


def test_an_adapter_tells_how_little_of_it_trained(adapter):
    found = read_description(adapter)
    assert found is not None
    training = found["training"]
    numbers = load_file(adapter / "adapter_model.safetensors").values()
    assert training["num_trainable_parameters"] == sum(tensor.numel() for tensor in numbers)
    assert training["num_parameters"] > 5 * training["num_trainable_parameters"]


def test_the_card_names_tasks_hashes_licences_and_shots(full, folder):
    card = (full / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["library_name"] == "transformers"
    assert "manyicl" in front["tags"]
    assert "base_model" not in front  # random weights have none on a hub
    assert "# llama (random initial weights), fine-tuned on many-shot sequences of 2 tasks" in card
    found = read_description(full)
    assert found is not None
    for task in found["tasks"]:
        assert (
            f"| {task['name']} | classification | 24 | {task['demonstrations_shown']} "
            f"| licence of {task['name']} | `{task['sha256'][:16]}` |" in card
        )
    assert "held" not in card.split("## Held-in tasks")[1].split("| task |")[1]
    assert f"{found['training']['shots_per_sequence']:.1f} demonstrations a sequence" in card
    first, last = (found["training"]["loss_by_shot"][end] for end in ("start", "end"))
    assert f"| first | {first[0][1]:.3f} | {first[1][1]:.3f} | {first[2][1]:.3f} |" in card
    assert f"| last | {last[0][1]:.3f} |" in card


def test_the_card_of_an_adapter_on_a_local_base_names_no_hub_id(full, tmp_path):
    config = tiny_config(
        tmp_path, model__config={}, model__path=str(full), model__lora__rank=2, training__steps=1
    )
    card = (train(config) / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["library_name"] == "peft"
    assert "base_model" not in front
    assert str(full) not in card


def test_the_kshot_table_is_filled_in_and_again(full, tmp_path):
    shutil.copy(full / "README.md", tmp_path)
    before = (tmp_path / "README.md").read_text()
    assert "Not evaluated yet" in before
    for table in ("| k | 0 |\n|---|--:|\n| held | 0.5 |", "| k | 0 |\n|---|--:|\n| held | 0.7 |"):
        fill_kshot_table(tmp_path, table)
        text = (tmp_path / "README.md").read_text()
        assert f"## k-shot results\n\n{KSHOT_START}\n{table}\n{KSHOT_END}\n" in text
        assert "Not evaluated yet" not in text
    head, tail = before.split(KSHOT_START)[0], before.split(KSHOT_END)[1]
    assert text.startswith(head)
    assert text.endswith(tail)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_card_without_the_place_for_the_table_is_left_as_it_is(tmp_path):
    (tmp_path / "README.md").write_text("somebody's own words")
    fill_kshot_table(tmp_path, "| k |")
    assert (tmp_path / "README.md").read_text() == "somebody's own words"


# --- reading it back -----------------------------------------------------------------------------


def test_the_template_comes_with_the_model(tmp_path):
    settings = {"template__kind": "jinja", "template__prompt": "Q: {{ input }}\nA:"}
    folder = train(tiny_config(tmp_path, training__steps=1, **settings))
    assert trained_template(folder) == TemplateConfig(kind="jinja", prompt="Q: {{ input }}\nA:")


def test_a_model_that_is_not_of_a_run_has_no_description(full, tmp_path):
    assert read_description(full.parent / "base") is None
    assert trained_template(tmp_path) is None
    assert trained_model_config(tmp_path) == ModelConfig()


def test_a_damaged_description_is_said(tmp_path):
    (tmp_path / "manyicl.json").write_text('{"config": ')
    with pytest.raises(ModelError, match=r"manyicl\.json: is not valid JSON"):
        read_description(tmp_path)


def test_a_run_folder_stands_for_its_model(full, tmp_path):
    assert model_path(str(full.parent)) == str(full)
    assert model_path(str(full)) == str(full)
    assert model_path("some/hub-id") == "some/hub-id"
    (tmp_path / "config.yaml").write_text("regime: many_shot\n")
    with pytest.raises(ModelError, match="without a trained model"):
        model_path(str(tmp_path))


def changed_description(folder: Path, tmp_path: Path, change: Any) -> Path:
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    described = json.loads((copy / "manyicl.json").read_text())
    change(described)
    (copy / "manyicl.json").write_text(json.dumps(described))
    return copy


def test_a_description_of_another_version_is_said(full, tmp_path):
    folder = changed_description(
        full, tmp_path, lambda found: found["config"]["template"].update(colour="red")
    )
    with pytest.raises(ModelError, match=r"manyicl\.json: was written by another version"):
        trained_template(folder)
    (folder / "manyicl.json").write_text("{}")
    with pytest.raises(ModelError, match=r"manyicl\.json: does not say how the model was trained"):
        trained_model_config(folder)


def test_flash_attention_of_the_training_is_not_asked_of_a_cpu(full, tmp_path):
    folder = changed_description(
        full,
        tmp_path,
        lambda found: found["config"]["model"].update(attention="flash_attention_2"),
    )
    wanted = "flash_attention_2" if torch.cuda.is_available() else "sdpa"
    assert trained_model_config(folder).attention == wanted


def test_a_model_on_a_hub_keeps_its_template(full, monkeypatch):
    asked = []

    def download(name: str, file: str) -> str:
        asked.append((name, file))
        return str(full / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert read_description("owner/name") == read_description(full)
    assert asked == [("owner/name", "manyicl.json")]
    assert read_description("./no/hub/id") is None


def test_a_folder_without_weights_is_not_taken_for_a_finished_training(folder, monkeypatch):
    """As FSDP leaves it where it saves shards of the weights."""
    config = tiny_config(folder, run="sharded")
    monkeypatch.setattr(
        "manyicl.training.trainer.ManyICLTrainer.save_model",
        lambda self, path, **_: Path(path).mkdir(),
    )
    with pytest.raises(RunError, match="the trained weights were not written"):
        train(config)
    assert not (Path(config.run_dir) / "model").exists()
