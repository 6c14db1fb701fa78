"""The card of a pre-trained model says what settings and measurements say, and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

import manyicl
from manyicl.pretraining import history
from manyicl.pretraining.card import card_text
from manyicl.pretraining.card_program import table
from manyicl.pretraining.curve import learning_curve_svg
from manyicl.pretraining.patterns import PATTERNS
from manyicl.pretraining.settings import PretrainingConfig, StageConfig
from manyicl.tasks.builtin.registry import task_generators
from manyicl.tasks.builtin.split import HELD_OUT_GROUPS

CONFIG = PretrainingConfig(
    run_dir="somewhere/pico",
    corpus="/secret/folder",
    leave_out=["textbooks"],
    licences={"novels": "public domain", "dialogues": "by a company: CC BY-SA 4.0"},
    licence="apache-2.0",
    stages=[
        StageConfig("copies", 2.0, 64, 64, {"blocks": 1}, [3e-3, 3e-3], until_loss=0.5),
        StageConfig("mixed", 6.0, 512, 8, {"text": 1, "lookups": 2, "by_word": 1}, [3e-3, 0.0]),
    ],
)
MEASURED: dict[str, Any] = {
    "format": 1,
    "weights": "abc123",
    "environment": {"manyicl": "0.1", "torch": "2.13", "transformers": "5.23", "python": "3.11",
                    "cpu": "Some CPU, 2 cores", "threads": 1, "device": "cpu", "git_hash": "f00",
                    "date": "2026-01-02T03:04:05+00:00", "command": "manyicl pretrain pico"},
    "bf16": False,
    "model": {
        "parameters": 7_654_321,
        "bytes": 15_400_000,
        "vocabulary": 8192,
        "config": {"architectures": ["LlamaForCausalLM"], "dtype": "bfloat16",
                   "num_hidden_layers": 6, "hidden_size": 256, "intermediate_size": 704,
                   "num_attention_heads": 4, "num_key_value_heads": 4, "attention_bias": True,
                   "tie_word_embeddings": True, "max_position_embeddings": 4096,
                   "rope_parameters": {"rope_theta": 10000.0}},
    },
    "training": {"steps": 1700, "tokens": 7_000_000, "seconds": 5400.0, "stages": [
        {"tokens": 1_000_000, "text_rows": 0, "planned": False},
        {"tokens": 6_000_000, "text_rows": 2930, "planned": False}]},
    "sources": [
        {"name": "novels", "share": 0.8, "train_tokens": 4_000_000, "train_bytes": 16_000_000,
         "seen_tokens": 1_200_000, "different_tokens": 1_200_000},
        {"name": "dialogues", "share": 0.2, "train_tokens": 100_000, "train_bytes": 400_000,
         "seen_tokens": 300_000, "different_tokens": 99_000}],
    "bits_per_byte": {"context": 2048, "order": 5, "ngram_tokens": 1_299_000, "sources": [
        {"name": "novels", "documents": 7, "tokens": 50_000, "bytes": 210_000,
         "nats_per_token": 4.5, "model": 1.546, "ngram": 1.9}],
        "overall": {"model": 1.546, "ngram": 1.9}},
    "by_position": {"window_tokens": 32, "windows": {"novels": 5}, "buckets": [
        {"from": 1, "to": 15, "nats": 5.5}, {"from": 16, "to": 31, "nats": 4.25}]},
    "probes": {"first_copy": 9.0, "second_copy": 0.07, "dictionary": 0.91},
    "shots": {"dictionary": [
        {"from": 1, "to": 4, "answers": 9, "accuracy": 0.61, "guess": 0.5},
        {"from": 5, "to": 8, "answers": 9, "accuracy": 0.83, "guess": 0.33}],
        "picked_out": [{"from": 1, "to": 4, "answers": 9, "accuracy": 0.12, "guess": None}]},
    "curve": {"losses": {"text": [[1e6, 6.0], [7e6, 4.0]]},
              "probes": {name: [[i * 1e5, i / 100] for i in range(1, 71)]
                         for name in ("first_copy", "second_copy", "dictionary")}},
}  # fmt: skip


@pytest.fixture(scope="module")
def text() -> str:
    return card_text(CONFIG, MEASURED)


def rows_of(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, its head first."""
    lines = text.split(f"## {heading}\n", 1)[1].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    found = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return [found[0], *found[2:]]


def test_front_matter_is_what_the_hub_reads(text):
    _, head, _ = text.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "license": "apache-2.0",
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["manyicl", "in-context-learning"],
    }
    unnamed = card_text(dataclasses.replace(CONFIG, licence=""), MEASURED)
    assert yaml.safe_load(unnamed.split("---\n", 2)[1])["license"] == "unknown"
    assert "name no licence for the weights" in unnamed


def test_no_folder_of_the_machine_is_named(text):
    assert "secret" not in text
    assert "somewhere" not in text
    assert "# pico" in text


def test_stages_with_the_tokens_they_took(text):
    assert rows_of(text, "Training program")[1:] == [
        ["copies", "1.00", "64", "64", "0.003 to 0.003", "blocks 100 %"],
        ["mixed", "6.00", "512", "8", "0.003 to 0",
         "text 25 %, lookups 50 %, by_word 25 %"],
    ]  # fmt: skip
    assert "1,700 steps, 7.00 M tokens in all." in text
    planned = copy.deepcopy(MEASURED)
    planned["training"]["stages"][1]["planned"] = True
    assert rows_of(card_text(CONFIG, planned), "Training program")[2][1] == "6.00 (planned)"


def test_generated_documents_are_told_with_their_kinds(text):
    assert "About 79 % of the tokens are documents generated" in text  # 1 + 4.5 of 7
    assert "None is a row of a built-in task." in text
    assert "- `lookups`, about 3.00 M tokens\n  - `dictionary`: Keys of" in text
    assert "- `by_word`, about 1.50 M tokens: Corpus sentences that hold a certain word" in text
    assert "- `blocks`, about 1.00 M tokens: A block of random tokens" in text
    assert "`table" not in text  # pages were no part of this mixture
    plain = dataclasses.replace(CONFIG, stages=[StageConfig(mixture={"text": 1})] * 2)
    assert "Generated documents" not in card_text(plain, MEASURED)


def test_what_comes_close_to_a_built_in_task_is_named_and_on_the_side_it_says(text):
    """Patterns and tasks that the card names exist, and tasks are on the side that it says."""
    told = text.split("### Generated documents")[1].split("\n- ")[0]
    named = re.findall(r"`(\w+)` \((held \w+)\)", told)
    assert [name for name, _ in named] == [
        "codebook", "odd_symbols", "animal_cities", "bank_intent", "helpdesk_queue",
        "directory_question", "schedule_question", "same_message",
    ]  # fmt: skip
    group_of = {task.name: task.group for task in task_generators()}
    for name, side in named:
        assert (group_of[name] in HELD_OUT_GROUPS) == (side == "held out")
    assert "`noisy_keys` one word of a line decides" in told
    assert "`word_sets` a class is a set of words" in told
    patterns = set(re.findall(r"`(\w+)`", told)) - {name for name, _ in named}
    assert patterns <= set(PATTERNS)


def of_an_earlier_version() -> dict[str, Any]:
    """Return measurements of a model that began with one whose patterns have gone since."""
    settings = dataclasses.asdict(CONFIG)
    marks = StageConfig("marks", 2.0, 256, 16, {"blocks": 1}, [1e-3, 0.0])
    mixed = StageConfig("mixed", 1.0, 512, 8, {"text": 1, "sentences": 1}, [1e-3, 0.0])
    settings["stages"] = [
        dataclasses.asdict(marks) | {"mixture": {"marked_word": 3, "riddles": 1}},
        dataclasses.asdict(mixed),
    ]
    program = {"steps": 900, "tokens": 3_000_000, "seconds": 600.0, "settings": settings,
               "stages": [{"tokens": 2_000_000, "text_rows": {}, "planned": False},
                          {"tokens": 1_000_000, "text_rows": {"novels": 970}, "planned": False}],
               "sources": {"novels": 4_000_000}, "began_from": None}  # fmt: skip
    return MEASURED | {"start": {"weights": "f00d", "before": [program]}}


def test_patterns_that_no_longer_exist_are_told_as_such():
    text = card_text(CONFIG, of_an_earlier_version())
    gone = "a pattern of an earlier version, which no longer exists."
    assert f"- `marked_word`, about 1.50 M tokens: {gone}" in text
    assert f"- `riddles`, about 0.50 M tokens: {gone}" in text
    assert "- `sentences`, about 0.50 M tokens\n  - `by_source`: Sentences of" in text
    stages = rows_of(text, "Program 1 of 2")
    assert stages[1] == ["marks", "2.00", "256", "16", "0.001 to 0",
                         "marked_word 75 %, riddles 25 %"]  # fmt: skip


def test_the_record_of_the_shipped_model_can_be_told():
    """It may be of an earlier edition: a card that goes on from it is written all the same."""
    record = history.read(Path(manyicl.__file__).parent / "models" / "nano")
    before = [{k: v for k, v in record.items() if k != "before"}]
    text = card_text(CONFIG, MEASURED | {"start": {"weights": "f00d", "before": before}})
    for stage in record["settings"]["stages"]:
        assert f"| {stage['name']} | " in text
    assert f"{record['steps']:,} steps, {record['tokens'] / 1e6:.2f} M tokens in all." in text


def test_the_head_start_is_told_if_there_was_one(text):
    assert "Before the first step" in text
    for said in (
        "one head looks at the previous token",
        "rare ones more",
        "copy what stands there",
    ):
        assert said in text
    without = dataclasses.replace(CONFIG.shape, head_start=False)
    assert "Before the first step" not in card_text(
        dataclasses.replace(CONFIG, shape=without), MEASURED
    )


def test_the_head_start_of_a_program_before_is_left_to_its_own_card():
    """Another version may have made it, in another way."""
    text = card_text(CONFIG, of_an_earlier_version())
    assert "Program 1 did not start from random weights alone; the card of the model" in text
    assert "previous token" not in text


def test_remarks_stand_before_everything_measured(text):
    told = card_text(dataclasses.replace(CONFIG, remarks=["Changed halfway."]), MEASURED)
    assert "**To know.**" not in text
    assert told.index("- Changed halfway.") < told.index("## Architecture")


def test_sources_with_licences_and_times_read(text):
    assert rows_of(text, "Sources of text")[1:] == [
        ["novels", "public domain", "80.0 %", "1.20", "4.00", "0.30"],
        ["dialogues", "by a company: CC BY-SA 4.0", "20.0 %", "0.30", "0.10", "3.00"],
    ]
    assert "1.50 M of the 7.00 M tokens are text" in text
    assert "One document in 50, chosen by a hash of its text, was held out" in text
    assert "dialogues: licensed CC BY or CC BY-SA" in text
    assert "Left out of the corpus folder: textbooks." in text
    unnamed = card_text(dataclasses.replace(CONFIG, licences={}), MEASURED)
    assert rows_of(unnamed, "Sources of text")[1][1] == "not stated in the settings"


def test_measurements_in_tables(text):
    assert rows_of(text, "Bits per byte of held-out text")[1:] == [
        ["novels", "7", "50,000", "210,000", "4.500", "1.546", "1.900"],
        ["by share in training", "", "", "", "", "1.546", "1.900"],
    ]
    assert rows_of(text, "Loss by position")[1:] == [["1-15", "5.500"], ["16-31", "4.250"]]
    assert rows_of(text, "Fuzzy matching by lines seen") == [
        ["pattern", "1-4", "5-8"],
        ["dictionary", "61 (50)", "83 (33)"],
        ["picked_out", "12", ""],
    ]


def test_the_probes_table_is_short_and_ends_with_the_last_and_this_folder(text):
    rows = rows_of(text, "Probes of in-context learning")
    assert rows[0] == ["M tokens", "first_copy", "second_copy", "dictionary"]
    assert len(rows) == 1 + 10 + 1
    assert rows[1][0] == "0.10"
    assert rows[-2] == ["7.00", "0.700", "0.700", "0.700"]
    assert rows[-1] == ["this folder", "9.000", "0.070", "0.910"]


def test_kshot_results_are_there_or_said_to_be_missing(text):
    assert "Not measured yet" in text
    score = {"stage": "base", "family": "nli", "group": "g", "metric": "macro_f1", "seeds": [0],
             "effective_shots": 0.0, "std": 0.0, "stderr": 0.1, "low": 0.2, "high": 0.6,
             "num_queries": 40, "selection": "random", "scoring": "sum"}  # fmt: skip
    scores = [
        score | {"task": task, "held_out": task == "b", "num_shots": k, "by_seed": [mean],
                 "mean": mean, "metrics": {"macro_f1": mean, "accuracy": mean + 0.1},
                 "chance": chance}
        for task, k, mean, chance in (
            ("a", 0, 0.2, None), ("a", 4, 0.3, None), ("b", 0, 0.4, 0.5), ("b", 4, 0.6, 0.5),
        )
    ]  # fmt: skip
    found = {"num_shots": [0, 4], "num_queries": 40, "scores": scores}
    measured = MEASURED | {"kshot": found}
    full = card_text(CONFIG, measured)
    assert "Not measured yet" not in full
    assert rows_of(full, "Raw k-shot results")[1:] == [
        ["nli (2)", "30.0", "45.0"], ["all (2)", "30.0", "45.0"],
    ]  # fmt: skip
    assert "| held out (1) | 50.0 | 70.0 |\n| held out, chance | 50.0 | 50.0 |" in full


def test_nothing_held_out_is_said(text):
    measured = copy.deepcopy(MEASURED)
    measured["bits_per_byte"] |= {"sources": [], "overall": {}}
    measured["by_position"]["buckets"] = []
    found = card_text(CONFIG, measured)
    assert "No text is held out." in found
    assert "No held-out document is long enough." in found


def test_settings_that_no_table_tells_stand_as_yaml(text):
    block = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert block["shape"]["hidden_size"] == CONFIG.shape.hidden_size
    assert block["settled_weight"] == CONFIG.settled_weight
    assert not {"corpus", "run_dir", "stages", "licences"} & set(block)


def test_a_bar_in_a_cell_does_not_end_it():
    assert table([["a"], ["x|y"]]) == ["| a |", "|---|", "| x\\|y |"]


def test_the_figure_is_a_drawing_of_its_own_with_every_curve():
    stages = [("copies", 1_000_000), ("mixed", 6_000_000)]
    drawn = learning_curve_svg(MEASURED["curve"], stages)
    assert drawn is not None
    root = ElementTree.fromstring(drawn)
    assert root.tag.endswith("svg")
    for name in ("text", "first_copy", "second_copy", "dictionary", "million tokens"):
        assert f">{name}</text>" in drawn
    assert learning_curve_svg(MEASURED["curve"], stages) == drawn
    assert learning_curve_svg({"losses": {}, "probes": {}}) is None
