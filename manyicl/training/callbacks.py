"""What happens around the steps: when to log and save, stopping on Ctrl-C, and the progress bar."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from manyicl.config import TrainingConfig
from manyicl.training.shot_loss import at_shots


class StopSignal:
    """Turns the first Ctrl-C (or SIGTERM) into a wish to stop after the current step."""

    def __init__(self) -> None:
        self.wanted = False
        self._since = 0.0

    @contextmanager
    def caught(self) -> Iterator[StopSignal]:
        """Catch signals inside the block. A second Ctrl-C interrupts at once, unless it follows
        within a second: launchers pass on the signal that the terminal has sent already."""

        def handler(number: int, frame: Any) -> None:
            if self.wanted:
                if time.monotonic() - self._since > 1:
                    raise KeyboardInterrupt
                return
            self.wanted, self._since = True, time.monotonic()
            print("\nstopping after this step (again to stop at once)", file=sys.stderr)

        try:
            before = {n: signal.signal(n, handler) for n in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread: signals are somebody else's
            yield self
            return
        try:
            yield self
        finally:
            for number, previous in before.items():
                signal.signal(number, previous)

    def agreed(self, args: TrainingArguments) -> bool:
        """Return whether any process wants to stop; all of them learn it after the same step."""
        if args.world_size > 1:
            wanted = torch.tensor(float(self.wanted), device=args.device)
            torch.distributed.all_reduce(wanted, torch.distributed.ReduceOp.MAX)
            self.wanted = bool(wanted)
        return self.wanted


class Rhythm(TrainerCallback):
    """Log and save at their intervals, at the last step, and when a stop is wanted."""

    def __init__(self, config: TrainingConfig, stop: StopSignal):
        self._config, self._stop = config, stop

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> TrainerControl:
        step, last = state.global_step, state.global_step >= state.max_steps
        every, stop = self._config.save_every, self._stop.agreed(args)
        control.should_log = last or step % self._config.log_every == 0
        control.should_save = last or stop or bool(every and step % every == 0)
        control.should_training_stop = last or stop
        return control


class Progress(TrainerCallback):
    """A progress bar on a terminal, and one plain line for every log entry anywhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        if not state.is_world_process_zero:
            return
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=state.max_steps, completed=state.global_step)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        if self._bar:
            self._bar.update(self._task, completed=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not self._bar or not logs or "tokens_per_s" not in logs:
            return
        prefix = "loss_at_shot/"
        by_shot = [[int(k[len(prefix) :]), v] for k, v in logs.items() if k.startswith(prefix)]
        curve = "  ".join(f"{shot}:{loss:.2f}" for shot, loss in at_shots(by_shot).items())
        self._bar.console.print(
            f"step {state.global_step:>5}/{state.max_steps}  loss {logs['loss']:.3f}  "
            f"by shot {curve}  {logs['tokens_per_s']:,.0f} tokens/s  "
            f"{100 * logs['supervised_share']:.0f} % supervised",
            highlight=False,
            soft_wrap=True,
        )

    def stop(self) -> None:
        """Take the bar off the screen, whatever ended the run."""
        if self._bar:
            self._bar.stop()
            self._bar = None
