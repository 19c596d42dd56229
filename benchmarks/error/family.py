"""True results of the family on one half-line, correctly rounded.

A *half* is what one sign of x sees: magnitudes ``a = |x| > 0`` and the factor s that multiplies the form
there (1 for x > 0, ``negative_slope`` for x < 0)::

    value        s * a * g(a)                     (f(-a) is minus this: rounding is symmetric in sign)
    gradient     s * g(a) * (1 + 2n * h(a))       h = 1 - g
    product      grad_output * gradient

Three variants and four slopes then share their halves. For float16, bfloat16 and float32 the work is done in
float64 with a proven bound on its error, and by fractions where that does not decide; for float64 by
fractions throughout.
"""

from __future__ import annotations

import functools
import math
import os
import signal
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing import get_context
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.error.rounding import Floats, Truth, from_fractions, round_fraction, round_near, ulp_exponent
from benchmarks.lifetime import die_with_parent
from gem_impls import Spec, oracle

UNIT_ROUNDOFF: Final = 2.0**-53

LARGEST_N: Final = 64
"""Up to where the bounds below were derived (powers then stay far inside float64)."""

WORTH_PROCESSES: Final = 2000
"""Fractions from which a second process pays."""


@dataclass(frozen=True)
class Half:
    """The form ``factor * ...`` for one sign of x, and what of it is wanted.

    Attributes:
        n: order of the gate.
        eps: scale of the gate.
        factor: s, multiplying the form.
        what: ``"value"``, ``"gradient"`` or ``"second_derivative"``.
        grad_output: what the gradient is multiplied with.
    """

    n: int
    eps: float
    factor: float
    what: str
    grad_output: float = 1.0

    def exact(self, magnitude: float) -> Fraction:
        """The true result at ``a = magnitude``, from the oracle."""
        spec = Spec("se-gem", self.n, self.eps, self.factor)
        found = ORACLE[self.what](spec, -magnitude)
        assert isinstance(found, Fraction), "a finite input has a fraction"
        return found * Fraction(self.grad_output) if self.what == "gradient" else -found

    def unit(self, magnitude: float) -> Fraction | None:
        """What errors are relative to; None for the result itself.

        The second derivative is a difference, ``s * 2n*g*h/a * ((2n + 1) - 4n*g)``, and crosses zero: no
        evaluation in working precision is accurate in ulp of the result there. Its errors are in ulp of the
        sum of the two terms' magnitudes, at most 2n + 1 + 4n over 2n + 1 times the larger.
        """
        if self.what != "second_derivative":
            return None
        a, n = Fraction(magnitude), self.n
        power = a ** (2 * n)
        g = power / (Fraction(self.eps) + power)
        scale = abs(Fraction(self.factor)) * 2 * n * g * (1 - g) * (2 * n + 1 + 4 * n * g)
        return scale / a if a else None


ORACLE: Final = {
    "value": oracle.value,
    "gradient": oracle.gradient,
    "second_derivative": oracle.second_derivative,
}


def truth(half: Half, magnitudes: Floats, dtype: str) -> Truth:
    """The true results at ``magnitudes``: finite numbers >= 0 that ``dtype`` has.

    Raises:
        ValueError: n is larger than LARGEST_N.
    """
    if half.n > LARGEST_N:
        raise ValueError(f"n must be at most {LARGEST_N} to be judged; got {half.n}")
    if dtype == "float64":
        return _by_fractions(half, magnitudes, dtype)
    if half.what == "second_derivative":
        near, scale = near_second_derivative(half, magnitudes)
        own, hard = round_near(near, scale * ((8 * half.n + 24) * UNIT_ROUNDOFF), dtype, binades=False)
        exponent = ulp_exponent(scale, dtype)
        result = Truth(dtype, own.rounded, np.ldexp(own.residual, own.exponent - exponent), exponent)
    else:
        near, slack = near_float64(half, magnitudes)
        result, hard = round_near(near, slack, dtype)
    if hard.size:
        decided = _by_fractions(half, magnitudes[hard], dtype)
        result.rounded[hard], result.residual[hard] = decided.rounded, decided.residual
        result.exponent[hard] = decided.exponent
    return result


def near_float64(half: Half, magnitudes: Floats) -> tuple[Floats, Floats]:
    """``(near, slack)`` with ``|exact - near| <= slack``, for finite magnitudes of the narrow dtypes.

    Let u = 2^-53. ``t = a * 2^k`` and ``eps' = eps * 2^(2nk)`` are exact, and eps' lies in [2^-n, 2^n].
    Relative errors, to first order: p = t^(2n) has 2n - 1 products, each doubling or carrying what came
    before: (2n - 1) u. p + eps' adds u; g = p / (p + eps'): the error of p enters as (2n - 1) u (1 - g), so
    (2n + 1) u; so does h = eps' / (p + eps'). The value has two more products: (2n + 3) u. The gradient has
    ``1 + 2n*h`` with at most the error of h plus 2u, and three more products: the errors of p enter as
    (2n - 1) u in all, since those of g and h carry opposite signs; (2n + 8) u. Second-order terms are below
    (2n + 8)^2 u^2, less than u. The clamp changes g by less than 2^-60 relatively and 2n*h by less than
    2^-60. SLACK_TERMS = 2n + 16 leaves room.

    Underflow: where p is subnormal or 0, so p < 2^-1022, the exact result is below 2^(n - 1022) times
    ``a * |s| * |grad_output| < 2^384``: far below half of any narrow format's smallest number, as is the
    computed one, and the claim that round_near needs, that both round to 0, holds.
    """
    n = half.n
    with np.errstate(under="ignore"):
        p, eps = _gate_power(half, magnitudes)
        denominator = p + eps
        if half.what == "value":
            near = np.divide(p, denominator)
            near *= magnitudes * half.factor
            saturated = None
        else:
            h = np.divide(eps, denominator)
            near = np.divide(p, denominator)
            saturated = h <= 2.0**-40
            h *= 2 * n
            h += 1
            near *= h
            # For h < (2n - 1) / 2n, (1 - h) (1 + 2n*h) > 1: there the exact gradient exceeds the factor.
            np.maximum(near, 1.0, out=near, where=saturated)
            near *= half.factor
            if half.grad_output != 1:
                near *= half.grad_output
        slack = np.abs(near)
        slack *= (2 * n + 16) * UNIT_ROUNDOFF
        if saturated is not None and _is_power_of_two(half.factor) and _is_power_of_two(half.grad_output):
            # Both exceed a power of two, by less than 2^-32 of it: in its binade, and far from a midpoint.
            slack[saturated] = 0.0
    return near, slack


def near_second_derivative(half: Half, magnitudes: Floats) -> tuple[Floats, Floats]:
    """``(near, scale)``: f'' and the sum of its terms' magnitudes, with ``|exact - near|`` far below
    ``(8n + 24) u scale``; notation and underflow as in :func:`near_float64`.

    g, h, 2n and 1/a enter both terms: twice (2n + 1) u and five products; g enters the second once more.
    """
    n = half.n
    with np.errstate(under="ignore", divide="ignore", invalid="ignore"):
        p, eps = _gate_power(half, magnitudes)
        g, h = p / (p + eps), eps / (p + eps)
        common = (2 * n * half.factor) * (g / magnitudes) * h
        common[magnitudes == 0] = 0.0
        return common * ((2 * n + 1) - 4 * n * g), np.abs(common) * ((2 * n + 1) + 4 * n * g)


def _gate_power(half: Half, magnitudes: Floats) -> tuple[Floats, float]:
    """``(p, eps')``, in new memory."""
    n = half.n
    shift = round(-math.log2(half.eps) / (2 * n))
    eps = math.ldexp(half.eps, 2 * n * shift)
    # f'' tends to 0 where the gate saturates: there the clamp may bite only where f'' rounds to 0.
    gate_bits = 900 if half.what == "second_derivative" else 62 + (2 * n).bit_length()
    t = magnitudes * math.ldexp(1.0, shift)
    np.minimum(t, math.ldexp(1.0, math.ceil((math.log2(eps) + gate_bits) / (2 * n))), out=t)
    t *= t
    return (t if n == 1 else _power(t, n)), eps


def _is_power_of_two(number: float) -> bool:
    return number != 0 and abs(math.frexp(number)[0]) == 0.5


def _power(base: Floats, exponent: int) -> Floats:
    result: Floats | None = None
    while True:
        if exponent & 1:
            result = base.copy() if result is None else result * base
        exponent >>= 1
        if not exponent:
            assert result is not None, "the leading bit is a one"
            return result
        base = base * base


# --- by fractions ---------------------------------------------------------------------------------------


def _by_fractions(half: Half, magnitudes: Floats, dtype: str) -> Truth:
    numbers = magnitudes.tolist()
    if half.factor == 0:
        numbers = [0.0] * len(numbers)  # every result is 0, and so is every unit
        return from_fractions([round_fraction(Fraction(0), None, dtype)] * len(numbers), dtype)
    if len(numbers) < WORTH_PROCESSES:
        return from_fractions(_triples(half, numbers, dtype), dtype)
    cut = len(numbers) // 2
    other = _second_process().submit(_triples, half, numbers[cut:], dtype)
    own = _triples(half, numbers[:cut], dtype)
    return from_fractions(own + other.result(), dtype)


@functools.cache
def _second_process() -> ProcessPoolExecutor:
    """One process more, started once and used until the end.

    A fresh interpreter, not a fork: the libraries loaded here have threads, which do not survive one. It
    takes no notice of Ctrl-C, which is for this process to act on, and ends with it.
    """
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=(os.getpid(),))


def _begin(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)


def _triples(half: Half, magnitudes: Iterable[float], dtype: str) -> list[tuple[float, float, int]]:
    return [round_fraction(half.exact(a), half.unit(a), dtype) for a in magnitudes]


def steepest(n: int) -> Fraction:
    """The largest f': (2n + 1)^2 / (8n), where g = (2n + 1) / (4n)."""
    return Fraction((2 * n + 1) ** 2, 8 * n)


def landmarks(n: int, eps: float) -> dict[str, float]:
    """Magnitudes where something happens, as floats that may lie outside a dtype.

    ``junction`` alpha = eps^(1/2n), where g = 1/2; ``steepest`` where f' is largest; ``inflection`` where f''
    crosses zero is the same point.
    """
    alpha = 2.0 ** (math.log2(eps) / (2 * n))
    ratio = (2 * n + 1) / (2 * n - 1)
    return {"junction": alpha, "steepest": alpha * ratio ** (1 / (2 * n))}


def magnitudes_of(x: NDArray[Any]) -> Floats:
    """``|x|`` in float64."""
    return np.abs(x.astype(np.float64))
