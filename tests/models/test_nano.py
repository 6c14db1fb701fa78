"""`nano`, the model of the package: its shape, its tokenizer, its name in every place."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from builders import byte_level_tokenizer, make_task, tiny_model
from hypothesis import given
from texts import TEXTS
from training.tiny_runs import tiny_config, write_tasks

import manyicl
from manyicl.cli import main
from manyicl.config import LoraConfig, ModelConfig, TemplateConfig, load_config
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.errors import ConfigError, ModelError
from manyicl.evaluation.results import Results
from manyicl.inference import Engine
from manyicl.models import (
    base_tokenizer,
    context_length,
    hub,
    load_model,
    load_tokenizer,
    model_identity,
    shipped,
    stored_context_length,
    stored_dtype,
)
from manyicl.training.export import export_merged
from manyicl.training.isolation import check_isolation
from manyicl.training.model_folder import model_path, read_description
from manyicl.training.run import train

FOLDER = Path(manyicl.__file__).parent / "models/nano"
IDS = torch.tensor([[5, 9, 200, 31, 7, 7, 4000, 64, 8191]])
TOKENIZER: Any = load_tokenizer("nano")
ENCODER = Encoder(TOKENIZER)


@pytest.fixture(scope="module")
def nano() -> Any:
    return load_model("nano")


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits.float()


# --- what it is ----------------------------------------------------------------------------------


def test_plain_transformers_loads_the_same_model_and_tokenizer(nano):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain: Any = AutoModelForCausalLM.from_pretrained(FOLDER, dtype="auto")
    assert type(plain).__name__ == "LlamaForCausalLM"
    assert torch.equal(logits(plain), logits(nano))
    assert model_identity(plain) == model_identity(nano)
    assert logits(nano).isfinite().all()
    text = "Ticket 407: l'écran reste noir\n\tsince 12:45 👍"
    theirs = AutoTokenizer.from_pretrained(FOLDER)
    assert theirs(text)["input_ids"] == TOKENIZER(text)["input_ids"]
    assert theirs.get_vocab() == TOKENIZER.get_vocab()
    assert theirs.chat_template == TOKENIZER.chat_template


def test_it_is_as_small_as_it_says(nano):
    assert sum(p.numel() for p in nano.parameters()) <= 12e6
    assert sum(file.stat().st_size for file in FOLDER.rglob("*")) <= 25e6
    assert stored_dtype("nano") == nano.dtype == torch.bfloat16
    # No pickle, no code, nothing left over.
    assert not {p.suffix for p in FOLDER.rglob("*")} & {".bin", ".pt", ".pth", ".py", ".part"}


def test_it_reads_4096_tokens_and_says_so(nano):
    assert (
        context_length(nano) == stored_context_length("nano") == nano.config.max_position_embeddings
    )
    assert nano.config.max_position_embeddings >= 4096
    assert TOKENIZER.model_max_length == context_length(nano)


def test_its_sequences_can_be_packed_and_its_prefixes_shared(nano):
    check_isolation(nano)
    assert Engine(nano, ENCODER).shares_prefix


def test_the_vocabulary_is_about_8k_and_the_model_embeds_all_of_it(nano):
    ids = TOKENIZER.get_vocab().values()
    assert 7500 <= len(TOKENIZER) <= 8500
    assert len(set(ids)) == len(ids)
    assert max(ids) < nano.config.vocab_size == nano.get_input_embeddings().num_embeddings


@given(TEXTS)
def test_every_text_is_in_the_vocabulary_and_comes_back_as_it_was(text):
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids) == text
    assert all(0 <= id_ < len(TOKENIZER) for id_ in ids)


def test_the_end_mark_is_the_end_of_sequence_token_everywhere(nano):
    end = TOKENIZER.eos_token_id
    assert end is not None
    assert nano.config.eos_token_id == nano.generation_config.eos_token_id == end
    sequence = EncodedPool(Pool(make_task()), ENCODER).sequence([0, 1])
    assert [sequence.input_ids[span.stop - 1] for span in sequence.spans] == [end, end]
    assert TOKENIZER("Input: a\nOutput: b")["input_ids"].count(end) == 0  # nothing is put around


def test_the_chat_template_comes_apart_into_segments():
    encoder = Encoder(TOKENIZER, TemplateConfig(kind="chat"))
    task = make_task(instruction="Say what the customer thinks.")
    rows = task.train[:3]
    prefix = EncodedPool(Pool(task), encoder).sequence([0, 1, 2], trailing_separator=True)
    ids = [*prefix.input_ids, *encoder.prompt(task, "late letter")]
    turns = [{"role": "system", "content": task.instruction}]
    for row in rows:
        turns += [{"role": "user", "content": row.input}]
        turns += [{"role": "assistant", "content": row.target}]
    turns += [{"role": "user", "content": "late letter"}]
    text = TOKENIZER.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert encoder.decode(ids) == text
    assert [ids[span.stop - 1] for span in prefix.spans] == [TOKENIZER.eos_token_id] * 3
    marks = [token for token in TOKENIZER.all_special_tokens if token in text]
    marks += [t.content for t in TOKENIZER.added_tokens_decoder.values() if t.content in text]
    for mark in marks:
        assert ids.count(TOKENIZER.convert_tokens_to_ids(mark)) == text.count(mark)


def test_the_card_names_licences_and_every_source():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] not in ("", "unknown")
    recipe = Path(manyicl.__file__).parent / "pretraining/recipes/nano.yaml"
    settings = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    for source, licence in settings["licences"].items():
        assert source in text
        assert licence in text
    for source in settings["leave_out"]:
        assert source not in settings["weights"]


def test_the_package_carries_the_whole_folder():
    project = Path(manyicl.__file__).parents[1] / "pyproject.toml"
    if not project.is_file():
        pytest.skip("not a checkout: there is no pyproject.toml beside the package")
    settings = tomllib.loads(project.read_text(encoding="utf-8"))
    package = Path(manyicl.__file__).parent
    patterns = settings["tool"]["setuptools"]["package-data"]["manyicl"]
    carried = {path for pattern in patterns for path in package.glob(pattern)}
    assert set(FOLDER.rglob("*")) <= carried
    assert {FOLDER / name for name in shipped.FILES} <= carried


# --- its name ------------------------------------------------------------------------------------


def test_it_is_the_default_of_every_setting():
    assert ModelConfig().path == load_config().model.path == "nano"
    assert load_config() == load_config(None, ["model=nano"]) == load_config(None, ["--model=nano"])


def test_a_model_described_by_a_config_takes_the_place_of_the_default():
    described = {"model_type": "llama", "hidden_size": 32}
    assert ModelConfig(config=described).path == ""
    assert load_config(None, [f"model.config={json.dumps(described)}"]).model.path == ""
    assert load_config(None, ["model=", "model.config.model_type=llama"]).model.path == ""


@pytest.mark.parametrize(
    "text", ["model: {path: nano, config: {model_type: llama}}", "model: nano"]
)
def test_nano_and_a_config_together_are_refused(text, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(
        ConfigError, match=r"model\.path and model\.config are both set.*model\.path="
    ):
        load_config(path, ["model.config.hidden_size=32"])


def test_the_word_works_wherever_a_model_is_named(nano):
    hub.check_name("model.path", "nano")
    assert model_path("nano") == str(FOLDER)
    assert TOKENIZER.name_or_path == nano.name_or_path == str(FOLDER)
    found = Engine.load("nano")
    assert found.identity == model_identity(nano)
    assert found.encoder.fingerprint() == ENCODER.fingerprint()
    described = ModelConfig(config={"model_type": "llama"}, tokenizer="nano")
    assert base_tokenizer(described, ()).get_vocab() == TOKENIZER.get_vocab()


@pytest.fixture
def other(tmp_path, monkeypatch) -> Path:
    """A working directory with another model's folder called nano, as a run would have left it."""
    tiny_model(vocab_size=400).save_pretrained(tmp_path / "nano")
    byte_level_tokenizer().save_pretrained(tmp_path / "nano")
    (tmp_path / "nano/manyicl.json").write_text("not to be read")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "nano"


def test_a_local_folder_of_that_name_is_not_meant_and_this_is_said_once(nano, other, capsys):
    assert model_identity(load_model("nano")) == model_identity(nano)
    assert load_tokenizer("nano").get_vocab() == TOKENIZER.get_vocab()
    assert stored_context_length("nano") == context_length(nano)
    assert stored_dtype("nano") == torch.bfloat16
    assert Engine.load("nano").identity == model_identity(nano)
    note = "note: 'nano' is the model that comes with manyicl; the folder here is './nano'"
    assert capsys.readouterr().err.count(note) == 1


@pytest.mark.parametrize("absolute", [False, True])
def test_a_local_folder_of_that_name_is_given_as_a_path(other, absolute, tmp_path):
    name = str(other) if absolute else "./nano"
    assert load_config(None, [f"model={name}"]).model.path == name
    assert stored_context_length(name) == 512
    assert stored_dtype(name) == torch.float32
    assert load_model(name).config.hidden_size == 32
    assert len(load_tokenizer(name)) == len(byte_level_tokenizer())
    assert model_path(name) == name
    files = {path.name: path.read_bytes() for path in other.iterdir()}
    copy = export_merged(name, tmp_path / f"copy {absolute}")
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == files


def test_an_adapter_in_a_local_folder_of_that_name_is_merged(tmp_path, monkeypatch, nano):
    model: Any = load_model("nano", ModelConfig(lora=LoraConfig(rank=2)), training=True)
    model.save_pretrained(tmp_path / "nano")
    TOKENIZER.save_pretrained(tmp_path / "nano")
    monkeypatch.chdir(tmp_path)
    merged = export_merged("./nano", "merged")  # an untrained adapter changes nothing
    assert torch.equal(logits(load_model(str(merged.absolute()))), logits(nano))


# --- the commands --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> list[str]:
    """Words of `manyicl predict` but for the model and --out."""
    folder = write_tasks(tmp_path_factory.mktemp("asked"), ("letters",))
    queries = folder / "queries.jsonl"
    queries.write_text('{"input": "late item 3"}\n{"input": "torn item 9"}\n')
    more = ["--shots", "2", "--seed", "1", "--max-new-tokens", "4"]
    return ["--task", str(folder / "letters"), "--queries", str(queries), *more]


def test_predict_without_a_model_answers_with_nano(asked, tmp_path, capsys):
    for name, model in {
        "default": [],
        "word": ["nano"],
        "setting": ["model=nano"],
        "folder": [str(FOLDER)],
    }.items():
        assert main(["predict", *model, *asked, "--out", str(tmp_path / f"{name}.jsonl")]) == 0
    assert main(["predict", *asked, "--out", str(tmp_path / "last.jsonl"), "nano"]) == 0
    answers = {path.read_text() for path in tmp_path.glob("*.jsonl")}
    assert len(answers) == 1
    assert len(list(tmp_path.glob("*.jsonl"))) == 5
    capsys.readouterr()
    assert main(["predict", "one", "two", *asked, "--out", str(tmp_path / "none.jsonl")]) == 2
    assert "name one model; found 'one', 'two'" in capsys.readouterr().err


def small_run(folder: Path, name: str) -> list[str]:
    tasks = folder / "tasks"
    if not tasks.is_dir():
        write_tasks(tasks)
    return [
        f"run_dir={folder / name}",
        f"tasks.path={tasks}",
        "tasks.held_out=held",
        "episodes.max_tokens=128",
        "training.steps=2",
        "training.rows_per_step=1",
        "training.precision=fp32",
        "evaluation.num_shots=[0,1]",
        "evaluation.seeds=[0]",
        "evaluation.max_queries=2",
        "evaluation.max_new_tokens=4",
    ]


def test_inspect_and_export_without_a_model_use_nanos_tokenizer(tmp_path, capsys):
    words = small_run(tmp_path, "run")
    assert main(["inspect", *words]) == 0
    default = capsys.readouterr().out
    assert "<|end|>" in default
    assert main(["inspect", *words, "model=nano"]) == 0
    assert capsys.readouterr().out == default
    assert main(["export", *words, "--sequences", str(tmp_path / "rows")]) == 0
    exported = load_tokenizer(str(tmp_path / "rows/tokenizer"))
    assert exported.get_vocab() == TOKENIZER.get_vocab()
    assert main(["export", "nano", "--merged", str(tmp_path / "copy")]) == 0
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == files


def test_run_without_a_model_tunes_nano(tmp_path, nano):
    assert main(["run", *small_run(tmp_path, "run")]) == 0
    folder = tmp_path / "run/model"
    assert Results.load(tmp_path / "run").stages == ["base", "tuned"]
    assert not (tmp_path / "run/base").exists()
    tuned: Any = load_model(str(folder))
    assert tuned.dtype == torch.bfloat16  # stored as it came
    assert not torch.equal(logits(tuned), logits(nano))
    found = read_description(folder)
    assert found is not None
    assert (found["base"], found["base_sha256"]) == ("nano", shipped.fingerprint())
    card = (folder / "README.md").read_text()
    assert "# nano, fine-tuned on many-shot sequences of 2 tasks" in card
    assert "Base: `nano`, the model that comes with manyicl" in card
    assert shipped.fingerprint() in card
    assert "base_model" not in yaml.safe_load(card.split("---")[1])
    # The same command again, the model named: the same run.
    assert main(["train", *small_run(tmp_path, "run"), "model=nano"]) == 0
    assert main(["evaluate", *small_run(tmp_path, "run"), "model=nano"]) == 0


# --- adapters on it ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adapter(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    settings: dict[str, Any] = {"model__config": {}, "model__lora__rank": 2, "training__steps": 2}
    return train(tiny_config(folder, model__path="nano", **settings, training__learning_rate=0.1))


def settings_of(adapter: Path) -> dict[str, Any]:
    return json.loads((adapter / "adapter_config.json").read_text())


def rewritten(adapter: Path, to: Path, **changed: Any) -> Path:
    shutil.copytree(adapter, to)
    (to / "adapter_config.json").write_text(json.dumps(settings_of(adapter) | changed))
    return to


def test_peft_alone_finds_nano_under_an_adapter(adapter, nano, tmp_path, monkeypatch):
    from peft import AutoPeftModelForCausalLM

    monkeypatch.chdir(tmp_path)
    ours = logits(load_model(str(adapter)))
    assert torch.equal(
        logits(AutoPeftModelForCausalLM.from_pretrained(adapter, dtype="auto")), ours
    )
    assert not torch.allclose(ours, logits(nano))
    assert settings_of(adapter)["base_model_name_or_path"] == str(FOLDER)
    card = (adapter / "README.md").read_text()
    assert "base_model" not in yaml.safe_load(card.split("---")[1])
    assert "# nano, fine-tuned" in card
    assert str(FOLDER) not in card


@pytest.mark.parametrize(
    "named",
    ["/elsewhere/lib/manyicl/models/nano", r"C:\env\Lib\site-packages\manyicl\models\nano", "nano"],
)
def test_an_adapter_of_another_machine_finds_the_nano_of_this_one(adapter, tmp_path, named):
    moved = rewritten(adapter, tmp_path / "moved", base_model_name_or_path=named)
    assert torch.equal(logits(load_model(str(moved))), logits(load_model(str(adapter))))
    assert stored_context_length(str(moved)) == stored_context_length("nano")
    further = train(
        tiny_config(tmp_path, model__config={}, model__path=str(moved), training__steps=1)
    )
    assert settings_of(further)["base_model_name_or_path"] == str(FOLDER)
    assert settings_of(further)["revision"] == shipped.fingerprint()


def test_another_folder_called_nano_is_a_base_like_any_other(adapter, tmp_path):
    other = Path(shutil.copytree(FOLDER, tmp_path / "mine/nano"))
    moved = rewritten(adapter, tmp_path / "moved", base_model_name_or_path=str(other))
    assert load_model(str(moved)).name_or_path == str(other)
    shutil.rmtree(other)
    with pytest.raises(ModelError, match="mine/nano"):
        load_model(str(moved))


def test_an_adapter_of_another_edition_of_nano_is_refused(adapter, tmp_path):
    moved = rewritten(adapter, tmp_path / "moved", revision="0123456789abcdef")
    for load in (load_model, stored_context_length):
        with pytest.raises(ModelError) as caught:
            load(str(moved))
        assert "another edition of 'nano' (weights 0123456789abcdef, here " in str(caught.value)
        assert "Install the manyicl it was trained with" in str(caught.value)
    silent = rewritten(adapter, tmp_path / "silent", revision=None)  # PEFT's own adapters don't say
    assert torch.equal(logits(load_model(str(silent))), logits(load_model(str(adapter))))


# --- a package that is not whole -----------------------------------------------------------------


@pytest.fixture
def broken(tmp_path, monkeypatch) -> Path:
    """A copy of the folder that the package is made to use, for breaking."""
    copy = Path(shutil.copytree(FOLDER, tmp_path / "nano")).resolve()
    monkeypatch.setattr(shipped, "FOLDER", copy)
    return copy


@pytest.mark.parametrize("missing", [*shipped.FILES, None])
def test_a_missing_file_is_named_with_the_way_out(broken, missing):
    (broken / missing).unlink() if missing else shutil.rmtree(broken)
    for load in (load_model, load_tokenizer, stored_context_length, model_path, Engine.load):
        with pytest.raises(ModelError) as caught:
            load("nano")
        said = str(caught.value)
        assert said.startswith(
            "model.path: 'nano', the model that comes with manyicl, is not whole"
        )
        assert f"{broken} lacks " in said
        assert (missing or "config.json, model.safetensors, tokenizer.json") in said
        assert "Install manyicl again, or name another model" in said
    with pytest.raises(ModelError, match=r"^model\.tokenizer: 'nano'"):
        load_tokenizer("nano", key="model.tokenizer")


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_said_with_the_way_out(broken, file):
    content = (broken / file).read_bytes()
    (broken / file).write_bytes(content[: len(content) // 2])
    load = load_tokenizer if file == "tokenizer.json" else load_model
    with pytest.raises(ModelError) as caught:
        load("nano")
    assert str(broken) in str(caught.value)
    assert "Install manyicl again" in str(caught.value)


def test_the_commands_say_it_too(broken, tmp_path, asked, capsys):
    (broken / "model.safetensors").unlink()
    words = small_run(tmp_path, "run")
    predict = ["predict", *asked, "--out", str(tmp_path / "out.jsonl")]
    for command in (["run", *words], ["train", *words], ["evaluate", *words], predict):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert "error: model.path: 'nano', the model that comes with manyicl, is not whole" in error
        assert "lacks model.safetensors. Install manyicl again" in error
        assert "Traceback" not in error
