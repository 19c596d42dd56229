"""What is counted of one half-line of results, block by block; blocks merge in ascending order of |x|.

Everything here adds up, so a sweep can be cut anywhere: into blocks for threads, into chunks for memory, in
two by an interruption. Sums are added in the order of the blocks, so figures come out the same, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.error.points import BITS, Patterns, binade_of, infinity, numbers, pattern_of
from benchmarks.error.rounding import Floats, Truth
from gem_impls.oracle import format_of

COUNTED: Final = (
    "beyond",
    "nonfinite",
    "wrong_sign",
    "not_monotone",
    "above_identity",
    "above_steepest",
)
"""Faults that are counted, each with the first input that shows it."""

CURVE_BINADES: Final = 6
"""A curve of errors covers so many binades on each side of the junction."""

BINADE_STEP: Final = {"float16": 1, "bfloat16": 1, "float32": 1, "float64": 8}
"""dtype -> binades that share one entry of a map."""


@dataclass(frozen=True)
class Point:
    """One input and what came of it."""

    x: float
    got: float
    rounded: float
    ulp: float

    def as_dict(self) -> dict[str, Any]:
        """As the record has it: exact numbers in hexadecimal."""
        return {
            "x": self.x.hex(),
            "got": self.got.hex(),
            "rounded": self.rounded.hex(),
            "ulp": self.ulp if math.isfinite(self.ulp) else "inf",
        }

    @staticmethod
    def of(stored: dict[str, Any]) -> Point:
        """The inverse of :meth:`as_dict`."""
        got = {name: float.fromhex(stored[name]) for name in ("x", "got", "rounded")}
        return Point(**got, ulp=float(stored["ulp"]))


@dataclass(frozen=True)
class Rules:
    """What is asked of the results on one half-line.

    Attributes:
        dtype: of the results.
        negative: whether this is the half-line x < 0.
        odd: whether results change sign with x there (values do, gradients do not).
        bound: permitted error in ulp, or None.
        domain: smallest and largest ``|x|`` that are judged.
        floor: smallest ``|rounded|`` that is judged.
        sign: of all exact results; 0 where they are 0 or have no single sign.
        monotone: 1 or -1 where results rise or fall with ``|x|``, before ``odd`` is applied; else 0.
        below_identity: whether f(x) <= x is to hold.
        largest: the largest result permitted (in size), or None.
        junction: where the walk to the limits of what is right starts.
        curve: whether errors around the junction are kept in fine bins.
    """

    dtype: str
    negative: bool
    odd: bool
    bound: float | None
    domain: tuple[float, float]
    floor: float
    sign: int
    monotone: int
    below_identity: bool
    largest: float | None
    junction: float
    curve: bool

    @property
    def right(self) -> float:
        """Errors up to this many ulp leave half of the significand right."""
        return 2.0 ** (format_of(self.dtype).precision // 2)

    def binade_edges(self) -> NDArray[np.int64]:
        """Patterns at which the entries of a map begin."""
        bits, step = BITS[self.dtype], BINADE_STEP[self.dtype]
        edges = [0, *(1 << k for k in range(1, bits.fraction + 1))]
        edges += range(2 << bits.fraction, infinity(self.dtype), 1 << bits.fraction)
        return np.array(edges[::step], np.int64)

    def curve_edges(self) -> NDArray[np.int64]:
        """Patterns at which the bins of a curve begin, and where the last one ends."""
        fraction = BITS[self.dtype].fraction
        step = 1 << (fraction - 5)
        centre = pattern_of(self.junction, self.dtype) // step * step
        reach = CURVE_BINADES << fraction
        low, high = max(centre - reach, 0), min(centre + reach, infinity(self.dtype))
        return np.arange(low, high + 1, step, dtype=np.int64)


@dataclass
class Tally:
    """The counts of one half-line; see :data:`COUNTED` and :meth:`as_dict`."""

    inputs: int = 0
    correct: int = 0
    judged: int = 0
    sum_ulp: float = 0.0
    worst: Point | None = None
    worst_anywhere: Point | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    first: dict[str, Point] = field(default_factory=dict)
    wrong_below: float = -1.0
    wrong_above: float = math.inf
    binades: dict[int, float] = field(default_factory=dict)
    curve: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    last: float | None = None

    def merge(self, later: Tally) -> None:
        """Add what was counted at larger magnitudes."""
        self.inputs += later.inputs
        self.correct += later.correct
        self.judged += later.judged
        self.sum_ulp += later.sum_ulp
        self.worst = worse(self.worst, later.worst)
        self.worst_anywhere = worse(self.worst_anywhere, later.worst_anywhere)
        for name, count in later.counts.items():
            self.counts[name] += count
        self.first = {**later.first, **self.first}
        self.wrong_below = max(self.wrong_below, later.wrong_below)
        self.wrong_above = min(self.wrong_above, later.wrong_above)
        for key, error in later.binades.items():
            self.binades[key] = max(self.binades.get(key, 0.0), error)
        for key, (count, largest, total) in later.curve.items():
            here = self.curve.get(key, (0, 0.0, 0.0))
            self.curve[key] = (here[0] + count, max(here[1], largest), here[2] + total)
        self.last = later.last if later.last is not None else self.last

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON from which :meth:`of` makes an equal tally: what a checkpoint keeps."""
        plain = dict(vars(self))
        for name in ("worst", "worst_anywhere"):
            point = plain[name]
            plain[name] = point and point.as_dict()
        plain["first"] = {name: point.as_dict() for name, point in self.first.items()}
        plain["wrong_above"] = repr(self.wrong_above)
        plain["sum_ulp"] = repr(self.sum_ulp)
        plain["binades"] = [[key, repr(error)] for key, error in self.binades.items()]
        plain["curve"] = [[key, c, repr(m), repr(s)] for key, (c, m, s) in self.curve.items()]
        plain["last"] = None if self.last is None else self.last.hex()
        return plain

    @staticmethod
    def of(stored: dict[str, Any]) -> Tally:
        """The inverse of :meth:`as_dict`."""
        plain = dict(stored)
        for name in ("worst", "worst_anywhere"):
            plain[name] = plain[name] and Point.of(plain[name])
        plain["first"] = {name: Point.of(point) for name, point in plain["first"].items()}
        plain["wrong_above"] = float(plain["wrong_above"])
        plain["sum_ulp"] = float(plain["sum_ulp"])
        plain["binades"] = {key: float(error) for key, error in plain["binades"]}
        plain["curve"] = {key: (c, float(m), float(s)) for key, c, m, s in plain["curve"]}
        plain["last"] = None if plain["last"] is None else float.fromhex(plain["last"])
        return Tally(**plain)


def worse(a: Point | None, b: Point | None) -> Point | None:
    """The one with the larger error; the first of equals."""
    if a is None or b is None:
        return a or b
    return b if b.ulp > a.ulp else a


def count(
    rules: Rules, patterns: Patterns, computed: Floats, truth: Truth, previous: float | None = None
) -> Tally:
    """The tally of one block.

    Args:
        rules: what is asked.
        patterns: magnitudes, ascending.
        computed: the results, with the sign of x taken off where ``rules.odd``.
        truth: the true results, likewise.
        previous: the result at the magnitude before the first, where there is one.
    """
    magnitudes = numbers(patterns, rules.dtype).astype(np.float64)
    errors = truth.errors(computed)
    tally = Tally(inputs=errors.size, correct=int(np.count_nonzero(computed == truth.rounded)))
    tally.last = float(computed[-1])

    def point(index: int) -> Point:
        flip = -1.0 if rules.negative and rules.odd else 1.0
        x = -magnitudes[index] if rules.negative else magnitudes[index]
        return Point(
            float(x), flip * float(computed[index]), flip * float(truth.rounded[index]), float(errors[index])
        )

    def counted(name: str, faults: NDArray[np.bool_]) -> None:
        tally.counts[name] = found = int(np.count_nonzero(faults))
        if found:
            tally.first[name] = point(int(np.argmax(faults)))

    tally.worst_anywhere = point(int(np.argmax(errors)))
    largest_error = tally.worst_anywhere.ulp
    judged = _judged(rules, magnitudes, truth)
    if judged is None:
        tally.judged, tally.worst, among = errors.size, tally.worst_anywhere, errors
    else:
        tally.judged = int(np.count_nonzero(judged))
        among = np.where(judged, errors, 0.0)
        tally.worst = point(int(np.argmax(among))) if tally.judged else None
    tally.sum_ulp = float(among.sum())
    if rules.bound is not None and largest_error > rules.bound:
        counted("beyond", among > rules.bound)

    if not math.isfinite(largest_error):
        counted("nonfinite", ~np.isfinite(computed) & np.isinf(errors))
    if rules.sign:
        counted("wrong_sign", computed < 0 if rules.sign > 0 else computed > 0)
    if rules.monotone:
        before = np.concatenate([[computed[0] if previous is None else previous], computed[:-1]])
        counted("not_monotone", computed < before if rules.monotone > 0 else computed > before)
    if rules.below_identity:
        counted("above_identity", computed > magnitudes)
    if rules.largest is not None:
        counted("above_steepest", np.abs(computed) > rules.largest)
    if largest_error > rules.right:
        wrong = magnitudes[~(errors <= rules.right)]
        below = wrong[wrong <= rules.junction]
        above = wrong[wrong >= rules.junction]
        tally.wrong_below = float(below[-1]) if below.size else -1.0
        tally.wrong_above = float(above[0]) if above.size else math.inf
    _fill_bins(tally, rules, patterns, errors)
    return tally


def _fill_bins(tally: Tally, rules: Rules, patterns: Patterns, errors: Floats) -> None:
    keys, _, largest, _ = _grouped(rules.binade_edges(), patterns, errors)
    tally.binades = dict(zip(keys, largest, strict=True))
    if rules.curve:
        edges = rules.curve_edges()
        keys, sizes, largest, sums = _grouped(edges[:-1], patterns, errors, end=int(edges[-1]))
        tally.curve = {k: (c, m, s) for k, c, m, s in zip(keys, sizes, largest, sums, strict=True)}


def _judged(rules: Rules, magnitudes: Floats, truth: Truth) -> NDArray[np.bool_] | None:
    """Which results the bound applies to; None for all."""
    low, high = rules.domain
    inside = None
    if magnitudes[0] < low or magnitudes[-1] > high:
        inside = (magnitudes >= low) & (magnitudes <= high)
    if rules.floor:
        large = np.abs(truth.rounded) >= rules.floor
        if not large.all():
            inside = large if inside is None else inside & large
    return inside


def _grouped(
    edges: NDArray[np.int64], patterns: Patterns, errors: Floats, end: int | None = None
) -> tuple[list[int], list[int], list[float], list[float]]:
    """Key, size, largest error and sum of errors of each group of patterns that begins at an edge.

    A group's key is the edge itself. Patterns before the first edge, and from ``end`` on, are in none.
    """
    low = int(np.searchsorted(edges, int(patterns[0]), side="right")) - 1
    high = int(np.searchsorted(edges, int(patterns[-1]), side="right"))
    edges = edges[max(low, 0) : high]
    starts = np.searchsorted(patterns, edges.astype(patterns.dtype))
    stop = len(patterns) if end is None else int(np.searchsorted(patterns, patterns.dtype.type(end)))
    stops = np.append(starts[1:], stop).clip(max=stop)
    kept = starts < stops
    edges, starts, stops = edges[kept], starts[kept], stops[kept]
    if not edges.size:
        return [], [], [], []
    within = errors[: int(stops[-1])]
    largest, sums = np.maximum.reduceat(within, starts), np.add.reduceat(within, starts)
    return edges.tolist(), (stops - starts).tolist(), largest.tolist(), sums.tolist()


def binade_row(rules: Rules, tally: Tally) -> dict[str, Any]:
    """The map's row for the record: the largest error of each group of binades, ascending."""
    edges = rules.binade_edges().tolist()
    found = [tally.binades.get(edge) for edge in edges]
    return {
        "first": binade_of(edges[0], rules.dtype),
        "step": BINADE_STEP[rules.dtype],
        "max_ulp": [brief(error) for error in found],
    }


def curve_row(rules: Rules, tally: Tally) -> dict[str, Any]:
    """The errors around the junction for the record; bins without inputs are left out."""
    keys = sorted(tally.curve)
    starts = numbers(np.array(keys, BITS[rules.dtype].unsigned), rules.dtype).astype(np.float64)
    rows = [tally.curve[key] for key in keys]
    return {
        "side": "negative" if rules.negative else "positive",
        "x": [float(f"{x:.6g}") for x in starts],
        "max_ulp": [brief(largest) for _, largest, _ in rows],
        "mean_ulp": [brief(total / size) for size, _, total in rows],
    }


def brief(error: float | None) -> float | str | None:
    """An error to four significant digits, and at most five decimals; "inf" for an infinite one."""
    if error is None:
        return None
    return round(float(f"{error:.4g}"), 5) if math.isfinite(error) else "inf"
