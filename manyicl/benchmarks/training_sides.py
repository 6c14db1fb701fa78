"""Training, as sides: our trainer and TRL's on the same token sequences with the same targets.

Both are subclasses of transformers.Trainer; the sequences are those of a run's own plan. Ours
encodes them while it trains, as it always does; TRL gets them as ready `input_ids` and `labels`, in
the same order.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyicl.benchmarks import shapes
from manyicl.benchmarks.turns import Skipped, Turns
from manyicl.config import Config, EpisodesConfig, ObjectiveConfig, TrainingConfig

TASKS = ("opening_check", "notice_choice", "policy_answer", "expense_account", "ticket_team")
"""Long rows with short answers, of which a pool fills 64k tokens without repeating one."""
WARM_UP = 1  # steps before the clock: the first one allocates and tunes


class Ended(Exception):
    """The last turn is over; leaves the trainer's loop."""


def train_config(settings: Mapping[str, Any]) -> Config:
    """Return the settings of a run as those of a benchmark's size."""
    return Config(
        template=shapes.TEMPLATE,
        episodes=EpisodesConfig(
            shots=settings.get("shots", "fill"),
            max_tokens=settings["tokens"],
            packing=settings.get("packing", False),
        ),
        objective=ObjectiveConfig(supervise=settings.get("supervise", "every_answer")),
        training=TrainingConfig(
            steps=WARM_UP + settings["steps"] * settings["rounds"],
            rows_per_step=settings["rows_per_step"],
            precision="bf16" if settings.get("autocast") else "fp32",
            activation_checkpointing=settings.get("activation_checkpointing", False),
            schedule="constant",
        ),
    )


def train_stream(settings: Mapping[str, Any], config: Config) -> Any:
    """Return the stream of episodes over `TASKS`."""
    from manyicl.episodes import EncodedPool, EpisodeStream
    from manyicl.episodes.select import Pool

    encoder = shapes.encoder()
    names = settings.get("tasks", TASKS)
    tasks = [shapes.generated_task(name, settings.get("pool", 1000), 10) for name in names]
    return EpisodeStream([EncodedPool(Pool(task), encoder) for task in tasks], config.episodes)


def ours(settings: Mapping[str, Any], turns: Turns) -> None:
    """Train with `ManyICLTrainer`."""
    from manyicl.training.arguments import training_arguments
    from manyicl.training.isolation import sequences_kept_apart
    from manyicl.training.plan import plan_rows
    from manyicl.training.rows import RowDataset
    from manyicl.training.trainer import ManyICLTrainer

    config = train_config(settings)
    stream = train_stream(settings, config)
    plan = plan_rows(stream, config)
    model = shapes.build(settings)
    with tempfile.TemporaryDirectory() as folder, sequences_kept_apart(model, plan):
        trainer = _watching(ManyICLTrainer)(
            model=model,
            args=training_arguments(config, Path(folder), len(plan)),
            train_dataset=RowDataset(plan, stream, config.objective),
            run_dir=Path(folder),
            keep_checkpoints=1,
        )
        _take_turns(trainer, settings, turns, WorkOfPlan(plan, stream, config, model))


def ours_checkpointed(settings: Mapping[str, Any], turns: Turns) -> None:
    """Train with `ManyICLTrainer` and activation checkpointing: time for memory."""
    if not settings.get("and_checkpointed"):
        raise Skipped("measured where the head's memory is the question")
    ours({**settings, "activation_checkpointing": True}, turns)


def trl(settings: Mapping[str, Any], turns: Turns) -> None:
    """Train with TRL's SFTTrainer, its switches set as ours stand."""
    ours = train_config(settings).training
    _trl(
        settings,
        turns,
        bf16=ours.precision == "bf16",
        activation_checkpointing=ours.activation_checkpointing,
    )


def trl_defaults(settings: Mapping[str, Any], turns: Turns) -> None:
    """Train with TRL's SFTTrainer as it comes (bf16, activation checkpointing), but uncut rows."""
    from manyicl.models import has_fast_bf16

    if not has_fast_bf16() and not settings.get("emulated_bf16"):
        raise Skipped("bf16, its default, is emulated here; see the smallest size")
    _trl(settings, turns)


def _trl(settings: Mapping[str, Any], turns: Turns, **switches: Any) -> None:
    try:
        from trl.trainer.sft_config import SFTConfig
        from trl.trainer.sft_trainer import SFTTrainer
    except ImportError:
        raise Skipped("trl is not installed: pip install 'manyicl[bench]'") from None
    from datasets import Dataset

    from manyicl.training.objective import supervise
    from manyicl.training.plan import plan_rows

    config = train_config(settings)
    training = config.training
    stream = train_stream(settings, config)
    plan = plan_rows(stream, config)
    rows = []
    for row in plan:
        (episode,) = row  # packing is off: a row of a plan is a sequence
        sequence = stream.sequence(episode)
        labels = supervise(sequence, config.objective).labels
        rows.append({"input_ids": sequence.input_ids, "labels": labels})
    model = shapes.build(settings)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder,
            max_length=None,
            packing=False,
            train_sampling_strategy="sequential",
            max_steps=len(plan) // training.rows_per_step,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=training.rows_per_step,
            learning_rate=training.learning_rate,
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=round(training.warmup * len(plan) / training.rows_per_step),
            weight_decay=training.weight_decay,
            adam_beta1=training.betas[0],
            adam_beta2=training.betas[1],
            max_grad_norm=training.max_grad_norm,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            use_cpu=shapes.device() == "cpu",
            dataloader_pin_memory=shapes.device() == "cuda",
            disable_tqdm=True,
            **switches,
        )
        trainer = _watching(SFTTrainer)(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=stream_tokenizer(),
        )
        work = WorkOfPlan(plan, stream, config, model)
        _take_turns(trainer, settings, turns, work)


def stream_tokenizer() -> Any:
    from manyicl.models import load_tokenizer

    return load_tokenizer("nano")


class WorkOfPlan:
    """Tokens, answers and operations of the rows of a plan, by optimizer step."""

    def __init__(self, plan: Any, stream: Any, config: Config, model: Any):
        from manyicl.models.flops import Shape

        self.rows_per_step = config.training.rows_per_step
        self.shape = Shape.of(model)
        self._plan, self._stream, self._objective = plan, stream, config.objective

    def of_steps(self, first: int, last: int) -> dict[str, float]:
        """Return the work of the steps [first, last): tokens, supervised tokens, answers, flops."""
        from manyicl.models.flops import training_flops
        from manyicl.training.objective import IGNORED, num_supervised_answers, supervise

        total = {"tokens": 0.0, "supervised": 0.0, "answers": 0.0, "operations": 0.0}
        for row in self._plan[first * self.rows_per_step : last * self.rows_per_step]:
            for episode in row:
                sequence = self._stream.sequence(episode)
                labels = supervise(sequence, self._objective).labels
                supervised = sum(label != IGNORED for label in labels)
                total["tokens"] += len(sequence)
                total["supervised"] += supervised
                total["answers"] += num_supervised_answers(len(episode.rows), self._objective)
                total["operations"] += training_flops(
                    self.shape, len(sequence), supervised, len(sequence)
                )
        return total


def _watching(trainer_class: Any) -> Any:
    """Return a subclass that keeps every micro-batch's loss (on the device, without waiting)."""

    class Watching(trainer_class):
        losses: list[Any]

        def training_step(self, *args: Any, **kwargs: Any) -> Any:
            loss = super().training_step(*args, **kwargs)
            self.losses.append(loss.detach())
            return loss

    Watching.losses = []
    return Watching


def _take_turns(trainer: Any, settings: Mapping[str, Any], turns: Turns, work: WorkOfPlan) -> None:
    from transformers import PrinterCallback, TrainerCallback

    steps = settings["steps"]

    class TakeTurns(TrainerCallback):
        """Waits before the first step of a turn and reports after its last."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            done = state.global_step - WARM_UP
            if done < 0 or done % steps:
                return
            if done == 0:
                turns.ready(**_facts(trainer, settings, work))
            if turns.wait() is None:
                raise Ended

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            done = state.global_step - WARM_UP
            if done <= 0 or done % steps:
                return
            # Counting the work takes time of its own: it comes after the clock has stopped.
            turns.stop()
            found = work.of_steps(state.global_step - steps, state.global_step)
            turns.report(
                units=found[settings.get("unit", "tokens")],
                operations=found["operations"],
                work=found,
            )
            if done == steps * settings["rounds"]:
                raise Ended

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(TakeTurns())
    turns.baseline()
    with contextlib.suppress(Ended):
        trainer.train()


def _facts(trainer: Any, settings: Mapping[str, Any], work: WorkOfPlan) -> dict[str, Any]:
    first = sum(float(loss) for loss in trainer.losses[: work.rows_per_step])
    args = trainer.args
    return {
        "first_loss": first,
        "dtype": "bfloat16" if args.bf16 or settings.get("dtype") == "bfloat16" else "float32",
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "optimizer": str(getattr(args.optim, "value", args.optim)),
        "activation_checkpointing": bool(args.activation_checkpointing),
        "attention": trainer.model.config._attn_implementation,
    }
