"""The peers' true results, against mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.error import peer_truth, points
from gem_impls import oracle

CASES = [(name, what) for name in peers.PEERS for what in ("value", "gradient")]


def test_every_peer_has_a_formula() -> None:
    assert set(peer_truth.NEAR) == set(CASES)


@pytest.mark.parametrize(("name", "what"), CASES)
def test_formulas_are_as_near_as_they_claim(name: str, what: str, rng: np.random.Generator) -> None:
    x = np.concatenate(
        [rng.standard_normal(60) * 2.0 ** rng.integers(-12, 5, 60), [-90.0, -13.7, 19.9, 20.1]]
    )
    with np.errstate(all="ignore"):
        near, scale = peer_truth.NEAR[name, what](x.astype(np.float32).astype(np.float64))
    for v, got, size in zip(x.astype(np.float32).tolist(), near.tolist(), scale.tolist(), strict=True):
        room = Fraction(size) * Fraction(peer_truth.SLACK) + Fraction(1, 10**300)
        assert abs(peer_truth.exact(name, what, v) - Fraction(got)) < room, v


@pytest.mark.parametrize(("name", "what"), CASES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_truths_are_mpmath_s_rounded_once(name: str, what: str, dtype: str) -> None:
    if dtype in points.SIXTEEN_BIT:
        patterns = points.every(dtype)[::1201]
    else:
        patterns = points.stratified(dtype, 60, (1.0, 20.0))[:: 7 if dtype == "float32" else 60]
    magnitudes = points.numbers(patterns, dtype).astype(np.float64)
    for sign in (1, -1):
        found = peer_truth.truth(name, what, sign * magnitudes, dtype)
        for a, rounded, residual, exponent in zip(
            magnitudes.tolist(),
            found.rounded.tolist(),
            found.residual.tolist(),
            found.exponent.tolist(),
            strict=True,
        ):
            exact = peer_truth.exact(name, what, sign * a)
            assert rounded == oracle.round_to(exact, dtype), sign * a
            away = (exact - Fraction(rounded)) / Fraction(2) ** exponent
            assert float(away) == pytest.approx(residual, abs=1e-5), sign * a


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "mish", "softplus"])
def test_saturated_results_join_mpmath_s(name: str) -> None:
    for sign in (1, -1):
        inside, outside = (sign * peer_truth.SATURATED * k for k in (0.999, 1.001))
        for what in ("value", "gradient"):
            scale = abs(inside) if what == "value" else 1
            a, b = (float(peer_truth.exact(name, what, x)) / scale for x in (inside, outside))
            assert a == pytest.approx(b, rel=0.01, abs=1e-300)


def test_limits() -> None:
    for name in peers.PEERS:
        assert peer_truth.special(name, "value", math.inf) == math.inf
        assert peer_truth.special(name, "gradient", math.inf) == 1
        far = peer_truth.special(name, "value", -math.inf)
        assert far == (-math.inf if name == "leaky_relu" else 0)
        value_at_nan = peer_truth.special(name, "value", math.nan)
        assert value_at_nan is not None
        assert math.isnan(value_at_nan)
