"""How far results lie from the exact ones, in ulp; and how far they may.

Functions of the family are judged by :mod:`gem_impls.oracle`: exact fractions for float64, the oracle's
float64 arrays (held to the exact ones by its own tests) for narrower types. Peers are judged by mpmath.

An implementation is judged where it says that it is valid (``Implementation.domain``), and float32 and
float64 results only from 2^8 times the smallest normal number upward, where the bounds are stated.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import peers
from benchmarks.cases import Case, implementation_of
from gem_impls import Implementation, Spec, oracle
from gem_impls.interface import EVERYWHERE

PASS_OF: Final = {"value": "forward", "gradient": "backward"}
"""What is judged -> the pass that gives it."""

FINE: Final = ("float32", "float64")
"""dtypes whose own precision the arithmetic has; the others are computed wider and rounded once."""


def bound(implementation: Implementation, spec: Spec, dtype: str, what: str) -> float:
    """The largest permitted error in ulp of the result.

    ==============  ===============================  ==============================
    implementation  value                            gradient
    ==============  ===============================  ==============================
    fused           2n + 2; 16-bit types 0.51        2n + 3; 16-bit types 0.51
    literal         4n + 5                           (4n + 1)(4n + 6)
    ==============  ===============================  ==============================

    *Literal* is an implementation that declares a limited domain: it rounds every operation to the dtype.
    The value has at most 4n + 4 roundings. The gradient is the difference of two terms, each good to
    4n + 6, that are up to 2n + 1 and 2n times as large as it: an error in them counts up to 4n + 1 times.
    """
    if implementation.domain(spec, dtype, what) != EVERYWHERE:
        return 4 * spec.n + 5 if what == "value" else (4 * spec.n + 1) * (4 * spec.n + 6)
    if dtype not in FINE:
        return 0.51
    return 2 * spec.n + (2 if what == "value" else 3)


def domain(implementation: Implementation, case: Case, what: str) -> tuple[float, float]:
    """Smallest and largest ``|x|`` at which the case's results are judged."""
    return EVERYWHERE if case.spec is None else implementation.domain(case.spec, case.dtype, what)


def floor(dtype: str) -> float:
    """The smallest ``|result|`` that is judged in ulp."""
    return float(oracle.format_of(dtype).smallest_normal) * 2**8 if dtype in FINE else 0.0


# --- exact results --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """Exact results: as floats to compare magnitudes with, and as the oracle's objects where it has them."""

    rounded: NDArray[np.float64]
    exact: NDArray[np.object_] | None

    def errors(self, computed: NDArray[Any], dtype: str) -> NDArray[np.float64]:
        """Distance of ``computed`` from the truth, in ulp of ``dtype``."""
        if self.exact is not None:
            return oracle.ulp_errors(computed, self.exact, dtype)
        return oracle.reference_ulp_errors(computed, self.rounded, dtype)


def truth(case: Case, x: NDArray[Any], what: str, grad_output: NDArray[Any] | None = None) -> Truth:
    """The exact value, or the exact gradient times ``grad_output`` (by default 1), at every ``x``."""
    factor = np.ones(x.shape) if grad_output is None or what == "value" else np.asarray(grad_output)
    if case.spec is not None and case.dtype != "float64":
        return Truth(oracle.reference(case.spec, x, what) * factor.astype(np.float64), None)
    if case.spec is not None:
        exact = oracle.exact_array(case.spec, x, what)
    else:
        exact = np.array([peer_exact(case.function, v, what) for v in x.ravel().tolist()], dtype=object)
    pairs = zip(exact.ravel().tolist(), factor.ravel().tolist(), strict=True)
    products = np.empty(x.size, dtype=object)
    products[:] = [e * Fraction(g) if isinstance(e, Fraction) else e * g for e, g in pairs]
    return Truth(np.array([_as_float(e) for e in products]), products)


def _as_float(exact: oracle.Exact) -> float:
    return oracle.round_to(exact, "float64")


def peer_exact(name: str, x: float, what: str) -> oracle.Exact:
    """A peer's value or gradient to 60 digits, as a Fraction."""
    import mpmath  # type: ignore[import-untyped]  # ships no types

    with mpmath.workdps(60):
        row = peers.PEERS[name]
        result = (row.value if what == "value" else row.gradient)(mpmath.mp, mpmath.mpf(x))
        if abs(result) < mpmath.mpf(2) ** -1200:  # below every format, and too long for a Fraction
            return Fraction(0)
        sign, mantissa, exponent, _ = result._mpf_
        magnitude = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
        return -magnitude if sign else magnitude


# --- the figures in a record ----------------------------------------------------------------------------

Errors = dict[str, Any]


def errors(case: Case, implementation: Implementation | None = None) -> Errors:
    """Max and mean error in ulp, of value and gradient, over a fixed set of inputs; never of a timing.

    The same for every size, layout and pass, so computed once for a function, implementation, dtype and
    device. See :func:`census` for the inputs; grad_output is 1.
    """
    given = implementation or implementation_of(case)
    return _errors(case.function, case.spec, case.dtype, case.device, given)


@functools.cache
def _errors(
    function: str, spec: Spec | None, dtype: str, device: str, implementation: Implementation
) -> Errors:
    case = Case(
        function, spec, implementation.name, (), dtype, device, "contiguous", "forward", False, "wall"
    )
    numbers = census(dtype)
    if spec is None:
        numbers = np.random.default_rng(0).choice(numbers, size=512, replace=False)
    x = implementation.from_numpy(numbers, dtype, device)
    ones = implementation.from_numpy(np.ones(numbers.shape, numbers.dtype), dtype, device)
    op = implementation.build(spec or function)  # type: ignore[arg-type]  # a peer's name
    computed = {"value": op.forward(x), "gradient": op.backward(ones, x)}
    found: Errors = {}
    reasons = []
    for what, array in computed.items():
        found[what], reason = _figures(case, implementation, numbers, implementation.to_numpy(array), what)
        reasons += [reason] if reason else []
    return {**found, "reason": "; ".join(reasons) or None}


def _figures(
    case: Case, implementation: Implementation, x: NDArray[Any], computed: NDArray[Any], what: str
) -> tuple[dict[str, Any] | None, str | None]:
    low, high = domain(implementation, case, what)
    inside = (np.abs(x) >= low) & (np.abs(x) <= high)
    exact = truth(case, x[inside], what)
    judged = (np.abs(exact.rounded) >= floor(case.dtype)) & (exact.rounded != 0)
    judged |= ~np.isfinite(computed[inside])  # nowhere excused
    limits = (
        None
        if (low, high) == EVERYWHERE
        else f"{what}: judged for |x| from {low:.3g} to {high:.3g}, its domain"
    )
    if not judged.any():
        return None, f"{what}: no input lies in its domain"
    found = exact.errors(computed[inside], case.dtype)[judged]
    worst = int(np.argmax(found))
    at = float(x[inside][judged][worst])
    if not math.isfinite(found[worst]):
        return None, f"{what}: infinitely wrong at x = {at!r}"
    return {
        "max_ulp": float(found[worst]),
        "mean_ulp": float(found.mean()),
        "worst_x": at,
        "points": int(found.size),
    }, limits


@functools.cache
def census(dtype: str) -> NDArray[Any]:
    """The inputs at which errors are recorded; the same in every run.

    16-bit types: every finite number but 0. float32: 16 numbers of every binade, both signs, and 4096
    standard normal ones. float64: the same with every 16th binade, one number each, and 512 normal ones.
    """
    if dtype == "float16":
        every = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    elif dtype == "bfloat16":
        every = (np.arange(2**16, dtype=np.uint32) << 16).view(np.float32)
    else:
        fmt = oracle.format_of(dtype)
        step, each, normal = (1, 16, 4096) if dtype == "float32" else (16, 1, 512)
        rng = np.random.default_rng(1)
        exponents = np.repeat(np.arange(fmt.min_exponent, 1 - fmt.min_exponent, step), each)
        binades = np.ldexp(1 + rng.random(exponents.size), exponents)
        every = np.concatenate([binades, -binades, rng.standard_normal(normal)]).astype(dtype)
    return np.asarray(every[np.isfinite(every) & (every != 0)])
