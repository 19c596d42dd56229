"""The study of shape as a row."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, Final

from benchmarks.shape import closed
from benchmarks.shape.entries import L1, QUANTITIES, Curve, Failure, Junction, Moments, Quantity
from benchmarks.shape.moments import variance
from benchmarks.study import Study

SIDES: Final = ("right", "left")


def check(entry: Any) -> None:
    """What the types of the fields do not say.

    Raises:
        ValueError: the entry cannot be.
    """
    if isinstance(entry, (Quantity, Junction, Curve)) and not (entry.n >= 1 and entry.eps > 0):
        raise ValueError(f"n must be at least 1 and eps above 0; got {entry.n} and {entry.eps}")
    for cls, more in CHECKS.items():
        if isinstance(entry, cls):
            more(entry)


def _quantity(q: Quantity) -> None:
    if q.name not in QUANTITIES:
        raise ValueError(f"name must be one of {', '.join(QUANTITIES)}; got {q.name!r}")
    diverges = q.name == L1 and closed.diverges(q.n, 1)
    if (q.reach is not None) is not diverges or (q.reach is not None and q.reach <= 0):
        raise ValueError(f"reach must be above 0 for {L1} with n = 1, and null for all else; got {q.reach}")


def _junction(j: Junction) -> None:
    if j.side not in SIDES:
        raise ValueError(f"side must be one of {', '.join(SIDES)}; got {j.side!r}")
    if not len(j.differences) == len(j.closed) == 2 * j.n + 2:
        raise ValueError(f"differences and closed must have the orders 0 to {2 * j.n + 1}")
    if not math.isclose(j.scale, j.eps ** (1 / (2 * j.n)), rel_tol=1e-9):
        raise ValueError(f"scale must be eps^(1/2n); got {j.scale}")


def _moments(m: Moments) -> None:
    if m.std <= 0 or m.slope_second <= 0:
        raise ValueError("std and slope_second must be above 0")
    if not variance(m) > 0:
        raise ValueError("second must be above the square of mean: the difference is a variance")


def _curve(c: Curve) -> None:
    if not len(c.x) == len(c.value) == len(c.slope) == len(c.curvature) >= 2:
        raise ValueError("x, value, slope and curvature must have equally many points, at least two")
    if not all(left < right for left, right in itertools.pairwise(c.x)):
        raise ValueError("x must rise from point to point")


CHECKS: Final[dict[type, Callable[[Any], None]]] = {
    Quantity: _quantity,
    Junction: _junction,
    Moments: _moments,
    Curve: _curve,
}
"""Class of an entry -> what else is asked of it."""


STUDY: Final = Study(
    name="shape",
    kinds={
        "quantities": Quantity,
        "junctions": Junction,
        "moments": Moments,
        "curves": Curve,
        "failures": Failure,
    },
    summary="how far from ReLU, how smooth, how steep, and how to initialise",
    folders=("shape", "study", "models"),
    check=check,
)
"""The study."""
