"""triton_fused: programs, blocks and offsets, under the interpreter or on a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gem_impls import Spec, get

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("triton", reason="triton is not installed")

from gem_impls.impls import triton_fused  # noqa: E402 -- it needs triton

SPEC = Spec("se-gem", 2, 1e-2, 0.25)
INTERPRETED = pytest.mark.skipif(
    (why := get("triton_fused").unavailable("cpu")) is not None, reason=why or "the interpreter serves"
)


@INTERPRETED
@pytest.mark.parametrize("block", [1, 16, 1024])
def test_any_number_of_programs(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Whole blocks, a last block in part, and fewer elements than a block: the same bits."""
    op = get("triton_fused").build(SPEC)
    sizes = [n for n in (1, 2, block - 1, block, block + 1, 3 * block, 3 * block + 1) if 0 < n <= 4 * 1024]
    for numel in sizes:
        x, grad_output = torch.randn(numel), torch.randn(numel)
        y, dx = op.forward(x), op.backward(grad_output, x)
        with monkeypatch.context() as patched:
            patched.setattr(triton_fused, "BLOCK", block)
            assert torch.equal(op.forward(x), y)
            assert torch.equal(op.backward(grad_output, x), dx)


@INTERPRETED
def test_64_bit_offsets_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel that 2^31 elements and more get, on few."""
    op = get("triton_fused").build(SPEC)
    x, grad_output = torch.randn(1000), torch.randn(1000)
    y, dx = op.forward(x), op.backward(grad_output, x)
    monkeypatch.setattr(triton_fused, "WIDE_FROM", 0)
    monkeypatch.setattr(triton_fused, "BLOCK", 64)
    assert torch.equal(op.forward(x), y)
    assert torch.equal(op.backward(grad_output, x), dx)


def test_64_bit_offsets_begin_before_32_bits_end() -> None:
    """The last offset of the last block, mask or no mask, fits where 32 bits are used."""
    last_offset = -(-triton_fused.WIDE_FROM // triton_fused.BLOCK) * triton_fused.BLOCK - 1
    assert last_offset < 2**31


@pytest.mark.gpu
def test_more_than_two_to_the_31_elements() -> None:
    """The elements beyond 2^31 are computed, and those before are not touched by their offsets."""
    op = get("triton_fused").build(SPEC)
    numel = 2**31 + 3
    needed = 3 * 2 * numel
    free, _ = torch.cuda.mem_get_info()
    if free < needed + 2**30:
        pytest.skip(f"needs {needed / 2**30:.0f} GiB of GPU memory; {free / 2**30:.0f} are free")
    x = torch.full((numel,), -1.0, dtype=torch.float16, device="cuda")
    places = [0, 1, 2**30, 2**31 - 1, 2**31, 2**31 + 1, numel - 1]
    for i, place in enumerate(places):
        x[place] = 0.25 * (i + 1)
    few = x[places]
    y = op.forward(x)
    assert torch.equal(y[places], op.forward(few))
    assert (y == op.forward(x[2:3])).sum().item() == numel - len(places)
    del y
    dx = op.backward(x, x)
    assert torch.equal(dx[places], op.backward(few, few))
    assert (dx == op.backward(x[2:3], x[2:3])).sum().item() == numel - len(places)


def run(code: str, **environment: str) -> str:
    """What ``code`` prints in a fresh interpreter: triton reads its environment once."""
    inherited = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parent.parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_interpreter_the_cpu_is_refused_with_the_remedy() -> None:
    code = """if True:
        import torch, gem_impls
        print(gem_impls.get("triton_fused").unavailable("cpu"))
        try:
            gem_impls.gem(torch.ones(3), implementation="triton_fused")
        except gem_impls.Unavailable as refusal:
            print(refusal)
    """
    why, refusal = run(code).splitlines()
    assert "TRITON_INTERPRET=1" in why
    assert "TRITON_INTERPRET=1" in refusal


def test_with_the_interpreter_the_gpu_is_refused() -> None:
    code = """if True:
        import gem_impls
        print(gem_impls.get("triton_fused").unavailable("cuda"))
    """
    why = run(code, TRITON_INTERPRET="1")
    assert "CUDA" in why or "TRITON_INTERPRET" in why
