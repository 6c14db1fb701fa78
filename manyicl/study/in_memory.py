"""A short training that leaves nothing behind: the run's own trainer without folder or log."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from manyicl.config import Config
from manyicl.training.arguments import training_arguments
from manyicl.training.rows import RowDataset
from manyicl.training.trainer import ManyICLTrainer


class AtSteps(TrainerCallback):
    """Calls `look(step, model)` after some steps; what it returns as true ends the training."""

    def __init__(self, steps: Sequence[int], look: Callable[[int, Any], bool]):
        self._steps, self._look = set(steps), look

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> TrainerControl:
        if state.global_step in self._steps and self._look(state.global_step, kwargs["model"]):
            control.should_training_stop = True
        return control


def fit(
    model: Any,
    rows: RowDataset,
    config: Config,
    tokenizer: Any,
    folder: Path,
    watch: AtSteps | None = None,
) -> int:
    """Train `model` in place on all rows; return the steps done (fewer if `watch` ended it).

    `folder` is used by the trainer and removed. Raises `RunError` on a loss that is not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer = ManyICLTrainer(
        model=model,
        args=training_arguments(config, folder, len(rows)),
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=[watch] if watch else [],
        run_dir=folder,
        keep_checkpoints=1,
    )
    try:
        trainer.train()
    finally:
        trainer.release()
        shutil.rmtree(folder, ignore_errors=True)
    return trainer.state.global_step
