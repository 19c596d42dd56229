"""A run: what is left to train, who trains it, and what is kept of it."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from typing import Any, Final

from benchmarks.engine import Store, spread
from benchmarks.progress import Progress
from benchmarks.record import ROOT
from benchmarks.study import Run
from benchmarks.train.plan import Grid, failure, setting_of, training
from benchmarks.train.study import STUDY
from benchmarks.train.task import run

RESULTS: Final = ROOT / "build" / "train"
"""Where finished trainings are kept until the record is complete, by the hash of the code that made them."""

STAGE: Final = "trainings"
"""What a record has once everything was trained."""


def store() -> Store:
    """The finished trainings of this code."""
    return Store(RESULTS / STUDY.sources())


def left(grid: Grid, results: Store) -> Counter[str]:
    """Model -> how many of its trainings are not in ``results``."""
    return Counter(task.model for task in grid.tasks() if not results.has(task.key))


def go_through(
    grid: Grid, record: Run, results: Store, *, workers: int | None = None, address: str | None = None
) -> None:
    """Do whatever ``record`` does not have yet.

    Raises:
        NoCluster: there is nothing to train on, or no longer. What was finished is in ``results``.
    """
    if "settings" not in record.done:
        record.ends("settings", [setting_of(grid, model) for model in grid.models])
    if STAGE not in record.done:
        _train(grid, record, results, workers, address)
    record.close()


def clear(grid: Grid, results: Store) -> None:
    """Forget the trainings, which a record holds: the next run trains anew."""
    for task in grid.tasks():
        (results.folder / f"{task.key}.json").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds what another run needs
        results.folder.rmdir()


def say(text: str) -> None:
    """A line for who waits."""
    _write(f"\n{text}\n")


def _train(grid: Grid, record: Run, results: Store, workers: int | None, address: str | None) -> None:
    tasks = {task.key: task for task in grid.tasks()}
    finished = sum(map(results.has, tasks))
    if finished:
        say(f"{finished} of {len(tasks)} trainings were done before")
    line = Progress(len(tasks) - finished, _write, sys.stderr.isatty())
    outcome = spread(
        run,
        {key: task.as_dict() for key, task in tasks.items()},
        results,
        workers=workers,
        address=address,
        device=grid.device,
        said=say,
        progress=line,
    )
    line.close()
    kept: list[Any] = [training(result) for _, result in results.results(outcome.done)]
    kept += [failure(tasks[key], reason) for key, reason in outcome.failed.items()]
    record.ends(STAGE, kept)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
