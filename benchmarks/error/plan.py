"""What a run consists of: pieces of work, each with a name, in the order in which they are done.

How many inputs each map has is decided here: 16-bit maps have all of them, the default of each variant is
measured closely, and the rest of the grid thinly enough that a run takes a minute or two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks import peers
from benchmarks.error.grid import Function, Grid, defaults
from benchmarks.error.points import SIXTEEN_BIT, infinity
from benchmarks.error.subjects import Subject
from benchmarks.error.sweep import Job
from gem_impls import Spec
from gem_impls.oracle import format_of

POINTS: Final = 10_000_000
"""Inputs of a float32 map of a variant's default, unless asked otherwise."""

SHARE: Final = {
    ("gem", "float32"): 1.0,
    ("gem", "float64"): 0.01,
    ("peer", "float32"): 0.02,
    ("peer", "float64"): 0.0002,
    ("second_derivative", "float32"): 0.1,
    ("second_derivative", "float64"): 0.005,
}
"""(kind, dtype) -> inputs of a map, in parts of POINTS: what fractions and mpmath judge has fewer."""

THIN: Final = {"gem": 0.025, "peer": 1.0, "second_derivative": 0.1}
"""kind -> inputs of a map that is not a variant's default, in parts of those that are."""

SLACK: Final = 1.16
"""Magnitudes drawn for each one wanted: duplicates are dropped, and runs end at the ends of the format."""

SECONDS: Final = {
    ("gem", "float64"): 4e-5,
    ("peer", "float64"): 4e-4,
    ("second_derivative", "float64"): 6e-5,
}
"""(kind, dtype) -> rough seconds an input, where it is not CHEAP; for the estimate of the time left."""

CHEAP: Final = 2e-7


@dataclass(frozen=True)
class Piece:
    """One piece of work: a map, a product with an extreme grad_output, or the checks of consistency.

    Attributes:
        kind: ``"map"``, ``"product"`` or ``"consistency"``.
        job: what is measured; of a consistency piece, its function, dtype and what.
        cost: rough seconds.
    """

    kind: str
    job: Job
    cost: float

    @property
    def name(self) -> str:
        """Unique within a run."""
        return f"{self.kind} {self.job!r}"

    @property
    def label(self) -> str:
        """For the progress line."""
        return f"{self.job.function} {self.job.what} {self.job.dtype}"


def pieces(
    subject: Subject, dtypes: Sequence[str], grid: Grid, total: int = POINTS, exhaustive: bool = False
) -> Iterator[Piece]:
    """Everything that is measured of a subject, by dtype.

    Args:
        subject: who.
        dtypes: of those it has.
        grid: which functions of the family. Peers have no parameters, and take no notice.
        total: inputs of a float32 map of a variant's default.
        exhaustive: all 2^32 inputs in every float32 map of the family.
    """
    specs = grid.specs()
    functions: Sequence[Function] = tuple(peers.PEERS) if subject.kind == "peer" else specs
    close = defaults(specs)
    for dtype in dtypes:
        for function in functions:
            share = total if subject.kind == "peer" or function in close else total * THIN[subject.kind]
            curve = function in close or subject.kind == "peer"
            for what in subject.whats:
                job = _job(subject.kind, function, dtype, what, share, exhaustive, curve)
                yield Piece("map", job, _cost(subject.kind, job))
        if subject.kind != "gem":
            continue
        for spec in close:
            for grad_output in grad_outputs(dtype):
                few = total * (0.01 if dtype != "float64" else 0.0004)
                job = _job("gem", spec, dtype, "gradient", few, False, False, grad_output)
                yield Piece("product", job, _cost("gem", job))
            for what in subject.whats:
                yield Piece("consistency", Job(spec, dtype, what, "sample"), 0.2)


def grad_outputs(dtype: str) -> tuple[float, ...]:
    """Extreme sizes: the largest, its square root's neighbourhood, the smallest normal and subnormal."""
    fmt = format_of(dtype)
    largest, top = float(fmt.max), 1 - fmt.min_exponent
    odd = 1 + 2.0 ** (1 - fmt.precision)  # not a power of two
    return (
        largest,
        -largest,
        math.ldexp(odd, top // 2),
        math.ldexp(-odd, -(top // 2)),
        float(fmt.smallest_normal),
        float(fmt.smallest_subnormal),
    )


def _job(
    kind: str,
    function: Function,
    dtype: str,
    what: str,
    share: float,
    exhaustive: bool,
    curve: bool,
    grad_output: float = 1.0,
) -> Job:
    everything = dtype in SIXTEEN_BIT or (exhaustive and dtype == "float32" and kind == "gem")
    if everything:
        return Job(function, dtype, what, "all", 0, curve, grad_output)
    one_sided = isinstance(function, Spec) and function.negative_slope == 0
    inputs = share * SHARE[kind, dtype]
    # Each magnitude makes two inputs; where fractions judge, only those of a side that is not all 0 count.
    sides = 1 if one_sided and dtype == "float64" else 2
    return Job(function, dtype, what, "stratified", math.ceil(SLACK * inputs / sides), curve, grad_output)


def _cost(kind: str, job: Job) -> float:
    inputs = 2 * (infinity(job.dtype) if job.points == "all" else job.count)
    return 0.01 + inputs * SECONDS.get((kind, job.dtype), CHEAP)
