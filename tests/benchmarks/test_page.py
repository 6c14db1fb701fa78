"""The page says what the files hold: ratios with spread, goals met or not, what is missing."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest

from manyicl.benchmarks import operations, ratio, runner, wording
from manyicl.benchmarks import page as page_module
from manyicl.benchmarks.cases import CASES
from manyicl.benchmarks.page import write_page
from manyicl.benchmarks.records import SideRecord, SizeRecord, write_case
from manyicl.cli import main

ENVIRONMENT = {
    "cpu": "Some CPU, 2 cores",
    "device": "cpu",
    "date": "2026-11-27T10:00:00+00:00",
    "manyicl": "0.1",
    "git_hash": "0123456789abcdef",
    "packages": {"torch": "2.13.0", "trl": "1.16.0"},
}
MACHINE = {"fp32": 100e9, "bf16": 1e9, "bandwidth": 17e9, "threads": 2}
WORK = {"tokens": 2000.0, "supervised": 100.0, "answers": 30.0, "operations": 8e10}


def side(*seconds: float, peak: int, loss: float = 5.0, **facts: Any) -> SideRecord:
    turns = [
        {
            "seconds": taken,
            "units": 2000,
            "operations": 8e10,
            "peak": peak,
            "working": peak // 2,
            "facts": {"work": WORK},
        }
        for taken in seconds
    ]
    facts |= {"first_loss": loss, "dtype": "float32", "parameters": 7_000_000}
    return SideRecord(turns, facts, baseline=100_000_000)


def training(**changes: Any) -> SizeRecord:
    sides = {
        "ours": side(2.0, 2.0, 1.0, peak=500_000_000),
        "trl": side(4.0, 5.0, 4.0, peak=1_500_000_000),
        "trl_defaults": SideRecord(skipped="bf16 is emulated here"),
    } | changes
    settings = {"model": "nano", "tokens": 2048}
    return SizeRecord("nano, 2k tokens", settings, 3, "key", sides, MACHINE, ENVIRONMENT)


def page(tmp_path: Path, *sizes: SizeRecord, case: str = "training_step") -> str:
    write_case(tmp_path / "cpu" / f"{case}.json", case, list(sizes))
    return write_page(tmp_path, tmp_path / "page.md").read_text()


def test_a_row_holds_speed_ratio_with_spread_memory_and_share(tmp_path):
    text = page(tmp_path, training())
    assert "| nano, 2k tokens | ours | 1,000 |  | 500 MB | 400 MB | 250 MB | 40 % |" in text
    assert "| nano, 2k tokens | trl | 500 | 2.00× [2.00× … 4.00×] | 1.50 GB | 1.40 GB |" in text
    assert "| trl_defaults | skipped: bf16 is emulated here |" in text


def test_goals_are_said_to_be_met_or_not(tmp_path):
    text = page(tmp_path, training(trl=side(2.4, 2.4, 1.2, peak=600_000_000)))
    assert "at least 1.5 times TRL's tokens/s | 1.20× | **no** |" in text
    assert "at least 35 % of the measured matrix rate | 40 % | yes |" in text


def test_where_when_and_how_stands_beside_the_numbers(tmp_path):
    text = page(tmp_path, training())
    assert "`manyicl bench training_step --preset cpu`, 3 rounds, 2026-11-27; seed 0; Some CPU" in (
        text
    )
    assert "matrix products at 100 GFLOP/s in fp32 and 1 GFLOP/s in bf16" in text
    assert "manyicl 0.1 (0123456789); torch 2.13.0, trl 1.16.0" in text


def test_a_failure_and_a_disagreement_are_shown_without_the_places_of_this_machine(tmp_path):
    size = training(trl=SideRecord(failed="MemoryError: no room (log: /home/me/x.log)"))
    size.disagreements = ["first loss: 1 (ours), 2 (trl)"]
    text = page(tmp_path, size)
    assert "- nano, 2k tokens, trl failed: MemoryError: no room\n" in text
    assert "**The sides disagree** (nano, 2k tokens): first loss" in text
    assert "/home/me" not in text


def test_a_preset_that_was_not_run_is_said_to_be_missing(tmp_path):
    text = page(tmp_path, training())
    assert "## Preset `gpu`\n\nNot measured" in text


def test_curves_are_drawn_from_two_sizes_on_the_same_bytes_each_time(tmp_path):
    sizes = []
    for k, seconds in ((16, 4.0), (64, 16.0)):
        sides = {
            "ours": side(0.5, peak=2, prefix_tokens=40 * k, options=6),
            "lm_eval": side(seconds, peak=2, batch_size=1),
        }
        sides["ours"].turns[0]["facts"] = {"prefill_seconds": 0.1, "answers": {"0": {"a": -1.0}}}
        sides["lm_eval"].turns[0]["facts"] = {"answers": {"0": {"a": -1.0}}}
        settings = {"k": k, "end_mark": True, "task": "question_type", "queries": 20}
        settings["peer_items"] = 1
        size = SizeRecord(f"k={k}", settings, 1, str(k), sides, MACHINE, ENVIRONMENT)
        sizes.append(size)
    text = page(tmp_path, *sizes, case="kshot_vs_lm_eval")
    assert "k=64: at least 50 times lm-eval's items/s | 32.0× | **no** |" in text
    drawing = (tmp_path / "page" / "cpu-kshot_vs_lm_eval.svg").read_bytes()
    assert b"items/s" in drawing
    page(tmp_path, *sizes, case="kshot_vs_lm_eval")
    assert (tmp_path / "page" / "cpu-kshot_vs_lm_eval.svg").read_bytes() == drawing


@pytest.mark.parametrize("module", [operations, page_module, ratio, runner, wording])
def test_examples_in_docstrings_are_right(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert found.failed == 0


def test_the_command_writes_the_page_without_measuring(tmp_path, capsys):
    write_case(tmp_path / "cpu" / "training_step.json", "training_step", [training()])
    assert main(["bench", "--page-only", "--out", str(tmp_path)]) == 0
    assert "2.00×" in (tmp_path / "benchmarks.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trainingstep"], "Did you mean 'training_step'?"),
        (["--rounds", "0"], "--rounds: is 0"),
    ],
)
def test_wrong_words_are_named(words, said, capsys):
    assert main(["bench", *words]) == 2
    assert said in capsys.readouterr().err


def test_cases_and_sizes_are_listed(capsys):
    assert main(["bench", "--list", "--preset", "gpu"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in CASES)
    assert "8b, 64k tokens" in out
