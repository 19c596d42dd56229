"""Correct rounding is decided exactly, and distances are those of the oracle."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from benchmarks.error import family, points
from benchmarks.error.family import Half
from benchmarks.error.rounding import Truth, from_fractions, round_fraction, round_near
from gem_impls import Spec, oracle

NARROW = ("float16", "bfloat16", "float32")


def check_truth(half: Half, magnitudes: Any, dtype: str) -> None:
    """Against fractions alone, by way of the oracle's own rounding."""
    found = family.truth(half, magnitudes, dtype)
    rows = zip(
        *(magnitudes.tolist(), found.rounded.tolist(), found.residual.tolist(), found.exponent.tolist()),
        strict=True,
    )
    for a, rounded, residual, exponent in rows:
        exact = half.exact(a)
        unit = Fraction(2) ** exponent
        assert rounded == oracle.round_to(exact, dtype), (half, a)
        assert unit == oracle.ulp(exact, dtype), (half, a)
        assert float((exact - Fraction(rounded)) / unit) == pytest.approx(residual, abs=1e-6), (half, a)


@pytest.mark.parametrize(
    "half",
    [
        pytest.param(
            Half(1, 1.0, 1.0, "value"), id="gem value: ties of x^3, and x(1 - tiny) at powers of two"
        ),
        pytest.param(Half(2, 1.0, 1.0, "gradient"), id="gem gradient: saturates just above 1"),
    ],
)
def test_a_whole_bfloat16_map_is_as_by_fractions(half: Half) -> None:
    magnitudes = points.numbers(points.every("bfloat16"), "bfloat16").astype(np.float64)
    check_truth(half, magnitudes[:20_000:2] if half.what == "value" else magnitudes[-20_000::2], "bfloat16")
    near, slack = family.near_float64(half, magnitudes)
    _, hard = round_near(near, slack, "bfloat16")
    assert hard.size, "the test is of the decisions that need fractions"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize(("n", "eps", "factor"), [(1, 1.0, 1.0), (3, 1e-4, 0.01), (4, 10.0, -0.1)])
def test_whole_maps_are_as_by_fractions(dtype: str, what: str, n: int, eps: float, factor: float) -> None:
    magnitudes = points.numbers(points.every(dtype), dtype).astype(np.float64)
    check_truth(Half(n, eps, factor, what), magnitudes, dtype)


@pytest.mark.parametrize("dtype", [*NARROW, "float64"])
@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("factor", [1.0, 0.01, -0.1, 2.0**-20])
def test_samples_of_every_format_are_as_by_fractions(dtype: str, what: str, factor: float) -> None:
    for n, eps in ((1, 1e-6), (2, 10.0), (4, 1e-2)):
        marks = points.marks(n, eps, dtype, family.landmarks(n, eps).values())
        if dtype in points.SIXTEEN_BIT:
            patterns = points.every(dtype)[n::499]
        else:
            patterns = points.stratified(dtype, 40, marks)[:: 1 if dtype == "float32" else 12]
        magnitudes = points.numbers(patterns, dtype).astype(np.float64)
        check_truth(Half(n, eps, factor, what), magnitudes, dtype)


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_the_float64_numbers_are_as_near_as_they_claim(n: int, what: str) -> None:
    rng = np.random.default_rng(n)
    magnitudes = np.abs(rng.standard_normal(400) * 2.0 ** rng.integers(-30, 30, 400)).astype(np.float32)
    for eps in (1.0, 1e-4, 10.0, 3e-30):
        half = Half(n, eps, -0.1, what)
        near, slack = family.near_float64(half, magnitudes.astype(np.float64))
        worst = max(
            float(abs(half.exact(a) - Fraction(got)) / Fraction(room))
            for a, got, room in zip(magnitudes.tolist(), near.tolist(), slack.tolist(), strict=True)
            if room > 1e-200
        )
        assert worst < 1


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_second_derivative_is_as_near_as_it_claims(n: int) -> None:
    rng = np.random.default_rng(n)
    magnitudes = np.abs(rng.standard_normal(300) * 2.0 ** rng.integers(-20, 20, 300)).astype(np.float32)
    half = Half(n, 1e-4, 0.01, "second_derivative")
    near, scale = family.near_second_derivative(half, magnitudes.astype(np.float64))
    for a, got, size in zip(magnitudes.tolist(), near.tolist(), scale.tolist(), strict=True):
        assert abs(half.exact(a) - Fraction(got)) < Fraction(size) * (8 * n + 24) * Fraction(2) ** -53
        assert float(half.unit(a)) == pytest.approx(size, rel=1e-12)


def test_results_are_those_of_the_definitions() -> None:
    spec = Spec("se-gem", 3, 0.5, 0.1)
    half = Half(spec.n, spec.eps, spec.negative_slope, "value")
    assert float(half.exact(0.125)) == 9.5366704050414655e-8  # minus f(-0.125)
    found = family.truth(half, np.array([0.125]), "float64")
    assert found.rounded[0] == 9.5366704050414655e-8
    assert family.steepest(1) == Fraction(9, 8)
    assert family.steepest(3) == Fraction(49, 24)


@pytest.mark.parametrize(
    "count", [pytest.param(3000, id="3000"), pytest.param(100_000, id="100000", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_random_points_are_as_by_mpmath_with_50_digits(what: str, count: int) -> None:
    """Independent of the oracle: the definition, typed in again, in another arithmetic."""
    rng = np.random.default_rng(count)
    with mpmath.workdps(50):
        for n, eps, slope in ((1, 1e-4, 0.01), (2, 10.0, -0.1), (3, 1.0, 1.0)):
            each = count // 3
            magnitudes = np.abs(rng.standard_normal(each)) * 2.0 ** rng.integers(-12, 12, each)
            found = family.truth(Half(n, eps, slope, what), magnitudes, "float64")
            for a, rounded in zip(magnitudes.tolist(), found.rounded.tolist(), strict=True):
                power = mpmath.mpf(a) ** (2 * n)
                gate = power / (mpmath.mpf(eps) + power)
                form = a * gate if what == "value" else gate * (2 * n + 1 - 2 * n * gate)
                assert float(mpmath.mpf(slope) * form) == rounded, (n, eps, slope, a)


@pytest.mark.parametrize("dtype", [*NARROW, "float64"])
def test_round_fraction_is_the_oracle_s_rounding(dtype: str, rng: np.random.Generator) -> None:
    fmt = oracle.format_of(dtype)
    numbers = [
        Fraction(int(k), int(m)) * Fraction(2) ** int(e) for k, m, e in rng.integers(1, 2000, (200, 3))
    ]
    numbers += [q / Fraction(2) ** 1500 for q in numbers]
    edge = fmt.max + fmt.max / (2 ** (fmt.precision + 1) - 2)  # half an ulp above the largest: overflows
    numbers += [
        Fraction(0),
        fmt.max,
        edge,
        edge - 1,
        fmt.smallest_subnormal / 2,
        fmt.smallest_subnormal * 3 / 2,
    ]
    for exact in [*numbers, *(-q for q in numbers)]:
        rounded, residual, exponent = round_fraction(exact, None, dtype)
        assert rounded == oracle.round_to(exact, dtype)
        if math.isfinite(rounded):
            unit = Fraction(2) ** exponent
            assert unit == oracle.ulp(exact, dtype)
            assert float((exact - Fraction(rounded)) / unit) == residual


def test_ties_go_to_even() -> None:
    tie = Fraction(1) + Fraction(1, 2**8)  # between 1 and 1 + 2^-7 in bfloat16
    assert round_fraction(tie, None, "bfloat16")[0] == 1.0
    assert round_fraction(tie + Fraction(1, 2**60), None, "bfloat16")[0] == 1 + 2.0**-7
    near = np.array([float(tie)])
    _, hard = round_near(near, near * 2.0**-50, "bfloat16")
    assert hard.tolist() == [0]
    decided, hard = round_near(near, np.zeros(1), "bfloat16")
    assert (decided.rounded[0], hard.size) == (1.0, 0)


@pytest.mark.parametrize("dtype", [*NARROW, "float64"])
def test_errors_are_the_oracle_s_distances(dtype: str, rng: np.random.Generator) -> None:
    fmt = oracle.format_of(dtype)
    exact = [Fraction(int(k), 977) * Fraction(2) ** int(e) for k, e in rng.integers(1, 60, (60, 2))]
    exact = [q for q in exact if q < fmt.max] + [fmt.smallest_subnormal * Fraction(k, 7) for k in range(9)]
    exact += [Fraction(0), fmt.max / 3, -fmt.max / 3]
    truth = from_fractions([round_fraction(q, None, dtype) for q in exact], dtype)
    for factor in (1.0, 1 + 2.0 ** (1 - fmt.precision), 0.5, -1.0, 0.0, math.nan, math.inf, -math.inf):
        with np.errstate(invalid="ignore"):
            computed = truth.rounded * factor
        found = truth.errors(computed).tolist()
        wanted = [oracle.ulp_distance(c, q, dtype) for c, q in zip(computed.tolist(), exact, strict=True)]
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dtype", [*NARROW, "float64"])
def test_overflow_is_judged_by_distance_near_the_top(dtype: str) -> None:
    fmt = oracle.format_of(dtype)
    largest = float(fmt.max)
    ulp = Fraction(2) ** (1 - fmt.min_exponent - fmt.precision + 1)
    exact = [fmt.max - ulp / 4, fmt.max + ulp / 4, fmt.max + ulp, fmt.max * 2, fmt.max / 2]
    truth = from_fractions([round_fraction(q, None, dtype) for q in exact], dtype)
    assert truth.rounded.tolist() == [largest, largest, math.inf, math.inf, largest / 2]
    infinite = truth.errors(np.full(5, math.inf)).tolist()
    assert infinite[:4] == [1.25, 0.75, 0.0, 0.0]
    assert infinite[4] == math.inf
    finite = truth.errors(np.full(5, largest)).tolist()
    assert finite[:3] == [0.25, 0.25, 1.0]
    assert finite[3] > 100
    assert truth.errors(np.full(5, -math.inf)).min() > 100


def test_a_truth_is_cut_like_its_arrays() -> None:
    truth = Truth("float32", np.arange(4.0), np.zeros(4), np.arange(4))
    assert len(truth[1:3]) == 2
    assert truth[np.array([3])].rounded.tolist() == [3.0]
