"""Double-word arithmetic for Triton kernels: a number as an unevaluated sum ``high + low``.

With a fused multiply-add the rounding error of a product is itself exact, at the price of one instruction,
so a chain of products and one division can be carried to nearly twice the precision. Kernels that use this
must be launched with ``enable_fp_fusion=False``: a compiler that fuses what is written apart breaks it.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def fma(a, b, c, INTERPRETED: tl.constexpr):
    """``a * b + c``, rounded once. Triton's interpreter rounds twice, so there it is done by hand."""
    if not INTERPRETED:
        return tl.fma(a, b, c)
    elif a.dtype == tl.float32:
        return (a.to(tl.float64) * b.to(tl.float64) + c.to(tl.float64)).to(tl.float32)
    else:
        product = a * b
        s, low = two_sum(product, c)
        return s + (low + _product_error(a, b, product))


@triton.jit
def _product_error(a, b, product):
    """``a * b - product`` of float64 numbers without fused multiply-add: each is split into 26-bit halves."""
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@triton.jit
def _halves(a):
    shifted = a * 134217729.0  # 2^27 + 1
    high = shifted - (shifted - a)
    return high, a - high


@triton.jit
def two_sum(a, b):
    """``a + b`` as (rounded sum, exact error), whichever is larger."""
    s = a + b
    b_part = s - a
    return s, (a - (s - b_part)) + (b - b_part)


@triton.jit
def square(a, INTERPRETED: tl.constexpr):
    """``a * a`` as (high, exact low)."""
    high = a * a
    return high, fma(a, a, -high, INTERPRETED)


@triton.jit
def multiply(a_high, a_low, b_high, b_low, INTERPRETED: tl.constexpr):
    """The product of two double words, as one."""
    high = a_high * b_high
    return high, fma(a_high, b_high, -high, INTERPRETED) + (a_high * b_low + a_low * b_high)


@triton.jit
def divide(a_high, a_low, b_high, b_low, INTERPRETED: tl.constexpr):
    """The quotient of two double words, as one: a first quotient, and what its remainder adds."""
    reciprocal = 1 / b_high
    high = a_high * reciprocal
    remainder = fma(-high, b_high, a_high, INTERPRETED) + (a_low - high * b_low)
    return high, remainder * reciprocal
