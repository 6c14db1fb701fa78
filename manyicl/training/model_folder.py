"""The model folder a run leaves: weights or adapter, tokenizer, model card, how it was trained.

`manyicl.json` keeps the template and the objective, so that evaluation and prediction show examples
exactly as training did. The folder appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from manyicl.config import Config, ModelConfig, TemplateConfig, as_dict
from manyicl.episodes import EpisodeStream
from manyicl.errors import ModelError, RunError
from manyicl.files import sync
from manyicl.models import gguf, shipped, stored_dtype
from manyicl.models.hub import fetched
from manyicl.training.model_card import write_card
from manyicl.training.plan import Plan, demonstrations_by_task

if TYPE_CHECKING:
    from manyicl.training.trainer import ManyICLTrainer

MANIFEST = "manyicl.json"


def save_model_folder(
    trainer: ManyICLTrainer, config: Config, stream: EpisodeStream, base: str, folder: Path
) -> None:
    """Write the trained model. `base` is the untuned model's path or hub id.

    Every process of a run calls this: sharded weights are gathered from all of them.
    """
    part = folder.with_name(folder.name + ".part")
    if trainer.is_world_process_zero():
        shutil.rmtree(part, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    adapter = hasattr(trainer.accelerator.unwrap_model(trainer.model), "peft_config")
    if config.model.dtype == "auto" and not (adapter or trainer.is_fsdp_enabled):
        trust = config.model.trust_remote_code
        trainer.model.to(stored_dtype(base, trust_remote_code=trust))  # type: ignore[union-attr]
    if trainer.is_fsdp_enabled:  # with shards of weights, the default of FSDP 2, none are written
        plugin: Any = trainer.accelerator.state.fsdp_plugin
        plugin.set_state_dict_type("FULL_STATE_DICT")
    trainer.save_model(str(part))
    if trainer.is_world_process_zero():
        if not any(part.glob("*.safetensors")):
            raise RunError(
                f"{folder}: the trained weights were not written. The last checkpoint in "
                f"{folder.parent} holds them; with FSDP, set fsdp_state_dict_type to "
                "FULL_STATE_DICT."
            )
        _complete(trainer, config, stream, base, part)
        sync(part)  # a folder that is there is taken for a finished training
        os.replace(part, folder)
    trainer.accelerator.wait_for_everyone()


def _complete(
    trainer: ManyICLTrainer, config: Config, stream: EpisodeStream, base: str, part: Path
) -> None:
    """Add to the weights what a folder needs to be used and understood."""
    (part / "training_args.bin").unlink(missing_ok=True)  # a pickle; config.yaml says it all
    trainer.processing_class.save_pretrained(part)  # type: ignore[union-attr]
    adapter = part / "adapter_config.json"
    if adapter.is_file():
        # PEFT is to find a local base from any working directory.
        settings = json.loads(adapter.read_text(encoding="utf-8"))
        named = Path(settings["base_model_name_or_path"])
        if named.is_dir():
            settings["base_model_name_or_path"] = str(named.resolve())
            if shipped.is_nano(named):  # another edition of the package may bring other weights
                settings["revision"] = shipped.fingerprint()
            adapter.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    description = describe(trainer, config, stream, base)
    (part / MANIFEST).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    write_card(part, description)


def describe(
    trainer: ManyICLTrainer, config: Config, stream: EpisodeStream, base: str
) -> dict[str, Any]:
    """Return what the card and the evaluation need to know of a run."""
    plan: Plan = trainer.train_dataset.plan  # type: ignore[union-attr]
    shown = demonstrations_by_task(plan, stream)
    num_sequences = sum(len(row) for row in plan)
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    lines = [json.loads(line) for line in (trainer.run_dir / "log.jsonl").open(encoding="utf-8")]
    return {
        "base": base,
        **({"base_sha256": shipped.fingerprint()} if shipped.is_nano(base) else {}),
        **({"base_content": Path(shipped.resolve(base)).name} if gguf.is_gguf(base) else {}),
        "config": as_dict(config),
        "tasks": [
            {
                "name": pool.task.name,
                "family": pool.task.family,
                "group": pool.task.group,
                "rows": len(pool),
                "demonstrations_shown": shown[pool.task.name],
                "sha256": pool.task.fingerprint("train"),
                "licence": pool.task.source.get("licence", "not stated"),
            }
            for pool in stream.pools
        ],
        "training": {
            "steps": trainer.state.global_step,
            "sequences": num_sequences,
            "demonstrations": shown.total(),
            "shots_per_sequence": shown.total() / num_sequences,
            **trainer.totals,
            "tokens_per_s": trainer.totals["tokens"] / max(trainer.totals["seconds"], 1e-9),
            "supervised_answers": trainer.num_supervised_answers,
            "num_parameters": sum(p.numel() for p in model.parameters()),
            "num_trainable_parameters": sum(
                p.numel() for p in model.parameters() if p.requires_grad
            ),
            "loss_curve": [
                [line["step"], line["loss"]] for line in lines if line["loss"] is not None
            ],
            "loss_by_shot": {
                "start": lines[0]["loss_by_shot"],
                "end": lines[-1]["loss_by_shot"],
            },
            "too_long_rows": stream.counts.too_long,
            "sequences_with_fewer_shots": stream.counts.fewer_shots,
        },
    }


def read_description(folder: str | Path) -> dict[str, Any] | None:
    """Return what a run wrote beside its model, or None for a model that is not a run's."""
    path = Path(folder) / MANIFEST
    if not Path(folder).is_dir():
        path = fetched(str(folder), MANIFEST)
    if path is None or not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ModelError(f"{path}: is not valid JSON. Restore it from the run.") from None
    if not (isinstance(found, dict) and isinstance(found.get("config"), dict)):
        raise ModelError(
            f"{path}: does not say how the model was trained (config). Restore it from the run; "
            "without the file the model is taken for one that was not trained here."
        )
    return found


def model_path(name: str) -> str:
    """Return the model a word names: nano's folder, a run folder's model/, else the word itself
    (folder, hub id).

    Raises `ModelError` for a run folder whose training is not finished.
    """
    name = shipped.resolve(name)
    folder = Path(name)
    if (folder / "config.yaml").is_file() and not (folder / "config.json").is_file():
        if not (folder / "model").is_dir():
            raise ModelError(
                f"{folder}: is a run folder without a trained model (model/). Finish it with "
                f"'manyicl train {folder}'."
            )
        return str(folder / "model")
    return name


def trained_model_config(folder: str | Path, *, trust_remote_code: bool = False) -> ModelConfig:
    """Return how to load a model: as it was trained, with defaults for a model not of a run.

    Whether its code may run is the caller's to say; a folder may come from anywhere.
    """
    description = read_description(folder)
    trained = description["config"].get("model", {}) if description else {}
    known = {key: trained[key] for key in ("dtype", "attention") if key in trained}
    if "flash" in known.get("attention", "") and not torch.cuda.is_available():
        del known["attention"]  # the same but for rounding, computed otherwise
    return ModelConfig(**known, trust_remote_code=trust_remote_code)


def trained_template(folder: str | Path) -> TemplateConfig | None:
    """Return the template a model was trained with, or None for a model that is not a run's."""
    description = read_description(folder)
    if description is None:
        return None
    try:
        return TemplateConfig(**description["config"]["template"])
    except (KeyError, TypeError) as error:
        raise ModelError(
            f"{Path(folder) / MANIFEST}: was written by another version of manyicl ({error}). Use "
            "that one, or mend the file's config.template."
        ) from None
