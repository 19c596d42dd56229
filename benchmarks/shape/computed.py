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


class Defined(Computed):
    """The function as it is defined, in NumPy, by nobody's implementation: what figures should be."""

    def value(self, x: Floats) -> Floats:
        return x * self._sided(x) * self._gate(x)

    def slope(self, x: Floats) -> Floats:
        g, n = self._gate(x), self.spec.n
        return self._sided(x) * g * (2 * n + 1 - 2 * n * g)

    def _gate(self, x: Floats) -> Floats:
        power = (x / self.scale) ** (2 * self.spec.n)
        return power / (1 + power)

    def _sided(self, x: Floats) -> Floats:
        return np.where(x < 0, self.spec.negative_slope, 1.0)


def _norm(power: int) -> Callable[[Computed], float]:
    """L^power distance to (Leaky)ReLU over ``|x| <= REACH * scale``, in units of ``scale^(1 + 1/power)``.

    Within a reach, because over the whole line L1 diverges for n = 1.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)

    def norm(c: Computed) -> float:
        total = 0.0
        for low, high in itertools.pairwise((0, 0.5, 1, 2, 4, REACH)):
            half = ((high - low) * nodes + high + low) / 2 * c.scale
            for x in (half, -half):
                total += float(np.sum(weights * np.abs(_apart(c, x)) ** power)) * (high - low) / 2
        return float(total ** (1 / power))

    return norm


def _apart(c: Computed, x: Floats) -> Floats:
    """(Leaky)ReLU minus the function, in scales."""
    straight = np.where(x > 0, x, c.spec.negative_slope * x)
    return np.asarray((straight - c.value(x)) / c.scale)


def _farthest(c: Computed) -> float:
    """The largest distance to (Leaky)ReLU, in scales: at 1001 points on either side of 0."""
    half = c.scale * np.geomspace(0.1, 10, 1001)
    return float(np.abs(_apart(c, np.concatenate([half, -half]))).max())


def _bent(c: Computed) -> float:
    """The largest curvature between neighbours of 1001 points on either side of 0, over one by the scale."""
    half = c.scale * np.geomspace(0.1, 10, 1001)
    return max(float(np.abs(np.diff(c.slope(x)) / np.diff(x)).max()) * c.scale for x in (half, -half))


def _steepest(c: Computed) -> float:
    """The largest slope at 1001 points around the place of the steepest, and there."""
    order = 2 * c.spec.n
    place = c.scale * ((order + 1) / (order - 1)) ** (1 / order)
    return float(c.slope(place * np.geomspace(0.1, 10, 1001)).max())


def _moment(c: Computed, of: Callable[[Computed, Floats], Floats], power: int) -> float:
    """The mean of a power under a standard normal input."""
    u = np.arange(-40, 2.5, STEP / c.spec.n)
    half = np.exp(u)
    x = np.concatenate([half, -half])
    weights = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * np.abs(x) * STEP / c.spec.n
    return float(np.sum(of(c, x) ** power * weights))


def _gain(of: Callable[[Computed, Floats], Floats]) -> Callable[[Computed], float]:
    return lambda c: 1 / math.sqrt(_moment(c, of, 2))


def _mean(c: Computed) -> float:
    return _moment(c, lambda c, x: c.value(x), 1)


def _variance(c: Computed) -> float:
    return _moment(c, lambda c, x: c.value(x), 2) - _mean(c) ** 2


def _junction(c: Computed) -> float:
    """The one-sided difference of order 2n + 1 at 0, over its limit ``(2n + 1)! / eps``."""
    order = 2 * c.spec.n + 1
    h = c.scale * DIFFERENCE_STEP
    y = c.value(h * np.arange(order + 1, dtype=np.float64))
    signed = [(-1) ** (order - k) * math.comb(order, k) * float(y[k]) for k in range(order + 1)]
    return math.fsum(signed) / h**order * c.spec.eps / math.factorial(order)


FIGURES: Final[dict[str, Callable[[Computed], float]]] = {
    "distance": _norm(2),
    "steepest": _steepest,
    "gain": _gain(lambda c, x: c.value(x)),
    "gradient gain": _gain(lambda c, x: c.slope(x)),
    "junction": _junction,
    "L1 distance": _norm(1),
    "largest distance": _farthest,
    "curvature": _bent,
    "mean": _mean,
    "variance": _variance,
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
    return figures_of(Computed(implementation, spec))


def figures_of(subject: Computed) -> dict[str, float]:
    """Every figure of one function."""
    return {name: _rounded(find(subject)) for name, find in FIGURES.items()}


def apart(implementation: Any, spec: Spec) -> dict[str, float]:
    """How far every figure is from that of the definition, relative to it; never below :data:`FLOOR`.

    Raises:
        gem_impls.Unavailable: as :func:`computed`.
        ValueError: likewise.
    """
    found, should = computed(implementation, spec), figures_of(Defined(None, spec))
    return {name: _error(found[name], should[name]) for name in FIGURES}


FLOOR: Final = 10.0 ** (1 - DIGITS)
"""At most one unit of the last digit that is kept: smaller errors are told as this, so as not to flicker."""


def _error(found: float, should: float) -> float:
    error = abs(found / should - 1)
    return error if error > FLOOR or math.isnan(error) else FLOOR


def _rounded(figure: float) -> float:
    return float(f"{figure:.{DIGITS - 1}e}")
