"""How long a grid will take: said before it starts, from a few steps of each model on this machine."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from benchmarks.train import task as tasks
from benchmarks.train.plan import Grid

STEPS: Final = 12
"""Steps of a trial training."""

TRIES: Final = 2
"""Trial trainings of each kind."""

START_S: Final = 12.0
"""Seconds until workers are there and have loaded what they need."""

WORKERS_SLOW: Final = 1.1
"""How much longer a training takes where every core has one."""

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Estimate:
    """What a grid will take.

    Attributes:
        each: model -> seconds of one training.
        counts: model -> trainings.
        workers: how many train at once.
    """

    each: Mapping[str, float]
    counts: Mapping[str, int]
    workers: int

    def seconds_of(self, models: Sequence[str]) -> float:
        """Of ``models`` alone, until all is done."""
        work = sum(self.each[model] * self.counts[model] for model in models)
        return START_S + work * (WORKERS_SLOW if self.workers > 1 else 1.0) / max(1, self.workers)

    @property
    def seconds(self) -> float:
        """Of everything, until all is done."""
        return self.seconds_of(list(self.each))

    def words(self) -> str:
        """The estimate in a sentence."""
        if not self.each:
            return "nothing is left to train"
        rows = [f"{model} {self.counts[model]} of {self.each[model]:.2g} s" for model in self.each]
        workers = f"{self.workers} at a time" if self.workers > 1 else "one after another"
        return f"about {duration(self.seconds)}: {', '.join(rows)}; {workers}"

    def fits(self, budget: float) -> str:
        """What of it would be done within ``budget`` seconds, in words."""
        sets = [
            found
            for size in range(len(self.each) - 1, 0, -1)
            for found in itertools.combinations(self.each, size)
            if self.seconds_of(found) <= budget
        ]
        ways = [
            f"--model {' '.join(sets[0])} ({duration(self.seconds_of(sets[0]))})" if sets else "",
            "fewer --activation or --seeds",
            f"--workers {self._needed(budget)} on a machine or cluster that has them"
            if budget > START_S
            else "",
        ]
        return "; ".join(filter(None, ways))

    def _needed(self, budget: float) -> int:
        work = (self.seconds - START_S) * max(1, self.workers)
        return math.ceil(work / (budget - START_S))


def estimate(
    grid: Grid,
    left: Mapping[str, int],
    workers: int,
    run: Callable[[dict[str, Any]], dict[str, Any]] = tasks.run,
) -> Estimate:
    """Train each model for a few steps, with the first activation and the last, and work out the rest.

    Args:
        grid: what will be done.
        left: model -> how many trainings of it are left to do.
        workers: how many will train at once.
        run: trains once.
    """
    each = {}
    for model in (model for model in grid.models if left[model]):
        steps = grid.steps or grid.recipe(model).steps
        trial = replace(grid, models=(model,), steps=min(STEPS, steps)).tasks()
        first, last = trial[0], trial[-1]
        run(first.as_dict())  # loads data, compiles
        each[model] = sum(_one(run, t.as_dict(), steps) for t in (first, last)) / 2
    return Estimate(each, {model: left[model] for model in each}, workers)


def _one(run: Callable[[dict[str, Any]], dict[str, Any]], task: dict[str, Any], steps: int) -> float:
    """Seconds of a whole training: the least of several tries, as something else may run beside one."""
    found = []
    for _ in range(TRIES):
        start = time.perf_counter()
        made = run(task)
        around = max(0.0, time.perf_counter() - start - made["seconds"])
        found.append(around + made["seconds"] / made["steps"] * steps)
    return float(min(found))


def budget(text: str) -> float:
    """Seconds: ``90s``, ``10m``, ``2h``, ``1d``.

    Raises:
        ValueError: it is none of these.
    """
    number, unit = text[:-1], text[-1:]
    try:
        value = float(number) * UNITS[unit]
    except (ValueError, KeyError):
        value = math.nan
    if not 0 < value < 1e9:
        raise ValueError(f"--budget must be a time like 90s, 10m, 2h or 1d; got {text!r}")
    return value


def duration(seconds: float) -> str:
    """``45 s``, ``9 min``, ``3.5 h``, ``12 days``."""
    for least, size, word in ((48 * 3600, 86400, "days"), (5400, 3600, "h"), (90, 60, "min")):
        if seconds >= least:
            return f"{seconds / size:.2g} {word}" if seconds / size < 10 else f"{seconds / size:,.0f} {word}"
    return f"{seconds:.0f} s"
