"""The inputs: all of them where that is promised, and some of everything elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.error import family, points
from gem_impls.oracle import FORMATS, format_of


@pytest.mark.parametrize("dtype", points.SIXTEEN_BIT)
def test_all_16_bit_inputs_are_covered(dtype: str) -> None:
    magnitudes = points.numbers(points.every(dtype), dtype)
    special = points.specials(dtype, every=True)
    assert 2 * magnitudes.size + special.size == 65536
    assert np.isfinite(magnitudes).all()
    assert (np.diff(magnitudes) > 0).all()
    assert float(magnitudes[-1]) == float(format_of(dtype).max)
    assert np.isinf(special).sum() == 2
    assert np.isnan(special).sum() == special.size - 2


def test_all_float32_inputs_are_covered() -> None:
    special = points.specials("float32", every=True)
    assert 2 * points.infinity("float32") + special.size == 2**32
    few = points.specials("float64", every=False)
    assert np.isinf(few).sum() == 2
    assert np.isnan(few).sum() == few.size - 2 > 4


@pytest.mark.parametrize("dtype", FORMATS)
def test_patterns_and_numbers_are_each_other_s_inverse(dtype: str) -> None:
    last = points.infinity(dtype) - 1
    patterns = np.array([last * k // 2999 for k in range(3000)], points.BITS[dtype].unsigned)
    for pattern, number in zip(patterns.tolist(), points.numbers(patterns, dtype).tolist(), strict=True):
        assert points.pattern_of(number, dtype) == pattern
        if number:
            assert 2.0 ** points.binade_of(pattern, dtype) <= number
            assert number / 2 < 2.0 ** points.binade_of(pattern, dtype)


@pytest.mark.parametrize(("dtype", "count"), [("float32", 200_000), ("float64", 50_000)])
def test_stratified_inputs_are_of_every_binade_and_dense_at_the_marks(dtype: str, count: int) -> None:
    n, eps = 2, 1e-4
    marks = points.marks(n, eps, dtype, family.landmarks(n, eps).values())
    patterns = points.stratified(dtype, count, marks)
    assert 0.8 * count < patterns.size < 1.02 * count
    assert (np.diff(patterns.astype(np.int64)) > 0).all()
    fmt = format_of(dtype)
    binades = {points.binade_of(p, dtype) for p in patterns.tolist()}
    lowest = fmt.min_exponent - fmt.precision + 1
    assert binades == set(range(lowest, 2 - fmt.min_exponent))
    every = set(patterns.tolist())
    for mark in (0.0, 1e-1, float(fmt.max), float(fmt.smallest_normal)):  # 1e-1 is the junction
        centre = points.pattern_of(mark, dtype)
        around = range(max(centre - 20, 0), min(centre + 20, points.infinity(dtype)))
        assert every.issuperset(around), mark
    assert np.array_equal(patterns, points.stratified.__wrapped__(dtype, count, marks))


def test_landmarks_are_where_they_should_be() -> None:
    for n, eps in ((1, 1.0), (3, 1e-6)):
        marks = family.landmarks(n, eps)
        gate = family.Half(n, eps, 1.0, "value").exact(marks["junction"]) / family.Fraction(marks["junction"])
        assert float(gate) == pytest.approx(0.5)
        slope = family.Half(n, eps, 1.0, "gradient").exact(marks["steepest"])
        assert float(slope) == pytest.approx(float(family.steepest(n)))
