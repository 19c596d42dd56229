"""True results of the peers: float64 formulas where these decide, mpmath with 60 digits where they do not.

The formulas are written so that nothing cancels but the terms of a derivative, whose magnitudes are summed
beside it: the error is below :data:`SLACK` times that sum. (The largest part is the rounding of an exponent's
argument, which an exponential magnifies by up to 750 before it underflows: 2^-53 * 750 * 8 < 2^-40.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import numpy as np

from benchmarks import accuracy
from benchmarks.error.rounding import Floats, Truth, from_fractions, round_fraction, round_near
from benchmarks.peers import SOFTPLUS_THRESHOLD

SLACK: Final = 2.0**-38
Near = tuple[Floats, Floats]
"""Results, and the sums of the magnitudes of their terms."""


def _erfc(x: Floats) -> Floats:
    return np.array([math.erfc(v) for v in x.tolist()])


def _logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def _one(result: Floats) -> Near:
    return result, np.abs(result)


def _two(first: Floats, second: Floats) -> Near:
    return first + second, np.abs(first) + np.abs(second)


def _gelu_gradient(x: Floats) -> Near:
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return _two(_erfc(-x / math.sqrt(2)) / 2, x * density)


def _tanh_argument(x: Floats) -> Floats:
    """Twice the argument of the tanh, so that (1 + tanh) / 2 is the logistic function of it."""
    return 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


def _gelu_tanh_gradient(x: Floats) -> Near:
    t = _tanh_argument(x)
    slope = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    tail = _logistic(t) * _logistic(-t)
    return _two(_logistic(t), np.where(tail == 0, 0.0, x * tail * slope))


def _softplus(x: Floats) -> Floats:
    return np.where(x > SOFTPLUS_THRESHOLD, x, np.log1p(np.exp(x)))


def _mish_gradient(x: Floats) -> Near:
    u = np.log1p(np.exp(x))
    return _two(np.tanh(u), x * _logistic(x) / np.cosh(u) ** 2)


NEAR: Final[dict[tuple[str, str], Callable[[Floats], Near]]] = {
    ("relu", "value"): lambda x: _one(np.maximum(x, 0)),
    ("relu", "gradient"): lambda x: _one((x > 0).astype(np.float64)),
    ("leaky_relu", "value"): lambda x: _one(np.where(x > 0, x, 0.01 * x)),
    ("leaky_relu", "gradient"): lambda x: _one(np.where(x > 0, 1.0, 0.01)),
    ("gelu", "value"): lambda x: _one(x * _erfc(-x / math.sqrt(2)) / 2),
    ("gelu", "gradient"): _gelu_gradient,
    ("gelu_tanh", "value"): lambda x: _one(x * _logistic(_tanh_argument(x))),
    ("gelu_tanh", "gradient"): _gelu_tanh_gradient,
    ("silu", "value"): lambda x: _one(x * _logistic(x)),
    ("silu", "gradient"): lambda x: _two(_logistic(x), x * _logistic(x) * _logistic(-x)),
    ("mish", "value"): lambda x: _one(x * np.tanh(np.log1p(np.exp(x)))),
    ("mish", "gradient"): _mish_gradient,
    ("softplus", "value"): lambda x: _one(_softplus(x)),
    ("softplus", "gradient"): lambda x: _one(np.where(x > SOFTPLUS_THRESHOLD, 1.0, _logistic(x))),
}
"""(peer, what) -> its float64 formula. A peer without one is left to mpmath altogether."""

EXACT: Final = {("relu", "value"), ("relu", "gradient"), ("leaky_relu", "gradient")}
"""Whose formulas are exact in float64."""

KINKED: Final = ("relu", "leaky_relu")
"""The peers that are linear on either side of 0."""

SATURATED: Final = 1e4
"""From here on the smooth peers are x or 0, and their slopes 1 or 0, to thousands of digits; mpmath's own
functions give up on much larger arguments."""

RISING: Final = ("relu", "leaky_relu", "softplus")
"""The peers that rise everywhere."""

BELOW_IDENTITY: Final = ("relu", "leaky_relu", "gelu", "gelu_tanh", "silu", "mish")
"""The peers with f(x) <= x for x > 0."""


def exact(name: str, what: str, x: float) -> Fraction:
    """The result to 60 digits."""
    if abs(x) > SATURATED and name not in KINKED:
        return Fraction(x if x > 0 and what == "value" else int(x > 0))
    found = accuracy.peer_exact(name, x, what)
    assert isinstance(found, Fraction), "a finite input has a finite result"
    return found


def special(name: str, what: str, x: float) -> float | None:
    """The limit at an infinity; NaN at NaN. None where nothing is asked: a kinked function's slope at NaN."""
    if math.isnan(x):
        return None if name in KINKED and what == "gradient" else math.nan
    if x > 0:
        return math.inf if what == "value" else 1.0
    if name == "leaky_relu":
        return -math.inf if what == "value" else 0.01
    return 0.0


def truth(name: str, what: str, x: Floats, dtype: str) -> Truth:
    """The true results at finite numbers ``x`` of either sign that ``dtype`` has.

    Which way a result rounds is decided exactly. Within 2^-38 of a power of two its errors may be in ulp of
    the neighbouring binade.
    """
    formula = NEAR.get((name, what))
    if dtype == "float64" or formula is None:
        return _by_mpmath(name, what, x, dtype)
    with np.errstate(all="ignore"):
        near, scale = formula(x)
    slack = np.zeros(x.shape) if (name, what) in EXACT else scale * SLACK
    # Gradients lie beside 1/2 and 1 by the thousand, which would all go to mpmath for the sake of a binade.
    result, hard = round_near(near, slack, dtype, binades=False)
    if hard.size:
        decided = _by_mpmath(name, what, x[hard], dtype)
        result.rounded[hard], result.residual[hard] = decided.rounded, decided.residual
        result.exponent[hard] = decided.exponent
    return result


def _by_mpmath(name: str, what: str, x: Floats, dtype: str) -> Truth:
    triples: list[Any] = [round_fraction(exact(name, what, v), None, dtype) for v in x.tolist()]
    return from_fractions(triples, dtype)
