"""The function and its derivatives in mpmath, at any precision: written from the definition, for x > 0.

Below 0 everything is ``negative_slope`` times the mirror image: ``f(x) = -negative_slope * f(-x)``. The tests
hold these to the exact fractions of :mod:`gem_impls.oracle`. What would cancel is written without cancelling:
the distance to x is ``x * (1 - g)``, and ``1 - g`` is ``eps / (eps + x^(2n))``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from benchmarks.shape.needs import mpmath
from gem_impls import Spec

Number = Any
"""An mpf of the context at hand."""

DIGITS: Final = 40
"""Decimal digits of all arithmetic: the place of a maximum is found to half of them, 20; a figure and its
closed form then agree to far more than the 16 that are kept."""


@dataclass(frozen=True)
class Exact:
    """One function of the family, its positive half.

    Attributes:
        spec: which.
        mp: the mpmath context; its precision is the caller's to set.
    """

    spec: Spec
    mp: Any

    @cached_property
    def n(self) -> int:
        """The order of the gate."""
        return self.spec.n

    @cached_property
    def eps(self) -> Number:
        """The scale of the gate: the float64, exactly."""
        return self.mp.mpf(self.spec.eps)

    @cached_property
    def negative_slope(self) -> Number:
        """The factor of the negative half: the float64, exactly."""
        return self.mp.mpf(self.spec.negative_slope)

    @cached_property
    def scale(self) -> Number:
        """``eps^(1/2n)``, where the gate is one half: the natural unit of x."""
        return self.mp.root(self.eps, 2 * self.n)

    def gate(self, x: Number) -> Number:
        """``g(x) = x^(2n) / (eps + x^(2n))``."""
        power = x ** (2 * self.n)
        return power / (self.eps + power)

    def distance(self, x: Number) -> Number:
        """``x - f(x) = x * (1 - g(x))``: to ReLU."""
        return x * self.eps / (self.eps + x ** (2 * self.n))

    def value(self, x: Number) -> Number:
        """``f(x) = x * g(x)``."""
        return x * self.gate(x)

    def slope(self, x: Number) -> Number:
        """``f'(x) = g * (2n + 1 - 2n*g)``."""
        g = self.gate(x)
        return g * (2 * self.n + 1 - 2 * self.n * g)

    def curvature(self, x: Number) -> Number:
        """``f''(x) = 2n*g * (1 - g) * (2n + 1 - 4n*g) / x``; 0 at 0."""
        if not x:
            return self.mp.mpf(0)
        g, n = self.gate(x), self.n
        return 2 * n * g * (1 - g) * (2 * n + 1 - 4 * n * g) / x

    def everywhere(self, x: Number) -> Number:
        """``f(x)`` for x of either sign."""
        return self.value(x) if x >= 0 else -self.negative_slope * self.value(-x)


def exact(spec: Spec, digits: int = DIGITS) -> Exact:
    """The function in a context of its own: nobody else's precision is changed."""
    mp = mpmath().MPContext()
    mp.dps = digits
    return Exact(spec, mp)
