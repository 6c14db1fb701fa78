"""Where a training step's time goes: `profile.json` and a Chrome trace in the run folder.

A stopwatch runs through some steps after a warm-up; at any moment one phase is on the clock, so the
phases add up to the step. One more step is traced by torch's profiler, which slows it, and is in no
figure. Saving is not counted. Weights and random numbers are those of a run without profile.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from manyicl.errors import ConfigError
from manyicl.files import replace_file
from manyicl.models.flops import Shape, training_flops
from manyicl.models.forward import without_adapter
from manyicl.training.trainer import ManyICLTrainer

FILE, TRACE = "profile.json", "profile_trace.json.gz"
WARM_UP, MOST_TIMED, TRACED = 2, 20, 1  # steps
PHASES = ("data", "forward", "head", "backward", "optimizer", "other")
MATRIX = 1024  # rows and columns of the products that measure the machine
GPU_MATRIX = 8192  # on a GPU a smaller one takes less time than its start


class Stopwatch:
    """Seconds by phase; exactly one phase is on the clock, or none."""

    def __init__(self, device: torch.device):
        self.seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self._device = device
        self.phase: str | None = None
        self._since = 0.0

    def turn(self, phase: str | None) -> str | None:
        """Put a phase on the clock (None: stop it) and return the one that was."""
        if self._device.type == "cuda":  # else the work of one phase would be waited for in another
            torch.cuda.synchronize(self._device)
        before, now = self.phase, time.perf_counter()
        if before is not None:
            self.seconds[before] += now - self._since
        self.phase, self._since = phase, now
        return before

    @contextmanager
    def on(self, phase: str | None) -> Iterator[None]:
        """Time the block as `phase`. Outside of timed steps nothing is timed."""
        if self.phase is None:
            yield
            return
        before = self.turn(phase)
        try:
            yield
        finally:
            self.turn(before)


class StepProfile(TrainerCallback):
    """Profiles the first steps that `trainer` takes, to be added as its last callback.

    Raises `ConfigError` as training begins if fewer than four steps are left.
    """

    def __init__(self, trainer: ManyICLTrainer):
        self._trainer, self._device = trainer, trainer.args.device
        self._watch = Stopwatch(self._device)
        self._first = self._timed = 0
        self._profiler: Any = None
        self._tokens = self._supervised = self._pairs = self._rows = 0
        self._watch_method(trainer, "get_batch_samples", "data")
        self._watch_method(trainer, "compute_loss", "forward", self._count)
        self._watch_method(trainer, "_clip_grad_norm", "optimizer")
        self._watch_method(trainer, "_get_grad_norm", "optimizer")
        self._watch_method(trainer, "_save_checkpoint", None)
        self._watch_method(trainer.accelerator, "backward", "backward")
        body = _body(trainer.model)
        body.register_forward_hook(lambda *args: self._turn_from("forward", "head"))

    # --- steps -----------------------------------------------------------------------------------

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        left = state.max_steps - state.global_step
        if left < WARM_UP + 1 + TRACED:
            raise ConfigError(
                f"--profile: {left} steps are left in this run; at least {WARM_UP + 1 + TRACED} "
                "are needed. Leave it out, or profile a run of more training.steps."
            )
        self._first = state.global_step
        self._timed = min(MOST_TIMED, left - WARM_UP - TRACED)

    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        self._turn_from("other", "optimizer")

    def on_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        self._turn_from("optimizer", "other")

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        done = state.global_step - self._first
        if done == WARM_UP:
            if self._device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(self._device)
            self._watch.turn("other")
        elif done == WARM_UP + self._timed:
            self._watch.turn(None)
            self._write(_peak_memory(self._device))
            self._profiler = torch.profiler.profile()
            self._profiler.start()
        elif done == WARM_UP + self._timed + TRACED:
            self._profiler.stop()
            if self._trainer.is_world_process_zero():
                self._profiler.export_chrome_trace(str(self._trainer.run_dir / TRACE))
            self._profiler = None

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        if self._profiler is not None:  # stopped from the keyboard in the traced step
            self._profiler.stop()

    # --- what is timed ---------------------------------------------------------------------------

    def _watch_method(
        self,
        owner: Any,
        name: str,
        phase: str | None,
        count: Callable[..., None] | None = None,
    ) -> None:
        method = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self._watch.on(phase):
                if count is not None:
                    count(*args, **kwargs)
                return method(*args, **kwargs)

        setattr(owner, name, timed)

    def _turn_from(self, phase: str, to: str) -> None:
        if self._watch.phase == phase:
            self._watch.turn(to)

    def _count(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> None:
        if self._watch.phase is not None:
            self._rows += 1
            self._tokens += sum(inputs["lengths"])
            self._pairs += sum(length**2 for length in inputs["lengths"])
            self._supervised += len(inputs["targets"])

    # --- what is written -------------------------------------------------------------------------

    def _write(self, memory: int) -> None:
        if self._trainer.is_world_process_zero():
            found = self._summary() | {"peak_memory_bytes": memory}
            path = self._trainer.run_dir / FILE
            replace_file(path, json.dumps(found, indent=1) + "\n")

    def _summary(self) -> dict[str, Any]:
        seconds = self._watch.seconds
        total = sum(seconds.values())
        shape = Shape.of(without_adapter(self._trainer.model))
        flops = training_flops(shape, self._tokens, self._supervised, self._pairs / self._tokens)
        rate = flops / total
        bf16 = self._trainer.args.bf16
        peak = matrix_rate(self._device, torch.bfloat16 if bf16 else torch.float32)
        return {
            "steps": self._timed,
            "rows": self._rows,
            "tokens": self._tokens,
            "supervised_tokens": self._supervised,
            "seconds_per_step": total / self._timed,
            "tokens_per_s": self._tokens / total,
            "phases": {
                phase: {"seconds_per_step": spent / self._timed, "share": spent / total}
                for phase, spent in seconds.items()
            },
            "flops_per_s": rate,
            "matrix_product_flops_per_s": peak,
            "share_of_matrix_product_rate": rate / peak,
            "device": str(self._device),
            "threads": torch.get_num_threads(),
            "precision": "bf16" if bf16 else "fp32",
        }


def profile_lines(run_dir: Path) -> list[str]:
    """Return what `run_dir/profile.json` says as lines of a small table, none if there is none."""
    if not (run_dir / FILE).is_file():
        return []
    found = json.loads((run_dir / FILE).read_text(encoding="utf-8"))
    lines = [f"{'phase':<10} {'ms a step':>10} {'share':>7}"]
    rows = [(name, phase["seconds_per_step"], phase["share"])
            for name, phase in found["phases"].items()]  # fmt: skip
    for name, seconds, share in [*rows, ("step", found["seconds_per_step"], 1.0)]:
        lines.append(f"{name:<10} {1000 * seconds:>10.1f} {100 * share:>5.1f} %")
    return [
        *lines,
        f"{found['tokens_per_s']:,.0f} tokens/s over {found['steps']} steps, "
        f"{100 * found['share_of_matrix_product_rate']:.0f} % of the rate of matrix products here "
        f"({found['matrix_product_flops_per_s'] / 1e9:,.0f} GFLOP/s in {found['precision']}), "
        f"peak memory {found['peak_memory_bytes'] / 1e9:.2f} GB",
        f"Profile: {run_dir / FILE}; trace: {run_dir / TRACE} (chrome://tracing, perfetto.dev)",
    ]


def matrix_rate(device: torch.device, dtype: torch.dtype, seconds: float = 0.3) -> float:
    """Return operations a second of square matrix products, the best of several."""
    width = MATRIX if device.type == "cpu" else GPU_MATRIX
    matrix = torch.ones(width, width, device=device, dtype=dtype)  # no random numbers are drawn
    best, stop = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < stop:
        began = time.perf_counter()
        torch.mm(matrix, matrix)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - began)
    return 2 * width**3 / best


def _peak_memory(device: torch.device) -> int:
    """Return the most bytes in use: of tensors on a GPU, else of the whole process so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _body(model: Any) -> torch.nn.Module:
    """Return the layers below the head; a model without such a part is all forward, no head."""
    inner = without_adapter(model)
    body = getattr(inner, getattr(inner, "base_model_prefix", ""), None)
    return body if isinstance(body, torch.nn.Module) else inner
