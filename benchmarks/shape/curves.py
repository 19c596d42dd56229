"""Points of f, f' and f'' near 0, each the exact fraction rounded once to float64."""

from __future__ import annotations

from typing import Final

from benchmarks.shape.entries import Curve
from gem_impls.oracle import Exact, gradient, round_to, second_derivative, value
from gem_impls.spec import Spec

X: Final = tuple(k * abs(k) / 64**2 for k in range(-32, 81))
"""From -0.25 to 1.5625, dense near 0, where small eps bend; exact in float64."""


def curve(spec: Spec) -> Curve:
    """The function and its first two derivatives at :data:`X`."""
    return Curve(
        function=str(spec),
        n=spec.n,
        eps=spec.eps,
        x=X,
        value=tuple(_rounded(value(spec, x)) for x in X),
        slope=tuple(_rounded(gradient(spec, x)) for x in X),
        curvature=tuple(_rounded(second_derivative(spec, x)) for x in X),
    )


def _rounded(exact: Exact) -> float:
    return round_to(exact, "float64")
