"""Correct rounding of many results at once, decided exactly, and their distance from computed ones.

A true result is held as three arrays (:class:`Truth`), the same for every dtype and function: the correctly
rounded result, what rounding took away, and the unit both are measured in. They come from fractions, or from
float64 numbers known to be near enough; :func:`round_near` says for which of them that does not suffice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gem_impls.oracle import Format, format_of

Floats = NDArray[np.float64]

NEAR_TOP = 16
"""Where the exact result lies within so many ulp of the overflow threshold, infinity is judged as the number
that would follow the largest, not as a wrong kind of result."""


@dataclass(frozen=True)
class Truth:
    """True results of finite inputs: ``exact = rounded + residual * 2**exponent``.

    Attributes:
        dtype: the format that they are rounded to.
        rounded: correctly rounded to ``dtype``, ties to even; infinite where that overflows.
        residual: what rounding took away, in ulp: at most 1/2 in size. Where ``rounded`` is infinite it
            counts from 2^(largest exponent + 1).
        exponent: log2 of the ulp: the spacing of ``dtype`` at the exact result, of its subnormals below.
    """

    dtype: str
    rounded: Floats
    residual: Floats
    exponent: NDArray[np.int64]

    def __getitem__(self, where: slice | NDArray[np.intp]) -> Truth:
        return Truth(self.dtype, self.rounded[where], self.residual[where], self.exponent[where])

    def __len__(self) -> int:
        return self.rounded.size

    def errors(self, computed: Floats) -> Floats:
        """``|computed - exact|`` in ulp; inf where one of the two is NaN or infinite and the other is not."""
        fmt = format_of(self.dtype)
        with np.errstate(all="ignore"):
            if fmt.precision < 53:
                # 2^-exponent lies well inside float64 for the narrow formats, so it can be made of its bits.
                distance = (computed - self.rounded) * _power_of_two(-self.exponent)
            else:
                distance = np.ldexp(computed - self.rounded, -self.exponent)
            distance -= self.residual
            np.abs(distance, out=distance)
        if np.isfinite(distance).all():
            return distance
        odd = np.flatnonzero(~np.isfinite(distance))
        distance[odd] = self[odd]._odd_errors(computed[odd], fmt)
        return distance

    def _odd_errors(self, computed: Floats, fmt: Format) -> Floats:
        """Errors where the result, the truth or the difference of the two is not finite."""
        # Scaled down, so that the number after the largest is one, and differences do not overflow.
        top = 1 - fmt.min_exponent
        after_largest = math.ldexp(1.0, top + 1 - 64)
        shift = -self.exponent + 64
        overflowed = np.isinf(self.rounded)
        with np.errstate(all="ignore"):
            got = np.where(np.isinf(computed), np.copysign(after_largest, computed), np.ldexp(computed, -64))
            want = np.where(overflowed, np.copysign(after_largest, self.rounded), np.ldexp(self.rounded, -64))
            errors = np.abs(np.ldexp(got - want, shift) - self.residual)
            room = np.ldexp(after_largest - np.abs(want), shift) - np.abs(self.residual)
        wrong_kind = np.isinf(computed) & ~overflowed & (room > NEAR_TOP)
        agree = overflowed & (computed == self.rounded)
        return np.select([agree, np.isnan(computed) | wrong_kind], [0.0, np.inf], errors)


def round_near(
    near: Floats, slack: Floats, dtype: str, binades: bool = True
) -> tuple[Truth, NDArray[np.intp]]:
    """Truths from float64 numbers, and the indices where these do not decide.

    Args:
        near: numbers with ``|exact - near| < slack``.
        slack: small against an ulp of ``dtype``. 0 where ``near`` decides: it is exact, or known to lie on
            the same side of every midpoint and power of two as the exact result.
        dtype: a format narrower than float64.
        binades: whether results beside a power of two count as undecided too. They round alike on both
            sides of it, but the ulp changes there; without this, the ulp is that of ``near``.

    Returns:
        A Truth that is right everywhere but perhaps at the indices that come with it.

    Why it is right elsewhere. With ``count = near / ulp`` (exact: the ulp is a power of two, and float64 has
    the range), the exact count lies within ``slack / ulp`` of it. Rounding to nearest is constant between two
    midpoints, so unless a midpoint lies that near, the exact result rounds as ``near`` does; ties are
    midpoints, so they are never decided here. The ulp itself changes at powers of two: unless one lies that
    near, exact and ``near`` share a binade. The residual is then within ``slack / ulp`` of the exact one.
    """
    fmt = format_of(dtype)
    exponent = ulp_exponent(near, dtype)
    inverse = _power_of_two(-exponent)
    count = near * inverse
    whole = np.rint(count)  # ties to even
    residual = count - whole  # exact: both are multiples of the last bit of count, and near each other
    slack = slack * inverse
    hard = np.abs(np.abs(residual) - 0.5) < slack
    if binades:
        size = np.abs(count)
        hard |= np.abs(size - math.ldexp(1.0, fmt.precision - 1)) < slack
        hard |= math.ldexp(1.0, fmt.precision) - size < slack
    rounded = whole * _power_of_two(exponent)
    return _overflowed(Truth(dtype, rounded, residual, exponent), fmt), np.flatnonzero(hard)


def round_fraction(exact: Fraction, unit: Fraction | None, dtype: str) -> tuple[float, float, int]:
    """``(rounded, residual, exponent)`` of one exact number; see :class:`Truth`.

    The ulp is that of ``unit``, by default of ``exact`` itself. Integers only, so several times as fast as
    :func:`gem_impls.oracle.round_to`, to which tests hold it.
    """
    fmt = format_of(dtype)
    exponent = _fraction_exponent(exact, fmt)
    numerator, denominator = exact.numerator, exact.denominator
    if exponent >= 0:
        denominator <<= exponent
    else:
        numerator <<= -exponent
    whole, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole & 1):
        whole, rest = whole + 1, rest - denominator
    residual = rest / denominator  # int / int is correctly rounded
    limit = 1 - fmt.min_exponent + 1 - exponent
    if abs(whole).bit_length() > limit:
        after_largest = 1 << limit
        try:
            residual += whole - after_largest if whole > 0 else whole + after_largest
        except OverflowError:  # further than a float can say
            residual = math.inf if whole > 0 else -math.inf
        return math.inf if whole > 0 else -math.inf, residual, exponent
    rounded = math.ldexp(whole, exponent)
    if unit is None:
        return rounded, residual, exponent
    coarse = _fraction_exponent(unit, fmt)
    return rounded, math.ldexp(residual, exponent - coarse), coarse


def _fraction_exponent(exact: Fraction, fmt: Format) -> int:
    """log2 of the ulp of ``exact``."""
    numerator, denominator = abs(exact.numerator), exact.denominator
    if not numerator:
        return fmt.min_exponent - fmt.precision + 1
    exponent = numerator.bit_length() - denominator.bit_length()
    if numerator << max(-exponent, 0) < denominator << max(exponent, 0):
        exponent -= 1
    largest = 1 - fmt.min_exponent
    return min(max(exponent, fmt.min_exponent), largest) - fmt.precision + 1


def from_fractions(triples: list[tuple[float, float, int]], dtype: str) -> Truth:
    """The truth from what :func:`round_fraction` gave, one for each result."""
    columns = np.array(triples, dtype=np.float64).reshape(-1, 3).T
    return Truth(dtype, columns[0].copy(), columns[1].copy(), columns[2].astype(np.int64))


def _overflowed(truth: Truth, fmt: Format) -> Truth:
    largest = float(fmt.max)
    over = np.abs(truth.rounded) > largest
    if not over.any():
        return truth
    # The ulp stays that of the largest numbers, and the residual counts from the number after them.
    top = 1 - fmt.min_exponent
    exponent = np.where(over, top - fmt.precision + 1, truth.exponent)
    exact = np.ldexp(truth.rounded, -exponent) + np.ldexp(truth.residual, truth.exponent - exponent)
    after_largest = np.copysign(math.ldexp(1.0, fmt.precision), truth.rounded)
    residual = np.where(over, exact - after_largest, truth.residual)
    rounded = np.where(over, np.copysign(np.inf, truth.rounded), truth.rounded)
    return Truth(truth.dtype, rounded, residual, exponent)


def ulp_exponent(numbers: Floats, dtype: str) -> NDArray[np.int64]:
    """log2 of the spacing of a narrow ``dtype`` at the numbers."""
    fmt = format_of(dtype)
    found: NDArray[np.int64] = np.maximum(_exponent(numbers), fmt.min_exponent) - (fmt.precision - 1)
    return found


def _exponent(numbers: Floats) -> NDArray[np.int64]:
    """floor(log2(|number|)) from the bits; -1023 for 0 and subnormals, which no narrow format has."""
    bits: NDArray[np.int64] = numbers.view(np.int64)
    return ((bits >> 52) & 0x7FF) - 1023


def _power_of_two(exponent: NDArray[np.int64]) -> Floats:
    """2.0 ** exponent for exponents of normal float64 numbers, from the bits."""
    return ((exponent + 1023) << 52).view(np.float64)
