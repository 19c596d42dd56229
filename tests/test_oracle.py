"""gem_impls.oracle against independent peers: mpmath, NumPy's rounding, torch's, and plain fractions."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gem_impls import Spec, oracle
from gem_impls.oracle import FORMATS

NUMPY_DTYPES = ("float16", "float32", "float64")


# --- the functions --------------------------------------------------------------------------------------


def random_specs_and_points(rng: np.random.Generator, count: int) -> list[tuple[Spec, float]]:
    """Nine in ten within a few octaves of the junction, the others anywhere in float64's range."""
    pairs = []
    for _ in range(count):
        n = int(rng.integers(1, 5))
        eps = float(2.0 ** rng.uniform(-120, 120))
        negative_slope = float(rng.normal())
        spec = Spec("se-gem", n, eps, negative_slope)
        near = math.log2(eps) / (2 * n) + rng.normal() * 4
        exponent = near if rng.random() < 0.9 else rng.uniform(-1022, 1023)
        pairs.append((spec, float(rng.choice([-1, 1]) * 2.0**exponent)))
    return pairs


def mpmath_answers(spec: Spec, x: float) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """Value, gradient and second derivative from the quotient rule on the literal formula: another road."""
    n, eps, t = spec.n, mpmath.mpf(spec.eps), mpmath.mpf(x)
    side = 1 if x > 0 else mpmath.mpf(spec.negative_slope)
    top, bottom = t ** (2 * n + 1), eps + t ** (2 * n)
    top1, bottom1 = (2 * n + 1) * t ** (2 * n), 2 * n * t ** (2 * n - 1)
    top2, bottom2 = (2 * n + 1) * (2 * n) * t ** (2 * n - 1), 2 * n * (2 * n - 1) * t ** (2 * n - 2)
    first = (top1 * bottom - top * bottom1) / bottom**2
    second = ((top2 * bottom - top * bottom2) * bottom - 2 * bottom1 * (top1 * bottom - top * bottom1)) / (
        bottom**3
    )
    return side * top / bottom, side * first, side * second


def test_value_and_derivatives_agree_with_mpmath_to_50_digits(rng: np.random.Generator) -> None:
    # The quotient rule cancels for huge and tiny x: it is given the digits that cancel, and 60 more.
    for spec, x in random_specs_and_points(rng, 10_000):
        digits = 60 + int(abs(2 * spec.n * math.log10(abs(x)) - math.log10(spec.eps)))
        with mpmath.workdps(digits):
            answers = mpmath_answers(spec, x)
            for function, answer in zip(
                (oracle.value, oracle.gradient, oracle.second_derivative), answers, strict=True
            ):
                exact = function(spec, x)
                got = mpmath.mpf(exact.numerator) / exact.denominator
                assert abs(got - answer) <= mpmath.mpf(10) ** -50 * abs(answer), (function, spec, x)


# variant, n, eps, negative_slope, x, f(x), f'(x): decimal parameters, 17 digits
TABLE = [
    ("gem", 1, "1", "0", "0.5", "0.1", "0.52"),
    ("gem", 1, "1", "0", "2.5", "2.1551724137931034", "1.0998810939357907"),
    ("gem", 1, "1", "0", "300", "299.99666670370329", "1.0000111107407476"),
    ("gem", 2, "1", "0", "0.0078125", "2.9103830348313487e-11", "1.8626451367409481e-8"),
    ("gem", 2, "1", "0", "2.5", "2.4375975039001560", "1.0723907895473385"),
    ("e-gem", 1, "0.0001", "0", "0.0078125", "0.0029610748938750758", "0.84974409762279434"),
    ("e-gem", 2, "10", "0", "0.5", "0.0031055900621118012", "0.030901585586975811"),
    ("e-gem", 2, "10", "0", "2.5", "1.9904458598726115", "1.4452918982514504"),
    ("se-gem", 1, "0.0001", "0.01", "-3", "-0.029999666670370329", "0.010000111107407476"),
    ("se-gem", 1, "0.0001", "0.01", "-0.125", "-0.0012420508744038156", "0.010062784190718353"),
    ("se-gem", 3, "0.5", "0.1", "-0.125", "-9.5366704050414655e-8", "5.3405005027595735e-6"),
    ("se-gem", 3, "0.5", "0.1", "2.5", "2.4948904643290541", "1.0101940082813100"),
]


@pytest.mark.parametrize(("variant", "n", "eps", "negative_slope", "x", "value", "gradient"), TABLE)
def test_table_of_values(
    variant: str, n: int, eps: str, negative_slope: str, x: str, value: str, gradient: str
) -> None:
    spec = Spec(variant, n, float(eps), float(negative_slope))
    # The table's eps and slope are decimal, the oracle's the nearest floats: half an ulp of each, and
    # |d log f / d log eps| <= 1, |d log f' / d log eps| <= 1 + 2n, can come between.
    rounded = sum(Fraction(text) != Fraction(float(text)) for text in (eps, negative_slope))
    for function, text, amplified in ((oracle.value, value, 1), (oracle.gradient, gradient, 1 + 2 * n)):
        exact = function(spec, float(x))
        half_a_digit = Fraction(10) ** (Decimal(text).adjusted() - 16) / 2
        room = half_a_digit + rounded * amplified * Fraction(1, 2**53) * abs(Fraction(text))
        assert abs(exact - Fraction(text)) <= room, (function, float(exact), text)


def test_rows_with_binary_parameters_agree_to_all_17_digits() -> None:
    rows = [row for row in TABLE if all(Fraction(t) == Fraction(float(t)) for t in row[2:5])]
    assert len(rows) >= 7
    for variant, n, eps, negative_slope, x, value, gradient in rows:
        spec = Spec(variant, n, float(eps), float(negative_slope))
        with mpmath.workdps(60):
            for exact, text in (
                (oracle.value(spec, float(x)), value),
                (oracle.gradient(spec, float(x)), gradient),
            ):
                digits = mpmath.nstr(mpmath.mpf(exact.numerator) / exact.denominator, 17)
                assert Decimal(digits) == Decimal(text)


def test_special_points() -> None:
    plain, leaky = Spec("e-gem"), Spec("se-gem", negative_slope=-0.5)
    inf, nan = math.inf, math.nan
    assert oracle.value(plain, inf) == inf
    assert oracle.value(plain, -inf) == 0
    assert oracle.value(leaky, -inf) == inf
    assert oracle.value(Spec("se-gem"), -inf) == -inf
    assert oracle.gradient(leaky, inf) == 1
    assert oracle.gradient(leaky, -inf) == Fraction(-1, 2)
    assert oracle.gradient(plain, -inf) == 0
    for x in (0.0, -0.0):
        assert oracle.value(leaky, x) == oracle.gradient(leaky, x) == oracle.second_derivative(leaky, x) == 0
    assert oracle.second_derivative(leaky, inf) == oracle.second_derivative(leaky, -inf) == 0
    for function in (oracle.value, oracle.gradient, oracle.second_derivative):
        assert math.isnan(function(leaky, nan))


# --- rounding -------------------------------------------------------------------------------------------


def test_formats_are_those_of_numpy_and_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: no peer for bfloat16")
    for dtype in NUMPY_DTYPES:
        info, fmt = np.finfo(dtype), FORMATS[dtype]
        assert (fmt.max, fmt.smallest_normal, fmt.smallest_subnormal) == tuple(
            Fraction(float(v)) for v in (info.max, info.smallest_normal, info.smallest_subnormal)
        )
    info, fmt = torch.finfo(torch.bfloat16), FORMATS["bfloat16"]
    assert (fmt.max, fmt.smallest_normal) == (Fraction(info.max), Fraction(info.smallest_normal))
    assert 2 * fmt.smallest_normal / 2**fmt.precision == fmt.smallest_subnormal


def interesting_floats(rng: np.random.Generator, dtype: str, count: int) -> np.ndarray:
    """float64 numbers across and beyond the range of ``dtype``, with many exact ties and near-ties."""
    fmt = FORMATS[dtype]
    low = fmt.min_exponent - fmt.precision - 3
    high = 3 - fmt.min_exponent
    scale = np.ldexp(1.0, rng.integers(low, high, count))
    anywhere = scale * rng.uniform(1, 2, count)
    halves = scale * (1 + rng.integers(0, 2**fmt.precision, count) / 2**fmt.precision)
    beside = np.nextafter(halves, rng.choice([0.0, np.inf], count))
    edge = float(fmt.max) * (1 + np.arange(-8, 9) * 2.0 ** -(fmt.precision + 2))
    return np.concatenate([anywhere, halves, beside, edge, -anywhere, -halves, [0.0, -0.0, np.inf, -np.inf]])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_rounding_is_numpys(dtype: str, rng: np.random.Generator) -> None:
    x = interesting_floats(rng, dtype, 4000)
    with np.errstate(over="ignore", under="ignore"):
        expected = x.astype(dtype).astype(np.float64)
    np.testing.assert_array_equal([oracle.round_to(v, dtype) for v in x.tolist()], expected)


def test_rounding_is_torchs_for_bfloat16(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: no peer for bfloat16")
    # From float32, where torch rounds once. (From float64 it rounds twice.)
    with np.errstate(over="ignore", under="ignore"):
        x = interesting_floats(rng, "bfloat16", 4000).astype(np.float32)
    expected = torch.from_numpy(x).to(torch.bfloat16).double().numpy()
    np.testing.assert_array_equal([oracle.round_to(v, "bfloat16") for v in x.tolist()], expected)


@given(st.fractions(), st.sampled_from(sorted(FORMATS)))
def test_rounding_is_to_nearest_even(exact: Fraction, dtype: str) -> None:
    rounded = oracle.round_to(exact, dtype)
    if math.isinf(rounded):
        assert abs(exact) > FORMATS[dtype].max
        return
    half = oracle.ulp(exact, dtype) / 2
    distance = abs(Fraction(rounded) - exact)
    assert distance <= half
    if distance == half:
        assert (Fraction(rounded) / oracle.ulp(exact, dtype)) % 2 == 0
    assert oracle.round_to(rounded, dtype) == rounded


@given(st.fractions(), st.fractions(), st.sampled_from(sorted(FORMATS)))
def test_rounding_keeps_order_and_is_odd(a: Fraction, b: Fraction, dtype: str) -> None:
    low, high = sorted((a, b))
    assert oracle.round_to(low, dtype) <= oracle.round_to(high, dtype)
    assert oracle.round_to(-a, dtype) == -oracle.round_to(a, dtype)


def test_float64_rounding_of_ratios_is_pythons_division(rng: np.random.Generator) -> None:
    for _ in range(5000):
        top = int(rng.integers(1, 2**62)) << int(rng.integers(0, 900))
        bottom = int(rng.integers(1, 2**62)) << int(rng.integers(0, 900))
        assert oracle.round_to(Fraction(top, bottom), "float64") == top / bottom


def test_overflow_starts_half_an_ulp_above_the_largest() -> None:
    for dtype, fmt in FORMATS.items():
        boundary = fmt.max + oracle.ulp(fmt.max, dtype) / 2
        assert oracle.round_to(boundary, dtype) == math.inf
        assert oracle.round_to(-boundary, dtype) == -math.inf
        assert oracle.round_to(boundary - Fraction(1, 10**30), dtype) == float(fmt.max)


def test_unknown_dtype_is_named_with_the_nearest() -> None:
    for wrong in ("float23", "bfloat", "int32", None, ["float32"]):
        with pytest.raises(ValueError, match="unknown dtype") as caught:
            oracle.format_of(wrong)
        assert all(name in str(caught.value) for name in FORMATS)
    with pytest.raises(ValueError, match="Did you mean 'bfloat16'"):
        oracle.round_to(Fraction(1), "bfloat")


# --- distance -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
def test_ulp_is_numpys_spacing(dtype: str, rng: np.random.Generator) -> None:
    x = rng.integers(0, 2 ** (8 * np.dtype(dtype).itemsize - 1), 5000, dtype=np.uint64)
    x = x.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)
    largest = np.finfo(dtype).max
    x = np.concatenate([x[np.isfinite(x) & (x != largest)], np.zeros(1, dtype)])
    assert [oracle.ulp(v, dtype) for v in x.tolist()] == [Fraction(s) for s in np.spacing(x).tolist()]
    # NumPy calls the spacing at the largest number inf.
    assert oracle.ulp(float(largest), dtype) == Fraction(
        float(largest - np.nextafter(largest, x.dtype.type(0)))
    )


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
def test_neighbours_are_one_ulp_apart(dtype: str, rng: np.random.Generator) -> None:
    x = (rng.uniform(-4, 4, 2000) * 2.0 ** rng.integers(-10, 10, 2000)).astype(dtype)
    up = np.nextafter(x, np.array(np.inf, dtype))
    away = np.abs(up) > np.abs(x)
    for a, b, same_binade in zip(x.tolist(), up.tolist(), away.tolist(), strict=True):
        if same_binade:  # the ulp is the exact result's; towards 0 a power of two has the half below it
            assert oracle.ulp_distance(b, Fraction(a), dtype) == 1
        assert oracle.ulp_distance(a, Fraction(a), dtype) == 0


def test_distance_of_infinities_and_nan() -> None:
    inf, nan = math.inf, math.nan
    beyond = Fraction(10) ** 400
    table = [
        # computed, exact, distance
        (inf, beyond, 0),
        (-inf, beyond, inf),
        (inf, inf, 0),
        (inf, -inf, inf),
        (1.0, inf, inf),
        (1e308, beyond, inf),
        (inf, Fraction(1), inf),
        (nan, Fraction(1), inf),
        (nan, nan, 0),
        (1.0, nan, inf),
        (inf, nan, inf),
        (-0.0, Fraction(0), 0),
    ]
    for computed, exact, distance in table:
        assert oracle.ulp_distance(computed, exact, "float64") == distance, (computed, exact)


def test_distance_counts_in_the_spacing_of_the_exact_result() -> None:
    one_up = 1 + 2.0**-23
    assert oracle.ulp_distance(one_up, Fraction(1), "float32") == 1
    assert oracle.ulp_distance(one_up, Fraction(1), "float64") == 2**29
    assert oracle.ulp_distance(1 - 2.0**-24, Fraction(1), "float32") == 0.5
    assert oracle.ulp_distance(0.0, Fraction(1, 2**149), "float32") == 1
    assert oracle.ulp_distance(1.0, 1 + Fraction(1, 2**60), "float64") == 2.0**-8


def test_distance_of_a_result_that_is_wildly_wrong_is_huge_not_an_error() -> None:
    for computed, exact in ((1e300, Fraction(1, 10**300)), (-1e308, Fraction(0))):
        assert oracle.ulp_distance(computed, exact, "float64") > 1e300


def test_an_infinity_has_no_ulp() -> None:
    with pytest.raises(ValueError, match="finite"):
        oracle.ulp(math.inf, "float32")


# --- arrays ---------------------------------------------------------------------------------------------


def test_exact_array_keeps_shape_and_order() -> None:
    spec = Spec("se-gem")
    x = np.array([[-1.0, 2.0, 0.5], [0.0, np.nan, np.inf]]).T
    for what, function in (
        ("value", oracle.value),
        ("gradient", oracle.gradient),
        ("second_derivative", oracle.second_derivative),
    ):
        exact = oracle.exact_array(spec, x, what)
        assert exact.shape == x.shape
        for got, v in zip(exact.ravel(), x.ravel().tolist(), strict=True):
            assert got == function(spec, v) or (math.isnan(got) and math.isnan(v))


SPECS = [
    Spec("se-gem", n, eps, negative_slope)
    for n in (1, 2, 3, 7)
    for eps, negative_slope in ((1.0, 0.0), (1e-6, 0.01), (10.0, -1.5), (2.0**-100, 0.25), (2.0**100, 3.0))
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_reference_is_within_its_promise(spec: Spec, what: str, rng: np.random.Generator) -> None:
    """At most 8n + 8 float64 ulp from the exact oracle, for every input a float32 can be."""
    alpha = spec.eps ** (1 / (2 * spec.n))
    x = np.concatenate(
        [
            2.0 ** rng.uniform(-149, 128, 300),
            alpha * 2.0 ** rng.normal(size=300),
            [0.0, alpha, 1e-45, 3.4028234663852886e38, np.inf, np.nan],
        ]
    ).astype(np.float32)
    x = np.concatenate([x, -x])
    reference = oracle.reference(spec, x, what)
    exact = oracle.exact_array(spec, x, what)
    errors = oracle.ulp_errors(reference, exact, "float64")
    assert errors[abs_at_least(exact, 2.0**-1000)].max() <= 8 * spec.n + 8
    np.testing.assert_array_equal(np.isnan(reference), np.isnan(x))
    # Below, the power underflows; nothing a float32 could see is lost.
    tiny = ~abs_at_least(exact, 2.0**-1000)
    assert (np.abs(reference[tiny]) <= 2.0**-999).all()


def abs_at_least(exact: np.ndarray, bound: float) -> np.ndarray:
    return np.array([abs(v) >= bound if not math.isnan(v) else True for v in exact])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_distance_to_the_reference_is_the_exact_one(dtype: str, what: str, rng: np.random.Generator) -> None:
    """The fast judge of narrow results agrees with the exact one, specials and overflow included."""
    fmt = FORMATS[dtype]
    spec = Spec("se-gem", 2, 1e-2, 1.5)  # a slope above 1 makes the value overflow before x does
    magnitude = 2.0 ** rng.uniform(fmt.min_exponent - fmt.precision, -fmt.min_exponent, 1000)
    x = np.concatenate([magnitude, -magnitude, [float(fmt.max), -float(fmt.max), 0, np.inf, -np.inf, np.nan]])
    x = np.array([oracle.round_to(v, dtype) for v in x.tolist()])
    exact = oracle.exact_array(spec, x, what)
    correct = np.array([oracle.round_to(e, dtype) for e in exact])
    with np.errstate(over="ignore"):
        near = correct * (1 + rng.integers(-4, 5, x.size) * 2.0 ** (1 - fmt.precision))
    near = np.array([oracle.round_to(v, dtype) for v in near.tolist()])
    wrong = rng.choice([np.inf, -np.inf, np.nan, 0.0], x.size)
    reference = oracle.reference(spec, x, what)
    for computed in (correct, near, wrong):
        fast = oracle.reference_ulp_errors(computed, reference, dtype)
        slow = oracle.ulp_errors(computed, exact, dtype)
        np.testing.assert_array_equal(np.isinf(fast), np.isinf(slow))
        finite = np.isfinite(slow)
        # Where the float64 reference has rounded up to a power of two, its ulp is twice that of the exact.
        at_a_power_of_two = np.frexp(reference[finite])[0] == np.copysign(0.5, reference[finite])
        fast, slow = fast[finite], np.where(at_a_power_of_two, np.maximum(fast[finite], 0), slow[finite])
        np.testing.assert_allclose(fast, slow, rtol=1e-6, atol=1e-6)
    assert oracle.reference_ulp_errors(correct, reference, dtype).max() <= 0.5 + 1e-6


def test_a_float64_reference_does_not_judge_float64() -> None:
    with pytest.raises(ValueError, match="narrower than float64"):
        oracle.reference_ulp_errors(np.ones(1), np.ones(1), "float64")


def test_reference_names_what_it_can_do() -> None:
    with pytest.raises(ValueError, match="'value' or 'gradient'"):
        oracle.reference(Spec("gem"), np.ones(1), "second")


# --- the mathematics: facts of the family ---------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("eps", [1.0, 1e-4, 10.0])
def test_junction_derivatives(n: int, eps: float) -> None:
    """All one-sided derivatives up to order 2n vanish at 0; the next is s * (2n+1)! / eps.

    f(h) / h^(2n+1) tends to s / eps with an error of order h^(2n), so the Taylor coefficients up to
    2n are 0 and the next is what the limit says; exact arithmetic lets h be as small as we like.
    """
    slope = 0.375
    spec = Spec("se-gem", n, eps, slope)
    for h in (Fraction(1, 2**200), -Fraction(1, 2**200)):
        side = 1 if h > 0 else Fraction(slope)
        quotient = oracle.value(spec, h) / h ** (2 * n + 1)
        limit = side / Fraction(eps)
        assert abs(quotient - limit) <= abs(limit) * h ** (2 * n) / Fraction(eps)
        # and the oracle's own derivatives show the same order of contact
        first = oracle.gradient(spec, h) / h ** (2 * n)
        second = oracle.second_derivative(spec, h) / h ** (2 * n - 1)
        room = Fraction(1, 2**300) * (1 + 1 / Fraction(eps))
        assert abs(first / ((2 * n + 1) * limit) - 1) <= room
        assert abs(second / ((2 * n + 1) * (2 * n) * limit) - 1) <= room


@pytest.mark.parametrize(
    ("n", "steepest"), [(1, Fraction(9, 8)), (2, Fraction(25, 16)), (3, Fraction(49, 24))]
)
def test_steepest_slope(n: int, steepest: Fraction) -> None:
    """max f' = (2n+1)^2 / (8n), where g = (2n+1) / (4n) and f'' changes sign."""
    assert steepest == Fraction((2 * n + 1) ** 2, 8 * n)
    spec = Spec("e-gem", n, 1e-4)
    at = (spec.eps * (2 * n + 1) / (2 * n - 1)) ** (1 / (2 * n))
    below = steepest - oracle.gradient(spec, at)
    assert 0 <= below <= Fraction(1, 2**90)  # a float misses the peak by 2^-53, which costs its square
    assert (
        oracle.second_derivative(spec, at * (1 - 1e-12))
        > 0
        > oracle.second_derivative(spec, at * (1 + 1e-12))
    )
    for factor in np.geomspace(1e-3, 1e3, 301).tolist():
        assert oracle.gradient(spec, at * factor) <= steepest


@pytest.mark.parametrize(("n", "p"), [(1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2)])
@pytest.mark.parametrize("eps", [1.0, 1e-4, 10.0])
def test_distance_to_relu_in_lp(n: int, p: int, eps: float) -> None:
    """||ReLU - f||_p^p = eps^a / (2n) * B(a, p - a), a = (p + 1) / (2n), by quadrature of the oracle."""
    spec = Spec("e-gem", n, eps)
    alpha = eps ** (1 / (2 * n))

    def gap(u: mpmath.mpf) -> mpmath.mpf:
        x = Fraction(float(alpha * u))
        exact = (x - oracle.value(spec, x)) ** p
        return mpmath.mpf(exact.numerator) / exact.denominator

    inner = mpmath.quad(gap, [0, 0.5, 1, 2, 4])
    outer = mpmath.quad(lambda v: gap(1 / v) / v**2, [mpmath.mpf(2) ** -40, 0.125, 0.25])
    a = mpmath.mpf(p + 1) / (2 * n)
    closed = mpmath.mpf(eps) ** a / (2 * n) * mpmath.beta(a, p - a)
    # Cut off at u = 2^40, where the tail is below u^(1 - p(2n-1)) of it.
    assert abs(alpha * (inner + outer) / closed - 1) < 1e-9


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("eps", [1.0, 1e-4, 10.0])
def test_distance_to_relu_in_the_sup_norm(n: int, eps: float) -> None:
    """sup |ReLU - f| = eps^(1/2n) * (2n-1)^(1-1/2n) / (2n), where f' = 1."""
    spec = Spec("e-gem", n, eps)
    alpha = eps ** (1 / (2 * n))
    closed = alpha * (2 * n - 1) ** (1 - 1 / (2 * n)) / (2 * n)
    gaps = [
        float(Fraction(x) - oracle.value(spec, x)) for x in (alpha * np.geomspace(0.1, 100, 4001)).tolist()
    ]
    assert max(gaps) <= closed * (1 + 1e-14)
    assert max(gaps) >= closed * (1 - 1e-5)
    at = alpha / (2 * n - 1) ** (1 / (2 * n))
    assert math.isclose(at - float(oracle.value(spec, at)), closed, rel_tol=1e-12)
    assert math.isclose(float(oracle.gradient(spec, at)), 1, rel_tol=1e-12)


def test_small_eps_approaches_relu_and_leaky_relu() -> None:
    gaps = []
    for eps in (1e-2, 1e-4, 1e-8, 1e-16):
        spec = Spec("se-gem", 1, eps, 0.125)
        xs = np.linspace(-3, 3, 201).tolist()
        gaps.append(max(abs(oracle.value(spec, x) - Fraction(x if x > 0 else 0.125 * x)) for x in xs))
    assert all(b < a for a, b in pairwise(gaps))
    assert gaps[-1] < Fraction(1, 10**8)


def test_monotone_for_a_slope_of_either_sign() -> None:
    xs = sorted({float(s * v) for s in (-1, 1) for v in np.geomspace(1e-6, 1e6, 400)} | {0.0})
    for slope in (0.01, 1.0, 3.0):
        values = [oracle.value(Spec("se-gem", 2, 1e-2, slope), x) for x in xs]
        assert all(a < b for a, b in pairwise(values))
    values = [oracle.value(Spec("se-gem", 2, 1e-2, -0.5), x) for x in xs]
    assert all(v >= 0 for v in values)
