"""How exact a result must be, in ulp."""

from __future__ import annotations

from tests.conformance.cases import Subject
from tests.conformance.inputs import SIXTEEN_BIT

SINGLE_ROUNDING = 0.51
"""16 bits: computed in float32 and rounded once. The float32 arithmetic is off by a few of its ulp, that is
a few 2^-13 of a float16 ulp, on top of the half that correct rounding costs."""


def fused(n: int, what: str) -> int:
    """Plain arithmetic in float32 or float64, clamped and scaled so that nothing under- or overflows."""
    return {"value": 2 * n + 2, "gradient": 2 * n + 3}[what]


def literal(n: int, what: str) -> int:
    """The formula as printed, every operation rounded to the dtype, 16 bits included.

    Counted in u = 2^-precision, relative; k*u is less than k ulp of the result. A power is good to one ulp,
    2u. Where g is near 1, eps matters little, and its own rounding less.

    - value: two powers 4, eps 1, sum 1, quotient 1, slope and its product 2: 9 for every n.
    - gradient, as autograd forms it: T1 - T2, with T1 = (2n+1)*g and T2 = 2n*g*g. The denominator is good to
      3; T1 to 3 + 1 (reciprocal) + 2 (power) + 2 (products) = 8; T2 to 2 + 2*3 (numerator and the denominator
      twice) + 2 (quotients) + 2 (power) + 2 (products) = 14. At g = 1, where T1 - T2 = 1, they leave
      8*(2n+1) + 14*2n = 44n + 8; the difference, the slope, its product and that with grad_output add 4.

    Seen on the sweep: 2.9 for values; 8, 18 and 24 for gradients of n = 1, 2, 3.
    """
    return {"value": 9, "gradient": 44 * n + 12}[what]


def bound(subject: Subject, what: str) -> float:
    """The largest error in ulp that ``subject`` may show."""
    if subject.is_literal(what):
        return literal(subject.spec.n, what)
    return SINGLE_ROUNDING if subject.dtype in SIXTEEN_BIT else fused(subject.spec.n, what)
