"""The networks that are measured: their kinds, how their weights begin, and their sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 128
WIDE: Final = 256
BATCH: Final = 64
DTYPE: Final = "float32"
DEEPEST: Final = 128

LIMIT: Final = 1e6
"""A signal dies where its root mean square, 1 at its start, leaves [1/LIMIT, LIMIT]."""


@dataclass(frozen=True)
class Init:
    """How weights begin: normal, standard deviation gain / sqrt(fan in).

    Attributes:
        meaning: for people.
        gain: of weights that read an activation's values; None: what preserves their mean square.
        otherwise: of the others.
    """

    meaning: str
    gain: float | None
    otherwise: float


INITS: Final = {
    "he": Init("He: gain √2 everywhere", math.sqrt(2), math.sqrt(2)),
    "own": Init("own gain: 1/√(E f(z)²) for standard normal z", None, 1.0),
}
"""Name -> initialisation."""


@dataclass(frozen=True)
class Setup:
    """A kind of network, how it normalises, how it begins, and how many units a layer has."""

    network: str
    norm: str
    init: str
    width: int = WIDTH

    @property
    def name(self) -> str:
        """``plain, batch norm, He``; the width is said where it is not the usual one."""
        words = [self.network, "no norm" if self.norm == "none" else f"{self.norm} norm"]
        words += ["He" if self.init == "he" else "own gain"]
        words += [f"{self.width} units"] if self.width != WIDTH else []
        return ", ".join(words)


SETUPS: Final = tuple(
    Setup(network, norm, init)
    for network in ("plain", "residual")
    for norm in ("none", "batch", "layer")
    for init in ("he", "own")
    if norm == "none" or init == "he"
)
"""Both networks with and without normalisation. Both initialisations where nothing is normalised: what is
normalised is divided by its size, and with it by the gain before it."""

WIDER: Final = tuple(Setup("plain", "none", init, WIDE) for init in ("he", "own"))
"""What chance does to a signal depends on depth / width: the same where that is half as much."""
