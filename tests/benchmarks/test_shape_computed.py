"""What asv follows of the shape: right for right implementations, moved by wrong ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.shape.computed import DIGITS, FIGURES, computed
from benchmarks.tracked import asv_shape
from gem_impls import Spec, Unavailable, calculate_gain, get
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
        (too_steep, {"distance", "gain", "gradient gain", "junction"}),
        (shifted, {"distance", "steepest", "gain", "gradient gain"}),
        (forgets_the_negative_half, {"distance", "gain", "gradient gain"}),
    ],
    ids=["scaled", "stretched", "shifted", "one-sided"],
)
def test_a_drift_moves_the_figures(fault: Callable[..., Any], moved: set[str]) -> None:
    """Differences do not see a shift, nor does a peak see a stretch, and that is right."""
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
