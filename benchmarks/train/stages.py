"""The stages of a run, one after the other: what is left to train, who trains it, and what is kept of it."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from typing import Any, Final

from benchmarks.engine import Store, spread
from benchmarks.progress import Progress
from benchmarks.record import ROOT
from benchmarks.study import Run
from benchmarks.train.entries import FINAL, SEARCH
from benchmarks.train.plan import Grid, failure, setting_of, training
from benchmarks.train.study import STUDY
from benchmarks.train.task import Task, run

RESULTS: Final = ROOT / "build" / "train"
"""Where finished trainings are kept until the record is complete, by the hash of the code that made them."""

STAGES: Final = (SEARCH, FINAL)


def store() -> Store:
    """The finished trainings of this code."""
    return Store(RESULTS / STUDY.sources())


def left(grid: Grid, results: Store) -> Counter[str]:
    """Model -> how many of its trainings are not in ``results``."""
    found = Counter({model: grid.count(model) for model in grid.models})
    searched = {task.key: task for task in grid.search()}
    done = list(results.results(searched))
    found.subtract(searched[key].model for key, _ in done)
    if len(done) == len(searched):
        final = grid.final(training(result) for _, result in done)
        found.subtract(task.model for task in final if results.has(task.key))
    return found


def go_through(
    grid: Grid, record: Run, results: Store, *, workers: int | None = None, address: str | None = None
) -> None:
    """Do every stage that ``record`` does not have yet.

    Raises:
        NoCluster: there is nothing to train on, or no longer. What was finished is in ``results``.
    """
    if "settings" not in record.done:
        record.ends("settings", [setting_of(grid, model) for model in grid.models])
    for stage in STAGES:
        if stage not in record.done:
            _stage(stage, _tasks(stage, grid, record), grid.device, record, results, workers, address)
    record.close()


def clear(grid: Grid, record: Run, results: Store) -> None:
    """Forget the trainings that ``record`` holds: the next run trains anew."""
    for key in (key for stage in STAGES for key in _tasks(stage, grid, record)):
        (results.folder / f"{key}.json").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds what another run needs
        results.folder.rmdir()


def say(text: str) -> None:
    """A line for who waits."""
    _write(f"\n{text}\n")


def _tasks(stage: str, grid: Grid, record: Run) -> dict[str, Task]:
    if stage == SEARCH:
        return {task.key: task for task in grid.search()}
    found = (training(row) for row in record.entries["trainings"])
    return {task.key: task for task in grid.final(t for t in found if t.phase == SEARCH)}


def _stage(
    stage: str,
    tasks: dict[str, Task],
    device: str,
    record: Run,
    results: Store,
    workers: int | None,
    address: str | None,
) -> None:
    finished = sum(map(results.has, tasks))
    if finished:
        say(f"{stage}: {finished} of {len(tasks)} trainings were done before")
    line = Progress(len(tasks) - finished, _write, sys.stderr.isatty())
    outcome = spread(
        run,
        {key: task.as_dict() for key, task in tasks.items()},
        results,
        workers=workers,
        address=address,
        device=device,
        said=say,
        progress=line,
    )
    line.close()
    kept: list[Any] = [training(result) for _, result in results.results(outcome.done)]
    kept += [failure(tasks[key], reason) for key, reason in outcome.failed.items()]
    record.ends(stage, kept)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
