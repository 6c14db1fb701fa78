"""A whole study: check everything, compute what is missing, write results, report and summary."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from manyicl.config import save_config
from manyicl.errors import Interrupted
from manyicl.files import write_whole
from manyicl.models import free_memory
from manyicl.study.cells import Cell, CellStore
from manyicl.study.cells_file import CellsFile
from manyicl.study.check import check_study
from manyicl.study.collect import collect
from manyicl.study.context import Study, split_tasks
from manyicl.study.plan import plan_cells
from manyicl.study.progress import Progress
from manyicl.study.records import Failure, StudyResults
from manyicl.study.runner import run_cells, threads_of
from manyicl.study.settings import StudyConfig
from manyicl.tasks import TaskCollection
from manyicl.training.base import base_path
from manyicl.training.folder_lock import hold_folder
from manyicl.training.run_folder import refuse_other_folder

REPORT, RESULTS, SUMMARY, SETTINGS = "report.html", "results.json", "RESULTS.md", "config.yaml"


def run_study(
    config: StudyConfig, *, compute: bool = True, cells: str | Path | None = None
) -> StudyResults:
    """Run a study in `run_dir`, or go on with it, and return what it found.

    Cells that are kept are not computed again; without `compute` none is, and the results hold what
    there is. `cells` names a file (.jsonl.gz, see `cells_file.py`) whose results are taken over
    first, and that is written with all finished cells on the way and at the end. Failed cells are
    in the results. Raises `ConfigError` with all problems before anything runs, `StudyError` for a
    damaged `cells`, and `Interrupted` after a wanted stop, with the results so far written.
    """
    check_study(config)
    run_dir = Path(config.run_dir)
    carried = None if cells is None else CellsFile(Path(cells), run_dir)
    refuse_other_folder(run_dir)
    with hold_folder(run_dir):
        save_config(config, run_dir / SETTINGS)
        study = open_study(config)
        store = CellStore(run_dir / "cells", plan_cells(study))
        if carried:
            carried.restore(store)
            carried.save(store)  # one that cannot be written is better said now than in hours
        failures: list[Failure] = []
        stopped: Interrupted | None = None
        try:
            try:
                if compute:
                    failures = _compute(study, store, carried)
            except Interrupted as error:
                stopped = error
            results = collect(study, store, failures)
            write_results(results, run_dir)
        finally:
            if carried:
                carried.save(store)
        if stopped:
            raise stopped
    return results


def _compute(study: Study, store: CellStore, carried: CellsFile | None) -> list[Failure]:
    section = study.config.study

    def finished(cell: Cell) -> None:
        if not section.keep_models:
            store.remove_unread((cell.title, *cell.needs))
        if carried:
            carried.note(store)

    if not section.keep_models:
        store.remove_unread(store.cells)  # of earlier sittings
    threads = threads_of(section.workers, section.threads)
    progress = Progress(section.workers)
    return run_cells(study, store, progress, section.workers, threads, finished)


def open_study(config: StudyConfig) -> Study:
    """Return the study's tasks and base model; a base of `model.config` is built in run_dir."""
    held_in, _ = split_tasks(config)
    name = "" if config.model.path else _name_of_base(config, held_in)
    base = base_path(config, Path(config.run_dir) / "bases" / name, held_in)
    print("study: reading the base model ...", file=sys.stderr, flush=True)
    unknown = Study(config, base, "")
    # Equal weights may go with unequal tokenizers that were trained here.
    engine = unknown.engine()
    identity = engine.identity + name + engine.manner
    del engine
    free_memory()  # it is the workers who compute
    return Study(config, base, identity)


def _name_of_base(config: StudyConfig, held_in: TaskCollection) -> str:
    """Name a base that is built here by what decides it, so that no other is taken for it."""
    model = config.model
    parts: list[Any] = [model.config, model.tokenizer, model.vocab_size, model.seed]
    if model.tokenizer in ("", "train"):
        parts.append([task.fingerprint("train") for task in held_in])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def write_results(results: StudyResults, run_dir: Path) -> None:
    """Write results.json, report.html, RESULTS.md and the figures that it shows."""
    results.save(run_dir / RESULTS)
    from manyicl.study.report.markdown import study_figures, study_markdown
    from manyicl.study.report.page import write_study_report

    write_study_report(results, run_dir / REPORT)
    for name, figure in study_figures(results).items():
        write_whole(run_dir / name, figure)
    write_whole(run_dir / SUMMARY, study_markdown(results))
