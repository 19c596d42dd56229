"""What a record of the error laboratory is, once checked. :mod:`reports.error.load` makes these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.records import Environment, Source

WHATS = ("value", "gradient", "second_derivative")
"""What of a function is measured."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Function:
    """A function of the family with its parameters, or a peer, which has none."""

    name: str
    n: int | None
    eps: float | None
    negative_slope: float | None

    @property
    def label(self) -> str:
        """``se-gem, n = 1, ε = 0.0001, slope = 0.01``."""
        parts = [f"n = {self.n}"] if self.n is not None else []
        parts += [f"ε = {self.eps:g}"] if self.eps is not None and self.name != "gem" else []
        parts += [f"slope = {self.negative_slope:g}"] if self.negative_slope else []
        return ", ".join([self.name, *parts])


@dataclass(frozen=True)
class Point:
    """One input, what came of it, the correctly rounded result, and the distance from the exact one."""

    x: float
    got: float
    rounded: float
    ulp: float


@dataclass(frozen=True)
class Binades:
    """Largest errors by size of the input: entry i covers 2^(first + i step) <= |x| < 2^(… + step)."""

    first: int
    step: int
    max_ulp: tuple[float | None, ...]


@dataclass(frozen=True)
class Map:
    """The errors of one function in one dtype.

    *Judged* are the inputs for which the implementation promises ``bound_ulp``; *anywhere* is every finite
    one. ``right`` is the open interval of |x| around the junction with at least half of the bits right.
    """

    function: Function
    dtype: str
    what: str
    exhaustive: bool
    inputs: int
    correctly_rounded: int
    bound_ulp: float | None
    max_ulp: float | None
    mean_ulp: float | None
    max_ulp_anywhere: float | None
    worst_anywhere: Point | None
    beyond: int | None
    nonfinite: int
    first_nonfinite: Point | None
    special_wrong: int
    wrong_sign: int | None
    not_monotone: int | None
    right_positive: Interval | None
    right_negative: Interval | None
    positive: Binades
    negative: Binades | None

    @property
    def largest(self) -> float:
        """The largest error of any finite input."""
        return max(self.max_ulp or 0.0, self.max_ulp_anywhere or 0.0)


@dataclass(frozen=True)
class Curve:
    """Errors around the junction, on one side of 0; ``x`` are the starts of bins of |x|."""

    function: Function
    dtype: str
    what: str
    side: str
    x: tuple[float, ...]
    max_ulp: tuple[float | None, ...]
    mean_ulp: tuple[float | None, ...]


@dataclass(frozen=True)
class Worst:
    """A worst input with the line of shell that shows it."""

    function: Function
    dtype: str
    what: str
    point: Point
    reproducer: str


@dataclass(frozen=True)
class Product:
    """The gradient times a ``grad_output`` of extreme size."""

    function: Function
    dtype: str
    grad_output: float
    inputs: int
    max_ulp: float | None
    beyond: int
    nonfinite: int
    bound_ulp: float | None


@dataclass(frozen=True)
class Consistency:
    """Whether the same inputs give the same bits in another way of asking."""

    function: Function
    dtype: str
    what: str
    check: str
    elements: int
    different: int


@dataclass(frozen=True)
class Unmeasured:
    """What was asked for and could not be measured."""

    what: str
    reason: str


@dataclass(frozen=True)
class ErrorRecord:
    """One implementation, measured by one run of the laboratory."""

    source: Source
    implementation: str
    kind: str
    device: str
    complete: bool
    started: datetime
    environment: Environment
    sources: str | None
    within_bounds: bool | None
    complaints: tuple[str, ...]
    not_measured: tuple[Unmeasured, ...]
    maps: tuple[Map, ...]
    curves: tuple[Curve, ...]
    worst: tuple[Worst, ...]
    products: tuple[Product, ...]
    consistency: tuple[Consistency, ...]
