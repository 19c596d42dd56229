"""C++ on CPUs: one vectorised pass each way, called without torch's dispatcher and with its own autograd.

A call on few elements costs what calling an ATen operator costs; a call on many, the time to move them. The
code is ``gem_impls/native/fused.cpp``, compiled at first use. Plain tensors take that way; tensors with gaps
in memory are staged first, and whatever is no plain tensor is served through the operators of
:mod:`gem_impls.torch_operators`.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from gem_impls.spec import Spec, check_spec
from gem_impls.torch_arrays import (
    DifferentiableOp,
    TorchImplementation,
    elementwise,
    lifted,
)
from gem_impls.torch_kernels import TorchOp


class CppFusedOp(TorchOp, DifferentiableOp):
    """One function of the family, as compiled code with its constants."""

    def __init__(self, spec: Spec) -> None:
        from gem_impls import native

        super().__init__(spec, IMPLEMENTATION)
        numbers = [_numbers(spec, dtype) for dtype in ("float32", "float64")]
        self._native = native.load().Gem(spec.n, *numbers, functools.partial(_general_gradient, spec))

    def forward(self, x: Any, out: Any = None) -> Any:
        y = None if torch.compiler.is_compiling() else self._native.forward(x, out)
        return super().forward(x, out) if y is None else y

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        dx = None if torch.compiler.is_compiling() else self._native.backward(grad_output, x, out)
        return super().backward(grad_output, x, out) if dx is None else dx

    def compute(self, direction: str, inputs: tuple[Tensor, ...], out: Tensor | None) -> Tensor:
        into = {"forward": self._native.forward_into, "backward": self._native.backward_into}[direction]
        return elementwise(into, inputs, out)

    def differentiable(self, x: Tensor) -> Tensor | None:
        """``f(x)``, part of the autograd graph where ``x`` is; None for tensors with gaps or tangents."""
        return self._native.differentiable(x)  # type: ignore[no-any-return]


class CppFused(TorchImplementation):
    """One pass of vectorised C++ each way."""

    name = "cpp_fused"
    summary = "vectorised C++ compiled at first use, with autograd of its own: one pass each way"
    devices = ("cpu",)

    def unavailable(self, device: str = "cpu") -> str | None:
        from gem_impls import native

        return self.no_such_device(device) or native.why_not()

    def build(self, spec: Spec) -> CppFusedOp:
        return _build(check_spec(spec))


IMPLEMENTATION = CppFused()


@functools.cache  # the compiled code keeps what it was given for as long as the process lives
def _build(spec: Spec) -> CppFusedOp:
    return CppFusedOp(spec)


def _numbers(spec: Spec, dtype: str) -> tuple[float, float, float, float] | None:
    """``scale, eps, clamp, negative_slope`` for arithmetic in ``dtype``; None where it cannot carry them."""
    try:
        c = lifted(spec, dtype)
    except ValueError:  # said again, to the user, by check_forward
        return None
    return c.scale, c.eps, c.clamp, c.negative_slope


def _general_gradient(spec: Spec, grad_output: Tensor, x: Tensor) -> Tensor:
    from gem_impls.torch_autograd import times_gradient

    return times_gradient(spec, IMPLEMENTATION.name, grad_output, x)
