"""Eager torch, the formula as a paper prints it: what the other implementations are measured against.

It overflows, underflows and keeps intermediates for backward, and it stays so on purpose: it shows what
the literal formula costs and where it ends. :meth:`TorchNaive.domain` says where that is.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gem_impls.carried import carry
from gem_impls.oracle import format_of
from gem_impls.spec import Spec, check_spec
from gem_impls.torch_arrays import (
    DifferentiableOp,
    TorchImplementation,
    check_backward,
    check_forward,
    traced_parameters,
)


def literal(spec: Spec, x: Tensor) -> Tensor:
    """``x^(2n+1) / (eps + x^(2n))`` for x > 0, ``negative_slope`` times it elsewhere."""
    n, eps, negative_slope = traced_parameters(spec.key) if torch.compiler.is_compiling() else spec.parameters
    y = x ** (2 * n + 1) / (eps + x ** (2 * n))
    return torch.where(x > 0, y, negative_slope * y).to(x.dtype)  # autocast may have widened pow


class TorchNaiveOp(DifferentiableOp):
    """One function of the family; its gradient is what autograd makes of the formula."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def forward(self, x: Any, out: Any = None) -> Any:
        check_forward(IMPLEMENTATION, self.spec, x, out)
        with torch.no_grad():
            y = literal(self.spec, x)
            return y if out is None else out.copy_(y)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        check_backward(IMPLEMENTATION, self.spec, grad_output, x, out)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            y = literal(self.spec, leaf)
        (dx,) = torch.autograd.grad(y, leaf, grad_output)
        return dx if out is None else out.copy_(dx)

    def differentiable(self, x: Tensor) -> Tensor:
        """The formula itself, open to autograd, which saves its intermediates."""
        check_forward(IMPLEMENTATION, self.spec, x, None)
        return literal(self.spec, x)


class TorchNaive(TorchImplementation):
    """The literal formula in eager torch."""

    name = "torch_naive"
    summary = "the literal formula in eager torch: one pass an operator"
    devices = ("cpu", "cuda")
    saves_only_input = False
    composite = True

    def unavailable(self, device: str = "cpu") -> str | None:
        return self.no_such_device(device)

    def build(self, spec: Spec) -> TorchNaiveOp:
        return TorchNaiveOp(check_spec(spec))

    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        """Where no power of x, nor (for the gradient) the square of the denominator, leaves the dtype.

        From below, ``x^(2n+1)`` must stay normal; where eps itself is lost in the dtype, nothing is left.
        """
        carry(spec, dtype)
        fmt = format_of(dtype)
        n, largest, smallest = spec.n, float(fmt.max), float(fmt.smallest_normal)
        if what == "value":
            low, high = smallest ** (1 / (2 * n + 1)), largest ** (1 / (2 * n + 1))
        elif what == "gradient":
            low, high = smallest ** (1 / (4 * n + 1)), largest ** (1 / (4 * n + 1))
        else:
            raise ValueError(f"what must be 'value' or 'gradient'; got {what!r}")
        if not smallest <= spec.eps <= largest:
            return math.inf, math.inf
        # Rounded powers leave the dtype a few ulp before exact ones; the roots above are rounded, too.
        inward = 2.0 ** (3 - min(fmt.precision, 43))
        return low * (1 + inward), high * (1 - inward)


IMPLEMENTATION = TorchNaive()
