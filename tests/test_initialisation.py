"""Gains and moments against mpmath integrals, Monte Carlo, closed forms, and what layers do."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

import gem_impls
from gem_impls import Spec, calculate_gain
from gem_impls.initialisation import MOST_N, normal_moments

SPECS = [
    Spec("gem"),
    Spec("gem", 3),
    Spec("e-gem", 1, 1e-6),
    Spec("e-gem", 2, 10.0),
    Spec("e-gem", 25, 0.3),
    Spec("se-gem", 1, 1e-4, 0.3),
    Spec("se-gem", 2, 0.5, -1.5),
]


def truth(spec: Spec, std: float) -> dict[str, Any]:
    """The moments by Gauss-Legendre quadrature over x of the definition, both signs, in 30 digits."""
    mp = mpmath.MPContext()
    mp.dps = 30
    n, eps, slope, std = spec.n, mp.mpf(spec.eps), mp.mpf(spec.negative_slope), mp.mpf(std)
    scale = mp.root(eps, 2 * n)

    def f(x: Any) -> Any:
        return (1 if x > 0 else slope) * x ** (2 * n + 1) / (eps + x ** (2 * n))

    def mean(h: Any) -> Any:
        marks = {mp.mpf(0), *(scale * k / 8 for k in range(1, 24)), *(std * k / 2 for k in range(1, 33))}
        points = [m for m in sorted(marks) if m <= 16 * std]
        positive = mp.quad(lambda x: h(x) * mp.npdf(x, 0, std), points, method="gauss-legendre")
        return positive + mp.quad(lambda x: h(-x) * mp.npdf(x, 0, std), points, method="gauss-legendre")

    second = mean(lambda x: f(x) ** 2)
    slope_second = mean(lambda x: mp.diff(f, x) ** 2 if x else mp.mpf(0))
    return {"mean": mean(f), "second": second, "slope_second": slope_second}


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_moments_are_those_of_the_definition(spec: Spec) -> None:
    std = 0.6
    found, right = normal_moments(spec, std), truth(spec, std)
    for name, value in right.items():
        assert getattr(found, name) == pytest.approx(float(value), rel=1e-11), name


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_growth_is_the_slope_of_the_variance_map(spec: Spec) -> None:
    """Against a difference of log E f^2 over log std^2, which knows nothing of derivatives."""
    step = 1e-4
    above, below = (math.log(normal_moments(spec, 1.3 * math.exp(s * step)).second) for s in (1, -1))
    assert normal_moments(spec, 1.3).growth == pytest.approx((above - below) / (4 * step), rel=1e-6)


@pytest.mark.parametrize("std", [1e-3, 1.0, 50.0])
def test_the_limits_are_relu_and_leaky_relu(std: float) -> None:
    """The distance to ReLU is of the order of eps^(1/2), so at 1e-40 nothing of it is left."""
    torch = pytest.importorskip("torch", reason="torch's own table is the peer")
    relu = torch.nn.init.calculate_gain("relu")
    leaky = torch.nn.init.calculate_gain("leaky_relu", 0.2)
    for mode in ("fan_in", "fan_out"):
        assert calculate_gain(Spec("e-gem", 1, 1e-40), std, mode) == pytest.approx(relu, rel=1e-12)
        assert calculate_gain(Spec("se-gem", 1, 1e-40, 0.2), std, mode) == pytest.approx(leaky, rel=1e-12)
    assert normal_moments(Spec("e-gem", 1, 1e-40), std).mean == pytest.approx(std / math.sqrt(2 * math.pi))


def test_a_slope_of_one_is_odd_and_has_no_mean() -> None:
    assert normal_moments(Spec("se-gem", 2, 1.0, 1.0)).mean == 0


@pytest.mark.parametrize("spec", [Spec("gem"), Spec("e-gem", 3, 10.0), Spec("se-gem", 1, 1e-4, 0.3)], ids=str)
def test_monte_carlo_agrees(spec: Spec) -> None:
    """The package's implementation on four million normal numbers, at five standard errors."""
    x = np.random.default_rng(1).standard_normal(4_000_000) * 0.8
    op = gem_impls.get("numpy_cpu").build(spec)
    y, slope = op.forward(x), op.backward(np.ones_like(x), x)
    for mode, squares, width in (("fan_in", y**2, 0.8), ("fan_out", slope**2, 1.0)):
        error = squares.std() / math.sqrt(x.size) / squares.mean() / 2  # of the root, relative
        sampled = width / math.sqrt(squares.mean())
        assert abs(calculate_gain(spec, 0.8, mode) / sampled - 1) < 5 * error


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_the_recipe_keeps_the_variance_of_a_wide_layer(mode: str) -> None:
    """The docstring's recipe: signals forward with fan_in, gradients backward with fan_out."""
    torch = pytest.importorskip("torch", reason="layers are torch's")
    spec, std = Spec("gem", 2), 1.5
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 2048, generator=generator, dtype=torch.float64) * std
    weight = torch.randn(1024, 2048, generator=generator, dtype=torch.float64)
    op = gem_impls.get("numpy_cpu").build(spec)
    gain = calculate_gain(spec, std, mode)
    if mode == "fan_in":
        fan = weight[0].numel()
        passed = torch.from_numpy(op.forward(x.numpy())) @ (weight * gain / math.sqrt(fan)).T
        assert float(passed.std()) == pytest.approx(std, rel=0.02)
    else:
        fan = weight.shape[0]
        incoming = torch.randn(400, 1024, generator=generator, dtype=torch.float64)
        through = (incoming @ (weight * gain / math.sqrt(fan))).numpy()
        assert op.backward(through, x.numpy()).std() == pytest.approx(1.0, rel=0.02)


def test_the_gain_depends_on_the_scale_of_the_input_alone_through_eps() -> None:
    """f of s*x with eps is s*f of x with eps / s^(2n)."""
    a = calculate_gain(Spec("e-gem", 2, 3.0), std=2.0)
    b = calculate_gain(Spec("e-gem", 2, 3.0 / 2.0**4), std=1.0)
    assert a == pytest.approx(b, rel=1e-13)


@pytest.mark.parametrize("eps", [5e-324, 1e-300, 1e-30])
def test_extreme_parameters_are_served(eps: float) -> None:
    assert calculate_gain(Spec("e-gem", 1, eps)) == pytest.approx(math.sqrt(2), rel=1e-12)
    assert math.isfinite(calculate_gain(Spec("e-gem", 400, eps), 1.0, "fan_out"))


def test_a_gain_beyond_float64_says_so() -> None:
    with pytest.raises(ValueError, match=r"is beyond float64.*eps must be smaller or std larger"):
        calculate_gain(Spec("e-gem", 3, 1e300), 1e-100)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("gem",), TypeError, r"spec must be a gem_impls.Spec; got 'gem'"),
        ((Spec("gem"), 0.0), ValueError, r"std must be finite and > 0; got 0.0"),
        ((Spec("gem"), math.inf), ValueError, r"std must be finite and > 0; got inf"),
        ((Spec("gem"), math.nan), ValueError, r"std must be finite and > 0; got nan"),
        ((Spec("gem"), True), TypeError, r"std must be a finite real number > 0; got True"),
        ((Spec("gem"), "1"), TypeError, r"std must be a finite real number > 0; got '1'"),
        ((Spec("gem"), 1.0, "fan_on"), ValueError, r"unknown mode 'fan_on'; .* Did you mean 'fan_"),
        (
            (Spec("gem", MOST_N + 1),),
            ValueError,
            rf"n must be at most {MOST_N} for its gain; got {MOST_N + 1}",
        ),
    ],
)
def test_bad_input_is_named(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        calculate_gain(*arguments)


def test_equal_functions_share_what_was_integrated() -> None:
    from gem_impls.initialisation import _integrals

    _integrals.cache_clear()
    for _ in range(3):
        calculate_gain(Spec("e-gem", 2, 0.5), 1.0)
        calculate_gain(Spec("se-gem", 2, 0.5, 0.1), 1.0, "fan_out")
    assert _integrals.cache_info().misses == 1
