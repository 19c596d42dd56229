"""Zeros, infinities, NaN, and the facts of the family as the implementations compute them."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from gem_impls import Spec, oracle
from tests.conformance.bounds import bound
from tests.conformance.cases import LITERAL, ORDERS, Subject, everywhere, subjects
from tests.test_oracle import TABLE

SLOPES = tuple(
    Spec("se-gem", n, 1e-2, negative_slope) for n in ORDERS for negative_slope in (0.0, 0.25, -0.5, 1.5)
)
"""No slope, and one of each kind; eps such that every dtype has it."""
E_GEM = tuple(Spec("e-gem", n, eps) for n in ORDERS for eps in (1.0, 1e-4, 10.0))
ACCURATE = {"where": everywhere, "why_not": LITERAL}


@pytest.mark.parametrize("subject", subjects(SLOPES))
def test_zero_gives_zero_and_gradient_zero(subject: Subject) -> None:
    """Fact 1 at the point itself, for a zero of either sign."""
    zeros = np.array([0.0, -0.0])
    np.testing.assert_array_equal(subject.value(zeros), 0)
    np.testing.assert_array_equal(subject.gradient(zeros), 0)


@pytest.mark.parametrize("subject", subjects(SLOPES))
def test_nan_gives_nan(subject: Subject) -> None:
    """Fact 4: value and gradient, among numbers that must not be disturbed."""
    x = np.array([1.0, np.nan, -1.0, -np.nan, 0.0] * 5)
    for computed in (subject.value(x), subject.gradient(x)):
        np.testing.assert_array_equal(np.isnan(computed), np.isnan(x))


@pytest.mark.parametrize("subject", subjects(SLOPES, **ACCURATE))
def test_infinities(subject: Subject) -> None:
    """Fact 4: f(inf) = inf, f'(inf) = 1; f(-inf) = slope * -inf or 0 without a slope, f'(-inf) = slope."""
    slope = subject.spec.negative_slope
    x = np.array([np.inf, -np.inf])
    np.testing.assert_array_equal(subject.value(x), [np.inf, -math.copysign(np.inf, slope) if slope else 0.0])
    np.testing.assert_array_equal(subject.gradient(x), [1.0, slope])  # the slopes are exact in every dtype


@pytest.mark.parametrize("subject", subjects(SLOPES))
def test_nan_in_the_gradient_of_the_output_stays(subject: Subject) -> None:
    x = subject.array([1.0, -1.0, 2.0])
    grad_output = subject.array([np.nan, np.nan, 1.0])
    dx = subject.numbers(subject.op.backward(grad_output, x))
    np.testing.assert_array_equal(np.isnan(dx), [True, True, False])


@pytest.mark.parametrize("subject", subjects(E_GEM, ["float32", "float64"], **ACCURATE))
def test_steepest_slope(subject: Subject) -> None:
    """Fact 2: max f' = (2n+1)^2 / (8n), and it is reached where g = (2n+1) / (4n)."""
    n, eps = subject.spec.n, subject.spec.eps
    steepest = (2 * n + 1) ** 2 / (8 * n)
    at = (eps * (2 * n + 1) / (2 * n - 1)) ** (1 / (2 * n))
    x = at * np.concatenate([np.geomspace(1e-3, 1e3, 2001), 1 + np.linspace(-1e-3, 1e-3, 2001)])
    gradient = subject.gradient(x)
    room = bound(subject, "gradient") * float(oracle.ulp(Fraction(steepest), subject.dtype))
    assert abs(float(gradient.max()) - steepest) <= room
    assert x[np.argmax(gradient)] == pytest.approx(at, rel=1e-2)


@pytest.mark.parametrize("subject", subjects(E_GEM, ["float64"], **ACCURATE))
def test_distance_to_relu_in_lp(subject: Subject) -> None:
    """Fact 3: ||ReLU - f||_p^p = eps^a / (2n) * B(a, p - a), a = (p+1) / (2n), where p(2n-1) > 1.

    Trapezoids in log x, which converge geometrically for such an integrand; the tail beyond X is
    eps^p * X^(1 - p(2n-1)) / (p(2n-1) - 1) to a relative error of order (alpha/X)^2n.
    """
    n, eps = subject.spec.n, subject.spec.eps
    alpha = eps ** (1 / (2 * n))
    logs = np.linspace(math.log(alpha) - 20, math.log(alpha) + math.log(1e4), 20_001)
    x = np.exp(logs)
    gap = x - subject.value(x)
    for p in (1, 2, 3):
        order = p * (2 * n - 1)
        if order <= 1:
            continue  # diverges on the line
        integrand = gap**p * x
        computed = (integrand.sum() - integrand[[0, -1]].sum() / 2) * (logs[1] - logs[0])
        computed += eps**p * x[-1] ** (1 - order) / (order - 1)
        a = mpmath.mpf(p + 1) / (2 * n)
        closed = mpmath.mpf(eps) ** a / (2 * n) * mpmath.beta(a, p - a)
        assert computed == pytest.approx(float(closed), rel=1e-6), p


@pytest.mark.parametrize("subject", subjects(E_GEM, ["float32", "float64"], **ACCURATE))
def test_distance_to_relu_in_the_sup_norm(subject: Subject) -> None:
    """Fact 3: eps^(1/2n) * (2n-1)^(1 - 1/2n) / (2n)."""
    n, eps = subject.spec.n, subject.spec.eps
    closed = eps ** (1 / (2 * n)) * (2 * n - 1) ** (1 - 1 / (2 * n)) / (2 * n)
    x = subject.numbers(subject.array(eps ** (1 / (2 * n)) * np.geomspace(1e-2, 1e2, 20_001)))
    gap = x.astype(np.float64) - subject.value(x)
    assert gap.min() >= 0
    assert gap.max() == pytest.approx(closed, rel=1e-4)  # the grid's error at a smooth peak is its square


TABLE_SPECS = {Spec(variant, n, float(eps), float(slope)): None for variant, n, eps, slope, *_ in TABLE}


@pytest.mark.parametrize("subject", subjects(TABLE_SPECS, ["float32", "float64"]))
def test_table_of_values(subject: Subject) -> None:
    """The published values; the x of the table are exact in every dtype of the test."""
    for variant, n, eps, slope, x, value, gradient in TABLE:
        if Spec(variant, n, float(eps), float(slope)) != subject.spec:
            continue
        for what, text in (("value", value), ("gradient", gradient)):
            low, high = subject.impl.domain(subject.spec, subject.dtype, what)
            assert low <= abs(float(x)) <= high
            got = float(subject.compute(what, np.array([float(x)]))[0])
            # a little more: the table is rounded to 17 digits, and its eps and slope are decimal
            assert oracle.ulp_distance(got, Fraction(text), subject.dtype) <= bound(subject, what) + 1 + 2 * n
