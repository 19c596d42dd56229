"""What asv follows of the shape: right for right implementations, moved by wrong ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.shape import closed
from benchmarks.shape.computed import DIGITS, FIGURES, FLOOR, apart, computed
from benchmarks.shape.exact import exact
from benchmarks.tracked import asv_shape
from gem_impls import VARIANTS, Spec, Unavailable, calculate_gain, get
from gem_impls.initialisation import normal_moments
from tests.benchmarks.planted import Planted, gives_nan, none, slightly_wrong

SPECS = [Spec("gem"), Spec("gem", 3), Spec("e-gem", 2, 1e-4), Spec("se-gem", 3, 0.5, 0.2)]


def stirling(m: int, k: int) -> int:
    """Ways to part m things into k groups: Stirling's number of the second kind."""
    return sum((-1) ** (k - j) * math.comb(k, j) * j**m for j in range(k + 1)) // math.factorial(k)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_figures_of_a_right_implementation_are_those_of_the_function(spec: Spec) -> None:
    found = computed(get("numpy_cpu"), spec)
    order = 2 * spec.n + 1
    assert found["steepest"] == pytest.approx(order**2 / (8 * spec.n), rel=1e-8)
    assert found["gain"] == pytest.approx(calculate_gain(spec), rel=1e-8)
    assert found["gradient gain"] == pytest.approx(calculate_gain(spec, mode="fan_out"), rel=1e-8)
    # f*eps is x^order - x^(4n+1)/eps + ...; the difference of x^m of order k is k! h^m S(m, k).
    second_term = stirling(4 * spec.n + 1, order) / 64 ** (2 * spec.n)
    assert found["junction"] == pytest.approx(1 - second_term, abs=0.01 * second_term)
    if spec.n > 1:  # what is beyond 8 scales falls as 8^(3 - 4n)
        b = 3 / (2 * spec.n)
        beta = math.gamma(b) * math.gamma(2 - b)
        whole = math.sqrt(beta / (2 * spec.n) * (1 + spec.negative_slope**2))
        assert found["distance"] == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_other_figures_are_those_of_closed_forms_and_integrals(spec: Spec) -> None:
    pytest.importorskip("mpmath")
    found, f = computed(get("numpy_cpu"), spec), exact(spec)
    assert found["largest distance"] == pytest.approx(float(closed.sup(f) / f.scale), rel=1e-5)
    assert found["curvature"] == pytest.approx(float(closed.curvature(f) * f.scale), rel=1e-4)
    moments = normal_moments(spec)
    assert found["mean"] == pytest.approx(moments.mean, rel=1e-8)
    assert found["variance"] == pytest.approx(moments.variance, rel=1e-8)
    if spec.n == 1:  # within 8 scales, as over the line it diverges
        expected = float(closed.norm(f, 1, float(8 * f.scale)) / f.scale**2)
        assert found["L1 distance"] == pytest.approx(expected, rel=1e-8)
    else:
        expected = float(closed.norm(f, 1, None) / f.scale**2)
        assert expected - 2 * 8.0 ** (2 - 2 * spec.n) < found["L1 distance"] < expected


@pytest.mark.parametrize("function", asv_shape.FAMILY, ids=str)
def test_the_definition_has_no_error_and_a_drift_has_one(function: tuple[str, int, float | None]) -> None:
    variant, n, eps = function
    spec = Spec(variant, n) if eps is None else Spec(variant, n, eps)
    assert apart(get("numpy_cpu"), spec) == dict.fromkeys(FIGURES, FLOOR)
    wrong = apart(Planted(slightly_wrong()), spec)
    assert all(error > 5 * FLOOR for error in wrong.values())


def test_distance_of_the_simplest_in_closed_form() -> None:
    """x^2/(1 + x^2)^2 from 0 to 8 is atan(8)/2 - 4/65."""
    exact = math.sqrt(math.atan(8) / 2 - 4 / 65)
    assert computed(get("numpy_cpu"), Spec("gem"))["distance"] == pytest.approx(exact, rel=1e-8)


def test_implementations_agree_to_every_digit_that_is_kept() -> None:
    pytest.importorskip("torch", reason="the other implementation is torch's")
    for spec in SPECS:
        assert computed(get("torch_naive"), spec) == computed(get("numpy_cpu"), spec)


def test_a_figure_has_the_digits_that_are_kept() -> None:
    for figure in computed(get("numpy_cpu"), Spec("gem", 2)).values():
        assert figure == float(f"{figure:.{DIGITS - 1}e}")


def too_steep(f: Callable[..., Any], x: Any, out: Any) -> Any:
    return f(x * (1 + 1e-5), out)


def shifted(f: Callable[..., Any], x: Any, out: Any) -> Any:
    return f(x, out) + 1e-7


def forgets_the_negative_half(f: Callable[..., Any], x: Any, out: Any) -> Any:
    return np.where(x > 0, f(x, out), 0.0)


@pytest.mark.parametrize(
    ("fault", "moved"),
    [
        (slightly_wrong(), set(FIGURES)),
        (too_steep, set(FIGURES) - {"steepest"}),
        (shifted, set(FIGURES) - {"junction", "L1 distance", "curvature", "variance"}),
        (forgets_the_negative_half, set(FIGURES) - {"junction", "steepest", "curvature"}),
    ],
    ids=["scaled", "stretched", "shifted", "one-sided"],
)
def test_a_drift_moves_the_figures(fault: Callable[..., Any], moved: set[str]) -> None:
    """Differences and spreads do not see a shift, in L1 its sides cancel; a peak sees no stretch. Right."""
    spec = Spec("se-gem", 1, 1.0, 0.5)
    right, wrong = computed(Planted(none()), spec), computed(Planted(fault), spec)
    assert {name for name in FIGURES if right[name] != wrong[name]} == moved


def test_what_an_implementation_cannot_do_is_said() -> None:
    class Elsewhere(Planted):
        def unavailable(self, device: str = "cpu") -> str | None:
            return "it lives elsewhere"

    with pytest.raises(Unavailable, match="it lives elsewhere"):
        computed(Elsewhere(none()), Spec("gem"))


# --- as asv calls it ------------------------------------------------------------------------------------


@pytest.fixture
def only_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asv_shape, "IMPLEMENTATIONS", ("no_such", "numpy_cpu"))


def test_asv_gets_figures_and_skips(only_numpy: None) -> None:
    benchmark = asv_shape.Shape()
    found = benchmark.setup_cache()
    params = ("gem n=1", "numpy_cpu")
    benchmark.setup(found, *params)
    assert benchmark.track_shape_steepest(found, *params) == 1.125
    assert benchmark.track_shape_gain(found, *params) == pytest.approx(2.06937214)
    assert benchmark.track_shape_gradient_gain(found, *params) == pytest.approx(1.83679708)
    assert benchmark.track_shape_distance(found, *params) == pytest.approx(0.813438507)
    assert benchmark.track_shape_junction(found, *params) == pytest.approx(0.993914381)
    with pytest.raises(NotImplementedError, match="unknown implementation 'no_such'"):
        benchmark.setup(found, "gem n=1", "no_such")


def test_a_function_that_turned_into_nan_has_no_finite_figure(
    only_numpy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gem_impls.get", lambda name: Planted(gives_nan()))
    found = asv_shape.Shape().setup_cache()
    assert math.isnan(asv_shape.Shape().track_shape_gain(found, "gem n=1", "numpy_cpu"))
    errors = asv_shape.Family().setup_cache()
    assert math.isnan(asv_shape.Family().track_shape_error(errors, "gain", "numpy_cpu"))


def test_asv_gets_the_worst_of_the_family_and_skips(
    only_numpy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark, params = asv_shape.Family(), ("variance", "numpy_cpu")
    found = benchmark.setup_cache()
    benchmark.setup(found, *params)
    assert benchmark.track_shape_error(found, *params) == FLOOR
    with pytest.raises(NotImplementedError, match="unknown implementation 'no_such'"):
        benchmark.setup(found, "variance", "no_such")

    class OneWrong(Planted):
        """Wrong in se-gem of order 2 alone."""

        def build(self, spec: Spec) -> Any:
            fault = slightly_wrong() if (spec.variant, spec.n) == ("se-gem", 2) else none()
            return Planted(fault).build(spec)

    monkeypatch.setattr("gem_impls.get", lambda name: OneWrong(none()))
    assert benchmark.track_shape_error(benchmark.setup_cache(), *params) > 5 * FLOOR


def test_every_quantity_of_every_variant_and_order_is_followed() -> None:
    assert set(asv_shape.QUANTITIES) == set(FIGURES)
    assert {(v, n) for v, n, _ in asv_shape.FAMILY} == {(v, n) for v in VARIANTS for n in (1, 2, 3)}
