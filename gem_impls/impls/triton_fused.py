"""Triton: one hand-written kernel forward and one backward; one read and one write an element.

The constants of a Spec are compile-time constants, so a function compiles once a dtype and direction (Triton
keeps it on disk). float64 is computed in float64, everything else in float32 and rounded once.

Without a GPU the same kernels run under Triton's interpreter, on CPU tensors: set ``TRITON_INTERPRET=1``
before triton is first imported. That is for checking; it says nothing about speed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from gem_impls.interface import Op
from gem_impls.spec import Spec, check_spec
from gem_impls.torch_arrays import (
    TorchImplementation,
    carried,
    check_backward,
    check_forward,
    elementwise,
)

# --- kernels ------------------------------------------------------------------------------------------


@triton.jit
def _gate_power(x, N: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr, STEPS: tl.constexpr):
    """``(min(|x|, clamp) * scale)^(2n)``; STEPS is the number of squarings beyond the first."""
    clamp = tl.full((), CLAMP, x.dtype)
    t = tl.minimum(tl.abs(x), clamp, propagate_nan=tl.PropagateNan.ALL) * tl.full((), SCALE, x.dtype)
    square = t * t
    p = square
    for i in tl.static_range(STEPS):
        p = p * p
        if (N >> (STEPS - 1 - i)) & 1:
            p = p * square
    return p


@triton.jit
def _divide(a, b):
    # A plain `/` on float32 is an approximation on GPUs; the one on float64 is not.
    if a.dtype == tl.float32:
        return tl.div_rn(a, b)
    else:
        return a / b


@triton.jit
def _load(pointer, offsets, mask, INTERPRETED: tl.constexpr):
    x = tl.load(pointer + offsets, mask=mask)
    if x.dtype == tl.float64:
        return x
    elif INTERPRETED and x.dtype == tl.bfloat16:
        # The interpreter's own conversion is wrong for subnormals: a bfloat16 is half the bits of a float32.
        return (x.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    else:
        return x.to(tl.float32)


@triton.jit
def _store(pointer, offsets, y, mask, INTERPRETED: tl.constexpr):
    dtype = pointer.dtype.element_ty
    if INTERPRETED and dtype == tl.bfloat16:
        # The interpreter truncates, and loses subnormals, where hardware rounds to nearest even.
        bits = y.to(tl.uint32, bitcast=True)
        rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        rounded = tl.where(y == y, rounded, 0x7FC0)
        tl.store(pointer + offsets, rounded.to(tl.uint16).to(tl.bfloat16, bitcast=True), mask=mask)
    else:
        tl.store(pointer + offsets, y.to(dtype), mask=mask)


@triton.jit
def _offsets(numel, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    block = tl.program_id(0)
    if WIDE:
        block = block.to(tl.int64)
    offsets = block * BLOCK + tl.arange(0, BLOCK)
    return offsets, offsets < numel


@triton.jit
def _forward_kernel(
    x_pointer,
    out_pointer,
    numel,
    N: tl.constexpr,
    STEPS: tl.constexpr,
    SCALE: tl.constexpr,
    EPS: tl.constexpr,
    CLAMP: tl.constexpr,
    NEGATIVE_SLOPE: tl.constexpr,
    BLOCK: tl.constexpr,
    WIDE: tl.constexpr,
    INTERPRETED: tl.constexpr,
):
    offsets, mask = _offsets(numel, BLOCK, WIDE)
    x = _load(x_pointer, offsets, mask, INTERPRETED)
    p = _gate_power(x, N, SCALE, CLAMP, STEPS)
    g = _divide(p, p + tl.full((), EPS, x.dtype))
    if NEGATIVE_SLOPE == 0:
        sided = tl.maximum(x, tl.full((), 0.0, x.dtype), propagate_nan=tl.PropagateNan.ALL)
    else:
        sided = tl.where(x > 0, x, x * tl.full((), NEGATIVE_SLOPE, x.dtype))
    _store(out_pointer, offsets, sided * g, mask, INTERPRETED)


@triton.jit
def _backward_kernel(
    grad_output_pointer,
    x_pointer,
    out_pointer,
    numel,
    N: tl.constexpr,
    STEPS: tl.constexpr,
    SCALE: tl.constexpr,
    EPS: tl.constexpr,
    CLAMP: tl.constexpr,
    NEGATIVE_SLOPE: tl.constexpr,
    BLOCK: tl.constexpr,
    WIDE: tl.constexpr,
    INTERPRETED: tl.constexpr,
):
    offsets, mask = _offsets(numel, BLOCK, WIDE)
    x = _load(x_pointer, offsets, mask, INTERPRETED)
    grad_output = _load(grad_output_pointer, offsets, mask, INTERPRETED)
    p = _gate_power(x, N, SCALE, CLAMP, STEPS)
    eps = tl.full((), EPS, x.dtype)
    denominator = p + eps
    g = _divide(p, denominator)
    h = _divide(eps + tl.zeros_like(p), denominator)
    derivative = g * (1 + (2 * N) * h)
    derivative = tl.where(x > 0, derivative, derivative * tl.full((), NEGATIVE_SLOPE, x.dtype))
    _store(out_pointer, offsets, grad_output * derivative, mask, INTERPRETED)


INTERPRETED = not isinstance(_forward_kernel, triton.JITFunction)
"""Whether triton was imported with TRITON_INTERPRET=1."""

BLOCK = 65536 if INTERPRETED else 1024
"""Elements a program. Under the interpreter a program costs Python time, whatever its size."""

NUM_WARPS = 4

WIDE_FROM = 2**31 - BLOCK
"""numel from which offsets need 64 bits: those of the last block reach up to BLOCK beyond it."""


def _launch(kernel: Any, spec: Spec, *arrays: Tensor) -> None:
    """``kernel`` over flat, dense ``arrays``, the output last."""
    out = arrays[-1]
    numel = out.numel()
    c = carried(spec, out.dtype)
    # The interpreter computes with NumPy, which warns of the NaNs and underflows it is asked to produce.
    with np.errstate(all="ignore") if INTERPRETED else torch.cuda.device(out.device):
        kernel[(triton.cdiv(numel, BLOCK),)](
            *arrays,
            numel,
            N=c.n,
            STEPS=c.n.bit_length() - 1,
            SCALE=c.scale,
            EPS=c.eps,
            CLAMP=c.clamp,
            NEGATIVE_SLOPE=c.negative_slope,
            BLOCK=BLOCK,
            WIDE=numel > WIDE_FROM,
            INTERPRETED=INTERPRETED,
            num_warps=NUM_WARPS,
        )


# --- operators, for torch.compile, torch.export and every tensor that is not plain memory ----------------


@torch.library.custom_op("gem_impls::triton_forward", mutates_args=())
def _forward_operator(x: Tensor, n: int, eps: float, negative_slope: float) -> Tensor:
    return _eager_forward(Spec("se-gem", n, eps, negative_slope), x, None)


@torch.library.custom_op("gem_impls::triton_backward", mutates_args=())
def _backward_operator(grad_output: Tensor, x: Tensor, n: int, eps: float, negative_slope: float) -> Tensor:
    return _eager_backward(Spec("se-gem", n, eps, negative_slope), grad_output, x, None)


@_forward_operator.register_fake
def _(x: Tensor, *_: object) -> Tensor:
    return torch.empty_like(x)


@_backward_operator.register_fake
def _(_grad_output: Tensor, x: Tensor, *_: object) -> Tensor:
    return torch.empty_like(x)


def _eager_forward(spec: Spec, x: Tensor, out: Tensor | None) -> Tensor:
    return elementwise(lambda *arrays: _launch(_forward_kernel, spec, *arrays), (x,), out)


def _eager_backward(spec: Spec, grad_output: Tensor, x: Tensor, out: Tensor | None) -> Tensor:
    return elementwise(lambda *arrays: _launch(_backward_kernel, spec, *arrays), (grad_output, x), out)


def _plain(x: Tensor) -> bool:
    return type(x) in (Tensor, torch.nn.Parameter) and not torch.compiler.is_compiling()


# --- the implementation -------------------------------------------------------------------------------


class TritonFusedOp(Op):
    """One function of the family; its kernels are compiled at the first call for a dtype."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def forward(self, x: Any, out: Any = None) -> Any:
        check_forward(IMPLEMENTATION, self.spec, x, out)
        with torch.no_grad():
            if _plain(x):
                return _eager_forward(self.spec, x, out)
            y = _forward_operator(x, self.spec.n, self.spec.eps, self.spec.negative_slope)
            return y if out is None else out.copy_(y)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        check_backward(IMPLEMENTATION, self.spec, grad_output, x, out)
        with torch.no_grad():
            if _plain(x) and _plain(grad_output):
                return _eager_backward(self.spec, grad_output, x, out)
            dx = _backward_operator(grad_output, x, self.spec.n, self.spec.eps, self.spec.negative_slope)
            return dx if out is None else out.copy_(dx)


class TritonFused(TorchImplementation):
    """Hand-written Triton kernels."""

    name = "triton_fused"
    summary = "one hand-written Triton kernel each way"
    devices = ("cpu", "cuda")

    def unavailable(self, device: str = "cpu") -> str | None:
        if (why := self.no_such_device(device)) is not None:
            return why
        if device == "cpu" and not INTERPRETED:
            return (
                "Triton serves CPU tensors only through its interpreter: "
                "set TRITON_INTERPRET=1 before it is imported"
            )
        if device == "cuda" and INTERPRETED:
            return "Triton was imported with TRITON_INTERPRET=1 and compiles nothing: unset it to use the GPU"
        return None

    def build(self, spec: Spec) -> TritonFusedOp:
        return TritonFusedOp(check_spec(spec))


IMPLEMENTATION = TritonFused()
