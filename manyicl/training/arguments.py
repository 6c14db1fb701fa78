"""Our settings as those of transformers.Trainer."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from manyicl.config import Config
from manyicl.errors import ConfigError
from manyicl.models import has_fast_bf16
from manyicl.training.plan import num_steps

SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}

PACKAGES = {"tensorboard": "'manyicl[track]'", "azure_ml": "azureml-mlflow"}  # named otherwise


def check_trackers(names: list[str]) -> None:
    """Raise `ConfigError` for a tracker that is not installed; the names are known to be names."""
    from transformers.integrations.integration_utils import get_available_reporting_integrations

    installed = get_available_reporting_integrations()
    for name in names:
        if name not in installed:
            package = PACKAGES.get(name, name.replace("_", "-"))
            raise ConfigError(
                f"training.report_to: names {name!r}, which is not installed here (installed: "
                f"{', '.join(installed) or 'none'}). Install it (pip install {package}), or leave "
                "it out."
            )


def training_arguments(config: Config, run_dir: Path, num_rows: int) -> Any:
    """Return the TrainingArguments of a run over `num_rows` rows."""
    from transformers import TrainingArguments

    training = config.training
    bf16 = training.precision == "bf16" or (training.precision == "auto" and has_fast_bf16())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = TrainingArguments(
            output_dir=str(run_dir),
            max_steps=num_steps(num_rows, training.rows_per_step),
            per_device_train_batch_size=1,
            gradient_accumulation_steps=training.rows_per_step // PartialState().num_processes,
            learning_rate=training.learning_rate,
            lr_scheduler_type=SCHEDULES[training.schedule],
            warmup_steps=round(training.warmup * num_rows / training.rows_per_step),
            weight_decay=training.weight_decay,
            adam_beta1=training.betas[0],
            adam_beta2=training.betas[1],
            max_grad_norm=training.max_grad_norm,
            optim="adamw_torch_fused",  # on two CPU cores, a third of the time of the others
            bf16=bf16,
            activation_checkpointing=training.activation_checkpointing,
            logging_nan_inf_filter=False,
            save_strategy="no",  # Rhythm decides
            logging_strategy="steps",
            report_to=training.report_to or "none",
            seed=training.seed,
            remove_unused_columns=False,
            average_tokens_across_devices=True,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            disable_tqdm=True,
        )
    # One process drives one device; several devices need a launcher (torchrun, accelerate launch).
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments
