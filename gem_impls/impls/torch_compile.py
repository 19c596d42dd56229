"""torch.compile: the clamped gate, written once in torch, fused by Inductor into one kernel each way.

A kernel is compiled once for each (n, dtype, direction) and serves every size, eps and negative_slope:
sizes are dynamic over flat views, the constants arrive in a small tensor, and the result goes to an output
allocated outside, so that ``out=`` is no case of its own. Inside somebody else's ``torch.compile`` the same
formulas are inlined instead, with the constants as literals, and fuse with their neighbours.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gem_impls.carried import ARITHMETIC, Carried, squarings
from gem_impls.interface import Op
from gem_impls.spec import Spec, check_spec
from gem_impls.torch_arrays import (
    DTYPES,
    TorchImplementation,
    carried,
    check_backward,
    check_forward,
    elementwise,
    traced_carried,
)
from gem_impls.torch_compiler import no_compiler

Steps = tuple[bool, ...]
"""What :func:`gem_impls.carried.squarings` makes of n."""
Constants = Sequence[Any]
""":attr:`gem_impls.carried.Carried.numbers`: 0-d tensors, or floats where they are inlined."""


def value(x: Tensor, steps: Steps, constants: Constants) -> Tensor:
    """``f(x)`` in the arithmetic of ``x``'s dtype; see :mod:`gem_impls.carried`."""
    scale, eps, clamp, negative_slope, floor, _ = constants
    p = _gate_power(x, steps, scale, clamp)
    g: Tensor = p / (p + eps)
    sided: Tensor = torch.where(x > 0, x, negative_slope * x.clamp(min=floor))
    return sided * g


def gradient(grad_output: Tensor, x: Tensor, steps: Steps, constants: Constants) -> Tensor:
    """``grad_output * f'(x)`` in the arithmetic of ``x``'s dtype."""
    scale, eps, clamp, negative_slope, _, order = constants
    p = _gate_power(x, steps, scale, clamp)
    denominator = p + eps
    g, h = p / denominator, eps / denominator
    derivative: Tensor = g * (1 + order * h)
    return grad_output * torch.where(x > 0, derivative, negative_slope * derivative)


def _gate_power(x: Tensor, steps: Steps, scale: Any, clamp: Any) -> Tensor:
    """``(min(|x|, clamp) * scale)^(2n)``."""
    t: Tensor = x.abs().clamp(max=clamp) * scale
    square = t * t
    p = square
    for once_more in steps:
        p = p * p
        if once_more:
            p = p * square
    return p


class TorchCompileOp(Op):
    """One function of the family; kernels are compiled at the first call that needs them."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def forward(self, x: Any, out: Any = None) -> Any:
        check_forward(IMPLEMENTATION, self.spec, x, out)
        if torch.compiler.is_compiling():
            steps, numbers = traced_carried(self.spec.key, DTYPES[x.dtype])
            y = value(_widen(x), steps, numbers).to(x.dtype)
            return y if out is None else out.copy_(y)
        with torch.no_grad():
            return elementwise(_kernel(_forward_kernel, self.spec, x), (x,), out)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        check_backward(IMPLEMENTATION, self.spec, grad_output, x, out)
        if torch.compiler.is_compiling():
            steps, numbers = traced_carried(self.spec.key, DTYPES[x.dtype])
            dx = gradient(_widen(grad_output), _widen(x), steps, numbers).to(x.dtype)
            return dx if out is None else out.copy_(dx)
        with torch.no_grad():
            return elementwise(_kernel(_backward_kernel, self.spec, x), (grad_output, x), out)


class TorchCompile(TorchImplementation):
    """The clamped gate through Inductor."""

    name = "torch_compile"
    summary = "the clamped gate through torch.compile: one generated kernel each way"
    devices = ("cpu", "cuda")

    def unavailable(self, device: str = "cpu") -> str | None:
        return self.no_such_device(device) or no_compiler(device)

    def build(self, spec: Spec) -> TorchCompileOp:
        return TorchCompileOp(check_spec(spec))


IMPLEMENTATION = TorchCompile()


def _widen(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


# --- kernels ------------------------------------------------------------------------------------------


def _forward_kernel(x: Tensor, out: Tensor, constants: Tensor, steps: Steps) -> None:
    out.copy_(value(_widen(x), steps, constants.unbind()))


def _backward_kernel(grad_output: Tensor, x: Tensor, out: Tensor, constants: Tensor, steps: Steps) -> None:
    out.copy_(gradient(_widen(grad_output), _widen(x), steps, constants.unbind()))


def _kernel(body: Callable[..., None], spec: Spec, x: Tensor) -> Callable[..., None]:
    """``body`` compiled for n and dtype, with the constants of ``spec`` on the device of ``x``."""
    compiled = _compiled(body, spec.n, x.dtype)
    constants = _on_device(carried(spec, x.dtype), ARITHMETIC[DTYPES[x.dtype]], x.device)

    def run(*arrays: Tensor) -> None:
        *inputs, out = arrays
        call = _without_autocast(compiled, out.device.type)
        if out.numel() == 1:  # a size of 1 would be compiled for apart: compute it as one of two
            pair = [t.expand(2).clone() for t in arrays]
            call(*pair, constants)
            out.copy_(pair[-1][:1])
            return
        # The compiler would specialise on an output that aliases an input; elementwise, it may come late.
        in_place = any(t.data_ptr() == out.data_ptr() for t in inputs)
        target = torch.empty_like(out) if in_place else out
        # .data: Dynamo guards on what a tensor is a view of and on which two are one; these are neither.
        call(*(t.data for t in inputs), target.data, constants)
        if in_place:
            out.copy_(target)

    return run


def _without_autocast(compiled: Callable[..., None], device: str) -> Callable[..., None]:
    """``compiled``, with autocast off where it is on: it changes nothing here, but Dynamo guards on it."""
    return torch.autocast(device, enabled=False)(compiled) if torch.is_autocast_enabled(device) else compiled


@functools.cache
def _compiled(body: Callable[..., None], n: int, _dtype: torch.dtype) -> Callable[..., None]:
    steps = squarings(n)

    def kernel(*arrays: Tensor) -> None:
        body(*arrays, steps)

    # The compiler keeps its kernels, and its limit on them, by code object: give each (n, dtype) its own.
    own = types.FunctionType(kernel.__code__.replace(), kernel.__globals__, closure=kernel.__closure__)
    return torch.compile(own, dynamic=True, fullgraph=True)


@functools.lru_cache(maxsize=256)
def _on_device(c: Carried, arithmetic: str, device: torch.device) -> Tensor:
    return torch.tensor(c.numbers, dtype=getattr(torch, arithmetic), device=device)
