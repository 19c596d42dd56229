"""gem_impls.nn: modules that hold a Spec and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import gem_impls
from gem_impls import Spec, Unavailable, get
from gem_impls.choice import DEFAULTS, chosen

torch = pytest.importorskip("torch", reason="torch is not installed")

from gem_impls.nn import EGEM, GEM, SEGEM, Activation  # noqa: E402 -- it needs torch

MODULES = [
    # constructor, arguments, spec, repr
    (GEM, (), Spec("gem"), "GEM(n=1)"),
    (GEM, (2,), Spec("gem", 2), "GEM(n=2)"),
    (EGEM, (), Spec("e-gem"), "EGEM(n=1, eps=0.0001)"),
    (EGEM, (2, 10), Spec("e-gem", 2, 10.0), "EGEM(n=2, eps=10.0)"),
    (SEGEM, (), Spec("se-gem"), "SEGEM(n=1, eps=0.0001, negative_slope=0.01)"),
    (SEGEM, (3, 0.5, -0.25), Spec("se-gem", 3, 0.5, -0.25), "SEGEM(n=3, eps=0.5, negative_slope=-0.25)"),
]


@pytest.mark.parametrize(("module", "arguments", "spec", "text"), MODULES)
def test_modules(module: Any, arguments: tuple[Any, ...], spec: Spec, text: str) -> None:
    f = module(*arguments, implementation="torch_naive")
    assert f.spec == spec
    assert repr(module(*arguments)) == text
    assert repr(f) == f"{text[:-1]}, implementation='torch_naive')"
    x = torch.linspace(-2, 2, 33, dtype=torch.float64)
    by_name = dict(zip(("n", "eps", "negative_slope"), arguments, strict=False))
    assert torch.equal(module(**by_name, implementation="torch_naive")(x), f(x))
    assert torch.equal(Activation(spec, "torch_naive")(x), f(x))
    assert torch.equal(gem_impls.functional.apply(spec, x, "torch_naive"), f(x))


def test_it_is_an_attribute_of_the_package() -> None:
    assert gem_impls.nn.GEM is GEM
    assert "nn" in gem_impls.__all__
    with pytest.raises(AttributeError, match="no attribute 'relu'"):
        gem_impls.relu  # noqa: B018 -- the point of the test


def test_it_says_what_it_picked() -> None:
    assert GEM(implementation="torch_naive").chosen() == "torch_naive"
    for arrays, device in DEFAULTS:
        if arrays == "torch":
            assert GEM().chosen(device) == chosen("torch", device)
    assert GEM().chosen() == GEM().chosen("cpu")
    with pytest.raises(Unavailable, match="no default implementation"):
        GEM().chosen("mps")


def test_bad_parameters_are_refused_when_the_module_is_made() -> None:
    with pytest.raises(ValueError, match="n must be an integer >= 1; got 0"):
        GEM(0)
    with pytest.raises(ValueError, match="eps must be a finite number > 0"):
        EGEM(eps=-1.0)
    with pytest.raises(TypeError, match="negative_slope must be a finite real number"):
        SEGEM(negative_slope="0.01")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(ValueError, match="Did you mean 'torch_naive'"):
        GEM(implementation="torch_naiv")
    with pytest.raises(TypeError, match="positional"):
        GEM(1, "torch_naive")  # type: ignore[misc]  # the point of the test


def test_an_implementation_that_cannot_serve_raises_when_it_is_called() -> None:
    f = GEM(implementation="numpy_cpu")
    with pytest.raises(TypeError, match="'numpy_cpu' takes numpy arrays; x is a torch array"):
        f(torch.ones(3))


def test_an_unnamed_module_serves_where_its_default_does() -> None:
    if (why := get(chosen("torch", "cpu")).unavailable()) is not None:
        pytest.skip(why)
    net = torch.nn.Sequential(torch.nn.Linear(8, 8), gem_impls.nn.SEGEM(eps=1e-4))
    y = net(torch.randn(5, 8))
    y.sum().backward()
    assert torch.isfinite(y).all()
    assert torch.isfinite(net[0].weight.grad).all()
