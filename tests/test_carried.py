"""gem_impls.carried: the constants are exact, and do what their descriptions promise."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gem_impls import Spec
from gem_impls.carried import ARITHMETIC, carry, squarings
from gem_impls.oracle import FORMATS

DTYPES = sorted(FORMATS)
orders = st.integers(1, 12)
eps = st.builds(math.ldexp, st.floats(1, 2, exclude_max=True), st.integers(-125, 125))


def test_sixteen_bits_are_computed_in_32() -> None:
    assert ARITHMETIC == {
        "float16": "float32",
        "bfloat16": "float32",
        "float32": "float32",
        "float64": "float64",
    }


@given(orders, eps, st.sampled_from(DTYPES))
def test_scaling_is_exact_and_leaves_the_function_as_it_is(n: int, eps: float, dtype: str) -> None:
    """x^2n / (eps + x^2n) = t^2n / (eps' + t^2n) for t = x * scale, because eps' = eps * scale^2n exactly."""
    c = carry(Spec("e-gem", n, eps), dtype)
    assert math.frexp(c.scale)[0] == 0.5, "a power of two"
    assert Fraction(c.eps) == Fraction(eps) * Fraction(c.scale) ** (2 * n)
    assert 2.0 ** -(n + 1) <= c.eps <= 2.0 ** (n + 1), "every eps behaves like one near 1"


@given(orders, eps, st.sampled_from(DTYPES), st.integers(0, 40))
def test_lifting_is_exact_and_leaves_the_function_as_it_is(
    n: int, eps: float, dtype: str, binades: int
) -> None:
    plain = carry(Spec("e-gem", n, eps), dtype)
    lifted = plain.lifted(binades)
    assert Fraction(lifted.eps) == Fraction(eps) * Fraction(lifted.scale) ** (2 * n)
    assert binades - 2 * n < math.log2(Fraction(lifted.eps) / Fraction(plain.eps)) <= binades
    assert (lifted.clamp, lifted.negative_slope, lifted.floor) == (
        plain.clamp,
        plain.negative_slope,
        plain.floor,
    )
    assert carry(Spec("e-gem", n, eps), dtype, binades) == lifted


@given(orders, eps, st.sampled_from(DTYPES))
def test_beyond_the_clamp_the_gate_is_1_to_rounding(n: int, eps: float, dtype: str) -> None:
    """Both the gate and 2n * (1 - gate) lose less than half an ulp by it; and nothing overflows there."""
    c = carry(Spec("e-gem", n, eps), dtype)
    fmt = FORMATS[ARITHMETIC[dtype]]
    t = Fraction(c.clamp) * Fraction(c.scale)
    power = t ** (2 * n)
    missing = Fraction(c.eps) / (power + Fraction(c.eps))
    assert 2 * n * missing < Fraction(1, 2 ** (fmt.precision + 1))
    assert power + Fraction(c.eps) < fmt.max


@given(st.integers(1, 4096))
def test_squarings_raise_to_the_power(n: int) -> None:
    exponent = 1
    for once_more in squarings(n):
        exponent = 2 * exponent + once_more
    assert exponent == n


def test_squarings_as_documented() -> None:
    assert [squarings(n) for n in (1, 2, 3, 4)] == [(), (False,), (True,), (False, False)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slope", [0.0, 0.01, -0.5, 1.5])
def test_the_floor_makes_minus_infinity_harmless(dtype: str, slope: float) -> None:
    """slope * max(-inf, floor) is slope * -inf, but 0 where the slope is 0."""
    c = carry(Spec("se-gem", 1, 1.0, slope), dtype)
    assert c.negative_slope == slope
    sided = c.negative_slope * max(-math.inf, c.floor)
    assert sided == (-math.copysign(math.inf, slope) if slope else 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_limits_are_stated_and_hold(dtype: str) -> None:
    """What is refused says up to where it goes, and exactly that is accepted."""
    arithmetic = FORMATS[ARITHMETIC[dtype]]
    low = float(arithmetic.smallest_normal)
    for limit in (low, 1 / low):
        carry(Spec("e-gem", 1, limit), dtype)
    for beyond in (low / 2, 2 / low if dtype != "float64" else None):
        if beyond is not None:
            with pytest.raises(ValueError, match=rf"eps must lie between .* for {dtype}"):
                carry(Spec("e-gem", 1, beyond), dtype)
    with pytest.raises(ValueError, match=r"n must be at most (\d+)") as caught:
        carry(Spec("gem", 100_000), dtype)
    largest = int(str(caught.value).split("at most ")[1].split()[0])
    assert carry(Spec("gem", largest), dtype).n == largest
    with pytest.raises(ValueError, match=f"got {largest + 1}"):
        carry(Spec("gem", largest + 1), dtype)


def test_unknown_dtype() -> None:
    with pytest.raises(ValueError, match="unknown dtype 'float8'"):
        carry(Spec("gem"), "float8")
