"""What follows from the sizes: how far a signal gets, and by what factor a layer changes it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.flow.entries import FATES, WITHIN, Flow
from benchmarks.flow.setups import Setup

FORWARD, BACKWARD = "forward", "backward"


@dataclass(frozen=True)
class Reach:
    """How far signals got, over seeds.

    Attributes:
        fate: what became of most seeds; of equally many the first of :data:`FATES`, and not ``within``.
        seeds: how many there are.
        lost: how many did not arrive.
        layers: of those that did not arrive, the layers passed until they left the interval, sorted.
        depth: layers there were.
    """

    fate: str
    seeds: int
    lost: int
    layers: tuple[int, ...]
    depth: int

    @property
    def median(self) -> float | None:
        """Median layers passed over all seeds, arriving seeds counting as more; None where most arrive."""
        every = sorted([*self.layers, *([self.depth + 1] * (self.seeds - self.lost))])
        middle = statistics.median_low(every)
        return None if middle > self.depth else middle


def reach(flow: Flow, way: str) -> Reach:
    """How far the signal (``forward``) or the gradient (``backward``) of every seed got."""
    left: Sequence[int | None] = getattr(flow, f"{way}_left")
    fates: Sequence[str] = getattr(flow, f"{way}_fate")
    passed = [layer if way == FORWARD else flow.depth - layer + 1 for layer in left if layer is not None]
    ties = sorted(FATES, key=lambda fate: fate == WITHIN)  # of a tie max takes the first
    common = max(ties, key=list(fates).count)
    return Reach(common, len(flow.seeds), len(passed), tuple(sorted(passed)), flow.depth)


def factor(flow: Flow, seed: int) -> float | None:
    """By what factor a layer changes the gradient on its way back, in the mean over layers and logarithms.

    From the gradient that leaves the last layer to the one that leaves the farthest layer kept at which it is
    finite and not 0. None where there are fewer than two such layers.
    """
    sizes = [(layer, size) for layer, size in zip(flow.layers, flow.backward[seed], strict=True) if size]
    if len(sizes) < 2 or sizes[-1][0] != flow.depth:
        return None
    (first, start), (last, end) = sizes[0], sizes[-1]
    return float((start / end) ** (1 / (last - first)))


def unevenness(flow: Flow, seed: int) -> float | None:
    """Largest over smallest gradient of weights among the layers kept; None where one is 0 or not finite."""
    sizes = flow.weights[seed]
    present = [size for size in sizes if size]
    return max(present) / min(present) if len(present) == len(sizes) else None


@dataclass(frozen=True)
class Range:
    """Median, least and largest over the seeds that have a value; ``missing`` is how many have none."""

    median: float
    low: float
    high: float
    missing: int


def over_seeds(values: Sequence[float | None]) -> Range | None:
    """The range of values; None where no seed has one."""
    there = [v for v in values if v is not None]
    if not there:
        return None
    return Range(statistics.median(there), min(there), max(there), len(values) - len(there))


def setups(flows: Sequence[Flow]) -> list[Setup]:
    """The setups that were measured, in their order."""
    return list(dict.fromkeys(map(_setup, flows)))


def of_setup(flows: Sequence[Flow], setup: Setup) -> list[Flow]:
    """Those of one setup."""
    return [f for f in flows if _setup(f) == setup]


def _setup(f: Flow) -> Setup:
    return Setup(f.network, f.norm, f.init, f.width)


def deepest(flows: Sequence[Flow]) -> list[Flow]:
    """Those of the greatest depth."""
    most = max((f.depth for f in flows), default=0)
    return [f for f in flows if f.depth == most]
