"""What happens around the steps: when to log and save, stopping on Ctrl-C, and the progress bar."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from manyicl.config import TrainingConfig
from manyicl.training.shot_loss import at_shots


class Interrupted(Exception):
    """The run was stopped from outside; everything done so far is in a checkpoint."""


class StopSignal:
    """Turns the first Ctrl-C (or SIGTERM) into a wish to stop after the current step."""

    def __init__(self) -> None:
        self.wanted = False

    @contextmanager
    def caught(self) -> Iterator[StopSignal]:
        """Catch signals inside the block. A second Ctrl-C interrupts at once."""

        def handler(number: int, frame: Any) -> None:
            if self.wanted:
                raise KeyboardInterrupt
            self.wanted = True
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
        every = self._config.save_every
        control.should_log = last or step % self._config.log_every == 0
        control.should_save = last or self._stop.wanted or bool(every and step % every == 0)
        control.should_training_stop = last or self._stop.wanted
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
