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


@pytest.fixture
def compiled() -> Iterator[None]:
    """Forward and backward have been compiled for n = 1, float32; compiling again is an error."""
    op = get("torch_compile").build(Spec("gem"))
    x = torch.randn(1021)
    op.backward(op.forward(x), x)
    with torch.compiler.set_stance("fail_on_recompile"):
        yield


SIZES = [0, 1, 2, 3, 7, 8, 16, 1023, 1024, 100_003]


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
    for x in views(numel).values():
        y = op.forward(x)
        for grad_output in (torch.ones_like(y), x.detach(), y, torch.ones(()).expand(x.shape)):
            op.backward(grad_output, x)


@pytest.mark.usefixtures("compiled")
def test_out_does_not_compile_again() -> None:
    op = get("torch_compile").build(Spec("gem"))
    x, grad_output = torch.randn(1021), torch.randn(1021)
    for out in (torch.empty(1021), torch.empty(1022)[1:], torch.empty(2042)[::2], x.clone()):
        op.forward(x, out=out)
        op.backward(grad_output, x, out=out)
    op.forward(x, out=x)
    op.backward(x, x, out=x)
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


def test_inference_mode_compiles_at_most_once_more() -> None:
    """The tensors made there carry no autograd keys, which is another case to the compiler."""
    op = get("torch_compile").build(Spec("gem"))
    with torch.inference_mode():
        op.forward(torch.randn(1021))
        with torch.compiler.set_stance("fail_on_recompile"):
            for numel in SIZES:
                op.forward(torch.randn(numel))
                op.forward(torch.randn(numel + 1)[1:])


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
