"""How to draw weights before a function of the family: the entries that ``nn.init.calculate_gain`` lacks.

With weights of mean 0 and standard deviation ``gain / sqrt(fan_in)``, a layer after the activation ``f`` has
pre-activations of variance ``gain^2 * E f(X)^2``, where ``X ~ N(0, std^2)`` are those before it. They keep
their variance for ``gain = std / sqrt(E f(X)^2)``; going backward, gradients keep theirs for
``gain = 1 / sqrt(E f'(X)^2)`` with ``fan_out`` instead of ``fan_in``. For ReLU both are sqrt(2) at every
``std``. The family is not scale invariant: its gains depend on ``std``, and the two differ.

The moments are one-dimensional integrals. With ``c = eps^(1/2n) / std`` and the normal density phi, all that
enters is the half-line integral, for h = z*g, (z*g)^2, and so on::

    integral of h(z) * phi(z) over z > 0,     g = z^(2n) / (c^(2n) + z^(2n)),     z = e^u

In u the integrand is analytic in a strip around the real line and decays at both ends, so the trapezoidal
rule converges geometrically (Trefethen and Weideman, SIAM Review 56 (2014) 385): about 600 points for n = 1
leave rounding errors alone. It is summed by logarithms, which reaches every eps and std. NumPy only.
"""

from __future__ import annotations

import functools
import math
import numbers
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gem_impls.errors import unknown_name
from gem_impls.spec import Spec, check_spec

MODES: Final = ("fan_in", "fan_out")
"""What is kept: the forward variance, with ``fan_in``; or that of gradients, with ``fan_out``."""

MOST_N: Final = 10_000
"""The number of points grows with n: two million for this one."""

LOWEST_LOG: Final = -42.0
"""Logarithm of the smallest z summed: every integrand is at most z there, against about 1 at its peak."""

BEYOND: Final = 10.0
"""How far past the last possible peak of an integrand, at z = sqrt(4n + 4), the sum goes: e^-50 of it."""


@dataclass(frozen=True)
class Moments:
    """Moments of ``f(X)`` and ``f'(X)`` for ``X ~ N(0, std^2)``; 0 or inf where beyond float64.

    Attributes:
        mean: ``E f(X)``, in units of x.
        second: ``E f(X)^2``, in units of x^2.
        slope_second: ``E f'(X)^2``, without unit.
        growth: ``d log E f(X)^2 / d log std^2`` = ``E X f(X) f'(X) / E f(X)^2``: by what factor a small
            relative deviation of the variance grows from layer to layer. 1 for ReLU, above 1 for the family.
    """

    mean: float
    second: float
    slope_second: float
    growth: float

    @property
    def variance(self) -> float:
        """``Var f(X)``."""
        return self.second - self.mean * self.mean


def calculate_gain(spec: Spec, std: float = 1.0, mode: str = "fan_in") -> float:
    """The gain of an activation, as :func:`torch.nn.init.calculate_gain` means it.

    A recipe for the layer whose input went through ``f``, in place of ``nn.init.kaiming_normal_``::

        gain = gem_impls.calculate_gain(gem_impls.Spec("gem"))
        fan_in = layer.weight[0].numel()
        torch.nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in))

    ``std = gain / sqrt(fan_in)`` keeps pre-activations of standard deviation 1 at 1. The family is not scale
    invariant: give the standard deviation that they have (1 after a normalisation layer).

    Args:
        spec: the function.
        std: standard deviation of the pre-activations, finite and > 0.
        mode: ``"fan_in"``: ``std / sqrt(E f(X)^2)``, which keeps the variance of pre-activations;
            ``"fan_out"``: ``1 / sqrt(E f'(X)^2)``, which keeps that of gradients, where weights have standard
            deviation ``gain / sqrt(fan_out)``. X ~ N(0, std^2).

    Returns:
        The gain, with a relative error below 1e-11 for n up to 100.

    Raises:
        TypeError: ``spec`` is not a Spec, or ``std`` not a real number.
        ValueError: ``std`` is not finite and > 0; another ``mode``; n > 10000; the gain is beyond float64.
    """
    integrals = _integrals_of(spec, std)
    if mode not in MODES:
        raise ValueError(unknown_name("mode", mode, MODES))
    log_second = integrals.square if mode == "fan_in" else integrals.slope_square
    log_gain = -log_second / 2 - math.log(math.hypot(1.0, spec.negative_slope))
    if log_gain > math.log(np.finfo(np.float64).max):
        raise ValueError(
            f"the gain of {spec} at std={std!r} is beyond float64 (e^{log_gain:.0f}): its output is 0 "
            "for all practical purposes; eps must be smaller or std larger"
        )
    return math.exp(log_gain)


def normal_moments(spec: Spec, std: float = 1.0) -> Moments:
    """The moments of a function of the family under ``X ~ N(0, std^2)``.

    Relative errors are below 1e-11 for n up to 100. Arguments, and what is raised, as in
    :func:`calculate_gain`.
    """
    integrals, slope = _integrals_of(spec, std), spec.negative_slope
    both_sides = 1 + slope * slope
    return Moments(
        mean=std * (1 - slope) * _exp(integrals.first),
        second=std * std * both_sides * _exp(integrals.square),
        slope_second=both_sides * _exp(integrals.slope_square),
        growth=1 + 2 * spec.n * math.exp(integrals.open_square - integrals.square),
    )


# --- the integrals ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Logs:
    """Logarithms of half-line integrals for std = 1: of z*g, (z*g)^2, (z*g)^2 * (1 - g) and f'^2."""

    first: float
    square: float
    open_square: float
    slope_square: float


def _integrals_of(spec: Spec, std: Any) -> _Logs:
    check_spec(spec)
    if isinstance(std, bool) or not isinstance(std, numbers.Real):
        raise TypeError(f"std must be a finite real number > 0; got {std!r} ({type(std).__name__})")
    width = float(std)
    if not 0 < width < math.inf:
        raise ValueError(f"std must be finite and > 0; got {std!r}")
    if spec.n > MOST_N:
        raise ValueError(f"n must be at most {MOST_N} for its gain; got {spec.n}")
    return _integrals(spec.n, math.log(spec.eps) / (2 * spec.n) - math.log(width))


@functools.lru_cache(maxsize=1024)
def _integrals(n: int, log_c: float) -> _Logs:
    # The nearest singularity is the gate's, at a distance of pi/(2n) from the real line; for small n the
    # growth of exp(-z^2/2) off the line limits the strip to about 0.6. Both leave less than e^-43 of error.
    step = min(0.08, 0.2 / n)
    highest_log = math.log(math.sqrt(4 * n + 4) + BEYOND)
    u = step * np.arange(math.floor(LOWEST_LOG / step), math.ceil(highest_log / step))
    normal = u - np.exp(2 * u) / 2 + math.log(step / math.sqrt(2 * math.pi))  # phi(z) dz
    log_ratio = 2 * n * (u - log_c)
    log_gate, log_rest = -np.logaddexp(0.0, -log_ratio), -np.logaddexp(0.0, log_ratio)
    square = normal + 2 * (u + log_gate)
    slope_square = normal + 2 * (log_gate + np.log1p(2 * n * np.exp(log_rest)))
    return _Logs(
        first=_log_sum(normal + u + log_gate),
        square=_log_sum(square),
        open_square=_log_sum(square + log_rest),
        slope_square=_log_sum(slope_square),
    )


def _log_sum(logs: NDArray[np.float64]) -> float:
    """Logarithm of the sum of the numbers whose logarithms these are."""
    greatest = float(logs.max())
    return greatest + math.log(float(np.exp(logs - greatest).sum()))


def _exp(log: float) -> float:
    return math.exp(log) if log < math.log(np.finfo(np.float64).max) else math.inf
