"""What follows from the counts: shares of units over seeds, with those that diverged said beside."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.dead.entries import Training

WORST: Final = {"dead": math.inf, "flat": math.inf, "faint": math.inf, "correct": -math.inf}
"""What is counted -> where a seed that diverged stands in its order: nothing is worse."""


@dataclass(frozen=True)
class Share:
    """A share, 0 to 1, over seeds.

    Attributes:
        median: over all seeds, those that diverged being the worst; None where that falls on one of them.
        low: least of the seeds that have not diverged; None where all have.
        high: largest of them.
        seeds: how many there are.
        diverged: how many of them did.
    """

    median: float | None
    low: float | None
    high: float | None
    seeds: int
    diverged: int


def share(t: Training, what: str, index: int = -1) -> Share:
    """The share of units (of test samples, for ``correct``) at a check.

    Args:
        t: the training.
        what: a key of :data:`WORST`.
        index: of the check among ``t.steps``.
    """
    whole = t.tests if what == "correct" else t.units
    counts: Sequence[int | None] = [row[index] for row in getattr(t, what)]
    there = [count / whole for count in counts if count is not None]
    lost = len(counts) - len(there)
    median = statistics.median([*there, *[WORST[what]] * lost])
    return Share(
        median if math.isfinite(median) else None,
        min(there, default=None),
        max(there, default=None),
        len(counts),
        lost,
    )


@dataclass(frozen=True)
class Paired:
    """Two trainings seed by seed, from the same weights: in how many the first is better, worse, equal."""

    better: int
    worse: int
    same: int

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` where that holds in every seed, else ``no difference``.

        With 5 seeds that happens by chance once in 16 comparisons of equals.
        """
        seeds = self.better + self.worse + self.same
        return "better" if self.better == seeds else "worse" if self.worse == seeds else "no difference"


def against(t: Training, other: Training, what: str, index: int = -1) -> Paired:
    """``t`` beside ``other`` at a check, over the seeds that both have; to diverge is worse than anything."""
    sign = 1 if what == "correct" else -1
    rows = {seed: row[index] for seed, row in zip(other.seeds, getattr(other, what), strict=True)}
    pairs = [
        (_rank(row[index], sign), _rank(rows[seed], sign))
        for seed, row in zip(t.seeds, getattr(t, what), strict=True)
        if seed in rows
    ]
    better, worse = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    return Paired(better, worse, len(pairs) - better - worse)


def _rank(count: int | None, sign: int) -> float:
    return -math.inf if count is None else sign * count


def find(trainings: Sequence[Training], scenario: str, activation: str) -> Training | None:
    """The training of an activation in a scenario."""
    found = (t for t in trainings if (t.scenario, t.activation) == (scenario, activation))
    return next(found, None)


def scenarios(trainings: Sequence[Training]) -> list[str]:
    """Those that were run, in their order."""
    return list(dict.fromkeys(t.scenario for t in trainings))


def activations(trainings: Sequence[Training]) -> list[str]:
    """Those that were trained, in their order."""
    return list(dict.fromkeys(t.activation for t in trainings))
