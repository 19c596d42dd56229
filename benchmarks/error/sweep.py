"""One map: a function of a subject, in one dtype, at many inputs, against the truth.

Chunks of inputs are evaluated by the subject in one call, the way a user would; what comes back is counted in
cache-sized blocks by a few threads (NumPy lets go of the interpreter's lock).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import accuracy
from benchmarks.error import family, peer_truth, points
from benchmarks.error.cache import Cache
from benchmarks.error.grid import Function
from benchmarks.error.points import Patterns
from benchmarks.error.rounding import Floats, Truth
from benchmarks.error.subjects import Subject
from benchmarks.error.tally import Point, Rules, Tally, count
from gem_impls import Spec, oracle
from gem_impls.interface import EVERYWHERE

CHUNK: Final = 1 << 21
"""Magnitudes evaluated in one call, each with both signs."""

BLOCK: Final = 1 << 14
"""Magnitudes counted at once: a dozen arrays of them in float64 fit in a second-level cache."""

ODD: Final = {"value": True, "gradient": False, "second_derivative": True}
"""Whether what is measured changes sign with x (for negative_slope = 1)."""


@dataclass(frozen=True)
class Job:
    """What one map measures.

    Attributes:
        function: of the family, or a peer's name.
        dtype: of inputs and results.
        what: ``"value"``, ``"gradient"`` or ``"second_derivative"``.
        points: ``"all"`` or ``"stratified"``.
        count: about how many magnitudes, where stratified.
        curve: whether errors around the junction are kept finely.
        grad_output: what gradients are multiplied with.
    """

    function: Function
    dtype: str
    what: str
    points: str
    count: int = 0
    curve: bool = False
    grad_output: float = 1.0

    @property
    def slope(self) -> float:
        """What multiplies the form for x < 0."""
        return self.function.negative_slope if isinstance(self.function, Spec) else math.nan

    def magnitudes(self) -> Patterns | range:
        """The patterns to measure, ascending; all of float32 as a range, too many for an array."""
        if self.points == "all":
            last = points.infinity(self.dtype)
            return points.every(self.dtype) if self.dtype in points.SIXTEEN_BIT else range(last)
        if not isinstance(self.function, Spec):
            return points.stratified(self.dtype, self.count, (1.0, 20.0))
        n, eps = self.function.n, self.function.eps
        marks = points.marks(n, eps, self.dtype, family.landmarks(n, eps).values())
        return points.stratified(self.dtype, self.count, marks)


@dataclass
class Sides:
    """The tallies of x >= 0 and x <= 0, and how far they have come.

    Attributes:
        done: magnitudes counted.
        wrong_specials: the inputs NaN and +-inf with a wrong result.
        specials: how many such inputs there were.
    """

    positive: Tally
    negative: Tally
    done: int = 0
    specials: int = 0
    wrong_specials: list[Point] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON: what a checkpoint keeps."""
        return {"positive": self.positive.as_dict(), "negative": self.negative.as_dict(), "done": self.done}

    @staticmethod
    def of(stored: dict[str, Any]) -> Sides:
        """The inverse of :meth:`as_dict`."""
        return Sides(Tally.of(stored["positive"]), Tally.of(stored["negative"]), int(stored["done"]))


def run(
    subject: Subject,
    job: Job,
    cache: Cache,
    threads: Executor,
    sides: Sides | None = None,
    after_chunk: Callable[[Sides, int], None] = lambda _sides, _inputs: None,
) -> Sides:
    """Measure a map, or what is left of it.

    Args:
        subject: who computes.
        job: what.
        cache: where dear truths are kept.
        threads: who counts.
        sides: where an earlier run was interrupted.
        after_chunk: called with the state and the number of inputs just counted, after each chunk.
    """
    patterns = job.magnitudes()
    rules = {sign: rules_of(subject, job, sign) for sign in (1, -1)}
    truths = {sign: _truths(job, sign, patterns, cache) for sign in (1, -1)}
    sides = sides or Sides(Tally(), Tally())
    for start in range(sides.done, len(patterns), CHUNK):
        stop = min(start + CHUNK, len(patterns))
        here = _slice(patterns, start, stop, job.dtype)
        x = points.numbers(here, job.dtype)
        computed = subject.evaluate(
            job.function, job.dtype, job.what, np.concatenate([x, -x]), job.grad_output
        )
        for sign, tally, half in (
            (1, sides.positive, computed[: x.size]),
            (-1, sides.negative, computed[x.size :]),
        ):
            normal = -half if sign < 0 and rules[sign].odd else half
            for block in _blocks(rules[sign], here, normal, truths[sign], start, tally.last, threads):
                tally.merge(block)
        sides.done = stop
        after_chunk(sides, 2 * x.size)
    if job.grad_output == 1:
        _judge_specials(subject, job, sides)
    return sides


def _slice(patterns: Patterns | range, start: int, stop: int, dtype: str) -> Patterns:
    if isinstance(patterns, range):
        return np.arange(start, stop, dtype=points.BITS[dtype].unsigned)
    return patterns[start:stop]


def _blocks(
    rules: Rules,
    patterns: Patterns,
    computed: Floats,
    truth: Callable[[Patterns, int], Truth],
    offset: int,
    previous: float | None,
    threads: Executor,
) -> Iterator[Tally]:
    def one(start: int) -> Tally:
        block = slice(start, start + BLOCK)
        before = float(computed[start - 1]) if start else previous
        here = patterns[block]
        return count(rules, here, computed[block], truth(here, offset + start), before)

    starts = range(0, len(patterns), BLOCK)
    return iter([one(0)]) if len(starts) == 1 else threads.map(one, starts)


# --- what is true, and what is asked --------------------------------------------------------------------


def half_of(job: Job, sign: int) -> family.Half:
    """The half-line of a function of the family."""
    assert isinstance(job.function, Spec), "a function of the family"
    factor = 1.0 if sign > 0 else job.slope
    return family.Half(job.function.n, job.function.eps, factor, job.what, job.grad_output)


def _truths(
    job: Job, sign: int, patterns: Patterns | range, cache: Cache
) -> Callable[[Patterns, int], Truth]:
    """A function of (patterns, index of the first): their true results.

    Cheap ones are computed where they are needed; dear ones at once, by way of the cache.
    """

    def compute(here: Patterns) -> Truth:
        magnitudes = points.numbers(here, job.dtype).astype(np.float64)
        if isinstance(job.function, Spec):
            return family.truth(half_of(job, sign), magnitudes, job.dtype)
        return peer_truth.truth(job.function, job.what, sign * magnitudes, job.dtype)

    cheap = isinstance(job.function, Spec) and job.dtype != "float64"
    if cheap or isinstance(patterns, range):
        return lambda here, _: compute(here)

    def arrays() -> dict[str, NDArray[Any]]:
        found = compute(patterns)
        exponent = found.exponent.astype(np.int16)
        return {"rounded": found.rounded, "residual": found.residual, "exponent": exponent}

    what = half_of(job, sign) if isinstance(job.function, Spec) else (job.function, job.what, sign)
    key = ("truth", truth_sources(), job.dtype, what, points.digest(patterns))
    kept = cache.remember(key, arrays)
    whole = Truth(job.dtype, kept["rounded"], kept["residual"], kept["exponent"].astype(np.int64))
    return lambda here, first: whole[first : first + len(here)]


def truth_sources() -> str:
    """A hash of the code that says what is true."""
    from benchmarks import peers
    from benchmarks.error import rounding
    from benchmarks.error.subjects import hash_of

    modules = (oracle, accuracy, peers, rounding, family, peer_truth)
    return hash_of(tuple(str(module.__file__) for module in modules))


def rules_of(subject: Subject, job: Job, sign: int) -> Rules:
    """What is asked of the results on one half-line."""
    function, what = job.function, job.what
    product = job.grad_output != 1
    bound = subject.bound(function, job.dtype, "product" if product else what)
    common = Rules(
        dtype=job.dtype,
        negative=sign < 0,
        odd=ODD[what] and isinstance(function, Spec),
        bound=bound,
        domain=_product_domain(job, sign) if product else subject.domain(function, job.dtype, what),
        floor=accuracy.floor(job.dtype),
        sign=0,
        monotone=0,
        below_identity=False,
        largest=None,
        junction=1.0,
        curve=job.curve,
    )
    if not isinstance(function, Spec):
        return replace(
            common,
            monotone=sign if what == "value" and function in peer_truth.RISING else 0,
            below_identity=sign > 0 and what == "value" and function in peer_truth.BELOW_IDENTITY,
        )
    factor = 1.0 if sign > 0 else job.slope
    direction = int(np.sign(factor * job.grad_output))
    largest = None
    if what == "gradient" and not product and subject.domain(function, job.dtype, what) == EVERYWHERE:
        exact = family.steepest(function.n) * abs(Fraction(factor))
        largest = oracle.round_to(exact + oracle.ulp(exact, job.dtype) * Fraction(bound or 0), job.dtype)
    return replace(
        common,
        sign=0 if what == "second_derivative" else direction,
        monotone=direction if what == "value" else 0,
        below_identity=sign > 0 and what == "value",
        largest=largest,
        junction=family.landmarks(function.n, function.eps)["junction"],
        curve=job.curve and factor != 0,
    )


def _product_domain(job: Job, sign: int) -> tuple[float, float]:
    """Where the gradient itself is normal in the arithmetic: lost bits do not come back."""
    assert isinstance(job.function, Spec), "products are taken of the family"
    floor = accuracy.floor("float64" if job.dtype == "float64" else "float32")
    factor = abs(1.0 if sign > 0 else job.slope)
    if not factor:
        return EVERYWHERE
    power = 2 * job.function.n
    # Near 0 the gradient is (2n + 1) s a^(2n) / eps, less a little.
    low = (floor * 1.1 / ((power + 1) * factor)) ** (1 / power) * job.function.eps ** (1 / power)
    return low, math.inf


# --- NaN and infinities ---------------------------------------------------------------------------------


def _judge_specials(subject: Subject, job: Job, sides: Sides) -> None:
    x = points.specials(job.dtype, every=job.points == "all")
    computed = subject.evaluate(job.function, job.dtype, job.what, x)
    wrong = []
    for value in (math.inf, -math.inf, math.nan):
        of_it = np.isnan(x) if math.isnan(value) else x == value
        wanted = _special(job, value)
        if wanted is None:
            continue
        got = computed[of_it]
        fine = np.isnan(got) if math.isnan(wanted) else got == wanted
        wrong += [Point(value, g, wanted, math.inf) for g in got[~fine].tolist()]
    sides.specials, sides.wrong_specials = x.size, wrong


def _special(job: Job, x: float) -> float | None:
    if isinstance(job.function, Spec):
        return oracle.round_to(family.ORACLE[job.what](job.function, x), job.dtype)
    limit = peer_truth.special(job.function, job.what, x)
    return None if limit is None else oracle.round_to(limit, job.dtype)
