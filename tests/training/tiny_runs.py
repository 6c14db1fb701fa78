"""Training runs small enough for tests: task folders, configurations, processes."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import resource
import socket
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from builders import ARCHITECTURES, make_task

from manyicl.config import Config, load_config
from manyicl.episodes import Encoder
from manyicl.errors import RunError
from manyicl.models import load_tokenizer
from manyicl.tasks import Example
from manyicl.tasks.folder import write_task
from manyicl.training import run
from manyicl.training.rows import RowDataset
from manyicl.training.run import train

torch.set_num_threads(1)  # in new processes too: the weights are compared bit for bit
# The Trainer collects garbage as it starts; looking through all imports takes longer than the run.
gc.freeze()
WORDS = ("late", "broken", "quick", "friendly", "torn", "cheap", "heavy", "bright", "silent", "far")


def write_tasks(folder: Path, names: tuple[str, ...] = ("letters", "sums", "held")) -> Path:
    """Write task folders with answers of one to many tokens; `held` is for holding out."""
    for seed, name in enumerate(names):
        rows = [
            Example(
                f"{WORDS[i % 10]} item {i * 37 % 101} {seed}",
                " ".join(WORDS[(i + j + seed) % 10] for j in range(1 + i % 4)),
            )
            for i in range(24)
        ]
        task = make_task(rows, rows[:4], name, source={"licence": f"licence of {name}"})
        write_task(task, folder / name)
    return folder


def overrides(**settings: Any) -> list[str]:
    """Return configuration pieces; `__` in a name stands for a dot."""
    return [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in settings.items()]


def tiny_config(tmp_path: Path, run: str = "run", **settings: Any) -> Config:
    """Return the configuration of a run of six steps on two held-in tasks."""
    tasks = tmp_path / "tasks"
    if not tasks.is_dir():
        write_tasks(tasks)
    values: dict[str, Any] = {
        "run_dir": str(tmp_path / run),
        "tasks__path": [str(tasks)],
        "tasks__held_out": ["held"],
        "model__config": {"model_type": "llama", **ARCHITECTURES["llama"]},
        "model__vocab_size": 300,
        "episodes__max_tokens": 128,
        "training__steps": 6,
        "training__rows_per_step": 2,
        "training__learning_rate": 1e-2,
        "training__precision": "fp32",
        "training__log_every": 1,
        "training__save_every": 2,
    } | settings
    return load_config(None, overrides(**values))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return all tensors of a model, adapter or checkpoint folder."""
    from safetensors.torch import load_file

    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= load_file(path)
    assert found, folder
    return found


def assert_same_weights(one: Path, other: Path, *, atol: float = 0.0, rtol: float = 0.0) -> None:
    """Compare bit for bit, or within a tolerance."""
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        if atol or rtol:
            torch.testing.assert_close(tensor, second[name], atol=atol, rtol=rtol)
        else:
            assert torch.equal(tensor, second[name]), name


def log_lines(run_dir: Path) -> list[dict[str, Any]]:
    """Return the log without what a clock decides."""
    lines = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    for line in lines:
        del line["tokens_per_s"], line["total"]["seconds"]
    return lines


def rows_of(config: Config) -> RowDataset:
    """Return the rows a run trains on. Its base model must be there."""
    tokenizer = load_tokenizer(str(Path(config.run_dir) / "base"))
    stream = run.make_stream(config, Encoder(tokenizer, config.template), run.held_in_tasks(config))
    return RowDataset(run.plan_rows(stream, config), stream, config.objective)


# --- runs in processes of their own --------------------------------------------------------------


def start(target: Callable[..., None], *args: Any) -> BaseProcess:
    """Call `target` in a new process, forked off one that has done the slow imports once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["manyicl.training.run", "peft", "pytest", "hypothesis"])
    process = context.Process(target=target, args=args)
    process.start()
    return process


def exit_code(target: Callable[..., None], *args: Any) -> int | None:
    """Return how the process ended: 0, 1 after an exception, -N by signal N."""
    process = start(target, *args)
    process.join(120)
    process.kill()
    return process.exitcode


def train_as_one_of(rank: int, world: int, port: int, config: Config) -> None:
    """Train as a launcher's process number `rank`; its error's text goes to a file."""
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(world),
        LOCAL_WORLD_SIZE=str(world),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    try:
        train(config)
    except Exception as error:
        Path(config.run_dir + f".error{rank}").write_text(f"{type(error).__name__}: {error}")
        raise SystemExit(1) from None


def train_in_two_processes(config: Config) -> list[int | None]:
    """Return the exit codes of two processes that train one model together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [start(train_as_one_of, rank, 2, port, config) for rank in range(2)]
    for process in processes:
        process.join(120)
        process.kill()
    return [process.exitcode for process in processes]


def train_with_little_room(config: Config, most_bytes: int) -> None:
    """Train where no file may grow beyond a size, which fails as a full disk does."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the captured output is a file too
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    try:
        train(config)
    except RunError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        Path(config.run_dir + ".error").write_text(str(error))
        raise SystemExit(error.exit_code) from None
