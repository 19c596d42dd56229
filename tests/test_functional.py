"""gem_impls.functional and gem_impls.choice: the right function, by the implementation asked for."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gem_impls
from gem_impls import Spec, Unavailable, choice, egem, gem, get, implementations, oracle, segem
from gem_impls.choice import DEFAULTS, chosen
from gem_impls.functional import apply

CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], Spec]] = [
    (gem, (), Spec("gem")),
    (gem, (3,), Spec("gem", 3)),
    (egem, (), Spec("e-gem")),
    (egem, (2, 10.0), Spec("e-gem", 2, 10.0)),
    (segem, (), Spec("se-gem")),
    (segem, (2, 1e-2, -0.5), Spec("se-gem", 2, 1e-2, -0.5)),
]
X = np.linspace(-3, 3, 61)


@pytest.mark.parametrize(("function", "arguments", "spec"), CALLS)
def test_arguments_are_those_of_the_spec(
    function: Callable[..., Any], arguments: tuple[Any, ...], spec: Spec
) -> None:
    exact = oracle.exact_array(spec, X)
    got = function(X, *arguments)
    assert oracle.ulp_errors(got, exact, "float64").max() <= 2 * spec.n + 2
    by_name = dict(zip(("n", "eps", "negative_slope"), arguments, strict=False))
    np.testing.assert_array_equal(function(X, **by_name), got)
    np.testing.assert_array_equal(apply(spec, X), got)
    np.testing.assert_array_equal(get("numpy_cpu").build(spec).forward(X), got)


def test_the_package_docstring_is_true() -> None:
    assert doctest.testmod(gem_impls, raise_on_error=True).attempted >= 2


def test_the_implementation_is_asked_for_by_name_only() -> None:
    with pytest.raises(TypeError, match="positional"):
        gem(X, 1, "numpy_cpu")  # type: ignore[misc]  # the point of the test


# --- which implementation serves --------------------------------------------------------------------------


def test_defaults_are_implementations_that_take_such_arrays_there() -> None:
    for (arrays, device), names in DEFAULTS.items():
        for name in names:
            assert name in implementations()
            if get(name).devices:  # else its framework is missing here
                assert get(name).arrays == arrays
                assert device in get(name).devices
        able = [name for name in names if get(name).unavailable(device) is None]
        assert chosen(arrays, device) == chosen(arrays, device, None) == (able or names)[0]


def test_the_first_that_is_available_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(get("numpy_cpu")), "unavailable", lambda self, device="cpu": "it is resting")
    monkeypatch.setitem(DEFAULTS, ("numpy", "cpu"), ("numpy_cpu", "torch_naive"))
    choice._default.cache_clear()
    try:
        able = get("torch_naive").unavailable("cpu") is None
        assert chosen("numpy", "cpu") == ("torch_naive" if able else "numpy_cpu")
    finally:
        choice._default.cache_clear()


def test_a_name_is_taken_as_it_is() -> None:
    assert chosen("torch", "cpu", "triton_fused") == "triton_fused"


def test_no_default_is_said() -> None:
    with pytest.raises(Unavailable, match="no default implementation for torch arrays on 'mps'") as caught:
        chosen("torch", "mps")
    assert "numpy on cpu" in str(caught.value)


def test_a_named_implementation_that_cannot_serve_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never replaced by another."""
    monkeypatch.setattr(type(get("numpy_cpu")), "unavailable", lambda self, device="cpu": "it is resting")
    choice.resolve.cache_clear()
    try:
        for call in (lambda: gem(X, implementation="numpy_cpu"), lambda: gem(X)):
            with pytest.raises(Unavailable, match="'numpy_cpu' is not available on 'cpu': it is resting"):
                call()
    finally:
        monkeypatch.undo()
        choice.resolve.cache_clear()
    np.testing.assert_array_equal(gem(X, implementation="numpy_cpu"), gem(X))


def test_the_wrong_kind_of_array_for_a_named_implementation() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(TypeError, match="'torch_naive' takes torch arrays; x is a numpy array"):
        gem(X, implementation="torch_naive")
    with pytest.raises(TypeError, match="'numpy_cpu' takes numpy arrays; x is a torch array"):
        gem(torch.ones(3), implementation="numpy_cpu")


def test_unnamed_tensors_go_to_the_default() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    name = chosen("torch", "cpu")
    if (why := get(name).unavailable()) is not None:
        pytest.skip(why)
    x = torch.from_numpy(X)
    assert torch.equal(segem(x), segem(x, implementation=name))


# --- bad input --------------------------------------------------------------------------------------------

REFUSED = [
    # call, exception, what is named
    (lambda: gem([1.0, 2.0]), TypeError, ("x must be", "NumPy array", "torch tensor", "list", "asarray")),
    (lambda: gem(1.0), TypeError, ("x must be", "float")),
    (lambda: gem(None), TypeError, ("x must be", "NoneType")),
    (lambda: gem("1.0"), TypeError, ("x must be", "str")),
    (lambda: gem(np.arange(3)), TypeError, ("x must", "float16, float32, float64", "int64")),
    (lambda: gem(X > 0), TypeError, ("x must", "bool")),
    (lambda: gem(X + 0j), TypeError, ("x must", "complex128")),
    (lambda: gem(X.astype(object)), TypeError, ("x must", "object")),
    (lambda: gem(X, 0), ValueError, ("n must", ">= 1", "got 0")),
    (lambda: gem(X, -1), ValueError, ("n must", ">= 1", "got -1")),
    (lambda: gem(X, 1.5), TypeError, ("n must", "integer", "1.5")),
    (lambda: gem(X, True), TypeError, ("n must", "integer", "True")),
    (lambda: gem(X, "1"), TypeError, ("n must", "integer", "'1'")),
    (lambda: egem(X, 1, 0), ValueError, ("eps must", "> 0", "0")),
    (lambda: egem(X, 1, float("nan")), ValueError, ("eps must", "finite", "nan")),
    (lambda: egem(X, eps=float("inf")), ValueError, ("eps must", "finite", "inf")),
    (lambda: egem(X.astype(np.float32), eps=1e-50), ValueError, ("eps must", "1e-50", "float32", "float64")),
    (lambda: segem(X, negative_slope=float("nan")), ValueError, ("negative_slope must", "finite", "nan")),
    (lambda: gem(X, eps=2.0), TypeError, ("eps",)),
    (lambda: gem(X, implementation="numpy_cp"), ValueError, ("numpy_cp", "Did you mean 'numpy_cpu'?")),
    (lambda: gem(X, implementation=3), TypeError, ("name must be a string", "numpy_cpu", "3")),
]


@pytest.mark.parametrize(("call", "exception", "named"), REFUSED)
def test_refused(call: Callable[[], Any], exception: type[Exception], named: tuple[str, ...]) -> None:
    with pytest.raises(exception) as caught:
        call()
    assert type(caught.value) is exception
    for part in named:
        assert part in str(caught.value), str(caught.value)


def test_tensors_are_refused_in_the_same_words() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for dtype in (torch.int64, torch.bool, torch.complex64):
        with pytest.raises(TypeError, match="x must have one of the dtypes") as caught:
            gem(torch.ones(3).to(dtype), implementation="torch_naive")
        assert str(dtype) in str(caught.value)
    with pytest.raises(ValueError, match="Did you mean 'torch_naive'"):
        gem(torch.ones(3), implementation="torch_naiv")
