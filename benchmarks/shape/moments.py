"""Moments of a function under a normal input, integrated by mpmath, and the gains that follow from them.

Integrals are over t = log x, both signs of x at once, as are those of :mod:`benchmarks.shape.numeric`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.peers import PEERS
from benchmarks.shape.entries import Moments
from benchmarks.shape.exact import Number, exact
from benchmarks.shape.needs import mpmath
from benchmarks.shape.numeric import discrepancy, panels
from gem_impls.initialisation import normal_moments
from gem_impls.spec import Spec

DIGITS: Final = 25
"""Of the integrals: what is asked of them is 12."""

STDS: Final = (1.0, 0.125, 0.25, 0.5, 2.0, 4.0, 8.0)
"""Standard deviations of the input: a normalised one first, which is the one that is judged everywhere."""

END: Final = 15
"""Standard deviations where integrals end: the density is below 1e-48 there."""

LEAKY: Final = 0.01
"""Slope of leaky_relu below 0: torch's default."""

NAMES: Final = ("mean", "second", "slope_second", "growth")
"""The moments, in the order of :class:`~benchmarks.shape.entries.Moments`."""


@dataclass(frozen=True)
class Subject:
    """A function of either sign of x with its derivative, in an mpmath context.

    ``scale`` is where it bends, ``closed`` what the moments are known to be, by another way; empty where
    there is no other.
    """

    name: str
    mp: Any
    value: Callable[[Number], Number]
    slope: Callable[[Number], Number]
    scale: Number
    closed: Callable[[float], Mapping[str, Number]]


def family_member(spec: Spec) -> Subject:
    """A function of the family; the other way is the package's own quadrature, in float64."""
    f = exact(spec, DIGITS)

    def closed(std: float) -> dict[str, Number]:
        found = normal_moments(spec, std)
        return {name: getattr(found, name) for name in NAMES}

    def slope(x: Number) -> Number:
        return f.slope(x) if x > 0 else f.negative_slope * f.slope(-x)

    return Subject(str(spec), f.mp, f.everywhere, slope, f.scale, closed)


def peer(name: str) -> Subject:
    """A function that torch has; the other way, where there is one, is elementary."""
    mp = mpmath().MPContext()
    mp.dps = DIGITS
    row = PEERS[name]

    def closed(std: float) -> dict[str, Number]:
        slope = PIECEWISE_LINEAR.get(name)
        if slope is None:
            return {}
        half = mp.mpf(1 + mp.mpf(slope) ** 2) / 2
        mean = (1 - mp.mpf(slope)) * std / mp.sqrt(2 * mp.pi)
        return {"mean": mean, "second": half * std**2, "slope_second": half, "growth": mp.mpf(1)}

    return Subject(name, mp, lambda x: row.value(mp, x), lambda x: row.gradient(mp, x), mp.mpf(1), closed)


PIECEWISE_LINEAR: Final = {"relu": 0.0, "leaky_relu": LEAKY}
"""Peer -> its slope below 0, where that is all there is to it."""


def moments(subject: Subject, std: float) -> Moments:
    """The moments under ``X ~ N(0, std^2)``."""
    mp = subject.mp
    bend, width, end = mp.log(subject.scale), mp.log(std), mp.log(END * std)
    points = panels(mp, (bend - 1, bend, bend + 1, width), end)

    def mean_of(h: Callable[[Number], Number]) -> Number:
        def integrand(t: Number) -> Number:
            x = mp.exp(t)
            return (h(x) + h(-x)) * mp.npdf(x, 0, std) * x

        unit = abs(integrand(width)) or 1  # quad judges its error absolutely
        return unit * mp.quad(lambda t: integrand(t) / unit, points)

    second = mean_of(lambda x: subject.value(x) ** 2)
    found = {
        "mean": mean_of(subject.value),
        "second": second,
        "slope_second": mean_of(lambda x: subject.slope(x) ** 2),
        "growth": mean_of(lambda x: x * subject.value(x) * subject.slope(x)) / second,
    }
    closed = subject.closed(std)
    apart = [discrepancy(found[name], value) for name, value in closed.items()]
    return Moments(
        function=subject.name,
        std=std,
        **{name: float(value) for name, value in found.items()},
        closed={name: float(value) for name, value in closed.items()},
        discrepancy=float(max(apart)) if apart else None,
    )


# --- what follows ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gains:
    """What weights should be multiplied with, by what it keeps.

    Attributes:
        fan_in: ``std / sqrt(E f^2)``: the variance of the next pre-activations.
        centred: ``std / sqrt(Var f)``: the variance of the output itself, its mean taken away.
        fan_out: ``1 / sqrt(E f'^2)``: the variance of gradients on their way back.
    """

    fan_in: float
    centred: float
    fan_out: float


def variance(m: Moments) -> float:
    """``Var f(X)``."""
    return m.second - m.mean * m.mean


def gains(m: Moments) -> Gains:
    """The gains that these moments imply."""
    return Gains(
        fan_in=m.std / math.sqrt(m.second),
        centred=m.std / math.sqrt(variance(m)),
        fan_out=1 / math.sqrt(m.slope_second),
    )
