"""Pre-training: corpus and settings in; checkpoints, log and a Hugging Face model folder out.

The program may be killed at any moment and started again: it goes on from its last complete
checkpoint as if nothing had happened (see `Progress` for what a checkpoint holds).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from manyicl.errors import Interrupted, RunError
from manyicl.models import has_fast_bf16
from manyicl.models.head_loss import HeadLoss
from manyicl.pretraining import history, run_log, saving, starting_point
from manyicl.pretraining.corpus_check import check_corpus
from manyicl.pretraining.corpus_data import CorpusData, prepare
from manyicl.pretraining.initial import initial_model
from manyicl.pretraining.optimizer import MuonWithAdam
from manyicl.pretraining.probes import Probes
from manyicl.pretraining.progress import Progress
from manyicl.pretraining.rows import RowMaker, Rows
from manyicl.pretraining.settings import PretrainingConfig, StageConfig
from manyicl.pretraining.text_stream import TextStream
from manyicl.pretraining.tokenizer import fingerprint
from manyicl.training.callbacks import StopSignal

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

WARMUP_STEPS = 20  # of the very first stage
STREAK = 10  # steps whose mean loss ends a stage with `until_loss`


def pretrain(config: PretrainingConfig) -> Path:
    """Run all stages (or what is left of them) and return the model folder `run_dir/model`.

    Raises `ConfigError` and `CorpusError` for settings and text that cannot be used, `RunError` for
    a loss that is not finite or a full disk, `Interrupted` after Ctrl-C or SIGTERM, with the step
    that was under way finished and saved.
    """
    with saving.open_pretraining(config) as run_dir:
        model = saving.finished_model(run_dir, len(config.stages))
        if model is not None and history.is_whole(model):
            print(f"All stages are done; {model} is as it was.")
            return model
        starting_point.begin(config, run_dir)
        data = prepare(config, run_dir)
        check_corpus(config, run_dir, data)
        if model is not None:
            history.complete(model, config, run_dir, data)
            print(f"All stages are done; {model / saving.MADE_BY} now tells them.")
            return model
        trainer = Pretrainer(config, run_dir, data)
        trainer.check_text()
        trainer.resume()
        with StopSignal().caught() as stop:
            trainer.run(stop)
        made_by = history.made_by(config, run_dir, data, vars(trainer.progress))
        return saving.write_model(run_dir / "model", trainer.model, data.tokenizer, made_by)


class Pretrainer:
    """Model, optimizer and progress of one pre-training, and the loop over its steps."""

    def __init__(self, config: PretrainingConfig, run_dir: Path, data: CorpusData):
        self.config, self.run_dir, self.data = config, run_dir, data
        self.model: LlamaForCausalLM = initial_model(config.shape, data.tokenizer)
        self.optimizer = MuonWithAdam(
            self.model,
            config.muon_momentum,
            config.weight_decay,
            config.embedding_learning_rate,
        )
        self.progress = Progress(tokenizer=fingerprint(data.tokenizer), sources=data.sources)
        self._probes = Probes(data.tokenizer, data.vocabulary)
        self._bf16 = has_fast_bf16()

    def check_text(self) -> None:
        """Raise `CorpusError` now, not after hours, for a source too small for a later stage."""
        for number, stage in enumerate(self.config.stages):
            if stage.mixture.get("text"):
                self._text_stream(stage, number)

    def resume(self) -> None:
        """Go on from the newest complete checkpoint; without one, begin with `start_from`."""
        found = saving.load_checkpoint(self.run_dir, self.model, self.optimizer)
        if found is not None:
            self.progress = Progress(**found)
            self.progress.sources = self.data.sources  # the first versions did not keep them
            print(
                f"Going on after {self.progress.tokens / 1e6:.2f} M tokens "
                f"(stage '{self._stage.name}')."
                if self.progress.stage < len(self.config.stages)
                else "All stages are done."
            )
        elif self.config.start_from:
            starting_point.load_weights(self.config, self.model)

    def save(self) -> None:
        saving.save_checkpoint(self.run_dir, self.model, self.optimizer, vars(self.progress))

    @property
    def _stage(self) -> StageConfig:
        return self.config.stages[self.progress.stage]

    def run(self, stop: StopSignal | None = None) -> None:
        """Train to the end of the last stage; save now and then and at the end of each stage.

        Raises `Interrupted`, the step saved, when a stop is wanted.
        """
        stop = stop or StopSignal()
        while self.progress.stage < len(self.config.stages):
            self._run_stage(self._stage, stop)
            run_log.log_finished(self.run_dir, self.progress)
            self.progress.stage += 1
            self.progress.step_in_stage, self.progress.streak = 0, []
            self.progress.text = None
            self.save()

    def _run_stage(self, stage: StageConfig, stop: StopSignal) -> None:
        maker = self._row_maker(stage)
        num_steps = stage.num_steps
        progress, saved = self.progress, time.monotonic()
        progress.begun = [*progress.begun[: progress.stage], asdict(stage)]
        while progress.step_in_stage < num_steps and not _learned(stage, progress.streak):
            started = time.monotonic()
            self.optimizer.set_learning_rate(self._learning_rate(stage, num_steps))
            rows = maker.step(progress.step_in_stage)
            loss = self._train_step(rows)
            progress.steps += 1
            progress.step_in_stage += 1
            progress.tokens += stage.tokens_per_step
            progress.seconds += time.monotonic() - started
            progress.text = maker.text.state_dict() if maker.text else None
            progress.streak = [*progress.streak, loss][-STREAK:]
            if progress.steps % self.config.log_every == 0:
                run_log.log_losses(self.run_dir, progress, stage.name)
            if progress.steps % self.config.probe_every == 0:
                self._probe()
            if stop.wanted:
                self.save()
                raise Interrupted(
                    f"stopped at step {progress.step_in_stage} of {num_steps} of stage "
                    f"'{stage.name}'; saved in {self.run_dir}. The same command goes on from here."
                )
            if time.monotonic() - saved > 60 * self.config.save_minutes:
                self.save()
                saved = time.monotonic()
        if progress.steps % self.config.probe_every:
            self._probe()

    def _row_maker(self, stage: StageConfig) -> RowMaker:
        text = None
        if stage.mixture.get("text"):
            text = self._text_stream(stage, self.progress.stage)
            if self.progress.text is not None:
                text.load_state_dict(self.progress.text)
        return RowMaker(
            stage,
            self.data.tokenizer,
            self.data.vocabulary,
            text,
            seed=self.config.seed,
            open_weight=self.config.open_weight,
            settled_weight=self.config.settled_weight,
        )

    def _text_stream(self, stage: StageConfig, number: int) -> TextStream:
        return TextStream(
            self.data.tokens,
            stage.row_tokens,
            weights=self.data.weights,
            seed=self.config.text_seed(number),
        )

    def _learning_rate(self, stage: StageConfig, num_steps: int) -> float:
        start, end = stage.learning_rate
        done = self.progress.step_in_stage / num_steps
        warm = min(1.0, (self.progress.steps + 1) / WARMUP_STEPS)
        return warm * (start + (end - start) * done)

    def _train_step(self, rows: Rows) -> float:
        targets = rows.weights[:, 1:] > 0
        weights = rows.weights[:, 1:][targets]
        with bf16_compute(self._bf16):
            hidden = self.model.model(rows.ids, use_cache=False).last_hidden_state
            head = self.model.lm_head.weight
            if self._bf16:
                hidden, head = hidden.bfloat16(), head.bfloat16()
        loss, nll = HeadLoss.apply(  # pyright: ignore[reportGeneralTypeIssues]
            hidden[:, :-1][targets], head, rows.ids[:, 1:][targets], weights / weights.sum()
        )
        value = float(loss.detach())
        self._check_finite("loss", value)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self._check_finite("norm of the gradients", float(norm))
        self.optimizer.step()
        run_log.keep_losses(self.progress, rows, targets, nll)
        return value

    def _check_finite(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise RunError(
                f"step {self.progress.steps + 1} (stage '{self._stage.name}'): the {name} is "
                f"{value}. Lower the learning_rate of this stage and start again: it goes on from "
                "the last checkpoint."
            )

    def _probe(self) -> None:
        found = self._probes.measure(self.model, self._bf16)
        run_log.log_probes(self.run_dir, self.progress, found)


def _learned(stage: StageConfig, streak: list[float]) -> bool:
    """Whether the stage may end before its time (`until_loss`)."""
    return len(streak) == STREAK and sum(streak) / STREAK < stage.until_loss


@contextmanager
def bf16_compute(enabled: bool) -> Iterator[None]:
    """Matrix products in bf16 where the processor is fast at it; weights stay fp32."""
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        yield
