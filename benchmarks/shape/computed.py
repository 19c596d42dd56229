"""The shape of a function as an implementation computes it: figures of its outputs in float64.

For the history (``tracked/asv_shape.py``): every figure is a sum or an extremum over many outputs, so that
a drift too small to be seen in one of them shows. It is rounded to :data:`DIGITS`: below that the last bits
of single results speak, which other rows are about.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gem_impls import Spec

Floats = NDArray[np.float64]

DIGITS: Final = 9
"""Significant digits of a figure: finite differences of order 7 keep ten."""

STEP: Final = 0.05
"""Of the sums over log x that are moments: exact to rounding, see :mod:`gem_impls.initialisation`."""

REACH: Final = 8
"""Scales up to which the distance to ReLU is taken: beyond, ``x - f(x)`` is all cancellation."""

DIFFERENCE_STEP: Final = 1 / 64
"""Scales between the points of a finite difference: smaller ones drown in rounding, larger ones are far
from the derivative."""


@dataclass(frozen=True)
class Computed:
    """One function in one implementation: arrays of float64 in and out."""

    implementation: Any
    spec: Spec

    @property
    def scale(self) -> float:
        """``eps^(1/2n)``."""
        return float(self.spec.eps ** (1 / (2 * self.spec.n)))

    def value(self, x: Floats) -> Floats:
        """``f(x)``."""
        forward = self.implementation.build(self.spec).forward
        return self._numpy(forward(self._array(x)))

    def slope(self, x: Floats) -> Floats:
        """``f'(x)``: the gradient of ones."""
        backward = self.implementation.build(self.spec).backward
        return self._numpy(backward(self._array(np.ones_like(x)), self._array(x)))

    def _array(self, x: Floats) -> Any:
        return self.implementation.from_numpy(x, "float64", "cpu")

    def _numpy(self, y: Any) -> Floats:
        return np.asarray(self.implementation.to_numpy(y), dtype=np.float64)


def _distance(c: Computed) -> float:
    """L2 distance to (Leaky)ReLU over ``|x| <= REACH * scale``, in units of ``scale^1.5``."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    total = 0.0
    for low, high in itertools.pairwise((0, 0.5, 1, 2, 4, REACH)):
        half = ((high - low) * nodes + high + low) / 2 * c.scale
        for x in (half, -half):
            apart = (np.where(x > 0, x, c.spec.negative_slope * x) - c.value(x)) / c.scale
            total += float(np.sum(weights * apart**2)) * (high - low) / 2
    return math.sqrt(total)


def _steepest(c: Computed) -> float:
    """The largest slope at 1001 points around the place of the steepest, and there."""
    order = 2 * c.spec.n
    place = c.scale * ((order + 1) / (order - 1)) ** (1 / order)
    return float(c.slope(place * np.geomspace(0.1, 10, 1001)).max())


def _gain(of: Callable[[Computed, Floats], Floats]) -> Callable[[Computed], float]:
    def gain(c: Computed) -> float:
        u = np.arange(-40, 2.5, STEP / c.spec.n)
        half = np.exp(u)
        x = np.concatenate([half, -half])
        weights = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * np.abs(x) * STEP / c.spec.n
        return 1 / math.sqrt(float(np.sum(of(c, x) ** 2 * weights)))

    return gain


def _junction(c: Computed) -> float:
    """The one-sided difference of order 2n + 1 at 0, over its limit ``(2n + 1)! / eps``."""
    order = 2 * c.spec.n + 1
    h = c.scale * DIFFERENCE_STEP
    y = c.value(h * np.arange(order + 1, dtype=np.float64))
    signed = [(-1) ** (order - k) * math.comb(order, k) * float(y[k]) for k in range(order + 1)]
    return math.fsum(signed) / h**order * c.spec.eps / math.factorial(order)


FIGURES: Final[dict[str, Callable[[Computed], float]]] = {
    "distance": _distance,
    "steepest": _steepest,
    "gain": _gain(Computed.value),
    "gradient gain": _gain(Computed.slope),
    "junction": _junction,
}
"""Name -> what finds it."""


def computed(implementation: Any, spec: Spec) -> dict[str, float]:
    """Every figure of ``spec`` in ``implementation``, on the CPU.

    Raises:
        gem_impls.Unavailable: it cannot serve the CPU here.
        ValueError: it has no float64.
    """
    from gem_impls import Unavailable

    if (why := implementation.unavailable("cpu")) is not None:
        raise Unavailable(why)
    subject = Computed(implementation, spec)
    return {name: _rounded(find(subject)) for name, find in FIGURES.items()}


def _rounded(figure: float) -> float:
    return float(f"{figure:.{DIGITS - 1}e}")
