"""At which inputs errors are measured: magnitudes in ascending order, and the special inputs.

A magnitude is a bit pattern below that of infinity; the patterns of a format ascend with the numbers, so
binades, monotone sequences and ranges are slices. Both signs of every magnitude are measured.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gem_impls.oracle import format_of

Patterns = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Bits:
    """How a format lies in its bits: the unsigned integer of its width, and the width of its fraction."""

    unsigned: type[np.unsignedinteger[Any]]
    fraction: int

    @property
    def width(self) -> int:
        """Bits of one number."""
        return 8 * np.dtype(self.unsigned).itemsize


BITS: Final = {
    "float16": Bits(np.uint16, 10),
    "bfloat16": Bits(np.uint16, 7),
    "float32": Bits(np.uint32, 23),
    "float64": Bits(np.uint64, 52),
}
"""dtype name -> its bits."""

SIXTEEN_BIT: Final = ("float16", "bfloat16")
"""The dtypes whose inputs are always all measured."""


def infinity(dtype: str) -> int:
    """The bit pattern of +inf: patterns below it are finite, those above NaN."""
    bits = BITS[dtype]
    return ((1 << (bits.width - 1 - bits.fraction)) - 1) << bits.fraction


def numbers(patterns: Patterns, dtype: str) -> NDArray[Any]:
    """The numbers of bit patterns: in float64 for float64, in float32 for the narrower dtypes."""
    if dtype == "bfloat16":
        return (patterns.astype(np.uint32) << 16).view(np.float32)
    found = patterns.astype(BITS[dtype].unsigned).view(dtype)
    with np.errstate(all="ignore"):  # a signalling NaN warns when it is widened
        return found if dtype == "float64" else found.astype(np.float32)


def pattern_of(number: float, dtype: str) -> int:
    """The bit pattern of the number of ``dtype`` nearest to ``number`` >= 0; the largest finite at most."""
    top = infinity(dtype) - 1
    number = min(number, float(format_of(dtype).max))
    if dtype == "bfloat16":
        return min((int(np.float32(number).view(np.uint32)) + 0x8000) >> 16, top)
    return min(int(np.array(number, dtype).view(BITS[dtype].unsigned)), top)


def binade_of(pattern: int, dtype: str) -> int:
    """floor(log2(number)) of a magnitude's pattern; of the subnormals as well."""
    bits, fmt = BITS[dtype], format_of(dtype)
    field = pattern >> bits.fraction
    if field:
        return field + fmt.min_exponent - 1
    return max(pattern, 1).bit_length() - 1 + fmt.min_exponent - bits.fraction


def specials(dtype: str, every: bool) -> NDArray[Any]:
    """+-inf and NaNs: every one of them, or a few of either sign and kind."""
    bits, first = BITS[dtype], infinity(dtype)
    sign = 1 << (bits.width - 1)
    if every:
        positive = np.arange(first, sign, dtype=bits.unsigned)
    else:
        quiet = 1 << (bits.fraction - 1)
        positive = np.array([first, first + 1, first + quiet, first + quiet + 1, sign - 1], bits.unsigned)
    return numbers(np.concatenate([positive, positive | bits.unsigned(sign)]), dtype)


# --- which magnitudes -----------------------------------------------------------------------------------


def every(dtype: str) -> Patterns:
    """All finite magnitudes, 0 included, of a 16-bit dtype."""
    return np.arange(infinity(dtype), dtype=BITS[dtype].unsigned)


@functools.lru_cache(maxsize=4)
def stratified(dtype: str, count: int, marks: tuple[float, ...]) -> Patterns:
    """About ``count`` different magnitudes: some of every binade, and dense where something happens.

    Args:
        dtype: float32 or float64.
        count: how many; the result may have a few per cent less, as duplicates are dropped.
        marks: magnitudes of interest. The first is the junction.

    Seven tenths are spread evenly over all binades (over patterns within one, and over the subnormal
    binades too), two tenths lie within six binades of the junction, and one tenth are runs of consecutive
    numbers around the marks, 0, the smallest normal and the largest number. The same in every run.
    """
    marks = tuple(m for m in marks if 0 < m <= float(format_of(dtype).max))
    rng = np.random.default_rng(zlib.crc32(repr((dtype, count, marks)).encode()))
    bits, top = BITS[dtype], infinity(dtype)
    smallest_normal = 1 << bits.fraction

    edges = [1 << k for k in range(bits.fraction + 1)]
    edges += list(range(2 * smallest_normal, top + 1, smallest_normal))
    low, high = np.array(edges[:-1], np.int64), np.array(edges[1:], np.int64)
    each = max(1, round(0.7 * count / low.size))
    spread = low[:, None] + (rng.random((low.size, each)) * (high - low)[:, None]).astype(np.int64)

    parts = [spread.ravel()]
    if marks:
        centre = pattern_of(marks[0], dtype)
        window = max(centre - 6 * smallest_normal, 0), min(centre + 6 * smallest_normal, top)
        parts.append(rng.integers(*window, size=round(0.2 * count)))
    centres = [0, smallest_normal, top - 1, *(pattern_of(m, dtype) for m in marks)]
    reach = max(1, round(0.1 * count / len(centres) / 2))
    parts += [np.arange(c - reach, c + reach, dtype=np.int64) for c in centres]
    chosen = np.concatenate(parts)
    chosen = np.sort(chosen[(chosen >= 0) & (chosen < top)])  # np.unique takes 20 times as long
    different = np.append(True, chosen[1:] != chosen[:-1])
    found: Patterns = chosen[different].astype(bits.unsigned)
    return found


def marks(n: int, eps: float, dtype: str, landmarks: Iterable[float]) -> tuple[float, ...]:
    """Where something happens to the form or to ways of computing it; the junction first.

    After ``landmarks``: where the gate rounds to 1 (clamps sit there); where x^(2n), x^(2n+1) and the
    denominator's square overflow or fall below the smallest number; where f and f' do the latter.
    """
    fmt = format_of(dtype)
    order = 2 * n
    largest, smallest, normal = (float(q) for q in (fmt.max, fmt.smallest_subnormal, fmt.smallest_normal))
    found = [*landmarks]
    clamps = (fmt.precision, fmt.precision + 2, fmt.precision + 4)
    found += [(eps * 2.0**bits) ** (1 / order) for bits in clamps]
    found += [largest ** (1 / power) for power in (order, order + 1, 2 * order)]
    found += [small ** (1 / power) for power in (order, order + 1) for small in (smallest, normal)]
    for small in (smallest, normal):
        found += [small ** (1 / power) * eps ** (1 / power) for power in (order, order + 1)]
    return tuple(found)


def digest(patterns: Patterns) -> str:
    """A hash of which magnitudes these are."""
    return hashlib.sha256(patterns.tobytes()).hexdigest()[:16]
