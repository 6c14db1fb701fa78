"""Pre-trainings small enough for tests: a corpus of invented sentences, a model of two layers."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from manyicl.pretraining import probes, program, saving, tokenizer
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense
from manyicl.pretraining.settings import PretrainingConfig, ShapeConfig, StageConfig

SHAPE = {
    "vocab_size": 400,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 128,
}
# 6 steps; 10 or more until the loss of any ten is low enough, which it is at once; 5 steps.
BLOCKS: dict[str, Any] = {
    "name": "blocks",
    "million_tokens": 768e-6,
    "row_tokens": 32,
    "rows_per_step": 4,
    "mixture": {"blocks": 1},
}
UNTIL: dict[str, Any] = {
    "name": "until",
    "million_tokens": 1.0,
    "row_tokens": 32,
    "rows_per_step": 2,
    "mixture": {"blocks": 0.5, "dictionary": 0.5},
    "until_loss": 100.0,
}
MIXED: dict[str, Any] = {
    "name": "mixed",
    "million_tokens": 960e-6,
    "row_tokens": 64,
    "rows_per_step": 3,
    "mixture": {"text": 0.6, "lookups": 0.4},
    "learning_rate": [3e-3, 0.0],
}
NUM_STEPS = 6 + 10 + 5


def documents(seed: int, number: int = 12, sentences: int = 16) -> list[str]:
    """Return documents of invented words, one sentence a paragraph."""
    words = list(dict.fromkeys(nonsense(random.Random(i)) for i in range(900)))
    rng = random.Random(seed)
    return [
        "\n".join(
            " ".join(rng.choices(words, k=rng.randint(5, 9))).capitalize() + "."
            for _ in range(sentences)
        )
        for _ in range(number)
    ]


def write_corpus(folder: Path) -> Path:
    """Write two sources of a few thousand words each."""
    folder.mkdir()
    for seed, name in enumerate(("letters", "novels")):
        (folder / f"{name}.txt").write_text("\n\n".join(documents(seed)) + "\n")
    return folder


def vocabulary() -> Vocabulary:
    return Vocabulary.from_documents(documents(0) + documents(1))


def tiny_config(tmp_path: Path, run: str = "run", **settings: Any) -> PretrainingConfig:
    """Return the settings of a pre-training of three stages that saves at every step."""
    corpus = tmp_path / "corpus"
    if not corpus.is_dir():
        write_corpus(corpus)
    stages = settings.pop("stages", [BLOCKS, UNTIL, MIXED])
    return PretrainingConfig(
        run_dir=str(tmp_path / run),
        corpus=settings.pop("corpus", str(corpus)),
        shape=ShapeConfig(**(SHAPE | settings.pop("shape", {}))),
        stages=[StageConfig(**stage) for stage in stages],
        **({"log_every": 4, "probe_every": 5, "save_minutes": 0.0} | settings),
    )


def make_small(patch: Any = None) -> None:
    """Make what does not grow with the model small too."""
    small: list[tuple[Any, str, Any]] = [
        (tokenizer, "NUM_PATTERN_DOCUMENTS", 40),
        (probes, "NUM_BLOCKS", 1),
        (probes, "NUM_DOCUMENTS", 1),
        (probes, "PAIRS", 4),
        (probes, "PROBED", ("picked_out",)),
        (program, "has_fast_bf16", lambda: False),
    ]
    for owner, name, value in small:
        (patch.setattr if patch else setattr)(owner, name, value)


def again(folder: Path, **settings: Any) -> Path:
    """Go on from one stage, BLOCKS, with one more, so that there is something to do."""
    return program.pretrain(tiny_config(folder, **({"stages": [BLOCKS, MIXED]} | settings)))


@contextmanager
def stop_at(
    step: int, error: BaseException | type[BaseException] = KeyboardInterrupt
) -> Iterator[None]:
    """Let every pre-training raise an error once it has done `step` steps."""
    original = program.Pretrainer._train_step

    def failing(trainer: Any, rows: Any) -> float:
        if trainer.progress.steps == step:
            raise error
        return original(trainer, rows)

    with mock.patch.object(program.Pretrainer, "_train_step", failing):
        yield


def log_lines(run_dir: Path) -> list[dict[str, Any]]:
    """Return the log without what a clock decides."""
    lines = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("seconds", None)
    return lines


# --- in processes of their own --------------------------------------------------------------------


def pretrain_killed_in_save(config: PretrainingConfig, step: int, part: str) -> None:
    """Pre-train and die while the checkpoint of `step` is written: before `part` of it."""
    make_small()
    owner, name = {
        "weights": (saving, "save_file"),
        "manifest": (saving, "seal"),
        "removal of older ones": (saving, "keep_newest"),
        "model": (saving, "write_model"),
    }[part]
    original = getattr(owner, name)

    def dying(*args: Any) -> Any:
        if (Path(config.run_dir) / f"checkpoint-{step}").is_dir():
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args)

    setattr(owner, name, dying)
    program.pretrain(config)


def pretrain_and_stay(config: PretrainingConfig, step: int, there: Path) -> None:
    """Pre-train for `step` steps, say so by making the file `there`, and go no further."""
    make_small()
    original = program.Pretrainer._train_step

    def staying(trainer: Any, rows: Any) -> float:
        if trainer.progress.steps == step:
            there.touch()
            time.sleep(600)
        return original(trainer, rows)

    program.Pretrainer._train_step = staying
    program.pretrain(config)


def pretrain_killed_at_write(config: PretrainingConfig, number: int) -> None:
    """Pre-train until the `number`-th file is about to be written or removed, and die."""
    make_small()
    left = number

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
        if writes or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
            left -= str(arguments[0]).startswith(config.run_dir)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    program.pretrain(config)
