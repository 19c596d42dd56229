"""A Spec as binary floating-point arithmetic of one precision carries it.

The gate ``p / (p + eps)``, ``p = |x|^(2n)``, taken literally, overflows for large x, and for small eps
it is ruined by underflow of ``p`` where the gradient is still normal. Two exact measures end both:

- ``|x|`` is clamped where the gate has become 1 to rounding, so ``p`` stays finite;
- ``|x|`` is scaled by the power of two nearest to ``eps^(-1/(2n))``, and eps to match, so that every eps
  behaves like one near 1.

What is left for an implementation to do, elementwise and in any array library::

    t = min(|x|, clamp) * scale         p = t^(2n) by repeated multiplication
    g = p / (p + eps)                   h = eps / (p + eps)            (h is 1 - g without cancellation)
    f = (s*x) * g                       f' = s * g * (1 + 2n*h)

with ``s = 1`` for x > 0 and ``negative_slope`` for x < 0. For negative_slope = 0 and x = -inf the product
``s*x`` must be 0, not NaN: that is what ``floor`` is for, ``s*x = negative_slope * max(x, floor)``.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from fractions import Fraction

from gem_impls.oracle import FORMATS, format_of, round_to
from gem_impls.spec import Spec

ARITHMETIC: dict[str, str] = {dtype: "float64" if dtype == "float64" else "float32" for dtype in FORMATS}
"""dtype of the arrays -> dtype of the arithmetic: 16-bit types are computed in float32, rounded once."""


@dataclass(frozen=True)
class Carried:
    """The numbers an implementation needs, in the units of its arithmetic; see the module's docstring."""

    n: int
    scale: float
    eps: float
    clamp: float
    negative_slope: float
    floor: float

    @property
    def numbers(self) -> tuple[float, ...]:
        """``scale, eps, clamp, negative_slope, floor, 2n``: what a kernel computes with."""
        return self.scale, self.eps, self.clamp, self.negative_slope, self.floor, 2.0 * self.n

    def lifted(self, binades: int) -> Carried:
        """The same function with eps, and so all powers of x, up to ``binades`` binades higher: exact.

        The caller sees to it that there is room above.
        """
        shift = binades // (2 * self.n)
        return replace(
            self, scale=math.ldexp(self.scale, shift), eps=math.ldexp(self.eps, 2 * self.n * shift)
        )

    def split(self, name: str, dtype: str) -> tuple[float, float]:
        """``eps`` or ``negative_slope`` as the sum of two numbers of ``dtype``'s arithmetic, high part first.

        What the high part alone leaves out is up to half an ulp, which compensated arithmetic does not lose.
        """
        exact: float = getattr(self, name)
        high = round_to(exact, ARITHMETIC[dtype])
        return high, round_to(Fraction(exact) - Fraction(high), ARITHMETIC[dtype])


def carry(spec: Spec, dtype: str, lift: int = 0) -> Carried:
    """The constants of ``spec`` for arrays of ``dtype``.

    ``lift`` moves eps, and so all powers of x, up by about that many binades: room below for arithmetic that
    must not lose the low bits of a small gate.

    Raises:
        ValueError: unknown dtype, or n, eps or negative_slope lies outside what the arithmetic of
            ``dtype`` can carry; the message states the range.
    """
    format_of(dtype)
    arithmetic = ARITHMETIC[dtype]
    fmt = FORMATS[arithmetic]
    gate_bits = fmt.precision + 2 + (2 * spec.n).bit_length()  # 2n * 2^-gate_bits is lost beside 1
    top = -fmt.min_exponent  # eps' <= 2^n and p <= eps' * 2^gate_bits must stay below 2^top

    largest_n = top - fmt.precision - 2 - top.bit_length() - lift
    if spec.n > largest_n:
        raise ValueError(f"n must be at most {largest_n} for {dtype}, computed in {arithmetic}; got {spec.n}")
    _require_normal("eps", spec.eps, dtype, arithmetic)
    if spec.negative_slope:
        _require_normal("negative_slope", spec.negative_slope, dtype, arithmetic)

    order = 2 * spec.n
    shift = round(-math.log2(spec.eps) / order)
    clamp = 2.0 ** ((math.log2(spec.eps) + gate_bits) / order)
    largest_slope = math.ldexp(1.0, top - lift) / max(clamp, 1.0)
    if abs(spec.negative_slope) > largest_slope:  # negative_slope * x would overflow where f(x) does not
        raise ValueError(
            f"negative_slope must be at most {largest_slope:.3g} in size for {dtype} with eps={spec.eps!r}; "
            f"got {spec.negative_slope!r}"
        )
    return Carried(
        n=spec.n,
        scale=math.ldexp(1.0, shift),
        eps=math.ldexp(spec.eps, order * shift),
        clamp=clamp,
        negative_slope=spec.negative_slope,
        floor=-math.inf if spec.negative_slope else 0.0,
    ).lifted(lift)


carry_once = functools.lru_cache(maxsize=1024)(carry)
""":func:`carry`, remembered."""


def squarings(n: int) -> tuple[bool, ...]:
    """How to raise to the n-th power: a squaring for each entry, and a multiplication by the base where True.

    ``()`` for n = 1, ``(False,)`` for n = 2, ``(True,)`` for n = 3, ``(False, False)`` for n = 4.
    """
    return tuple(bit == "1" for bit in bin(n)[3:])


def _require_normal(name: str, value: float, dtype: str, arithmetic: str) -> None:
    low = math.ldexp(1.0, FORMATS[arithmetic].min_exponent)
    if not low <= abs(value) <= 1 / low:
        wider = "" if arithmetic == "float64" else "; float64 carries more"
        raise ValueError(
            f"{name} must lie between {low:.3g} and {1 / low:.3g} in size for {dtype}, "
            f"computed in {arithmetic}; got {value!r}{wider}"
        )
