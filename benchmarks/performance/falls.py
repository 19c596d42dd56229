"""The waterfall: what each rung of a ladder adds, from the races of :mod:`benchmarks.performance.layers`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.performance.entries import LAYERS, Entry, Race
from benchmarks.performance.verdicts import Spread, spread


@dataclass(frozen=True)
class Layer:
    """What one rung adds to the one below it: seconds, the median of the differences round by round."""

    name: str
    added: Spread

    @property
    def seen(self) -> bool:
        """Whether it can be told from nothing: 0 lies below the lower quartile."""
        return self.added.q1 > 0


@dataclass(frozen=True)
class Fall:
    """The layers of one implementation at one size.

    Attributes:
        total: seconds of the highest rung.
        unexplained: the median of ``total`` less the layers that are seen: what noise, and rungs that
            cannot be told apart, leave. It may be negative, and is said either way.
    """

    race: Race
    layers: tuple[Layer, ...]
    total: Spread
    unexplained: float


def fall(race: Race) -> Fall:
    """The waterfall of a race of layers."""
    rungs = list(race.samples.items())
    layers = []
    below: tuple[float, ...] = tuple(0.0 for _ in rungs[0][1])
    for name, samples in rungs:
        layers.append(Layer(name, spread([a - b for a, b in zip(samples, below, strict=True)])))
        below = samples
    total = spread(rungs[-1][1])
    explained = sum(layer.added.median for layer in layers if layer.seen)
    return Fall(race, tuple(layers), total, total.median - explained)


def falls(entries: Iterable[Entry], device: str) -> list[Fall]:
    """Every waterfall of ``device``, by size and then in the order of the record."""
    races = [e for e in entries if isinstance(e, Race) and e.purpose == LAYERS and e.device == device]
    return [fall(race) for race in sorted(races, key=lambda r: r.numel) if race.samples]
