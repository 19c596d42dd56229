"""Numeric methods that know nothing of closed forms: extrema, roots, norms, one-sided differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

from benchmarks.shape.exact import Exact, Number

Curve = Callable[[Number], Number]

SPAN: Final = 6
"""Features of a function of the family lie within a factor e^6 of its scale: the gate is below 1e-5 under
it and its complement above it, for every n."""

LONGEST: Final = 20
"""Length in t = log x above which a panel of an integral is cut."""

RESIDUE: Final = 20
"""Finite differences of order 2n, whose limit is 0, are 10^-20 of the scale's: see :func:`differences`."""


def maximum(f: Exact, curve: Curve, low: Number | None = None, high: Number | None = None) -> Number:
    """Where ``curve`` is largest between ``low`` and ``high``, which hold one peak of it.

    Golden section in log x: no derivative. The place is right to half the digits, the value to all of them.
    """
    mp = f.mp
    left = mp.log(f.scale) - SPAN if low is None else mp.log(low)
    right = mp.log(f.scale) + SPAN if high is None else mp.log(high)
    ratio = (mp.sqrt(5) - 1) / 2
    a, b = right - ratio * (right - left), left + ratio * (right - left)
    at_a, at_b = curve(mp.exp(a)), curve(mp.exp(b))
    while right - left > mp.mpf(10) ** (-mp.dps // 2):
        if at_a < at_b:
            left, a, at_a = a, b, at_b
            b = left + ratio * (right - left)
            at_b = curve(mp.exp(b))
        else:
            right, b, at_b = b, a, at_a
            a = right - ratio * (right - left)
            at_a = curve(mp.exp(a))
    return mp.exp((left + right) / 2)


def reaches(f: Exact, curve: Curve, level: Number) -> Number:
    """Where a rising ``curve`` is ``level``, by bisection in log x."""
    mp = f.mp
    left, right = mp.log(f.scale) - SPAN, mp.log(f.scale) + SPAN
    while right - left > mp.mpf(10) ** (5 - mp.dps):
        middle = (left + right) / 2
        left, right = (middle, right) if curve(mp.exp(middle)) < level else (left, middle)
    return mp.exp((left + right) / 2)


def norm(f: Exact, power: int, reach: float | None) -> Number:
    """The L^power norm of the difference to (Leaky)ReLU over ``|x| <= reach``, or the whole line.

    Each half by tanh-sinh quadrature in t = log(x / scale), where the integrand decays exponentially at both
    ends, or is smooth up to ``reach``, however small eps is; cut where the gate turns.
    """
    mp = f.mp
    end = mp.inf if reach is None else mp.log(reach / f.scale)
    points = panels(mp, (mp.mpf(-1), mp.mpf(0), mp.mpf(1)), end)

    def half(slope: Number) -> Number:
        def integrand(t: Number) -> Number:
            z = mp.exp(t)
            return (slope * f.distance(f.scale * z) / f.scale) ** power * z

        return mp.quad(integrand, points)  # of numbers near 1: it judges its error absolutely

    return mp.root((half(1) + half(abs(f.negative_slope))) * f.scale ** (power + 1), power)


def panels(mp: Any, marks: Iterable[Number], end: Number) -> list[Number]:
    """Where to cut an integral over t < ``end``: at the ``marks`` below it, and between distant ones."""
    inner = sorted({mark for mark in marks if mark < end})
    last = [] if end == mp.inf else [end]
    points = inner[:1]
    for left, right in itertools.pairwise([*inner, *last]):
        pieces = math.ceil((right - left) / LONGEST)
        points += [left + (right - left) * k / pieces for k in range(1, pieces + 1)]
    return [-mp.inf, *points, *([] if points and last else [end])]


def differences(f: Exact, side: int) -> tuple[Number, list[Number]]:
    """The step h, and ``Delta_h^k f(0) / h^k`` for k = 0 ... 2n + 1; h < 0 where ``side`` is -1.

    f begins as ``x^(2n+1) / eps``, so the difference of order 2n is ``C(2n + 1, 2) * (2n)! * h / eps``: the
    step makes that 10^-:data:`RESIDUE` in units of the scale. Lower orders are smaller by further powers of
    h, and the next one is right to ``h^(2n)``. Binomial coefficients times ``k^(2n+1)`` cancel to
    ``(2n + 1)!``, which costs less than 2n + 1 digits.
    """
    mp: Any = f.mp
    orders = 2 * f.n + 1
    h = side * f.scale * mp.mpf(10) ** -RESIDUE / (mp.binomial(orders, 2) * mp.factorial(2 * f.n))
    row = [f.everywhere(k * h) for k in range(orders + 1)]
    found = []
    for k in range(orders + 1):
        found.append(row[0] / h**k)
        row = [right - left for left, right in itertools.pairwise(row)]
    return h, found


def discrepancy(measured: Number, right: Number) -> Number:
    """``|measured / right - 1|``; ``|measured|`` where ``right`` is 0."""
    return abs(measured / right - 1) if right else abs(measured)
