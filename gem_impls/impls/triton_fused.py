"""Triton: one hand-written kernel forward and one backward; one read and one write an element.

16-bit types are computed in float32 and rounded once. float32 and float64 are computed in double-word
arithmetic of their own precision (no float64 in a float32 kernel), which leaves little more than the final
rounding: it costs instructions, which a kernel bound by memory has to spare.

The constants of a Spec are compile-time constants, so a function compiles once a dtype and direction (Triton
keeps it on disk).

Without a GPU the same kernels run under Triton's interpreter, on CPU tensors: set ``TRITON_INTERPRET=1``
before triton is first imported. That is for checking; it says nothing about speed.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from gem_impls.spec import Spec, check_spec
from gem_impls.torch_arrays import (
    DTYPES,
    TorchImplementation,
    carried,
)
from gem_impls.torch_kernels import Kernel, KernelOp
from gem_impls.triton_double_word import divide, fma, multiply, square, two_sum

# --- the function, in plain arithmetic ------------------------------------------------------------------


@triton.jit
def _clamped(x, SCALE: tl.constexpr, CLAMP: tl.constexpr):
    """``t = min(|x|, clamp) * scale``; NaN for NaN."""
    clamp = tl.full((), CLAMP, x.dtype)
    return tl.minimum(tl.abs(x), clamp, propagate_nan=tl.PropagateNan.ALL) * tl.full((), SCALE, x.dtype)


@triton.jit
def _power(t, N: tl.constexpr, STEPS: tl.constexpr):
    """``t^(2n)``; STEPS is the number of squarings beyond the first."""
    base = t * t
    p = base
    for i in tl.static_range(STEPS):
        p = p * p
        if (N >> (STEPS - 1 - i)) & 1:
            p = p * base
    return p


@triton.jit
def _value(x, N: tl.constexpr, STEPS: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr,
           EPS: tl.constexpr, SLOPE: tl.constexpr):  # fmt: skip
    """``s*x * g`` with ``g = p / (p + eps)``."""
    p = _power(_clamped(x, SCALE, CLAMP), N, STEPS)
    g = tl.div_rn(p, p + EPS)
    if SLOPE == 0:
        return tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL) * g
    else:
        return tl.where(x > 0, x, SLOPE * x) * g


@triton.jit
def _gradient(x, N: tl.constexpr, STEPS: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr,
              EPS: tl.constexpr, SLOPE: tl.constexpr):  # fmt: skip
    """``s * g * (1 + 2n*h)`` with ``h = eps / (p + eps) = 1 - g``."""
    p = _power(_clamped(x, SCALE, CLAMP), N, STEPS)
    reciprocal = tl.div_rn(tl.zeros_like(p) + 1, p + EPS)
    derivative = (p * reciprocal) * (1 + (2 * N) * (EPS * reciprocal))
    return tl.where(x > 0, derivative, SLOPE * derivative)


# --- the same, in double words --------------------------------------------------------------------------
#
# Every power of x is LIFTed by that factor, and so is the gate, until the last multiplication takes it back:
# a gate that is subnormal, or whose low word would be, keeps its bits.


@triton.jit
def _gate_exact(x, N: tl.constexpr, STEPS: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr,
                EPS: tl.constexpr, EPS_LOW: tl.constexpr, LIFT: tl.constexpr,
                INTERPRETED: tl.constexpr):  # fmt: skip
    """``g * LIFT`` as a double word."""
    base, base_low = square(_clamped(x, SCALE, CLAMP), INTERPRETED)
    p, p_low = base, base_low
    for i in tl.static_range(STEPS):
        p, p_low = multiply(p, p_low, p, p_low, INTERPRETED)
        if (N >> (STEPS - 1 - i)) & 1:
            p, p_low = multiply(p, p_low, base, base_low, INTERPRETED)
    denominator, low = two_sum(p, tl.full((), EPS, x.dtype) + tl.zeros_like(p))
    low = low + (p_low + tl.full((), EPS_LOW, x.dtype))
    return divide(p * LIFT, p_low * LIFT, denominator, low, INTERPRETED)


@triton.jit
def _value_exact(x, N: tl.constexpr, STEPS: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr,
                 EPS: tl.constexpr, EPS_LOW: tl.constexpr, SLOPE: tl.constexpr, SLOPE_LOW: tl.constexpr,
                 LIFT: tl.constexpr, INTERPRETED: tl.constexpr):  # fmt: skip
    g, g_low = _gate_exact(x, N, STEPS, SCALE, CLAMP, EPS, EPS_LOW, LIFT, INTERPRETED)
    if SLOPE == 0:
        sided = tl.maximum(x, tl.full((), 0.0, x.dtype), propagate_nan=tl.PropagateNan.ALL)
        sided_low = tl.zeros_like(x)
    else:
        slope = tl.full((), SLOPE, x.dtype) + tl.zeros_like(x)
        below = slope * x
        below_low = fma(slope, x, -below, INTERPRETED) + tl.full((), SLOPE_LOW, x.dtype) * x
        sided = tl.where(x > 0, x, below)
        # An infinity has no low word, whatever came of inf - inf.
        has_low = (x < 0) & (tl.abs(below_low) < tl.abs(below))
        sided_low = tl.where(has_low, below_low, tl.zeros_like(x))
    y = fma(sided, g, sided * g_low + sided_low * g, INTERPRETED) * (1 / LIFT)
    # Beyond the clamp the gate is 1 to rounding, and an infinity times a correction would be NaN.
    return tl.where(tl.abs(x) >= tl.full((), CLAMP, x.dtype), sided + sided_low, y)


@triton.jit
def _gradient_exact(x, N: tl.constexpr, STEPS: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr,
                    EPS: tl.constexpr, EPS_LOW: tl.constexpr, SLOPE: tl.constexpr, SLOPE_LOW: tl.constexpr,
                    LIFT: tl.constexpr, INTERPRETED: tl.constexpr):  # fmt: skip
    g, g_low = _gate_exact(x, N, STEPS, SCALE, CLAMP, EPS, EPS_LOW, LIFT, INTERPRETED)
    # w = (2n + 1) - 2n*g, whose first term is never the smaller: its rounding error is exact.
    order = tl.full((), 2.0 * N / LIFT, x.dtype) + tl.zeros_like(g)
    subtrahend = order * g
    w = (2.0 * N + 1) - subtrahend
    w_low = ((2.0 * N + 1) - w) - subtrahend
    w_low = w_low - fma(order, g, -subtrahend, INTERPRETED) - order * g_low
    derivative, low = multiply(g, g_low, w, w_low, INTERPRETED)
    if SLOPE == 0:
        below = derivative * 0.0  # NaN stays NaN
    else:
        slope = tl.full((), SLOPE, x.dtype) + tl.zeros_like(x)
        below = fma(
            derivative, slope, low * slope + derivative * tl.full((), SLOPE_LOW, x.dtype), INTERPRETED
        )
    return tl.where(x > 0, derivative + low, below) * (1 / LIFT)


# --- kernels --------------------------------------------------------------------------------------------


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
def forward_kernel(x_pointer, out_pointer, numel,
                   N: tl.constexpr, STEPS: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr,
                   EPS: tl.constexpr, EPS_LOW: tl.constexpr, SLOPE: tl.constexpr, SLOPE_LOW: tl.constexpr,
                   EXACT: tl.constexpr, LIFT: tl.constexpr, BLOCK: tl.constexpr, WIDE: tl.constexpr,
                   INTERPRETED: tl.constexpr):  # fmt: skip
    """``out = f(x)`` over flat, dense memory."""
    offsets, mask = _offsets(numel, BLOCK, WIDE)
    x = _load(x_pointer, offsets, mask, INTERPRETED)
    if EXACT:
        y = _value_exact(x, N, STEPS, SCALE, CLAMP, EPS, EPS_LOW, SLOPE, SLOPE_LOW, LIFT, INTERPRETED)
    else:
        y = _value(x, N, STEPS, SCALE, CLAMP, EPS, SLOPE)
    _store(out_pointer, offsets, y, mask, INTERPRETED)


@triton.jit
def backward_kernel(grad_output_pointer, x_pointer, out_pointer, numel,
                    N: tl.constexpr, STEPS: tl.constexpr, SCALE: tl.constexpr, CLAMP: tl.constexpr,
                    EPS: tl.constexpr, EPS_LOW: tl.constexpr, SLOPE: tl.constexpr, SLOPE_LOW: tl.constexpr,
                    EXACT: tl.constexpr, LIFT: tl.constexpr, BLOCK: tl.constexpr, WIDE: tl.constexpr,
                    INTERPRETED: tl.constexpr):  # fmt: skip
    """``out = grad_output * f'(x)`` over flat, dense memory."""
    offsets, mask = _offsets(numel, BLOCK, WIDE)
    x = _load(x_pointer, offsets, mask, INTERPRETED)
    grad_output = _load(grad_output_pointer, offsets, mask, INTERPRETED)
    if EXACT:
        derivative = _gradient_exact(
            x, N, STEPS, SCALE, CLAMP, EPS, EPS_LOW, SLOPE, SLOPE_LOW, LIFT, INTERPRETED
        )
    else:
        derivative = _gradient(x, N, STEPS, SCALE, CLAMP, EPS, SLOPE)
    _store(out_pointer, offsets, grad_output * derivative, mask, INTERPRETED)


INTERPRETED = not isinstance(forward_kernel, triton.JITFunction)
"""Whether triton was imported with TRITON_INTERPRET=1."""

BLOCK = 65536 if INTERPRETED else 1024
"""Elements a program. Under the interpreter a program costs Python time, whatever its size."""

NUM_WARPS = 4

LIFT = {torch.float32: 40, torch.float64: 100}
"""dtypes computed in double words -> binades that their arithmetic is lifted by: enough that the low word of
the smallest gate is a normal number."""

MAX_LIFTED_N = 8
"""Beyond this n the lift would leave too little room above; the smallest results are then less exact."""

WIDE_FROM = 2**31 - BLOCK
"""numel beyond which offsets need 64 bits: those of the last block reach up to BLOCK further."""


@functools.lru_cache(maxsize=1024)
def constants(spec: Spec, dtype: torch.dtype) -> dict[str, Any]:
    """The compile-time constants of the kernels for ``spec`` on tensors of ``dtype``.

    Raises:
        ValueError: the arithmetic of ``dtype`` cannot carry ``spec``.
    """
    exact = dtype in LIFT
    lift = LIFT[dtype] if exact and spec.n <= MAX_LIFTED_N else 0
    c = carried(spec, dtype, lift)
    eps, eps_low = c.split("eps", DTYPES[dtype])
    slope, slope_low = c.split("negative_slope", DTYPES[dtype])
    return {
        "N": c.n,
        "STEPS": c.n.bit_length() - 1,
        "SCALE": c.scale,
        "CLAMP": c.clamp,
        "EPS": eps,
        "EPS_LOW": eps_low,
        "SLOPE": slope,
        "SLOPE_LOW": slope_low,
        "EXACT": exact,
        "LIFT": 2.0**lift,
        "INTERPRETED": INTERPRETED,
    }


def _launch(kernel: Any, compile_time: dict[str, Any], *arrays: Tensor) -> None:
    """``kernel`` over flat, dense ``arrays``, the output last."""
    numel = arrays[-1].numel()
    kernel[(-(-numel // BLOCK),)](
        *arrays,
        numel,
        **compile_time,
        BLOCK=BLOCK,
        WIDE=numel > WIDE_FROM,
        num_warps=NUM_WARPS,
        enable_fp_fusion=False,
    )


KERNELS = {"forward": forward_kernel, "backward": backward_kernel}


def _kernel(direction: str, spec: Spec, dtype: torch.dtype, device: torch.device) -> Kernel:
    launch = functools.partial(_launch, KERNELS[direction], constants(spec, dtype))

    def interpret(*arrays: Tensor) -> None:
        # The interpreter computes with NumPy, which warns of the NaNs and underflows it is asked to produce.
        with np.errstate(all="ignore"):
            launch(*arrays)

    def on_device(*arrays: Tensor) -> None:
        # Triton launches on the current device, which is the right one but for the odd case.
        if device.index == torch.cuda.current_device():
            launch(*arrays)
        else:
            with torch.cuda.device(device):
                launch(*arrays)

    return interpret if INTERPRETED else on_device


# --- the implementation ---------------------------------------------------------------------------------


class TritonFusedOp(KernelOp):
    """One function of the family; its kernels are compiled at the first call for a dtype."""

    def kernel(self, direction: str, like: Tensor) -> Kernel:
        return _kernel(direction, self.spec, like.dtype, like.device)


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
        return TritonFusedOp(check_spec(spec), self)


IMPLEMENTATION = TritonFused()
