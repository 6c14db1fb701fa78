"""One training run, from a configuration to a model folder.

    tasks -> pools -> stream of episodes -> rows -> trainer -> model/

Calling `train` again with the same configuration resumes from the newest complete checkpoint, and
returns at once when the model is there already.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from accelerate import PartialState

from manyicl.config import Config
from manyicl.episodes import Encoder, EpisodeStream
from manyicl.errors import Interrupted
from manyicl.models import (
    free_memory,
    load_model,
    model_without_weights,
    shipped,
    stored_context_length,
    widen_slow_bf16,
)
from manyicl.models.adapters import is_adapter
from manyicl.models.causal import check_causal
from manyicl.tasks import TaskCollection
from manyicl.training import checkpoint, run_folder
from manyicl.training.arguments import check_trackers, training_arguments
from manyicl.training.base import (
    base_path,
    check_base,
    check_dtype,
    check_fit,
    refuse_length,
    training_tokenizer,
)
from manyicl.training.callbacks import Progress, Rhythm, StopSignal
from manyicl.training.data import held_in_tasks, make_stream
from manyicl.training.freezing import freeze
from manyicl.training.isolation import sequences_kept_apart
from manyicl.training.model_folder import save_model_folder
from manyicl.training.plan import (
    Plan,
    demonstrations_by_task,
    num_steps,
    plan_rows,
    whole_steps,
)
from manyicl.training.processes import join_processes, main_process_first
from manyicl.training.rows import RowDataset
from manyicl.training.trainer import ManyICLTrainer


def train(config: Config, *, profile: bool = False) -> Path:
    """Fine-tune once on all held-in tasks and return the model folder.

    With `profile` some steps are measured into run_dir/profile.json (see `training/profile.py`);
    the model is the same. Raises `ManyICLError` on bad input, `Interrupted` after a wanted stop
    (work saved).
    """
    held_in = held_in_tasks(config)
    check_trackers(config.training.report_to)
    main = join_processes(config)
    with run_folder.open_run(config, hold=main) as run_dir:
        run_folder.bind(run_dir, config, held_in, write=main)
        model_dir = run_dir / "model"
        if model_dir.is_dir():
            print(f"{model_dir}: trained already", file=sys.stderr)
            if profile:
                print("nothing is profiled: take a new run_dir", file=sys.stderr)
            return model_dir
        return _train(config, run_dir, model_dir, held_in, profile)


def check_run_folder(config: Config) -> None:
    """Bind the run folder to this configuration and data, or refuse it, before anything runs.

    What the configuration or the model's context length rules out is refused before any writing.
    (Patterns of `training.freeze` are tried on a model that is named by `model.path`; on one built
    from a config, and on a trained adapter, when training begins.)
    """
    held_in = held_in_tasks(config)
    check_trackers(config.training.report_to)
    check_base(config)
    path, trust = config.model.path, config.model.trust_remote_code
    if path and not (Path(config.run_dir) / "model").is_dir():
        limit = stored_context_length(path, trust_remote_code=trust)
        if limit and config.episodes.max_tokens > limit:
            refuse_length(config, limit)
        if config.training.freeze and not is_adapter(path):
            freeze(model_without_weights(path, config.model), config.training.freeze)
    with run_folder.open_run(config) as run_dir:
        run_folder.bind(run_dir, config, held_in)


def _train(
    config: Config, run_dir: Path, model_dir: Path, held_in: TaskCollection, profile: bool
) -> Path:
    with main_process_first():
        base = base_path(config, run_dir, held_in)
        shipped.resolve(base)  # a GGUF file is unpacked by one process
    tokenizer = training_tokenizer(config, held_in)
    check_dtype(config, base)
    model = load_model(base, config.model, training=True)
    if hasattr(model, "peft_config") and config.model.dtype == "auto":
        # The base under an adapter comes as stored; nothing of it is saved again.
        wide = config.training.precision == "fp32"
        model = model.float() if wide else widen_slow_bf16(model)
    freeze(model, config.training.freeze)
    check_fit(config, model, tokenizer)
    check_causal(model)
    stream = make_stream(config, Encoder(tokenizer, config.template), held_in)
    drawn = plan_rows(stream, config)
    plan = whole_steps(drawn, config.training.rows_per_step, PartialState().num_processes)
    if len(plan) < len(drawn) and PartialState().is_main_process:
        print(
            f"left out: the last {len(drawn) - len(plan)} of {len(drawn):,} rows, which are no "
            "whole step for all processes",
            file=sys.stderr,
        )
    with sequences_kept_apart(model, plan):
        if PartialState().is_main_process:
            _say_plan(config, stream, plan)
        rows = RowDataset(plan, stream, config.objective)
        trainer = _trained(config, run_dir, model, tokenizer, rows, profile)
    save_model_folder(trainer, config, stream, base, model_dir)
    trainer.release()
    del trainer, model
    free_memory()
    return model_dir


def _trained(
    config: Config, run_dir: Path, model: Any, tokenizer: Any, rows: RowDataset, profile: bool
) -> ManyICLTrainer:
    """Train on all rows, from the newest checkpoint on, and return the trainer."""
    stop, progress = StopSignal(), Progress()
    trainer = ManyICLTrainer(
        model=model,
        args=training_arguments(config, run_dir, len(rows)),
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=[Rhythm(config.training, stop), progress],
        run_dir=run_dir,
        keep_checkpoints=config.training.keep_checkpoints,
    )
    if profile:
        from manyicl.training.profile import StepProfile

        trainer.add_callback(StepProfile(trainer))
    newest = _resume_point(run_dir, trainer)
    try:
        with stop.caught():
            trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    finally:
        progress.stop()
    if stop.wanted and trainer.state.global_step < trainer.state.max_steps:
        raise Interrupted(
            f"stopped at step {trainer.state.global_step} of {trainer.state.max_steps}; saved in "
            f"{run_dir}. The same command goes on from there."
        )
    return trainer


def _resume_point(run_dir: Path, trainer: ManyICLTrainer) -> Path | None:
    newest, notes = checkpoint.latest_checkpoint(run_dir)
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        for note in notes:
            print(note, file=sys.stderr)
        checkpoint.remove_newer(run_dir, newest)
        if newest:
            print(f"resuming from {newest}", file=sys.stderr)
        else:
            (run_dir / "log.jsonl").unlink(missing_ok=True)
    trainer.accelerator.wait_for_everyone()
    if newest:
        trainer.restore_statistics(newest)
    return newest


def _say_plan(config: Config, stream: EpisodeStream, plan: Plan) -> None:
    counts, shown = stream.counts, demonstrations_by_task(plan, stream)
    print(
        f"{len(stream.pools)} held-in tasks, {shown.total():,} demonstrations in "
        f"{sum(len(row) for row in plan):,} sequences, {len(plan):,} rows of up to "
        f"{config.episodes.max_tokens:,} tokens, "
        f"{num_steps(len(plan), config.training.rows_per_step):,} steps",
        file=sys.stderr,
    )
    for name, number in counts.too_long.items():
        print(
            f"left out: {number} rows of '{name}' longer than episodes.max_tokens", file=sys.stderr
        )
    if counts.fewer_shots:
        print(
            f"{counts.fewer_shots} sequences hold fewer demonstrations than episodes.shots="
            f"{config.episodes.shots}: no more fit episodes.max_tokens, or no more rows of the "
            "task are there that differ from those shown",
            file=sys.stderr,
        )
