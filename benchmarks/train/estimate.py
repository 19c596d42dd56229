"""How long a grid will take: said before it starts, from a few steps of each model on this machine."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.train import trial
from benchmarks.train.plan import Grid
from benchmarks.train.task import Task
from benchmarks.train.trial import Trial

STEPS: Final = 24
"""Steps of a trial training, at most."""

TRIAL_S: Final = 6.0
"""Seconds that a trial training may take; where not even one step fits, parts of a step have to do."""

FAR: Final = 3.0
"""So many times over the budget, or under it, by the rough estimate alone, a grid is not tried further."""

TRIES: Final = 2
"""Trial trainings of each kind, at least; there is one for each worker."""

START_S: Final = 12.0
"""Seconds until workers are there and have loaded what they need."""

HANDING_S: Final = 0.016
"""Seconds from a training to the next one, its result stored: measured, see docs/engines.md."""

WORKERS_SLOW: Final = 1.3
"""How much longer a training takes where every core has one, as far as no trial tells."""

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Estimate:
    """What a grid will take.

    Attributes:
        each: model -> seconds of one training, beside those of the other workers.
        counts: model -> trainings.
        workers: how many train at once.
        rough: models whose time was scaled from a part of a step.
    """

    each: Mapping[str, float]
    counts: Mapping[str, int]
    workers: int
    rough: frozenset[str] = frozenset()

    def seconds_of(self, models: Sequence[str]) -> float:
        """Of ``models`` alone, until all is done."""
        work = sum(self.each[model] * self.counts[model] for model in models)
        handing = HANDING_S * sum(self.counts[model] for model in models)
        return START_S + handing + work / max(1, self.workers)

    @property
    def seconds(self) -> float:
        """Of everything, until all is done."""
        return self.seconds_of(list(self.each))

    def words(self) -> str:
        """The estimate in a sentence."""
        if not self.each:
            return "nothing is left to train"
        rows = [
            f"{model} {self.counts[model]} of {_short(self.each[model])}"
            + (", from a part of a step" if model in self.rough else "")
            for model in self.each
        ]
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
    together: Callable[[Sequence[Task]], Sequence[Trial]],
    *,
    limit: float | None = None,
    said: Callable[[str], None] = lambda _: None,
    measure: Callable[[Task, trial.Part], float] = trial.seconds,
) -> Estimate:
    """Train each model for a few steps, with the first activation and the last, and work out the rest.

    A part of a step is timed before, in this process. Then every worker trains at the same time, as it will:
    two that share a core, or the way to memory, are slower than one alone. A model whose steps are too long
    for a trial is estimated from the part alone, and so is everything where that already decides: far beyond
    ``limit`` or far within it.

    Args:
        grid: what will be done.
        left: model -> how many trainings of it are left to do.
        workers: how many will train at once.
        together: trains each of some tasks, on all workers at once; leaves out those that failed.
        limit: seconds of the budget, or None.
        said: told what is being estimated.
        measure: times a part of a step.
    """
    each: dict[str, float] = {}
    trials: list[Task] = []
    for model in (model for model in grid.models if left[model]):
        said(f"estimating {model}: some steps on this machine")
        steps = grid.steps or grid.recipe(model).steps
        both = replace(grid, models=(model,)).tasks()
        found = trial.rough(both[0], measure)
        each[model] = (found.score + found.step * steps) * (WORKERS_SLOW if workers > 1 else 1.0)
        fit = min(math.floor((TRIAL_S - found.score) / found.step), STEPS, steps)
        if fit >= 1:
            trials += [replace(task, steps=fit) for task in (both[0], both[-1])] * max(TRIES, workers)
    counts = {model: left[model] for model in each}
    rough = Estimate(each, counts, workers).seconds
    if limit is not None and not limit / FAR <= rough <= FAR * limit:
        trials = []
    known: dict[str, list[float]] = {}
    if trials:
        said("estimating what workers take beside one another" if workers > 1 else "estimating: some more")
        for found_one in together(trials):
            model = found_one.model
            whole = found_one.around + found_one.step * (grid.steps or grid.recipe(model).steps)
            known.setdefault(model, []).append(whole)
    each |= {model: statistics.fmean(took) for model, took in known.items()}
    return Estimate(each, counts, workers, frozenset(each.keys() - known.keys()))


def _short(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 90 else duration(seconds)


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
