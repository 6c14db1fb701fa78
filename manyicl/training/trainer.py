"""The trainer: transformers.Trainer with our loss, our log lines and sealed checkpoints.

Everything else (optimizer, schedule, accumulation, mixed precision, distribution, trackers) is the
base class's. A micro-batch is one packed row; the divisor of the loss is the sum of token weights
over all rows of the optimizer step and all processes, so the result does not depend on how a step
is cut into micro-batches.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import SequentialSampler
from transformers import DefaultFlowCallback, PrinterCallback, ProgressCallback, Trainer

from manyicl.errors import Diverged, RunError
from manyicl.files import replace_file
from manyicl.models import frozen_identity
from manyicl.training import checkpoint
from manyicl.training.loss import Shortcuts, supervised_loss, supervised_nll
from manyicl.training.rows import split_row
from manyicl.training.shot_loss import Reduce, ShotLoss, at_shots

STATISTICS = "shot_loss.json"
# Who trains says when there is a line, a checkpoint and an end (callbacks.py, study/in_memory.py).
NOT_OURS = (DefaultFlowCallback, PrinterCallback, ProgressCallback)


class ManyICLTrainer(Trainer):
    """Train on a `RowDataset`, in its order."""

    def __init__(self, *args: Any, run_dir: Path, keep_checkpoints: int, **kwargs: Any):
        recomputes = kwargs["args"].activation_checkpointing
        self._shortcuts = Shortcuts.of(kwargs["model"], recomputes=recomputes)
        super().__init__(*args, data_collator=_only_row, **kwargs)
        for callback in NOT_OURS:
            self.remove_callback(callback)
        self.run_dir = run_dir
        self.num_supervised_answers = self.train_dataset.num_supervised_answers()  # type: ignore
        self.shot_loss = ShotLoss()
        self.totals = {"tokens": 0, "supervised_tokens": 0, "seconds": 0.0}
        self._keep_checkpoints = keep_checkpoints
        # Sharded, a process holds parts of the weights only.
        self._frozen = "" if self.is_fsdp_enabled else frozen_identity(kwargs["model"])
        self._clock = time.perf_counter()
        self._seconds = 0.0  # since the last log line, without the pauses between runs
        self._step_rows: list[tuple[torch.Tensor, Mapping[str, Any]]] = []  # weighted nll, row
        self.loss_is_scaled_for_ga = True  # compute_loss divides by the whole step's weights

    def release(self) -> None:
        """Take from the model what accelerate put on it: its forward computes in the weights' own
        type again, and not under autocast."""
        own = vars(self.accelerator.unwrap_model(self.model_wrapped))
        if own.pop("_original_forward", None) is not None:
            own.pop("forward", None)

    # --- the loss --------------------------------------------------------------------------------

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return sum(weights * nll) / weights of the whole step (scaled for gradient averaging)."""
        weighted, nll = supervised_loss(model, inputs, self._shortcuts)
        weights = inputs["weights"]
        self._step_rows.append((weighted.detach(), inputs))
        num_tokens = inputs["input_ids"].numel()
        self.shot_loss.add(nll, weights, inputs["shots"], num_tokens, inputs["num_shots"])
        divisor = weights.sum() if num_items_in_batch is None else num_items_in_batch
        loss = weighted / torch.as_tensor(divisor, device=weighted.device).clamp(min=1e-8)
        if num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # processes' gradients are averaged
        return (loss, {}) if return_outputs else loss

    def _non_finite(self, model: torch.nn.Module, row: Mapping[str, Any]) -> str:
        model, where = self.accelerator.unwrap_model(model), " or ".join(row["names"])
        if not self.is_fsdp_enabled:  # with shards, the other processes would have to compute too
            sequences = zip(row["names"], split_row(row), strict=True)
            wrong = (
                name
                for name, sequence in sequences
                if not torch.isfinite(supervised_nll(model, sequence)).all()
            )
            where = next(wrong, where)
        return (
            f"step {self.state.global_step + 1}: the loss is not finite at {where}; stopped before "
            "the optimizer step. Look at these rows, lower training.learning_rate, or use "
            "training.precision=fp32. The last checkpoint is untouched."
        )

    def _get_num_items_in_batch(
        self, batch_samples: list[Any], device: torch.device
    ) -> torch.Tensor | None:
        if not batch_samples:
            return None
        total = torch.stack([batch["weights"].sum() for batch in batch_samples]).sum().to(device)
        return self.accelerator.gather(total).sum()  # type: ignore[union-attr]

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: Any = None) -> Any:
        """Return the norm. The last stop before the optimizer step: one look at all its rows."""
        rows, self._step_rows = self._step_rows, []
        norm = super()._get_grad_norm(model, grad_norm)  # type: ignore[misc]
        finite = torch.stack([weighted for weighted, _ in rows]).isfinite().tolist()
        if not all(finite):
            raise Diverged(self._non_finite(model, rows[finite.index(False)][1]))
        if norm is not None and not torch.isfinite(torch.as_tensor(norm)):
            raise Diverged(
                f"step {self.state.global_step + 1}: the gradient is not finite; stopped before "
                "the optimizer step. Lower training.learning_rate, or use training.precision=fp32."
            )
        return norm

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        dataset: Any = train_dataset or self.train_dataset
        return SequentialSampler(dataset)  # the plan is in random order already

    # --- log lines -------------------------------------------------------------------------------

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add a line to log.jsonl, with the loss by number of shots and the counts so far."""
        if "learning_rate" not in logs:  # the base class's closing summary: ours is in the report
            return
        now = time.perf_counter()
        seconds, self._clock = self._seconds + now - self._clock, now
        self._seconds = 0.0
        found = self.shot_loss.flush(self._reducer())
        found["tokens_per_s"] = found["tokens"] / seconds
        self.totals["tokens"] += found["tokens"]
        self.totals["supervised_tokens"] += found["supervised_tokens"]
        self.totals["seconds"] += seconds
        line = {
            "step": self.state.global_step,
            **found,
            "loss": None if math.isnan(found["loss"]) else found["loss"],  # JSON knows no NaN
            "learning_rate": logs["learning_rate"],
            "grad_norm": logs.get("grad_norm"),
            "total": dict(self.totals),
        }
        if self.is_world_process_zero():
            with (self.run_dir / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        by_shot = found.pop("loss_by_shot")
        scalars = {f"loss_at_shot/{k}": loss for k, loss in at_shots(by_shot).items()}
        super().log({**logs, **found, **scalars}, start_time)

    def _reducer(self) -> Reduce | None:
        if self.accelerator.num_processes == 1:
            return None

        def reduce(values: torch.Tensor, how: str) -> torch.Tensor:
            gathered: Any = self.accelerator.gather(values.to(self.args.device)[None])
            return gathered.sum(0) if how == "sum" else gathered.amax(0)

        return reduce

    # --- checkpoints -----------------------------------------------------------------------------

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        folder = self.run_dir / f"checkpoint-{self.state.global_step}"
        state = {
            "shot_loss": self.shot_loss.state_dict(self._reducer()),
            "totals": self.totals,
            "seconds": self._seconds + time.perf_counter() - self._clock,
            "frozen": self._frozen,
            "plan": self.train_dataset.digest(),  # type: ignore[union-attr]
        }
        self.accelerator.wait_for_everyone()
        if self.is_world_process_zero():
            (folder / STATISTICS).write_text(json.dumps(state))
            checkpoint.seal(folder)
            checkpoint.keep_newest(self.run_dir, self._keep_checkpoints)
        self.accelerator.wait_for_everyone()

    def restore_statistics(self, folder: Path) -> None:
        """Go on counting where the checkpoint's run stopped, in the log file too."""
        state = json.loads((folder / STATISTICS).read_text())
        frozen = state.get("frozen")
        if frozen and self._frozen and frozen != self._frozen:
            raise RunError(
                f"{folder}: was trained on a base whose weights were others than those that "
                "model.path holds now. Restore them, or choose another run_dir to start anew."
            )
        if state.get("plan") != self.train_dataset.digest():  # type: ignore[union-attr]
            raise RunError(
                f"{folder}: was trained on other sequences than this version of manyicl draws from "
                "the same settings. Go on with the version that began the run, or choose another "
                "run_dir to start anew."
            )
        self.totals = state["totals"]
        self._seconds = state["seconds"]
        if self.is_world_process_zero():
            self.shot_loss.load_state_dict(state["shot_loss"])
            _cut_log(self.run_dir / "log.jsonl", checkpoint.step_of(folder))


def _only_row(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows  # a micro-batch is one row; packing happened before
    return row


def _cut_log(path: Path, step: int) -> None:
    """Drop log lines after `step`, a half-written one included: they will be written again."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        kept = [line for line in whole if json.loads(line)["step"] <= step]
        replace_file(path, "".join(kept), lasting=True)
