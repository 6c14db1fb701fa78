"""What a pre-trained model can do, measured in its run folder: `run_dir/measured.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from manyicl.config import ModelConfig
from manyicl.errors import ConfigError
from manyicl.evaluation.environment import describe_environment
from manyicl.evaluation.token_loss import in_bits_per_byte, token_losses
from manyicl.files import write_whole
from manyicl.models import has_fast_bf16, load_model
from manyicl.pretraining import saving
from manyicl.pretraining.corpus_check import check_corpus
from manyicl.pretraining.corpus_data import CorpusData, prepare
from manyicl.pretraining.held_out import (
    CONTEXT,
    HeldOut,
    draw_held_out,
    loss_by_position,
    opened,
    token_bytes,
    weighted_mean,
)
from manyicl.pretraining.ngram import KneserNey
from manyicl.pretraining.probes import PROBED, Probes
from manyicl.pretraining.raw_kshot import raw_kshot
from manyicl.pretraining.run_log import read_log
from manyicl.pretraining.seen_text import SeenText, seen_text, stages_done
from manyicl.pretraining.settings import PretrainingConfig
from manyicl.pretraining.shots_probe import accuracy_by_shots
from manyicl.pretraining.starting_point import began
from manyicl.pretraining.token_file import TokenFile, file_hash

FORMAT = 2  # raise it when the same model would be measured otherwise
MEASURED = "measured.json"
MOST_HELD_OUT = 100_000  # tokens of a source
NGRAM_ORDER = 5


def measure(config: PretrainingConfig, *, kshot: bool = False) -> dict[str, Any]:
    """Measure the finished model of `config.run_dir`; what is known of these weights is kept.

    With `kshot` the built-in tasks are answered as well, which takes about half an hour on one
    core. Raises `ConfigError` if the folder holds no finished model of this pre-training,
    `CorpusError` if the corpus is not the one it was trained on.
    """
    if not (Path(config.run_dir) / saving.SETTINGS).is_file():
        raise ConfigError(f"run_dir: {config.run_dir} holds no pre-training yet. Train first.")
    with saving.open_pretraining(config) as run_dir:
        model = saving.finished_model(run_dir, len(config.stages))
        if model is None:
            raise ConfigError(
                f"run_dir: the stages of {run_dir} are not all done, so there is no model to "
                "measure. Train on with the same settings first."
            )
        weights = file_hash(model / "model.safetensors")
        measured = _kept(run_dir / MEASURED, weights)
        if measured is None:
            measured = {"format": FORMAT, "weights": weights} | _measure(config, run_dir, model)
            _save(run_dir, measured)
        if kshot:  # answers to tasks that are as they were are kept in the folder
            measured["kshot"] = raw_kshot(model, run_dir / "kshot")
            _save(run_dir, measured)
        return measured


def _measure(config: PretrainingConfig, run_dir: Path, folder: Path) -> dict[str, Any]:
    start = began(config, run_dir)
    data = prepare(config, run_dir)
    check_corpus(config, run_dir, data)
    log = read_log(run_dir)
    done = stages_done(config, log)
    sizes = {file.name: file.counts["train"].tokens for file in data.files}
    seen = seen_text(config, sizes, data.weights, done)
    model: Any = load_model(str(folder), ModelConfig(dtype="float32"))
    model.to("cpu")
    bf16 = has_fast_bf16() and not torch.cuda.is_available()
    print("Measuring: held-out text ...", flush=True)
    held_out = _held_out(data)
    parts = [part for part, _ in held_out]
    text = _bits_per_byte(model, data, parts, seen, bf16)
    end: int = data.tokenizer.eos_token_id  # type: ignore[assignment]
    context = min(4096, model.config.max_position_embeddings)
    used = {file.name: file.load("held_out") for _, file in held_out}
    positions = loss_by_position(model, used, end, context, bf16=bf16)
    print("Measuring: probes ...", flush=True)
    last = log[-1] if log else {}
    return {
        "environment": dict(describe_environment()) | {"command": shown_command(sys.argv[1:])},
        "bf16": bf16,
        "model": {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "bytes": (folder / "model.safetensors").stat().st_size,
            "vocabulary": len(data.tokenizer),
            "config": json.loads((folder / "config.json").read_text(encoding="utf-8")),
        },
        "training": {
            "steps": last.get("step"),
            "tokens": sum(stage.tokens for stage in done),
            "seconds": max((line.get("seconds", 0.0) for line in log), default=0.0),
            "stages": [vars(stage) for stage in done],
        },
        "start": start,
        "sources": _sources(data, seen),
        "bits_per_byte": text,
        "by_position": positions,
        "probes": Probes(data.tokenizer, data.vocabulary).measure(model, bf16),
        "shots": accuracy_by_shots(model, data.tokenizer, data.vocabulary, PROBED, bf16=bf16),
        "curve": learning_curve(log),
    }


def _held_out(data: CorpusData) -> list[tuple[HeldOut, TokenFile]]:
    """Return the held-out part of every source that was trained on, with its token file."""
    bytes_of = token_bytes(data.tokenizer)
    end: int = data.tokenizer.eos_token_id  # type: ignore[assignment]
    found = []
    for file in data.files:
        ids = np.asarray(file.load("held_out"))
        if len(ids) and (data.weights is None or data.weights[file.name]):
            found.append((draw_held_out(file.name, ids, end, bytes_of, MOST_HELD_OUT), file))
    return found


def _bits_per_byte(
    model: Any, data: CorpusData, parts: list[HeldOut], seen: SeenText, bf16: bool
) -> dict[str, Any]:
    end: int = data.tokenizer.eos_token_id  # type: ignore[assignment]
    context = min(CONTEXT, model.config.max_position_embeddings)
    ids = np.concatenate([np.asarray(data.tokens[name])[mask] for name, mask in seen.masks.items()])
    ngram = None
    if len(ids):
        ngram = KneserNey.fit(ids, vocab_size=len(data.tokenizer), order=NGRAM_ORDER)
    rows: list[dict[str, Any]] = []
    streams = opened(parts, end)
    for part in parts:
        stream = streams[part.name]
        losses = token_losses(model, stream, context, bf16=bf16, head_in_parts=True)
        nats = float(losses.sum())
        row = {
            "name": part.name,
            "documents": part.num_documents,
            "tokens": len(part.ids),
            "bytes": part.num_bytes,
            "nats_per_token": nats / len(part.ids),
            "model": in_bits_per_byte(nats, part.num_bytes),
            "ngram": None,
        }
        if ngram is not None:
            other = -float(ngram.log_probs(stream)[1:].sum())
            row["ngram"] = in_bits_per_byte(other, part.num_bytes)
        rows.append(row)
    weights = data.weights or {name: float(len(ids)) for name, ids in data.tokens.items()}
    overall = {
        who: weighted_mean({row["name"]: row[who] for row in rows}, weights)
        for who in ("model", "ngram")
        if rows and all(row[who] is not None for row in rows)
    }
    return {
        "context": context,
        "order": NGRAM_ORDER,
        "ngram_tokens": len(ids),
        "sources": rows,
        "overall": overall,
    }


def _sources(data: CorpusData, seen: SeenText) -> list[dict[str, Any]]:
    weights = data.weights or {file.name: file.counts["train"].tokens for file in data.files}
    total = sum(weights.values())
    return [
        {
            "name": file.name,
            "share": weights[file.name] / total,
            "train_tokens": file.counts["train"].tokens,
            "train_bytes": file.counts["train"].bytes,
            "seen_tokens": seen.tokens[file.name],
            "different_tokens": int(seen.masks[file.name].sum()),
        }
        for file in data.files
        if weights[file.name]
    ]


def learning_curve(log: Iterable[dict[str, Any]]) -> dict[str, dict[str, list[list[float]]]]:
    """Return training losses by kind of row and probes by name, each as [tokens, value] pairs."""
    found: dict[str, dict[str, list[list[float]]]] = {"losses": {}, "probes": {}}
    for line in log:
        for kind in found:
            for name, value in line.get(kind, {}).items():
                points = found[kind].setdefault(name, [])
                if not points or points[-1][0] < line["tokens"]:
                    points.append([line["tokens"], value])
    return found


def shown_command(words: list[str]) -> str:
    """Return the command that trains the model, without folders of this machine.

    >>> shown_command(["pretrain", "a/mini.yaml", "corpus=/home/me/text", "seed=1", "--card"])
    'manyicl pretrain mini.yaml corpus=FOLDER seed=1'
    """
    shown = []
    for word in words:
        key, equals, value = word.partition("=")
        if word in ("--card", "--kshot"):
            continue
        if equals and key.removeprefix("--") in ("corpus", "run_dir"):
            word = f"{key}=FOLDER"
        elif not equals or "/" in value:
            word = f"{key}{equals}" * bool(equals) + Path(value or key).name
        shown.append(word)
    return " ".join(["manyicl", *shown])


def _kept(path: Path, weights: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if (found["format"], found["weights"]) == (FORMAT, weights) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or of another version: measured again


def _save(run_dir: Path, measured: dict[str, Any]) -> None:
    write_whole(run_dir / MEASURED, json.dumps(measured, indent=1) + "\n")
