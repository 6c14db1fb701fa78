"""Every side of every case in its smoke size, for both presets, in this process on a CPU."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from manyicl.benchmarks import kshot_sides, longest_sides, shapes
from manyicl.benchmarks.case import PRESETS
from manyicl.benchmarks.cases import CASES, kshot_vs_lm_eval, training_step
from manyicl.benchmarks.records import SideRecord, SizeRecord
from manyicl.benchmarks.turns import Skipped, Turns

PEERS = {"trl": "trl", "trl_defaults": "trl", "lm_eval": "lm_eval"}


def smoke_sides() -> Iterator[Any]:
    for name, case in CASES.items():
        for preset in PRESETS:
            for side in case.sides if preset in case.smoke else ():
                yield pytest.param(name, preset, side, id=f"{name}-{preset}-{side}")


def needs(side: str) -> None:
    package = PEERS.get(side)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (extra 'bench')")


@functools.cache
def measured(case: str, preset: Any, side: str) -> SideRecord:
    """Take the turns of a side as its own process would."""
    size = CASES[case].smoke[preset]
    reports = io.StringIO()
    commands = "".join(json.dumps({"turn": turn}) + "\n" for turn in range(size.rounds))
    module, _, function = CASES[case].sides[side].partition(":")
    settings = {**size.settings, "rounds": size.rounds}
    getattr(importlib.import_module(module), function)(
        settings, Turns(io.StringIO(commands), reports)
    )
    ready, *turns = [json.loads(line) for line in reports.getvalue().splitlines()]
    return SideRecord(turns, ready["ready"], ready["baseline"])


def record(case: str, preset: Any) -> SizeRecord:
    size = CASES[case].smoke[preset]
    sides = {name: measured(case, preset, name) for name in CASES[case].sides}
    environment = {"device": "cpu"}
    return SizeRecord(
        size.name, dict(size.settings), size.rounds, "", sides, {"fp32": 1e9}, environment
    )


@pytest.mark.parametrize(("case", "preset", "side"), list(smoke_sides()))
def test_a_side_takes_its_turns(case, preset, side):
    needs(side)
    found = measured(case, preset, side)
    assert len(found.turns) == CASES[case].smoke[preset].rounds
    for turn in found.turns:
        assert turn["units"] > 0
        assert turn["seconds"] > 0
    json.dumps(found.facts)


def test_both_presets_have_every_kind_of_case_they_need():
    assert {name for name, case in CASES.items() if "gpu" in case.sizes} == set(CASES)
    assert {name for name, case in CASES.items() if "cpu" in case.sizes} == set(CASES) - {
        "longest_context"
    }
    for case in CASES.values():
        assert set(case.smoke) == set(case.sizes)
        for sizes in case.sizes.values():
            assert len({size.name for size in sizes}) == len(sizes)


def test_trl_trains_on_the_same_sequences_and_targets():
    needs("trl")
    size = record("training_step", "cpu")
    assert training_step.disagreements(size) == []
    ours, trl = size.sides["ours"], size.sides["trl"]
    assert [t["units"] for t in ours.turns] == [t["units"] for t in trl.turns]
    assert trl.facts["first_loss"] == pytest.approx(ours.facts["first_loss"], rel=1e-5)
    ours.facts["first_loss"] += 0.01
    try:
        assert training_step.disagreements(size)
    finally:
        ours.facts["first_loss"] -= 0.01


def test_lm_eval_scores_the_same_tokens_and_finds_the_same_answers():
    needs("lm_eval")
    size = record("kshot_vs_lm_eval", "cpu")
    items = list(kshot_vs_lm_eval.compared_items(size))
    assert len({item for item, _, _ in items}) == 4  # two items a turn, others every turn
    for _, ours, theirs in items:
        assert theirs == pytest.approx(ours, abs=1e-4)
    assert kshot_vs_lm_eval.disagreements(size) == []


def test_an_item_answered_differently_is_named():
    needs("lm_eval")
    size = record("kshot_vs_lm_eval", "cpu")
    answers = size.sides["lm_eval"].turns[0]["facts"]["answers"]
    item, scores = next(iter(answers.items()))
    worst = min(scores, key=scores.__getitem__)
    kept, scores[worst] = scores[worst], 0.0
    try:
        said = kshot_vs_lm_eval.disagreements(size)
        assert any(f"item {item}" in line and "no tie" in line for line in said)
    finally:
        scores[worst] = kept


def test_other_tokens_are_refused(monkeypatch):
    needs("lm_eval")
    from manyicl.config import TemplateConfig

    monkeypatch.setattr(shapes, "TEMPLATE", TemplateConfig())  # double line breaks
    size = CASES["kshot_vs_lm_eval"].smoke["cpu"]
    with pytest.raises(AssertionError, match="scores other tokens"):
        kshot_sides.lm_eval({**size.settings, "rounds": 1}, Turns(io.StringIO(), io.StringIO()))


def test_every_answer_is_a_target_for_the_price_of_one():
    size = record("objective_economy", "cpu")
    ours, last = (size.sides[side].turns[0]["facts"]["work"] for side in ("ours", "last_answer"))
    assert last["answers"] == 1
    assert ours["answers"] > 4
    assert ours["tokens"] == last["tokens"]
    assert last["operations"] < ours["operations"] < 1.5 * last["operations"]


def test_a_sweep_needs_more_operations_than_its_largest_k():
    size = record("shot_sweep", "cpu")
    sweep, single = (size.sides[side].turns[0]["operations"] for side in ("sweep", "single"))
    assert single < sweep < 3 * single
    assert size.sides["sweep"].facts["effective_shots"]["4"] == 4


def test_a_prefix_in_int8_weighs_less():
    size = record("prefix_storage", "cpu")
    weights = {name: side.facts["prefix_bytes"] for name, side in size.sides.items()}
    assert weights["int8"] < 0.5 * weights["as_computed"]
    assert weights["offload"] == weights["as_computed"]


def test_lengths_are_tried_until_memory_ends():
    def side(settings, turns):
        if settings["tokens"] > 200:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        turns.ready()
        turns.wait()
        turns.report(units=1)

    reports = io.StringIO()
    turns = Turns(io.StringIO('{"turn": 0}\n'), reports)
    longest_sides._try_lengths(side, {"lengths": [100, 200, 300]}, turns)
    facts = json.loads(reports.getvalue().splitlines()[-1])["facts"]
    assert facts["longest"] == 200


def test_an_error_that_is_not_about_memory_is_one():
    def side(settings, turns):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        longest_sides.fits(side, {})


def test_trl_as_it_comes_is_not_timed_in_emulated_bf16(monkeypatch):
    monkeypatch.setattr("manyicl.models.has_fast_bf16", lambda: False)
    from manyicl.benchmarks.training_sides import trl_defaults

    with pytest.raises(Skipped, match="emulated"):
        trl_defaults({}, Turns(io.StringIO(), io.StringIO()))
