"""Inside torch.compile: no graph break, fusion where it is possible, no compilation for a size."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gem_impls import gem
from gem_impls.choice import TRACED
from tests.citizen.who import EVERY, SPEC, WITH_OPERATORS, function, randn
from tests.conformance.cases import Subject

torch = pytest.importorskip("torch", reason="torch is not installed")

# torch's own forward-mode rules use it when they are first loaded.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


def graphs_of(f: Callable[..., Any], *arguments: Any) -> list[Any]:
    """The graphs that Dynamo makes of ``f``: one, for it is told to break none."""
    made: list[Any] = []

    def keep(graph: Any, _: Any) -> Any:
        made.append(graph)
        return graph.forward

    torch.compiler.reset()
    torch.compile(f, backend=keep, fullgraph=True)(*arguments)
    return made


def kernels_of(f: Callable[..., Any], *arguments: Any) -> int:
    """How many kernels Inductor generates for ``f``, compiled afresh."""
    from torch._functorch import config as autograd_config
    from torch._inductor import config, metrics

    torch.compiler.reset()
    metrics.reset()
    with config.patch(fx_graph_cache=False), autograd_config.patch(enable_autograd_cache=False):
        torch.compile(f, fullgraph=True)(*arguments)
    count: int = metrics.generated_kernel_count
    return count


def test_an_unnamed_call_fuses_with_its_neighbours() -> None:
    """Bias, activation and scale are one kernel, as they are around relu."""
    x, bias = torch.randn(64, 32), torch.randn(32)
    assert kernels_of(lambda x, b: torch.relu(x + b) * 2, x, bias) == 1
    assert kernels_of(lambda x, b: gem(x + b) * 2, x, bias) == 1


def test_so_does_its_gradient() -> None:
    """Value and gradient of a loss around it need no more kernels than those of gelu."""

    def step(f: Callable[..., Any]) -> Callable[..., Any]:
        return torch.func.grad(lambda x: (f(x + 1) * 2).sum())

    x = torch.randn(64, 32)
    assert kernels_of(step(gem), x) == kernels_of(step(torch.nn.functional.gelu), x) == 1


def test_the_named_one_that_unnamed_calls_get_is_traced_through() -> None:
    (graph,) = graphs_of(lambda x: gem(x, implementation=TRACED), torch.randn(5))
    assert "gem_impls" not in graph.code


@EVERY
def test_a_named_one_is_itself(subject: Subject) -> None:
    """Traced through where it says so; otherwise one operator of that name."""
    (graph,) = graphs_of(function(subject), randn(subject, 5))
    through = subject.impl.traceable or subject.impl.composite
    assert (f"gem_impls.{subject.impl.name}_forward" in graph.code) == (not through)


@EVERY
def test_no_size_is_compiled_again(subject: Subject) -> None:
    """One compilation for a dimension marked dynamic, whatever its size, forward and backward."""
    torch.compiler.reset()
    f = function(subject)
    compiled = torch.compile(lambda x: f(x) * 2, fullgraph=True, backend="aot_eager")
    first = randn(subject, 7, 3).requires_grad_()
    torch._dynamo.mark_dynamic(first, 0)
    compiled(first).sum().backward()
    inputs = [randn(subject, rows, 3).requires_grad_() for rows in (2, 3, 8, 1000)]
    values = [2 * f(x) for x in inputs]
    gradients = [torch.autograd.grad(y.sum(), x)[0] for x, y in zip(inputs, values, strict=True)]
    with torch.compiler.set_stance("fail_on_recompile"):
        for x, value, gradient in zip(inputs, values, gradients, strict=True):
            y = compiled(x)
            torch.testing.assert_close(y, value)
            torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0], gradient)


def test_the_first_call_of_all_may_be_compiled() -> None:
    """In a fresh process, where nothing has been loaded or remembered; and the next is not compiled again."""
    code = """if True:
        import torch, gem_impls
        compiled = torch.compile(lambda x: gem_impls.segem(x, 2, 0.5), fullgraph=True, backend="aot_eager")
        x = torch.linspace(-2, 2, 9)
        y = compiled(x)
        with torch.compiler.set_stance("fail_on_recompile"):
            assert torch.equal(compiled(x), y)
        torch.testing.assert_close(y, gem_impls.segem(x, 2, 0.5, implementation="torch_naive"))
    """
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@EVERY
@pytest.mark.parametrize("transform", ["grad", "jvp", "vmap", "per-sample grad", "hessian"])
def test_transforms_inside(subject: Subject, transform: str) -> None:
    """torch.func within the compiled function: not a tangent is lost."""
    torch.compiler.reset()
    f, func = function(subject), torch.func
    transformed: Callable[[Any], Any] = {
        "grad": func.grad(lambda x: f(x).sum()),
        "jvp": lambda x: func.jvp(f, (x,), (x.cos(),))[1],
        "vmap": func.vmap(f),
        "per-sample grad": func.vmap(func.grad(f)),
        "hessian": func.hessian(lambda x: f(x).sum()),
    }[transform]
    x = randn(subject, 6)
    got = torch.compile(transformed, fullgraph=True, backend="aot_eager")(x)
    torch.testing.assert_close(got, transformed(x), rtol=1e-4, atol=1e-5)
    if transform == "jvp":  # against the formula, too: two silent zeros are equal
        dx = subject.op.backward(torch.ones_like(x), x)
        torch.testing.assert_close(got, dx * x.cos(), rtol=1e-4, atol=1e-5)


@WITH_OPERATORS
def test_its_operation_is_compiled_too(subject: Subject) -> None:
    """``op.forward`` and ``op.backward`` as a part of a compiled function, without autograd."""
    torch.compiler.reset()
    op = subject.impl.build(SPEC)
    x, grad_output = randn(subject, 5, 3), randn(subject, 5, 3, seed=1)
    both = torch.compile(lambda g, x: (op.forward(x), op.backward(g, x)), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(both(grad_output, x), (op.forward(x), op.backward(grad_output, x)))


@EVERY
def test_channels_last_in_and_out(subject: Subject) -> None:
    """The layout of the input, compiled or not, forward and backward."""
    torch.compiler.reset()
    f = function(subject)
    for g in (f, torch.compile(f, fullgraph=True, backend="aot_eager")):
        x = randn(subject, 2, 3, 4, 5).to(memory_format=torch.channels_last).requires_grad_()
        y = g(x)
        (dx,) = torch.autograd.grad(y.square().sum(), x)
        assert y.is_contiguous(memory_format=torch.channels_last)
        assert dx.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(y, f(x.contiguous()), check_stride=False)


@EVERY
def test_exported_and_trained(subject: Subject) -> None:
    """The exported program has a gradient: that of the function."""
    f = function(subject)

    class Model(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return f(x)

    x = randn(subject, 4, 3)
    exported = torch.export.export(Model(), (x,), strict=False).module()
    leaf, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    torch.testing.assert_close(exported(leaf), f(other))
    exported(leaf).sum().backward()
    f(other).sum().backward()
    torch.testing.assert_close(leaf.grad, other.grad)
