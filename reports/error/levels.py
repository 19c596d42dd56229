"""Errors in classes: the levels of the heat maps, and what each of them means."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

from gem_impls.oracle import FORMATS
from reports.error.records import Map


@dataclass(frozen=True)
class Level:
    """Errors up to a limit; ``tick`` is written below the limit in a figure's scale."""

    tick: str
    meaning: str


LEVELS: tuple[Level, ...] = (
    Level("0.5", "correctly rounded"),
    Level("0.51", "at most 0.51 ulp"),
    Level("1", "at most 1 ulp"),
    Level("2", "at most 2 ulp"),
    Level("bound", "within 2n + 2 ulp (value) or 2n + 3 (gradient)"),
    Level("half", "beyond that, with half of the bits right"),
    Level("∞", "fewer than half of the bits right"),
    Level("", "NaN or infinity"),
)
"""From exact to useless, as the colours --h0 … --h7 of the style sheet."""

BEYOND_BOUND = 5
"""The first level beyond what plain arithmetic promises."""

GOOD_AS_HALF = 0.5 * (1 + 1e-9)
"""An error of half an ulp, computed in floating point."""


def bound(what: str, n: int | None, dtype: str) -> float:
    """What plain arithmetic keeps: 2n + 2 and 2n + 3 ulp; 4n + 12 for second derivatives. Peers: as n = 1."""
    order = n or 1
    half = half_of_the_bits(dtype)
    promised = {"value": 2 * order + 2, "gradient": 2 * order + 3, "second_derivative": 4 * order + 12}[what]
    return min(float(promised), half)


def half_of_the_bits(dtype: str) -> float:
    """The error in ulp up to which half of the significand's bits are right."""
    return float(2 ** (FORMATS[dtype].precision // 2))


def limits(what: str, n: int | None, dtype: str) -> tuple[float, ...]:
    """The upper limit of each level, ascending."""
    rows = (GOOD_AS_HALF, 0.51, 1.0, 2.0, bound(what, n, dtype), half_of_the_bits(dtype))
    return (*rows, math.nextafter(math.inf, 0), math.inf)


def level(error: float, within: tuple[float, ...]) -> int:
    """The index in :data:`LEVELS`, by the :func:`limits` ``within``."""
    return bisect.bisect_left(within, error)


def limits_of(m: Map) -> tuple[float, ...]:
    """The limits for a map."""
    return limits(m.what, m.function.n, m.dtype)
