"""Torch implementations under autograd and torch.func: what is computed, and what is kept for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gem_impls import Implementation, Spec, oracle
from gem_impls.functional import apply
from tests.conformance.arrays import kind
from tests.conformance.cases import FEW_SPECS, LITERAL, Subject, everywhere, subjects
from tests.conformance.checks import numbers

torch = pytest.importorskip("torch", reason="torch is not installed")

# torch's own forward-mode and vmap rules use it when they are first loaded.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

SPEC = FEW_SPECS[1:]
ONE_OF_EACH = (Spec("gem", 1), Spec("se-gem", 2, 1e-2, -0.5), Spec("e-gem", 3, 10.0))


def takes_tensors(impl: Implementation) -> bool:
    return impl.arrays == "torch"


TENSORS: dict[str, Any] = {
    "where": takes_tensors,
    "why_not": "takes NumPy arrays, which autograd does not know",
}


def function(subject: Subject) -> Callable[[Any], Any]:
    """The differentiable function, as :func:`gem_impls.gem` and its sisters call it."""
    return lambda x: apply(subject.spec, x, subject.impl.name)


def leaf(subject: Subject, a: np.ndarray) -> Any:
    return subject.array(a).requires_grad_()


@pytest.mark.parametrize("subject", subjects(SPEC, **TENSORS))
def test_autograd_is_forward_and_backward(subject: Subject) -> None:
    """Bit for bit, for a gradient of full shape."""
    bits = kind("torch").bits
    x = leaf(subject, numbers((5, 41)))
    grad_output = subject.array(numbers((5, 41), seed=1))
    y = function(subject)(x)
    y.backward(grad_output)
    assert bits(y) == bits(subject.op.forward(x.detach()))
    assert bits(x.grad) == bits(subject.op.backward(grad_output, x.detach()))
    assert x.grad.dtype == y.dtype == x.dtype


@pytest.mark.parametrize("subject", subjects(SPEC, **TENSORS))
def test_sum_backward(subject: Subject) -> None:
    """The gradient that sum() hands back is one number expanded over all elements."""
    x = leaf(subject, numbers((5, 41)))
    function(subject)(x).sum().backward()
    np.testing.assert_array_equal(subject.numbers(x.grad), subject.gradient(numbers((5, 41))))


@pytest.mark.parametrize("subject", subjects(ONE_OF_EACH, ["float64"], **TENSORS))
def test_gradcheck(subject: Subject, rng: np.random.Generator) -> None:
    """Reverse and forward mode against finite differences."""
    x = leaf(subject, np.array([0.0, 0.3, -0.3, 4.0, *rng.normal(size=2)]))
    assert torch.autograd.gradcheck(function(subject), x, check_forward_ad=True)


@pytest.mark.parametrize("subject", subjects(ONE_OF_EACH, ["float64"], **TENSORS))
def test_gradgradcheck(subject: Subject, rng: np.random.Generator) -> None:
    x = leaf(subject, np.array([0.3, -0.3, 4.0, rng.normal()]))
    assert torch.autograd.gradgradcheck(function(subject), x)


@pytest.mark.parametrize("subject", subjects(ONE_OF_EACH[:1], ["float64"], **TENSORS))
def test_batched_gradients(subject: Subject, rng: np.random.Generator) -> None:
    """A batch of gradients at once, as torch.autograd.functional.jacobian(vectorize=True) asks for."""
    x = leaf(subject, rng.normal(size=4))
    assert torch.autograd.gradcheck(function(subject), x, check_batched_grad=True)
    jacobian = torch.autograd.functional.jacobian(function(subject), x.detach(), vectorize=True)
    torch.testing.assert_close(jacobian, torch.diag(subject.op.backward(torch.ones_like(x), x.detach())))


def second_derivative(subject: Subject, a: np.ndarray) -> np.ndarray:
    x = leaf(subject, a)
    (dx,) = torch.autograd.grad(function(subject)(x).sum(), x, create_graph=True)
    (ddx,) = torch.autograd.grad(dx.sum(), x)
    return subject.numbers(ddx)


@pytest.mark.parametrize(
    "subject",
    subjects(
        (*ONE_OF_EACH, Spec("se-gem", 1, 1e-4, 0.25)),
        ["float32", "float64"],
        where=lambda impl: takes_tensors(impl) and everywhere(impl),
        why_not="NumPy arrays, or " + LITERAL,
    ),
)
def test_second_derivative(subject: Subject, rng: np.random.Generator) -> None:
    """Against the exact one, near the junction and across the range; its sign changes, so the error is
    measured against the sum of the terms that cancel there."""
    spec, n = subject.spec, subject.spec.n
    near = spec.eps ** (1 / (2 * n)) * 2.0 ** rng.uniform(-4, 4, 200)
    info = torch.finfo(getattr(torch, subject.dtype))
    far = np.exp(rng.uniform(np.log(info.tiny), np.log(info.max), 200))
    x = np.concatenate([near, -near, far, -far])
    x = subject.numbers(subject.array(x)).astype(np.float64)
    got = second_derivative(subject, x).astype(np.float64)
    for g, v in zip(got.tolist(), x.tolist(), strict=True):
        exact = oracle.second_derivative(spec, v)
        gate = oracle.value(Spec("e-gem", n, spec.eps), abs(v)) / oracle.Fraction(abs(v))
        side = 1 if v > 0 else oracle.Fraction(spec.negative_slope)
        terms = abs(side * 2 * n * gate * (1 - gate) * (2 * n + 1 + 4 * n * gate) / oracle.Fraction(v))
        if terms > 2**8 * float(info.tiny):
            assert abs(oracle.Fraction(g) - exact) <= (8 * n + 8) * float(info.eps) * terms, v
        else:
            assert abs(g) <= 2**9 * float(info.tiny), v


@pytest.mark.parametrize("subject", subjects(ONE_OF_EACH, ["float32", "float64"], **TENSORS))
def test_second_derivative_at_special_points(subject: Subject) -> None:
    """0 at 0; NaN at NaN; and where the arithmetic is not literal, 0 at the infinities."""
    at = second_derivative(subject, np.array([0.0, -0.0, np.nan]))
    np.testing.assert_array_equal(at, [0.0, 0.0, np.nan])
    if not subject.is_literal("gradient"):
        np.testing.assert_array_equal(second_derivative(subject, np.array([np.inf, -np.inf])), 0)


# --- what is kept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    subjects(
        SPEC,
        where=lambda impl: takes_tensors(impl) and impl.saves_only_input,
        why_not="NumPy arrays, or declares that it saves more than its input",
    ),
)
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_only_the_input_is_saved(subject: Subject, layout: str) -> None:
    x = leaf(subject, numbers((7, 33)))
    x = x if layout == "contiguous" else x.detach().T.requires_grad_()
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        function(subject)(x)
    assert [(t.data_ptr(), t.shape) for t in saved] == [(x.data_ptr(), x.shape)]


@pytest.mark.parametrize("subject", subjects(SPEC, ["float32"], **TENSORS))
def test_nothing_is_saved_without_a_gradient_to_come(subject: Subject) -> None:
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        y = function(subject)(subject.array(numbers((33,))))
        with torch.no_grad():
            z = function(subject)(leaf(subject, numbers((33,))))
    assert not saved
    assert not y.requires_grad
    assert not z.requires_grad


@pytest.mark.parametrize("subject", subjects(SPEC, ["float32"], **TENSORS))
def test_inference_mode(subject: Subject) -> None:
    x = subject.array(numbers((33,)))
    with torch.inference_mode():
        y = function(subject)(x)
    assert kind("torch").bits(y) == kind("torch").bits(subject.op.forward(x))


@pytest.mark.parametrize("subject", subjects(SPEC, ["float32"], **TENSORS))
def test_an_input_changed_before_backward_is_noticed(subject: Subject) -> None:
    x = leaf(subject, numbers((33,)))
    between = x * 1
    y = function(subject)(between)
    between.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("subject", subjects(SPEC, ["float32"], **TENSORS))
def test_in_a_chain(subject: Subject) -> None:
    """f(f(2x)): the chain rule through two applications, in float32 against float64 eager arithmetic."""
    f = function(subject)
    a = np.linspace(-2, 2, 41)
    x = leaf(subject, a)
    f(f(2 * x)).sum().backward()
    inner = oracle.reference(subject.spec, 2 * a, "value")
    expected = (
        2
        * oracle.reference(subject.spec, inner, "gradient")
        * oracle.reference(subject.spec, 2 * a, "gradient")
    )
    np.testing.assert_allclose(subject.numbers(x.grad), expected, rtol=1e-5, atol=1e-9)


# --- torch.func -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", subjects(SPEC, ["float64"], **TENSORS))
def test_torch_func(subject: Subject, rng: np.random.Generator) -> None:
    """grad, vmap, their compositions and a Hessian, against first and second derivatives."""
    f, x = function(subject), subject.array(rng.normal(size=12))
    dx = subject.op.backward(torch.ones_like(x), x)
    ddx = torch.from_numpy(second_derivative(subject, subject.numbers(x))).to(x.device)
    close = torch.testing.assert_close
    total = lambda t: f(t).sum()  # noqa: E731 -- a function of one line, used below
    close(torch.func.grad(total)(x), dx)
    close(torch.func.vmap(f)(x), f(x))
    close(torch.func.vmap(torch.func.grad(lambda t: f(t)))(x), dx)
    close(torch.func.vmap(torch.func.vmap(f), in_dims=1)(x.reshape(3, 4)), f(x.reshape(3, 4)).T)
    close(torch.func.jacrev(f)(x), torch.diag(dx))
    close(torch.func.jacfwd(f)(x), torch.diag(dx))
    close(torch.func.hessian(total)(x), torch.diag(ddx))
    close(torch.func.jvp(f, (x,), (x,)), (f(x), x * dx))
