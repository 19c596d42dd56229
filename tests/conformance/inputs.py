"""The points at which an implementation is judged: all of them for 16 bits, a sweep of every binade else."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from gem_impls import Spec

Floats = NDArray[np.floating]

SIXTEEN_BIT = ("float16", "bfloat16")
DENSE = {"float32": 1500, "float64": 250}
"""Points in each of the regions that are looked at closely. float64 is judged in exact fractions, which cost
30 microseconds a point; so it gets fewer points of every kind."""


def points(spec: Spec, dtype: str) -> Floats:
    """Numbers of ``dtype``, in an array of a NumPy dtype that holds them exactly; read-only."""
    return every(dtype) if dtype in SIXTEEN_BIT else sweep(spec, dtype)


@functools.cache
def every(dtype: str) -> Floats:
    """All 65,536 of a 16-bit dtype: both zeros, both infinities and every NaN included."""
    bits = np.arange(2**16, dtype=np.uint16)
    if dtype == "float16":
        return _frozen(bits.view(np.float16))
    return _frozen((bits.astype(np.uint32) << 16).view(np.float32))


@functools.lru_cache(maxsize=64)
def sweep(spec: Spec, dtype: str) -> Floats:
    """Finite numbers of both signs: every binade, the subnormals, and densely what could go wrong."""
    dense = np.concatenate([_ends(dtype), _dense(spec, dtype)])
    dense = dense[np.isfinite(dense)]
    return _frozen(np.unique(np.concatenate([*_binades(dtype), dense, -dense])))


@functools.cache
def _binades(dtype: str) -> tuple[Floats, Floats]:
    """Positive and negative numbers: the ends of each binade, and random mantissas.

    Subnormal binades as well. In float64 each binade has one number of each sign, of these kinds in turn.
    """
    info = np.finfo(dtype)
    rng = np.random.default_rng(20260421)
    exponents = np.arange(info.minexp - info.nmant, info.maxexp)
    powers = np.ldexp(1.0, exponents).astype(dtype)
    up = np.nextafter(powers, info.dtype.type(np.inf))
    with np.errstate(over="ignore"):  # beyond the last binade there is infinity
        last = np.nextafter(2 * powers, info.dtype.type(0))
    inside = np.ldexp(1.0, exponents) * rng.uniform(1, 2, (13, exponents.size))
    with np.errstate(under="ignore"):  # numbers between two subnormals
        inside = np.minimum(inside, info.max).astype(dtype)
    if dtype == "float64":
        kinds = np.stack([powers, inside[0], up, inside[1], last, inside[2]])
        positive, negative = (
            kinds[(exponents + turn) % len(kinds), range(exponents.size)] for turn in (0, 3)
        )
        return positive, -negative
    positive = np.concatenate([powers, up, last, inside.ravel()])
    return positive, -positive


def _ends(dtype: str) -> Floats:
    """The smallest numbers, those around the smallest normal one, and the largest."""
    info = np.finfo(dtype)
    unsigned = np.dtype(f"u{info.dtype.itemsize}")
    normal = int(np.array(info.smallest_normal).view(unsigned))
    largest = int(np.array(info.max).view(unsigned))
    codes = [0, *range(1, 9), *range(normal - 4, normal + 5), *range(largest - 8, largest + 1)]
    return np.array(codes, dtype=unsigned).view(info.dtype)


def _dense(spec: Spec, dtype: str) -> Floats:
    """Around the scale of the gate, from there to where the gate is 1 to rounding, and at special points."""
    order, count = 2 * spec.n, DENSE[dtype]
    log2_alpha = math.log2(spec.eps) / order
    precision = np.finfo(dtype).nmant + 1
    logs = np.concatenate(
        [
            np.linspace(-3, 3, count),  # the junction: the gate goes from almost 0 to almost 1
            np.linspace(0, (precision + 16) / order, count),  # up to and beyond the clamp
            np.linspace((precision - 4) / order, (precision + 12) / order, count),  # the clamp, closer
        ]
    )
    near = 2.0 ** (log2_alpha + logs)
    special = 2.0**log2_alpha * np.array(
        [
            1.0,  # g = 1/2
            ((order + 1) / (order - 1)) ** (1 / order),  # the steepest slope
            (1 / (order - 1)) ** (1 / order),  # f' = 1, farthest from ReLU
        ]
    )
    steps = 1 + np.arange(-16, 17) * 2.0 ** (1 - precision)
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate([near, np.outer(special, steps).ravel()]).astype(dtype)


def _frozen(a: Floats) -> Floats:
    a.setflags(write=False)
    return a
