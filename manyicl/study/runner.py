"""Running cells: in this process or in several, each once, whatever happens in between.

A failed cell leaves the others; what needs it is not run, and both are said at the end. A worker
that dies (out of memory, killed) costs only the cells it was at. Kept results are never computed
again.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import Any, Literal

from manyicl.errors import Interrupted, ManyICLError
from manyicl.signals import sigterm_interrupts
from manyicl.study.cells import Cell, CellStore
from manyicl.study.context import Study
from manyicl.study.progress import Progress
from manyicl.study.records import Failure
from manyicl.study.work import LOG, perform

_STUDY: Study | None = None  # of a worker process
Finished = Callable[[Cell], None]
Outcome = tuple[Literal["done", "failed", "stopped"], Any, float]
"""How computing a cell went; its result, the message, or None; and the seconds a result took."""


def run_cells(
    study: Study,
    store: CellStore,
    progress: Progress,
    workers: int,
    threads: int,
    finished: Finished = lambda cell: None,
) -> list[Failure]:
    """Compute every unfinished cell (`CellStore.unfinished`), and return those that failed.

    `finished` is called in this process after each cell whose result is kept. Raises `Interrupted`
    on Ctrl-C or SIGTERM; what was finished is kept.
    """
    todo = store.unfinished()
    progress.start(store, todo)
    if not todo:
        return []
    with sigterm_interrupts():
        if workers == 1:
            return _run_here(study, store, todo, progress, threads, finished)
        return _Pool(study, store, todo, progress, workers, threads, finished).run()


def _run_here(
    study: Study,
    store: CellStore,
    todo: Iterable[Cell],
    progress: Progress,
    threads: int,
    finished: Finished,
) -> list[Failure]:
    import torch

    before = torch.get_num_threads()
    failures: list[Failure] = []
    try:
        torch.set_num_threads(threads or before)
        for cell in todo:
            if blocked := _blocked(cell, store, failures):
                failures.append(blocked)
                progress.failed(blocked)
                continue
            message = _compute(study, store, cell)
            if message is None:
                progress.done(cell, store)
                finished(cell)
            else:
                failures.append(Failure(cell.title, message))
                progress.failed(failures[-1])
    except KeyboardInterrupt:
        raise _stopped() from None
    finally:
        torch.set_num_threads(before)
    return failures


def _compute(study: Study, store: CellStore, cell: Cell) -> str | None:
    """Compute and keep one cell. Returns why it failed, None if it did not."""
    folder = store.folder(cell.title)
    outcome = _outcome(lambda: perform(study, cell, folder, store.inputs(cell)), folder)
    return _keep(store, cell, outcome)


def _outcome(work: Callable[[], dict[str, Any]], folder: Path) -> Outcome:
    """Do the work of a cell whose log is in `folder`, and say how it went; raises nothing."""
    began = time.perf_counter()
    try:
        return "done", work(), time.perf_counter() - began
    except (KeyboardInterrupt, Interrupted):
        return "stopped", None, 0.0
    except ManyICLError as error:
        return "failed", str(error), 0.0
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error} (see {folder / LOG})", 0.0


def _keep(store: CellStore, cell: Cell, outcome: Outcome) -> str | None:
    """Keep what a cell found. Returns why there is nothing to keep, None if there is.

    Raises `KeyboardInterrupt` for a cell that was stopped.
    """
    kind, value, seconds = outcome
    if kind == "stopped":
        raise KeyboardInterrupt
    if kind == "failed":
        return value
    try:
        store.keep(cell.title, seconds, value)
    except ValueError as error:  # not a number: JSON has no word for it, and no reader either
        return f"its result cannot be kept ({error}); see {store.folder(cell.title) / LOG}"
    return None


def _blocked(cell: Cell, store: CellStore, failures: list[Failure]) -> Failure | None:
    failed = {failure.cell for failure in failures}
    for need in cell.needs:
        if need in failed:
            return Failure(cell.title, f"not run, because {need} failed")
    return None


def _stopped() -> Interrupted:
    return Interrupted(
        "stopped; finished cells are kept. The same command goes on with the others."
    )


class _Pool:
    """Cells on several worker processes; one becomes ready when what it needs is kept."""

    def __init__(
        self,
        study: Study,
        store: CellStore,
        todo: list[Cell],
        progress: Progress,
        workers: int,
        threads: int,
        finished: Finished,
    ):
        self.study, self.store, self.progress, self.finished = study, store, progress, finished
        self.todo, self.workers, self.threads = list(todo), workers, threads
        self.failures: list[Failure] = []
        self.died: set[str] = set()  # cells whose worker died once; nobody knows which was at fault
        self.running: dict[Future[Any], Cell] = {}
        self.pool: ProcessPoolExecutor | None = None

    def run(self) -> list[Failure]:
        try:
            while self.todo or self.running:
                self._fill()
                if self.running:
                    finished, _ = wait(self.running, return_when=FIRST_COMPLETED)
                    if any(isinstance(f.exception(), BrokenProcessPool) for f in finished):
                        finished, _ = wait(self.running)  # it ends all that it was running
                    for future in finished:
                        self._take(future)
        except KeyboardInterrupt:
            self._stop()
            raise _stopped() from None
        finally:
            if self.pool:
                self.pool.shutdown(wait=True, cancel_futures=True)
        return self.failures

    def _fill(self) -> None:
        waiting: list[Cell] = []
        for cell in self.todo:
            if blocked := _blocked(cell, self.store, self.failures):
                self.failures.append(blocked)
                self.progress.failed(blocked)
            elif self._may_start(cell):
                self.running[self._submit(cell)] = cell
            else:
                waiting.append(cell)
        self.todo = waiting

    def _may_start(self, cell: Cell) -> bool:
        if not all(map(self.store.is_finished, cell.needs)):
            return False
        # One that was there when a worker died runs alone, so that the next death is its own.
        alone = cell.title in self.died or any(c.title in self.died for c in self.running.values())
        return len(self.running) < (1 if alone else self.workers)

    def _submit(self, cell: Cell) -> Future[Any]:
        if self.pool is None:
            self.pool = ProcessPoolExecutor(
                self.workers,
                mp_context=get_context("spawn"),
                initializer=_begin_worker,
                initargs=(
                    replace(self.study),  # without its cache
                    self.threads,
                    os.getpid(),
                    _devices(),
                ),
            )
        folder, needs = self.store.folder(cell.title), self.store.inputs(cell)
        try:
            return self.pool.submit(_perform, cell, folder, needs)
        except BrokenProcessPool:  # a worker died since the last look
            self.pool = None
            return self._submit(cell)

    def _take(self, future: Future[Any]) -> None:
        cell = self.running.pop(future)
        try:
            outcome: Outcome = future.result()
        except BrokenProcessPool:
            self.pool = None  # it is of no more use once one of its processes died
            if cell.title in self.died:
                self._fail(cell, "its process died twice (killed, or out of memory)")
            else:
                self.died.add(cell.title)
                self.todo.insert(0, cell)
            return
        message = _keep(self.store, cell, outcome)
        if message is None:
            self.progress.done(cell, self.store)
            self.finished(cell)
        else:
            self._fail(cell, message)

    def _fail(self, cell: Cell, message: str) -> None:
        self.failures.append(Failure(cell.title, message))
        self.progress.failed(self.failures[-1])

    def _stop(self) -> None:
        """Tell the workers to stop too: a signal to this process alone does not reach them."""
        for process in list((self.pool._processes if self.pool else None) or {}):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)


def _leave(number: int, frame: Any) -> None:
    """End a worker at once; a training has a handler of its own, which saves first."""
    os._exit(1)


def _begin_worker(study: Study, threads: int, parent: int, devices: list[str]) -> None:
    global _STUDY
    if devices:  # the workers share them; to be said before CUDA is asked anything
        own = devices[current_process()._identity[-1] % len(devices)]
        os.environ["CUDA_VISIBLE_DEVICES"] = own
    import torch

    from manyicl.quiet import quiet_libraries

    quiet_libraries()
    if threads:
        torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which tells us
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    _STUDY = study


def _devices() -> list[str]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if named:
        return [device.strip() for device in named.split(",") if torch.cuda.is_available()]
    return [str(number) for number in range(torch.cuda.device_count())]


def _follow(parent: int) -> None:
    """End with the parent, even one that was killed."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _perform(cell: Cell, folder: Path, needs: dict[str, Any]) -> Outcome:
    """Compute a cell in a worker."""
    study = _STUDY
    assert study is not None
    return _outcome(lambda: perform(study, cell, folder, needs), folder)


def threads_of(workers: int, threads: int) -> int:
    """Return the threads of a worker: as asked for, or its share of this process's cores."""
    if threads:
        return threads
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // workers)
