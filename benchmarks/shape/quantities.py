"""The figures of a function's shape: a row each, with how it is found and its closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.shape import closed, numeric
from benchmarks.shape.entries import (
    CURVATURE,
    FLATTEST_NEGATIVE,
    KNEE,
    L1,
    L2,
    STEEPEST,
    STEEPEST_NEGATIVE,
    SUP,
    Junction,
    Quantity,
)
from benchmarks.shape.exact import DIGITS, Exact, Number, exact
from benchmarks.shape.numeric import discrepancy
from gem_impls import Spec

REACH: Final = 10.0
"""Size of x up to which a norm is taken that diverges on the line: ten deviations of a normalised input."""

FAR: Final = 50
"""Logarithm of how far out a limit is read off: slopes differ from their limits by e^-100 there."""


@dataclass(frozen=True)
class Found:
    """A numeric figure, and the place of an extremum."""

    value: Number
    at: Number | None = None


@dataclass(frozen=True)
class Row:
    """One quantity: how it is found numerically, its closed form, and whether a function has it.

    ``measure`` and ``closed`` get the function and the reach that :attr:`reach` gives.
    """

    name: str
    measure: Callable[[Exact, float | None], Found]
    closed: Callable[[Exact, float | None], Number]
    reach: Callable[[int], float | None] = lambda _: None
    applies: Callable[[Exact], bool] = lambda _: True


def _norm(name: str, power: int) -> Row:
    return Row(
        name,
        lambda f, reach: Found(numeric.norm(f, power, reach)),
        lambda f, reach: closed.norm(f, power, reach),
        lambda n: REACH if closed.diverges(n, power) else None,
    )


def _sup(f: Exact, _: float | None) -> Found:
    at = numeric.maximum(f, f.distance)
    return Found(max(1, abs(f.negative_slope)) * f.distance(at), at)


def _steepest(f: Exact, _: float | None) -> Found:
    at = numeric.maximum(f, f.slope)
    return Found(f.slope(at), at)


def _negative_slopes(f: Exact) -> list[Found]:
    """Slopes for x < 0 where they may be extreme: next to 0, far out, at the stationary point between."""
    mp = f.mp
    places = [f.scale * mp.exp(-FAR), f.scale * mp.exp(FAR), numeric.maximum(f, f.slope)]
    return [Found(f.negative_slope * f.slope(x), -x) for x in places]


def _least_negative(f: Exact, _: float | None) -> Found:
    return min(_negative_slopes(f), key=lambda found: found.value)


def _greatest_negative(f: Exact, _: float | None) -> Found:
    return max(_negative_slopes(f), key=lambda found: found.value)


def _curvature(f: Exact, _: float | None) -> Found:
    """The larger of the two peaks of |f''|: before the steepest place, where it rises, and after it."""
    turn = numeric.maximum(f, f.slope)

    def size(x: Number) -> Number:
        return abs(f.curvature(x))

    peaks = (numeric.maximum(f, size, high=turn), numeric.maximum(f, size, low=turn))
    return max((Found(size(at), at) for at in peaks), key=lambda found: found.value)


def _knee(f: Exact, _: float | None) -> Found:
    tenth = f.mp.mpf(1) / 10
    return Found(numeric.reaches(f, f.gate, 9 * tenth) - numeric.reaches(f, f.gate, tenth))


def _leaky(f: Exact) -> bool:
    return bool(f.negative_slope)


ROWS: Final = (
    _norm(L1, 1),
    _norm(L2, 2),
    Row(SUP, _sup, lambda f, _: closed.sup(f)),
    Row(STEEPEST, _steepest, lambda f, _: closed.steepest(f)),
    Row(FLATTEST_NEGATIVE, _least_negative, lambda f, _: closed.least_negative(f), applies=_leaky),
    Row(STEEPEST_NEGATIVE, _greatest_negative, lambda f, _: closed.greatest_negative(f), applies=_leaky),
    Row(CURVATURE, _curvature, lambda f, _: closed.curvature(f)),
    Row(KNEE, _knee, lambda f, _: closed.knee(f)),
)
"""Every quantity. A new one is a row here, a closed form, and its name in :mod:`benchmarks.shape.entries`."""


def quantities(spec: Spec) -> Iterator[Quantity]:
    """Every figure that the function has."""
    f = exact(spec)
    for row in ROWS:
        if row.applies(f):
            reach = row.reach(spec.n)
            found, right = row.measure(f, reach), row.closed(f, reach)
            yield Quantity(
                function=str(spec),
                n=spec.n,
                eps=spec.eps,
                negative_slope=spec.negative_slope,
                name=row.name,
                at=None if found.at is None else float(found.at),
                reach=reach,
                measured=float(found.value),
                closed=float(right),
                discrepancy=float(discrepancy(found.value, right)),
            )


def junctions(spec: Spec) -> Iterator[Junction]:
    """The one-sided differences from the right and from the left."""
    f = exact(spec, DIGITS + 2 * spec.n + 1)  # differences lose some
    for name, side in (("right", 1), ("left", -1)):
        step, found = numeric.differences(f, side)
        right = closed.derivatives(f, side)
        unitless = [f.scale ** (k - 1) for k in range(len(found))]
        worst = max(discrepancy(a * u, b * u) for a, b, u in zip(found, right, unitless, strict=True))
        yield Junction(
            function=str(spec),
            n=spec.n,
            eps=spec.eps,
            negative_slope=spec.negative_slope,
            side=name,
            step=float(step),
            scale=float(f.scale),
            differences=tuple(map(float, found)),
            closed=tuple(map(float, right)),
            discrepancy=float(worst),
        )
