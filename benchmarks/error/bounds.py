"""How wrong results may be, and what else is a fault: the tables behind the exit code.

What is stated of every implementation is :func:`benchmarks.accuracy.bound`. :data:`TIGHTER` holds some of
them to more; a row is added when an implementation has been shown to keep it.
"""

from __future__ import annotations

from typing import Final

from benchmarks import accuracy
from gem_impls import Implementation, Spec
from gem_impls.interface import EVERYWHERE

TIGHTER: Final[dict[tuple[str, str, str], float]] = {
    ("triton_fused", "float32", "value"): 1.0,  # double words: seen at most 0.54
    ("triton_fused", "float32", "gradient"): 1.0,
    ("triton_fused", "float64", "value"): 1.0,
    ("triton_fused", "float64", "gradient"): 1.0,
}
"""(implementation, dtype, "value" or "gradient") -> ulp."""


def bound(implementation: Implementation, spec: Spec, dtype: str, what: str) -> float | None:
    """The largest permitted error in ulp; None where none is stated.

    ``what`` is ``"value"``, ``"gradient"``, ``"second_derivative"`` or ``"product"``. A product with an
    extreme grad_output is not promised by an implementation that declares a limited domain. Elsewhere it
    rounds once more than the gradient, and may leave a binade in which the same distance counted half.
    """
    if what == "second_derivative":
        return second_derivative_bound(spec, dtype)
    if what == "product":
        if implementation.domain(spec, dtype, "gradient") != EVERYWHERE:
            return None
        gradient = _bound(implementation, spec, dtype, "gradient")
        return 2 * gradient + 1 if dtype in accuracy.FINE else gradient
    return _bound(implementation, spec, dtype, what)


def _bound(implementation: Implementation, spec: Spec, dtype: str, what: str) -> float:
    stated = accuracy.bound(implementation, spec, dtype, what)
    tighter = TIGHTER.get((implementation.name, dtype, what))
    return stated if tighter is None else min(stated, tighter)


def second_derivative_bound(spec: Spec, dtype: str) -> float:
    """In ulp of the sum of its terms' magnitudes."""
    return 4.0 * spec.n + 12 if dtype == "float64" else 0.51  # narrower ones are computed in float64
