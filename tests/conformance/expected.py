"""What is right at given points, worked out once and shared by all implementations."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gem_impls import Spec, oracle
from tests.conformance.inputs import Floats, points

TINY = 2.0**8
"""In smallest normals: results below are not held to a bound in ulp (float32 and float64)."""


@dataclass(frozen=True)
class Expected:
    """The exact results for inputs ``x``, ready to judge any number of computed ones.

    For float64 the exact result is ``nearest + rest``: its correctly rounded float64, and what was rounded
    away in units of its ulp, so that no fraction is needed again. For narrower dtypes ``nearest`` is
    :func:`gem_impls.oracle.reference`.
    """

    dtype: str
    x: Floats
    nearest: NDArray[np.float64]
    rest: NDArray[np.float64] | None = None
    ulp_exponent: NDArray[np.int64] | None = None

    @functools.cached_property
    def overflows(self) -> NDArray[np.bool_]:
        """Where the correctly rounded result is an infinity."""
        fmt = oracle.format_of(self.dtype)
        boundary = fmt.max + oracle.ulp(fmt.max, self.dtype) / 2
        return np.isinf(self.nearest) if self.dtype == "float64" else abs(self.nearest) >= float(boundary)

    @functools.cached_property
    def tiny(self) -> NDArray[np.bool_]:
        return np.abs(self.nearest) < self.tiny_bound

    @property
    def tiny_bound(self) -> float:
        return TINY * float(oracle.format_of(self.dtype).smallest_normal)

    def ulp_errors(self, computed: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance to the exact result in ulp; inf where only one of the two is NaN or infinite.

        Where the exact result of a narrow dtype lies beyond the largest number, but still rounds to it, a
        computed infinity stands for the number one ulp further: rounding twice costs there what it costs
        elsewhere.
        """
        computed = computed.astype(np.float64)
        if self.rest is None or self.ulp_exponent is None:
            fmt = oracle.format_of(self.dtype)
            beyond = np.copysign(float(fmt.max + oracle.ulp(fmt.max, self.dtype)), computed)
            early = np.isinf(computed) & (np.abs(self.nearest) > float(fmt.max)) & ~self.overflows
            computed = np.where(early, beyond, computed)
            return oracle.reference_ulp_errors(computed, self.nearest, self.dtype)
        with np.errstate(all="ignore"):
            # The difference is exact where it matters: numbers within a factor of two of each other.
            apart = np.ldexp(computed - self.nearest, -self.ulp_exponent)
            errors = np.abs(apart - self.rest)
        agree = (np.isnan(computed) & np.isnan(self.nearest)) | (
            np.isinf(self.nearest) & (computed == self.nearest)
        )
        return np.where(agree, 0.0, np.where(np.isnan(errors), np.inf, errors))


def judge(spec: Spec, dtype: str, x: Floats, what: str) -> Expected:
    """What is right for ``spec`` at ``x``."""
    if dtype != "float64":
        return Expected(dtype, x, oracle.reference(spec, x, what))
    exact = oracle.exact_array(spec, x, what).ravel()
    nearest = np.array([oracle.round_to(e, dtype) for e in exact])
    rest, exponent = np.zeros(exact.size), np.zeros(exact.size, dtype=np.int64)
    for i, (e, r) in enumerate(zip(exact, nearest.tolist(), strict=True)):
        if isinstance(e, Fraction) and np.isfinite(r):
            unit = oracle.ulp(e, dtype)
            left = (e - Fraction(r)) / unit
            rest[i] = left.numerator / left.denominator
            exponent[i] = unit.numerator.bit_length() - unit.denominator.bit_length()  # unit is 2^k
    return Expected(dtype, x, nearest.reshape(x.shape), rest.reshape(x.shape), exponent.reshape(x.shape))


@functools.lru_cache(maxsize=128)
def at_points(spec: Spec, dtype: str, what: str) -> Expected:
    """What is right at :func:`tests.conformance.inputs.points`."""
    return judge(spec, dtype, points(spec, dtype), what)
