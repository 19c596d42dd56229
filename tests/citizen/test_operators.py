"""The registered operators, and tensors that are more, or less, than memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gem_impls import Spec, gem
from gem_impls.functional import apply
from tests.citizen.who import EVERY, SPEC, WITH_OPERATORS, function, randn
from tests.conformance.cases import Subject

torch = pytest.importorskip("torch", reason="torch is not installed")

from gem_impls.torch_operators import operators  # noqa: E402 -- it needs torch

# torch's own forward-mode rules use it when they are first loaded.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

LAYOUTS = {
    "contiguous": lambda t: t,
    "transposed": lambda t: t.T,
    "strided": lambda t: t[:, ::2],
}


@WITH_OPERATORS
@pytest.mark.parametrize("layout", LAYOUTS)
def test_opcheck(subject: Subject, layout: str) -> None:
    """torch's own checks: schema, autograd registration, fake tensors, compilation with dynamic shapes."""
    both = operators(subject.impl.name)
    x = LAYOUTS[layout](randn(subject, 5, 8))
    grad_output = LAYOUTS[layout](randn(subject, 5, 8, seed=1))
    for leaf in (x, x.detach().clone().requires_grad_()):
        torch.library.opcheck(both.forward, (leaf, SPEC.key))
        torch.library.opcheck(both.backward, (grad_output, leaf, SPEC.key))


@WITH_OPERATORS
def test_operators_are_the_operation(subject: Subject) -> None:
    both, op = operators(subject.impl.name), subject.op
    x, grad_output = randn(subject, 33), randn(subject, 33, seed=1)
    assert torch.equal(both.forward(x, SPEC.key), op.forward(x))
    assert torch.equal(both.backward(grad_output, x, SPEC.key), op.backward(grad_output, x))


@WITH_OPERATORS
def test_operators_differentiate(subject: Subject) -> None:
    """Reverse and forward mode, twice, and batched, against finite differences in float64."""
    both = operators(subject.impl.name)
    x = randn(subject, 5).double().requires_grad_()
    f = lambda x: both.forward(x, SPEC.key)  # noqa: E731 -- a function of one line, used below
    assert torch.autograd.gradcheck(f, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(f, x)
    torch.testing.assert_close(torch.func.vmap(f)(x), f(x))


@EVERY
def test_meta(subject: Subject) -> None:
    """Shape, dtype and layout propagate, forward and backward, and nothing is computed."""
    x = torch.empty_strided((10**6, 10**6), (1, 10**6), device="meta", dtype=torch.bfloat16).requires_grad_()
    y = function(subject)(x)
    (dx,) = torch.autograd.grad(y.sum(), x)
    for t in (y, dx):
        assert (t.device.type, t.dtype, t.shape, t.stride()) == ("meta", x.dtype, x.shape, x.stride())


def test_an_unnamed_call_on_meta_tensors() -> None:
    assert gem(torch.empty(3, device="meta")).shape == (3,)


@EVERY
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_fake(subject: Subject, device: str) -> None:
    """Under FakeTensorMode no device need exist, and no data is touched."""
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    with FakeTensorMode():
        x = torch.empty(2**20, 2**20, device=device)
        results = [function(subject)(x)]
        # torch's own autograd asks the device for its streams
        if device == "cpu" or torch.cuda.is_available():
            x.requires_grad_()
            results += torch.autograd.grad(function(subject)(x).sum(), x)
    for t in results:
        assert isinstance(t, FakeTensor)
        assert (t.shape, t.device.type, t.dtype) == (x.shape, device, x.dtype)


@EVERY
def test_what_is_refused_is_refused_for_fake_tensors_too(subject: Subject) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(), pytest.raises(TypeError, match="dtype"):
        function(subject)(torch.empty(3, dtype=torch.int32))


@EVERY
def test_its_operation_on_fake_tensors(subject: Subject) -> None:
    """``op.forward(fake)`` hands no kernel an address that is not there."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() as mode:
        x = mode.from_tensor(randn(subject, 5, 3))
        for t in (subject.op.forward(x), subject.op.backward(torch.ones_like(x), x)):
            assert t.shape == (5, 3)


class Labelled(torch.Tensor):
    """A subclass that overrides nothing."""


@EVERY
def test_a_subclass_stays_one(subject: Subject) -> None:
    x = randn(subject, 7)
    labelled = x.as_subclass(Labelled).requires_grad_()
    y = function(subject)(labelled)
    assert type(y) is Labelled
    torch.testing.assert_close(y.as_subclass(torch.Tensor), function(subject)(x))
    y.sum().backward()
    torch.testing.assert_close(
        labelled.grad.as_subclass(torch.Tensor), subject.op.backward(torch.ones_like(x), x)
    )


@EVERY
def test_a_mode_sees_what_is_called(subject: Subject) -> None:
    """A dispatch mode is asked before anything is computed, forward and backward."""
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(func)
            return func(*args, **(kwargs or {}))

    x = randn(subject, 7).requires_grad_()
    with Watch():
        y = function(subject)(x)
        torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(y, function(subject)(x))
    if subject.impl.composite:
        assert any(operator.namespace == "aten" for operator in seen)
    else:
        both = operators(subject.impl.name)
        assert {both.forward, both.backward} <= set(seen)


@EVERY
def test_the_imaginary_part_of_a_conjugate(subject: Subject) -> None:
    """Its memory has the other sign, and a bit that says so."""
    x = torch.complex(randn(subject, 9), randn(subject, 9, seed=1))
    negated = x.conj().imag
    assert negated.is_neg()
    f, op = function(subject), subject.op
    torch.testing.assert_close(f(negated), f(-x.imag))
    torch.testing.assert_close(op.forward(negated), f(-x.imag))
    torch.testing.assert_close(op.backward(negated, negated), op.backward(-x.imag, -x.imag))
    torch.testing.assert_close(op.backward(negated, x.real.contiguous()), op.backward(-x.imag, x.real))
    out = torch.zeros(9, dtype=torch.complex64, device=x.device).conj().imag
    op.forward(x.imag, out=out)
    torch.testing.assert_close(out.resolve_neg(), f(x.imag))


# torch's own, where linearize makes a graph of constants
@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning")
@EVERY
def test_the_linearised_function(subject: Subject) -> None:
    """torch.func.linearize, vjp and jacrev over vmap agree with the gradient."""
    f, x = function(subject), randn(subject, 2, 3)
    dx = subject.op.backward(torch.ones_like(x), x)
    _, pushed = torch.func.linearize(f, x)
    torch.testing.assert_close(pushed(x), dx * x)
    _, pulled = torch.func.vjp(f, x)
    torch.testing.assert_close(pulled(x)[0], dx * x)
    jacobians = torch.func.vmap(torch.func.jacrev(f))(x)
    torch.testing.assert_close(jacobians, torch.diag_embed(dx))


def test_a_name_that_cannot_be_an_operator() -> None:
    with pytest.raises(ValueError, match="identifier"):
        operators("not-a-name")


def test_a_traced_program_runs_where_nothing_was_called_before(tmp_path: Path) -> None:
    """A program exported with an operator in it is loaded after ``operators(name)``, in a fresh process."""
    name = "triton_fused"
    get = pytest.importorskip("gem_impls").get
    if (why := get(name).unavailable("cpu")) is not None:
        pytest.skip(why)

    class Model(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return apply(Spec("gem"), x, name)

    torch.export.save(torch.export.export(Model(), (torch.ones(3),)), tmp_path / "program.pt2")
    code = f"""if True:
        import torch
        from gem_impls.torch_operators import operators
        operators({name!r})
        print(torch.export.load({str(tmp_path / "program.pt2")!r}).module()(torch.ones(3)).tolist())
    """
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0.5, 0.5, 0.5]"
