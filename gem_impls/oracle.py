"""What the right answer is: exact values as fractions, correct rounding, and distance in ulp.

Inputs and parameters are binary fractions and the functions are rational, so the true value, gradient
and second derivative at a finite point are :class:`fractions.Fraction` objects: nothing is approximated.

Formats are IEEE 754 binary formats described by two numbers (:data:`FORMATS`), so rounding works on
Python integers and needs no array library. An ``ulp`` is the spacing of a format's numbers at the exact
result; below the smallest normal number it is the spacing of the subnormals.

For millions of points :func:`reference` evaluates the same functions in float64 arrays; its error (at
most 8n + 8 float64 ulp, held to the exact oracle by a test) is negligible when float32 and narrower
results are judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gem_impls.errors import unknown_name
from gem_impls.spec import Spec

Exact = Fraction | float
"""A Fraction, or one of the floats inf, -inf, nan where no fraction exists."""


@dataclass(frozen=True)
class Format:
    """An IEEE 754 binary format: significand bits (the hidden one included) and smallest exponent."""

    precision: int
    min_exponent: int

    @property
    def max(self) -> Fraction:
        """Largest finite number."""
        max_exponent = 1 - self.min_exponent
        return (2 - Fraction(2) ** (1 - self.precision)) * Fraction(2) ** max_exponent

    @property
    def smallest_normal(self) -> Fraction:
        """Smallest positive normal number."""
        return Fraction(2) ** self.min_exponent

    @property
    def smallest_subnormal(self) -> Fraction:
        """Smallest positive number, and the spacing of all subnormals."""
        return Fraction(2) ** (self.min_exponent - self.precision + 1)


FORMATS: Final[MappingProxyType[str, Format]] = MappingProxyType(
    {
        "float16": Format(precision=11, min_exponent=-14),
        "bfloat16": Format(precision=8, min_exponent=-126),
        "float32": Format(precision=24, min_exponent=-126),
        "float64": Format(precision=53, min_exponent=-1022),
    }
)
"""dtype name -> format. The dtype names used everywhere in the project."""


def format_of(dtype: str) -> Format:
    """The format of a dtype name. Raises ValueError, naming the nearest, when there is none."""
    try:
        return FORMATS[dtype]
    except (KeyError, TypeError):
        raise ValueError(unknown_name("dtype", dtype, FORMATS)) from None


def value(spec: Spec, x: float) -> Exact:
    """Exact ``f(x) = s(x) * x * g(x)`` at a float (or anything with an exact integer ratio).

    ``f(+inf) = inf``; ``f(-inf)`` is 0 where negative_slope is 0 and ``negative_slope * -inf`` elsewhere;
    ``f(nan) = nan``.
    """
    if math.isnan(x):
        return math.nan
    if math.isinf(x):
        slope = 1.0 if x > 0 else spec.negative_slope
        return slope * x if slope else Fraction(0)
    exact_x = Fraction(x)
    return _side(spec, exact_x) * exact_x * _gate(spec, exact_x)


def gradient(spec: Spec, x: float) -> Exact:
    """Exact ``f'(x) = s(x) * g * (2n + 1 - 2n*g)``; ``f'(inf) = 1``, ``f'(-inf) = negative_slope``."""
    if math.isnan(x):
        return math.nan
    if math.isinf(x):
        return Fraction(1) if x > 0 else Fraction(spec.negative_slope)
    exact_x = Fraction(x)
    g = _gate(spec, exact_x)
    return _side(spec, exact_x) * g * (2 * spec.n + 1 - 2 * spec.n * g)


def second_derivative(spec: Spec, x: float) -> Exact:
    """Exact ``f''(x) = s(x) * 2n*g * (1 - g) * (2n + 1 - 4n*g) / x``; 0 at 0 and at both infinities."""
    if math.isnan(x):
        return math.nan
    if math.isinf(x) or x == 0:
        return Fraction(0)
    exact_x, n = Fraction(x), spec.n
    g = _gate(spec, exact_x)
    return _side(spec, exact_x) * 2 * n * g * (1 - g) * (2 * n + 1 - 4 * n * g) / exact_x


def _gate(spec: Spec, x: Fraction) -> Fraction:
    power = x ** (2 * spec.n)
    return power / (Fraction(spec.eps) + power)


def _side(spec: Spec, x: Fraction) -> Fraction:
    return Fraction(1) if x > 0 else Fraction(spec.negative_slope) if x < 0 else Fraction(0)


def round_to(exact: Exact, dtype: str) -> float:
    """``exact`` rounded once, to nearest, ties to even, to ``dtype``; returned as a Python float.

    Every number of the four formats is a Python float, so nothing is lost on the way out. Overflow gives
    an infinity, as IEEE 754 has it. Infinities and NaN pass through.
    """
    fmt = format_of(dtype)
    if isinstance(exact, float):
        if not math.isfinite(exact):
            return exact
        exact = Fraction(exact)
    if exact == 0:
        return 0.0
    quantum = _ulp(exact, fmt)
    rounded = round(exact / quantum) * quantum  # round() of a Fraction is exact, ties to even
    if abs(rounded) > fmt.max:
        return math.inf if exact > 0 else -math.inf
    return rounded.numerator / rounded.denominator


def ulp(exact: Exact, dtype: str) -> Fraction:
    """Spacing of the numbers of ``dtype`` at ``exact`` (of its binade; of the subnormals below them)."""
    if isinstance(exact, float):
        if not math.isfinite(exact):
            raise ValueError(f"exact must be finite to have an ulp; got {exact!r}")
        exact = Fraction(exact)
    return _ulp(exact, format_of(dtype))


def _ulp(exact: Fraction, fmt: Format) -> Fraction:
    if exact == 0:
        return fmt.smallest_subnormal
    return Fraction(2) ** (max(_exponent(abs(exact)), fmt.min_exponent) - fmt.precision + 1)


def _exponent(positive: Fraction) -> int:
    """floor(log2(positive)), exactly."""
    exponent = positive.numerator.bit_length() - positive.denominator.bit_length()
    return exponent if positive >= Fraction(2) ** exponent else exponent - 1


def ulp_distance(computed: float, exact: Exact, dtype: str) -> float:
    """``|computed - exact|`` in ulp of ``exact``; at most 0.5 exactly when correctly rounded.

    inf where one of the two is NaN and the other is not, where ``computed`` is an infinity but the
    correctly rounded result is not, the other way round, and where the distance is beyond a float; 0 where
    they agree.
    """
    rounded = round_to(exact, dtype)
    if math.isnan(computed) or math.isnan(rounded):
        return 0.0 if math.isnan(computed) and math.isnan(rounded) else math.inf
    if math.isinf(computed) or math.isinf(rounded):
        return 0.0 if computed == rounded else math.inf
    distance = abs(Fraction(computed) - Fraction(exact)) / ulp(exact, dtype)
    try:
        return distance.numerator / distance.denominator
    except OverflowError:
        return math.inf


# --- arrays -------------------------------------------------------------------------------------------


def exact_array(spec: Spec, x: NDArray[Any], what: str = "value") -> NDArray[np.object_]:
    """:func:`value` (or ``"gradient"``, ``"second_derivative"``) at each element, as an object array."""
    function = {"value": value, "gradient": gradient, "second_derivative": second_derivative}[what]
    out = np.empty(x.size, dtype=object)
    out[:] = [function(spec, v) for v in x.ravel().tolist()]
    return out.reshape(x.shape)


def ulp_errors(computed: NDArray[Any], exact: NDArray[np.object_], dtype: str) -> NDArray[np.float64]:
    """:func:`ulp_distance`, element by element, of computed numbers (held exactly in any float dtype)."""
    pairs = zip(computed.ravel().tolist(), exact.ravel().tolist(), strict=True)
    return np.array([ulp_distance(c, e, dtype) for c, e in pairs]).reshape(computed.shape)


def reference(spec: Spec, x: NDArray[Any], what: str = "value") -> NDArray[np.float64]:
    """``"value"`` or ``"gradient"`` in float64: within 8n + 8 ulp, no spurious overflow.

    A reference for float32 and narrower. ``x`` may have any float dtype. NaN and infinities as in
    :func:`value` and :func:`gradient`.
    """
    with np.errstate(all="ignore"):  # a signalling NaN warns when it is widened
        x64 = np.asarray(x, dtype=np.float64)
        # alpha = eps^(1/2n), less an exact power of two: a root of a number far from 1 would be inexact.
        shift = round(math.log2(spec.eps) / (2 * spec.n))
        alpha = math.ldexp(spec.eps, -2 * spec.n * shift) ** (1 / (2 * spec.n))
        t = np.ldexp(np.abs(x64), -shift)
        small = t <= alpha
        # Of x / alpha and alpha / x, raise the one below 1: no overflow, and no cancellation in 1 - g.
        ratio = np.where(small, t, alpha) / np.where(small, alpha, t)
        power = _power(ratio, 2 * spec.n)
        g = np.where(small, power, 1.0) / (1 + power)
        g = np.where(np.isnan(x64), np.nan, g)
        side = np.where(x64 < 0, spec.negative_slope, 1.0)
        if what == "gradient":
            result = side * g * (1 + 2 * spec.n * np.where(small, 1.0, power) / (1 + power))
        elif what == "value":
            sided = np.where(x64 < 0, spec.negative_slope * x64, x64)
            sided = np.where((x64 < 0) & (spec.negative_slope == 0), 0.0, sided)
            result = sided * g
        else:
            raise ValueError(f"what must be 'value' or 'gradient'; got {what!r}")
    return np.asarray(np.where(np.isnan(x64), np.nan, result))


def _power(base: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result = result * base
        base, exponent = base * base, exponent >> 1
    return result


def reference_ulp_errors(
    computed: NDArray[Any], reference: NDArray[np.float64], dtype: str
) -> NDArray[np.float64]:
    """As :func:`ulp_errors`, in float64 arrays, against :func:`reference`; for float32 and narrower only.

    Raises:
        ValueError: ``dtype`` is float64, which a float64 reference cannot judge.
    """
    fmt = format_of(dtype)
    if dtype == "float64":
        raise ValueError("dtype must be narrower than float64; judge float64 with ulp_errors and exact_array")
    got = np.asarray(computed, dtype=np.float64)
    overflow = math.ldexp(2 - 2.0**-fmt.precision, 1 - fmt.min_exponent)  # half an ulp above the largest
    with np.errstate(all="ignore"):
        overflowed = np.abs(reference) >= overflow
        _, exponent = np.frexp(np.where(np.isfinite(reference), reference, 0.0))
        exponent = np.maximum(exponent - 1, fmt.min_exponent)
        errors = np.ldexp(np.abs(got - reference), fmt.precision - 1 - exponent)
    both_nan = np.isnan(got) & np.isnan(reference)
    same_infinity = np.isinf(got) & overflowed & (np.sign(got) == np.sign(reference))
    bad = (np.isnan(got) != np.isnan(reference)) | (np.isinf(got) != overflowed)
    return np.asarray(np.select([both_nan | same_infinity, bad], [0.0, np.inf], errors))
