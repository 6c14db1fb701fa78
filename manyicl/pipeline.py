"""The whole job in one call: evaluate the untuned model, train, evaluate again, report."""

from __future__ import annotations

import os
from pathlib import Path

from manyicl.config import Config
from manyicl.errors import ConfigError
from manyicl.evaluation.evaluate import BASE, TUNED, evaluate
from manyicl.evaluation.results import Results
from manyicl.report import write_report
from manyicl.report.markdown import kshot_markdown
from manyicl.training.model_card import fill_kshot_table
from manyicl.training.run import check_run_folder, train


def run(config: Config) -> Results:
    """Train once and show what it changed; everything is in `run_dir` afterwards.

    Interrupted, it goes on where it stopped when called again.
    """
    _check_alone()
    check_run_folder(config)  # before the first evaluation, not after it
    if config.evaluation.before:
        evaluate(config, [BASE])  # kept, and joined with the tuned model's scores below
    train(config)
    return evaluate_and_report(config, [BASE, TUNED] if config.evaluation.before else [TUNED])


def evaluate_and_report(config: Config, stages: list[str] | None = None) -> Results:
    """Evaluate, write results.json and report.html, and fill the model card's k-shot table."""
    _check_alone()
    results = evaluate(config, stages)
    run_dir = Path(config.run_dir)
    write_report(results, run_dir / "report.html")
    if (run_dir / "model" / "README.md").is_file():
        fill_kshot_table(run_dir / "model", kshot_markdown(results))
    return results


def _check_alone() -> None:
    """Refuse to be one of several processes: training shares its work among them, evaluation
    does not, and all would write the same files."""
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes.isdecimal() and int(processes) > 1:
        raise ConfigError(
            f"WORLD_SIZE: is {processes}, but only training is shared among processes. Train with "
            "the launcher (torchrun --nproc-per-node N -m manyicl train RECIPE), then evaluate "
            "without it (manyicl evaluate RUN_DIR)."
        )
