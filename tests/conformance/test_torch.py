"""Torch implementations inside torch: compile, export, autocast, and modules as people use them."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest

from gem_impls import Implementation, Spec
from tests.conformance.cases import Subject, subjects
from tests.conformance.checks import numbers

torch = pytest.importorskip("torch", reason="torch is not installed")

SPEC = (Spec("se-gem", 1, 1e-2, 0.25),)


def takes_tensors(impl: Implementation) -> bool:
    return impl.arrays == "torch"


FLOAT32 = pytest.mark.parametrize(
    "subject", subjects(SPEC, ["float32"], where=takes_tensors, why_not="takes NumPy arrays")
)
EVERY_DTYPE = pytest.mark.parametrize(
    "subject", subjects(SPEC, where=takes_tensors, why_not="takes NumPy arrays")
)


def activation(subject: Subject) -> Any:
    from gem_impls.nn import SEGEM

    spec = subject.spec
    return SEGEM(spec.n, spec.eps, spec.negative_slope, implementation=subject.impl.name)


def model(subject: Subject) -> Any:
    torch.manual_seed(0)
    layers = torch.nn.Linear(6, 9), activation(subject), torch.nn.Linear(9, 3)
    return torch.nn.Sequential(*layers).to(subject.device)


def gradients(net: Any, x: Any) -> list[Any]:
    x = x.detach().clone().requires_grad_()
    return list(torch.autograd.grad(net(x).square().sum(), [x, *net.parameters()]))


COMPILERS = [
    # arguments of torch.compile, batch sizes: the machine code once, the tracing for every setting
    pytest.param({}, (5,), id="inductor"),
    pytest.param({"backend": "aot_eager"}, (5, 8, 11), id="traced"),
    pytest.param({"backend": "aot_eager", "dynamic": True}, (5, 8), id="traced-dynamic"),
]


@pytest.mark.parametrize(("arguments", "batches"), COMPILERS)
@FLOAT32
def test_compile_without_a_graph_break(
    subject: Subject, arguments: dict[str, Any], batches: tuple[int, ...]
) -> None:
    """Forward and backward of a compiled model are those of the eager one."""
    torch.compiler.reset()  # else the compiler's limit of variants counts those of other tests
    net = model(subject)
    compiled = torch.compile(net, fullgraph=True, **arguments)
    for batch in batches:
        x = subject.array(np.random.default_rng(batch).normal(size=(batch, 6)))
        torch.testing.assert_close(compiled(x), net(x))
        torch.testing.assert_close(gradients(compiled, x), gradients(net, x))


@FLOAT32
def test_export(subject: Subject) -> None:
    """The exported program is serialisable and computes the same, for another batch size too."""
    net = model(subject).eval()
    x = subject.array(np.random.default_rng(0).normal(size=(5, 6)))
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    buffer = io.BytesIO()
    torch.export.save(exported, buffer)
    buffer.seek(0)
    again = torch.export.load(buffer).module()
    more = subject.array(np.random.default_rng(1).normal(size=(7, 6)))
    torch.testing.assert_close(again(more), net(more))


@EVERY_DTYPE
def test_autocast_keeps_the_dtype(subject: Subject) -> None:
    """Like relu, the function follows the dtype it is given, forward and backward, bit for bit."""
    f, a = activation(subject), numbers((65,))
    x = subject.array(a).requires_grad_()
    (dx,) = torch.autograd.grad(f(x).sum(), x)
    with torch.autocast(subject.device, dtype=torch.bfloat16):
        y = f(x)
        (dx_autocast,) = torch.autograd.grad(y.sum(), x)
    assert y.dtype == dx_autocast.dtype == x.dtype
    torch.testing.assert_close(y, f(x), rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(dx_autocast, dx, rtol=0, atol=0, equal_nan=True)


@FLOAT32
def test_autocast_in_a_model(subject: Subject) -> None:
    """The linear layer hands over bfloat16; the activation and its gradient stay in it."""
    net = model(subject)
    x = subject.array(np.random.default_rng(0).normal(size=(5, 6)))
    with torch.autocast(subject.device, dtype=torch.bfloat16):
        hidden = net[1](net[0](x))
    assert hidden.dtype == torch.bfloat16
    hidden.float().sum().backward()
    assert torch.isfinite(net[0].weight.grad).all()


@FLOAT32
def test_copies_of_a_module(subject: Subject) -> None:
    f = activation(subject)
    x = subject.array(numbers((65,)))
    through_file = io.BytesIO()
    torch.save(f, through_file)
    through_file.seek(0)
    for same in (
        copy.deepcopy(f),
        copy.copy(f),
        pickle.loads(pickle.dumps(f)),  # noqa: S301 -- our own bytes
        torch.load(through_file, weights_only=False),
    ):
        assert repr(same) == repr(f)
        torch.testing.assert_close(same(x), f(x), rtol=0, atol=0, equal_nan=True)


@FLOAT32
def test_a_module_holds_no_tensors(subject: Subject) -> None:
    f = activation(subject)
    assert f.state_dict() == {}
    f.load_state_dict({})
    assert list(f.parameters()) == list(f.buffers()) == []
    for moved in (f.to(subject.device), f.half(), f.double(), f.eval(), f.train(), f.to(torch.bfloat16)):
        assert moved is f
    y = f(subject.array(numbers((5,))))
    assert y.dtype == torch.float32


@EVERY_DTYPE
def test_a_model_moved_to_another_dtype_follows(subject: Subject) -> None:
    dtype = getattr(torch, subject.dtype)
    net = model(subject).to(dtype)
    y = net(subject.array(np.random.default_rng(0).normal(size=(5, 6))))
    y.sum().backward()
    assert y.dtype == net[0].weight.grad.dtype == dtype


@FLOAT32
def test_training_reduces_a_loss(subject: Subject) -> None:
    """Forty steps on |x|: forward, backward and the module together do what they are for."""
    net = model(subject)
    x = subject.array(np.random.default_rng(0).normal(size=(64, 6)))
    target = x.abs()[:, :3]
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = (net(x) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.4 * losses[0]


@FLOAT32
def test_checkpointing(subject: Subject) -> None:
    """Recomputing the forward in backward gives the same gradient."""
    from torch.utils.checkpoint import checkpoint

    net = model(subject)
    x = subject.array(np.random.default_rng(0).normal(size=(5, 6)))
    expected = gradients(net, x)
    leaf = x.clone().requires_grad_()
    checkpoint(net, leaf, use_reentrant=False).square().sum().backward()
    torch.testing.assert_close([leaf.grad, *(p.grad for p in net.parameters())], expected)
