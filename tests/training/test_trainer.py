"""The trainer: a step does not depend on how it is cut up, and equals a plain loop."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from training.tiny_runs import (
    assert_same_weights,
    log_lines,
    rows_of,
    tiny_config,
    train_in_two_processes,
    weights,
    write_tasks,
)

from manyicl.config import Config
from manyicl.errors import ConfigError, RunError
from manyicl.models import load_model, load_tokenizer
from manyicl.training import checkpoint, run
from manyicl.training.plan import plan_rows
from manyicl.training.run import train

NORMALISERS: dict[str, dict[str, Any]] = {
    "token_mean": {},
    "answer_mean": {"objective__normaliser": "answer_mean"},
    "shot_weights": {
        "objective__normaliser": "shot_weights",
        "objective__shot_weights": [0, 1, 0.5, 2],
    },
}
# One sequence a row, of one to four answers: target counts differ from row to row, and with
# shot_weights a sequence of one answer has none at all.
UNEQUAL: dict[str, Any] = {
    "episodes__packing": False,
    "episodes__shots": "1-4",
    "training__steps": 4,
    "training__rows_per_step": 4,
}
SINGLE: dict[str, Any] = UNEQUAL | {"training__rows_per_step": 1, "training__save_every": 1}
STEADY: dict[str, Any] = {"training__schedule": "constant", "training__warmup": 0}


# --- how a step is cut up ------------------------------------------------------------------------


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_accumulated_rows_equal_one_packed_row(tmp_path, monkeypatch, normaliser):
    accumulated = tiny_config(tmp_path, run="accumulated", **UNEQUAL, **NORMALISERS[normaliser])
    train(accumulated)
    counts = [len(row.targets) for row in map(rows_of(accumulated).row, range(16))]
    assert len(set(counts)) > 3

    def packed_plan(stream, config):
        rows = plan_rows(stream, accumulated)
        return [list(chain(*rows[start : start + 4])) for start in range(0, len(rows), 4)]

    packed = tiny_config(tmp_path, run="packed", **UNEQUAL, **NORMALISERS[normaliser])
    packed.training.rows_per_step = 1
    monkeypatch.setattr(run, "plan_rows", packed_plan)
    train(packed)
    assert_same_weights(
        tmp_path / "accumulated/model", tmp_path / "packed/model", atol=1e-5, rtol=1e-4
    )
    for ours, theirs in zip(
        log_lines(tmp_path / "accumulated"), log_lines(tmp_path / "packed"), strict=True
    ):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        # AdamW forgives a wrong scale of the gradient; its norm does not.
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-4)
        assert ours["supervised_tokens"] == theirs["supervised_tokens"]


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_two_processes_equal_one(tmp_path, normaliser):
    settings = UNEQUAL | NORMALISERS[normaliser] | {"training__log_every": 2}
    train(tiny_config(tmp_path, run="one", **settings))
    assert train_in_two_processes(tiny_config(tmp_path, run="two", **settings)) == [0, 0]
    # AdamW makes a step of the learning rate (1e-2) even of a gradient that is all but rounding,
    # which differs between processors: 1.2e-6 was seen on one, in one of 1,536 weights.
    assert_same_weights(tmp_path / "one/model", tmp_path / "two/model", atol=5e-6, rtol=0)
    one, two = log_lines(tmp_path / "one"), log_lines(tmp_path / "two")
    assert [line["step"] for line in two] == [2, 4]
    for ours, theirs in zip(one, two, strict=True):
        assert ours["total"] == theirs["total"]
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-4)
        for (shot, loss), (other_shot, other_loss) in zip(
            ours["loss_by_shot"], theirs["loss_by_shot"], strict=True
        ):
            assert shot == other_shot
            assert loss == pytest.approx(other_loss, abs=1e-5)


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_training_equals_a_plain_loop(tmp_path, normaliser):
    """AdamW on the summed nll over summed weights, one plain forward pass a sequence."""
    config = tiny_config(tmp_path, **UNEQUAL, **NORMALISERS[normaliser], **STEADY)
    folder = train(config)
    model = load_model(str(tmp_path / "run/base"))
    rows, optimizer = rows_of(config), torch.optim.AdamW(model.parameters(), 1e-2, (0.9, 0.98))
    optimizer.param_groups[0]["weight_decay"] = 0.0
    losses, norms = [], []
    for step in range(4):
        nll, weight = torch.zeros(()), 0.0
        for row in map(rows.row, range(4 * step, 4 * step + 4)):
            log_probs = model(input_ids=row.input_ids).logits[0].log_softmax(-1)
            nll = nll - (log_probs[row.keep, row.targets] * row.weights).sum()
            weight += row.weights.sum().item()
        optimizer.zero_grad()
        (nll / weight).backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
        losses.append(nll.item() / weight)
    for name, tensor in weights(folder).items():
        torch.testing.assert_close(model.state_dict()[name], tensor, atol=5e-6, rtol=1e-5)
    lines = log_lines(tmp_path / "run")
    assert [line["loss"] for line in lines] == pytest.approx(losses, rel=1e-5)
    assert [line["grad_norm"] for line in lines] == pytest.approx(norms, rel=1e-4)


# --- the log -------------------------------------------------------------------------------------


def test_the_log_counts_every_token_once(tmp_path):
    config = tiny_config(tmp_path, training__steps=5, training__log_every=2)
    train(config)
    rows = [rows_of(config).row(index) for index in range(10)]
    lines = log_lines(tmp_path / "run")
    assert [line["step"] for line in lines] == [2, 4, 5]  # the last step is always logged
    for line, part in zip(lines, (rows[:4], rows[4:8], rows[8:]), strict=True):
        assert line["tokens"] == sum(row.input_ids.numel() for row in part)
        assert line["supervised_tokens"] == sum(len(row.targets) for row in part)
        assert line["supervised_share"] == line["supervised_tokens"] / line["tokens"]
        shots = {int(shot) for row in part for shot in row.shots}
        assert [shot for shot, _ in line["loss_by_shot"]] == sorted(shots)
    assert lines[-1]["total"]["tokens"] == sum(row.input_ids.numel() for row in rows)


# --- what trains ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lora", [{}, {"model__lora__rank": 4}])
def test_activation_checkpointing_changes_no_weight(tmp_path, lora):
    train(tiny_config(tmp_path, run="plain", **lora))
    train(tiny_config(tmp_path, run="saving", training__activation_checkpointing=True, **lora))
    assert_same_weights(tmp_path / "plain/model", tmp_path / "saving/model", atol=1e-6, rtol=0)


def test_lora_trains_the_adapter_and_nothing_else(tmp_path, kept_trainer):
    folder = train(tiny_config(tmp_path, model__lora__rank=4))
    names = weights(folder).keys()
    assert names
    assert all(".lora_" in name for name in names)
    assert any(tensor.any() for name, tensor in weights(folder).items() if "lora_B" in name)
    base = weights(tmp_path / "run/base")
    now = kept_trainer[0].model.get_base_model().state_dict()
    frozen = {name.replace(".base_layer", ""): t for name, t in now.items() if "lora" not in name}
    assert frozen.keys() == base.keys()
    assert all(torch.equal(frozen[name], base[name]) for name in base)


@pytest.mark.parametrize("lora", [{}, {"model__lora__rank": 4}])
def test_frozen_parameters_keep_their_values_and_change_no_others(tmp_path, lora):
    """Without clipping and momentum from before, the first step of the others is the same."""
    one: dict[str, Any] = {"training__steps": 1, "training__max_grad_norm": 0, **STEADY, **lora}
    patterns = [r"layers[.]0[.]", "q_proj"]
    free = weights(train(tiny_config(tmp_path, run="free", **one)))
    found = weights(train(tiny_config(tmp_path, run="frozen", training__freeze=patterns, **one)))
    kept = {name for name in free if ".layers.0." in name or "q_proj" in name}
    changed = {name for name in free if not torch.equal(found[name], free[name])}
    assert changed
    assert changed <= kept < free.keys()
    if lora:  # B begins at zero
        assert not any(found[name].any() for name in kept if "lora_B" in name)
    else:
        base = weights(tmp_path / "frozen/base")
        assert all(torch.equal(found[name], base[name]) for name in kept)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("layer[.]0", r"'layer\[.\]0' matches no parameter that would train.*such as model"),
     (".", r"match all \d+ parameters, so nothing is left to train"),
     ("(", r"training.freeze: '\(' is no regular expression")],
)  # fmt: skip
def test_patterns_that_freeze_nothing_or_all_are_refused(tmp_path, pattern, message):
    with pytest.raises(ConfigError, match=message):
        train(tiny_config(tmp_path, training__freeze=[pattern]))


# --- what stops it -------------------------------------------------------------------------------


@pytest.fixture
def kept_trainer(monkeypatch) -> list[Any]:
    """Collects trainers, each with the weights it had after its last whole step."""
    kept: list[Any] = []

    class Kept(run.ManyICLTrainer):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self.after_step: dict[str, torch.Tensor] = {}
            kept.append(self)

        def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
            state = self.model.state_dict()  # type: ignore[union-attr]
            self.after_step = {name: tensor.clone() for name, tensor in state.items()}
            super()._maybe_log_save_evaluate(*args, **kwargs)

    monkeypatch.setattr(run, "ManyICLTrainer", Kept)
    return kept


def poisoned_config(tmp_path: Path, value: float, **settings: Any) -> Config:
    """Return a run whose model answers `value` to a letter that one row of `letters` holds."""
    tasks = write_tasks(tmp_path / "tasks")
    file = tasks / "letters" / "train.jsonl"
    lines = file.read_text().splitlines()
    lines[16] = '{"input": "the letter Q stands here", "output": "late"}'
    file.write_text("\n".join(lines) + "\n")
    config = tiny_config(tmp_path, tasks__held_in=["letters"], tasks__held_out=[], **settings)
    run.base_path(config, tmp_path / "run", run.held_in_tasks(config))
    (tmp_path / "run/.lock").touch()  # a run was begun here
    tensors = load_file(tmp_path / "run/base/model.safetensors")
    letter = load_tokenizer(str(tmp_path / "run/base")).get_vocab()["Q"]
    tensors["model.embed_tokens.weight"][letter] = value
    save_file(tensors, tmp_path / "run/base/model.safetensors", {"format": "pt"})
    return config


@pytest.mark.parametrize("packing", [True, False])
def test_a_loss_that_is_not_finite_stops_before_the_step_and_names_the_sequence(
    tmp_path, kept_trainer, monkeypatch, packing
):
    """The value spreads through the whole row, but the sequence that it comes from is named."""

    def poison_last(stream, config):
        plan = plan_rows(stream, config)
        return [sorted(row, key=lambda episode: 16 in episode.rows) for row in plan]

    monkeypatch.setattr(run, "plan_rows", poison_last)
    config = poisoned_config(
        tmp_path, float("nan"), episodes__shots="1-2", episodes__packing=packing, training__steps=8
    )
    plan = rows_of(config).plan
    index = next(
        index for index, row in enumerate(plan) if any(16 in episode.rows for episode in row)
    )
    step = index // 2
    *others, sequence = plan[index]
    assert step >= 2
    assert bool(others) == packing
    with pytest.raises(RunError) as caught:
        train(config)
    numbers = ", ".join(str(row + 1) for row in sequence.rows)
    assert str(caught.value).startswith(
        f"step {step + 1}: the loss is not finite at task 'letters', train examples {numbers}; "
        "stopped before the optimizer step."
    )
    assert caught.value.exit_code == 1
    (trainer,) = kept_trainer
    assert trainer.state.global_step == step
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor.nan_to_num(), trainer.after_step[name].nan_to_num()), name
    newest, notes = checkpoint.latest_checkpoint(tmp_path / "run")
    assert newest == tmp_path / f"run/checkpoint-{step - step % 2}"
    assert notes == []


@pytest.mark.parametrize("max_grad_norm", [1.0, 0.0])
def test_a_gradient_that_is_not_finite_stops_before_the_step(
    tmp_path, kept_trainer, monkeypatch, max_grad_norm
):
    class Overflow(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            return inputs[0].clone()

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> Any:
            return grad_outputs[0] * float("inf")

    from manyicl.training import trainer as module

    loss = module.supervised_loss

    def overflowing(model, batch, shortcuts):
        found, nll = loss(model, batch, shortcuts)
        return (Overflow.apply(found) if kept_trainer[0].state.global_step == 3 else found), nll

    monkeypatch.setattr(module, "supervised_loss", overflowing)
    with pytest.raises(RunError, match="step 4: the gradient is not finite; stopped before"):
        train(tiny_config(tmp_path, training__max_grad_norm=max_grad_norm))
    for name, tensor in kept_trainer[0].model.state_dict().items():
        assert torch.equal(tensor, kept_trainer[0].after_step[name]), name


def test_a_first_step_without_targets_leaves_the_weights(tmp_path, monkeypatch):
    def plan_with_a_single_answer_first(stream, config):
        plan = plan_rows(stream, config)
        return sorted(plan, key=lambda row: max(len(episode.rows) for episode in row))

    monkeypatch.setattr(run, "plan_rows", plan_with_a_single_answer_first)
    config = tiny_config(
        tmp_path,
        **SINGLE,
        training__keep_checkpoints=9,
        objective__supervise="answers_after:1",
    )
    train(config)
    assert_same_weights(tmp_path / "run/base", tmp_path / "run/checkpoint-1")
    first, *others = log_lines(tmp_path / "run")
    assert (first["loss"], first["supervised_tokens"], first["loss_by_shot"]) == (None, 0, [])
    assert all(line["supervised_tokens"] for line in others[-2:])
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "run/model").values())
    assert "NaN" not in (tmp_path / "run/model/manyicl.json").read_text()
