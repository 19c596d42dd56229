"""torch_compile: compiled once for each n, dtype and direction, and never again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gem_impls import Spec, get

torch = pytest.importorskip("torch", reason="torch is not installed")

pytestmark = pytest.mark.skipif(
    (why := get("torch_compile").unavailable()) is not None, reason=why or "torch_compile can serve"
)


FEW, MANY = 1021, 100_003
"""Numbers of elements on either side of :data:`gem_impls.impls.torch_compile.SERIAL_BELOW`."""


@pytest.fixture
def compiled() -> Iterator[None]:
    """Forward and backward have been compiled for n = 1, float32; compiling again is an error.

    For few elements and many, and for few in place: each is a kernel.
    """
    op = get("torch_compile").build(Spec("gem"))
    x, grad_output = torch.randn(MANY), torch.randn(MANY)
    op.backward(grad_output, op.forward(x))
    x, grad_output = torch.randn(FEW), torch.randn(FEW)
    for out in (None, x):
        op.forward(x, out=out)
    for out in (None, x, grad_output):
        op.backward(grad_output, x, out=out)
    with torch.compiler.set_stance("fail_on_recompile"):
        yield


SIZES = [0, 1, 2, 3, 7, 8, 16, 1023, 1024, MANY]


def views(numel: int) -> dict[str, Any]:
    """Tensors of ``numel`` elements that lie in memory in different ways."""
    return {
        "its own": torch.randn(numel),
        "offset": torch.randn(numel + 1)[1:],
        "strided": torch.randn(2 * numel)[::2],
        "transposed": torch.randn(numel, 2).T[:1] if numel else torch.randn(0, 2).T,
        "2-d": torch.randn(1, numel, 1),
        "expanded": torch.randn(1).expand(numel),
        "parameter": torch.nn.Parameter(torch.randn(numel)),
        "of a graph": torch.randn(numel).requires_grad_() * 2,
    }


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("numel", SIZES)
def test_no_size_or_layout_compiles_again(numel: int) -> None:
    op = get("torch_compile").build(Spec("gem"))
    few = numel != MANY  # an array that is not dense is staged in the output: a kernel in place
    for name, x in views(numel).items():
        if not few and name in ("strided", "transposed", "expanded"):
            continue
        y = op.forward(x)
        expanded = [torch.ones(()).expand(x.shape)] if few else []
        for grad_output in (torch.ones_like(y), x.detach(), y, *expanded):
            op.backward(grad_output, x)


@pytest.mark.usefixtures("compiled")
def test_out_does_not_compile_again() -> None:
    op = get("torch_compile").build(Spec("gem"))
    x, grad_output = torch.randn(1021), torch.randn(1021)
    for out in (torch.empty(1021), torch.empty(1022)[1:], torch.empty(2042)[::2], x.clone()):
        op.forward(x, out=out)
        op.backward(grad_output, x, out=out)
    op.forward(x, out=x)
    op.backward(grad_output, x, out=grad_output)


@pytest.mark.usefixtures("compiled")
def test_no_eps_or_slope_compiles_again() -> None:
    x = torch.randn(1021)
    for spec in (
        Spec("e-gem", 1, 1e-4),
        Spec("e-gem", 1, 10.0),
        Spec("se-gem", 1, 1e-6, -0.5),
        Spec("se-gem", 1, 2.0**-100, 1.5),
    ):
        op = get("torch_compile").build(spec)
        op.backward(op.forward(x), x)


@pytest.mark.usefixtures("compiled")
def test_no_mode_compiles_again() -> None:
    op = get("torch_compile").build(Spec("gem"))
    x = torch.randn(1021)
    with torch.no_grad():
        op.backward(op.forward(x), x)
    with torch.enable_grad():
        op.backward(op.forward(x.requires_grad_()), x)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype):
            op.backward(op.forward(x), x)


@pytest.mark.usefixtures("compiled")
def test_inference_mode_does_not_compile_again() -> None:
    op = get("torch_compile").build(Spec("gem"))
    with torch.inference_mode():
        for numel in SIZES:
            op.forward(torch.randn(numel))
            op.forward(torch.randn(numel + 1)[1:])
        x = torch.randn(FEW)
        op.forward(x, out=x)


def test_what_was_compiled_in_inference_mode_serves_outside() -> None:
    """And under autocast, and with gradients on: the compiler sees the usual state, whatever it is."""
    op = get("torch_compile").build(Spec("gem", 5))
    x = torch.randn(FEW)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        y = op.forward(x)
    leaf = x.clone().requires_grad_()
    with torch.compiler.set_stance("fail_on_recompile"):
        assert torch.equal(op.forward(leaf), y)


def test_a_first_call_with_as_many_elements_as_constants() -> None:
    """Two lengths that happen to be equal are not one to the compiler."""
    op = get("torch_compile").build(Spec("gem", 6))
    few = torch.linspace(-2, 2, 6)
    y = op.forward(few)
    assert torch.equal(op.forward(few.repeat(5)), y.repeat(5))


@pytest.mark.parametrize("first", [8, MANY])
def test_threads_may_change(first: int) -> None:
    """The number of threads is in the machine code; after a change, and after few elements, it is another."""
    before = torch.get_num_threads()
    op = get("torch_compile").build(Spec("gem"))
    x = torch.randn(MANY)
    op.forward(x[:first])
    expected = op.forward(x)
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert torch.equal(op.forward(x), expected)
    finally:
        torch.set_num_threads(before)


def test_the_compiler_may_be_off() -> None:
    """What torch.compile does not compile is computed all the same."""
    op = get("torch_compile").build(Spec("gem", 7))
    x = torch.randn(FEW)
    with torch.compiler.set_stance("force_eager"):
        y = op.forward(x)
    reference = x.double().clamp(min=0)
    torch.testing.assert_close(y.double(), reference**15 / (1 + reference**14), rtol=1e-5, atol=1e-9)


def test_all_in_one_place() -> None:
    """grad_output, x and out may be one tensor."""
    op = get("torch_compile").build(Spec("gem"))
    x = torch.randn(FEW)
    expected = op.backward(x.clone(), x)
    assert torch.equal(op.backward(x, x, out=x), expected)


def test_in_place_allocates_nothing() -> None:
    from torch.profiler import ProfilerActivity, profile

    op = get("torch_compile").build(Spec("gem"))
    x, grad_output = torch.randn(2**20), torch.randn(2**20)
    calls = (
        lambda: op.forward(x, out=x),
        lambda: op.backward(grad_output, x, out=grad_output),
    )
    for call in calls:
        call()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
            call()
        allocated = sum(max(0, e.self_cpu_memory_usage) for e in profiled.key_averages())
        assert allocated <= 2**16


def test_a_missing_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from gem_impls import torch_compiler

    monkeypatch.setattr(torch_compiler.shutil, "which", lambda name: None)
    torch_compiler.no_compiler.cache_clear()
    try:
        why = get("torch_compile").unavailable("cpu")
    finally:
        torch_compiler.no_compiler.cache_clear()
    assert why is not None
    assert "C++ compiler" in why
    assert "install" in why
