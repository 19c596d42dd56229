"""The rules of differentiation, written once: what autograd keeps and computes, first and second order.

Only ``x`` is kept for the gradient. ``f`` below is whatever computes: it has ``spec``, ``forward(x)``,
``backward(grad_output, x)``, and ``times_gradient(grad_output, x)``, the latter as seen by autograd. The
second derivative is eager torch, since nothing that trains a network is bound by it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gem_impls.spec import Spec
from gem_impls.torch_arrays import carried


class Value:
    """``f(x)``: static methods for an autograd function."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, f: Any) -> Tensor:
        ctx.f = f
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return f.forward(x)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return ctx.f.times_gradient(grad_output, x), None

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, _: None) -> Tensor:
        (x,) = ctx.saved_tensors
        return ctx.f.times_gradient(x_tangent, x)  # type: ignore[no-any-return]


class Gradient:
    """``grad_output * f'(x)``: static methods for an autograd function."""

    @staticmethod
    def forward(ctx: Any, grad_output: Tensor, x: Tensor, f: Any) -> Tensor:
        ctx.f = f
        ctx.save_for_backward(grad_output, x)
        ctx.save_for_forward(grad_output, x)
        return f.backward(grad_output, x)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        grad_output, x = ctx.saved_tensors
        to_grad_output = ctx.f.times_gradient(grad, x) if ctx.needs_input_grad[0] else None
        to_x = grad * grad_output * second_derivative(ctx.f.spec, x) if ctx.needs_input_grad[1] else None
        return to_grad_output, to_x, None

    @staticmethod
    def jvp(ctx: Any, grad_tangent: Tensor | None, x_tangent: Tensor | None, _: None) -> Tensor:
        grad_output, x = ctx.saved_tensors
        total = torch.zeros_like(x)
        if grad_tangent is not None:
            total = total + ctx.f.times_gradient(grad_tangent, x)
        if x_tangent is not None:
            total = total + x_tangent * grad_output * second_derivative(ctx.f.spec, x)
        return total


def second_derivative(spec: Spec, x: Tensor) -> Tensor:
    """``f''(x) = s(x) * 2n * g * (1 - g) * (2n + 1 - 4n*g) / x``; 0 at 0 and at both infinities.

    Eager torch, computed in float64 whatever the dtype of ``x``, rounded once.
    """
    c = carried(spec, torch.float64)
    n = c.n
    t = x.double().abs() * c.scale
    alpha = c.eps ** (1 / (2 * n))
    small = t <= alpha
    # The ratio that is at most 1, and its power: nothing overflows, and 1 - g does not cancel.
    ratio = torch.where(small, t, alpha) / torch.where(small, alpha, t)
    power = ratio ** (2 * n)
    g = torch.where(small, power, 1.0) / (1 + power)
    h = torch.where(small, 1.0, power) / (1 + power)
    # g / t without dividing by t = 0
    g_over_t = torch.where(small, ratio ** (2 * n - 1) / alpha, 1 / torch.where(small, alpha, t))
    g_over_t = g_over_t / (1 + power)
    magnitude = 2 * n * c.scale * g_over_t * h * (2 * n + 1 - 4 * n * g)
    return torch.where(x > 0, magnitude, -c.negative_slope * magnitude).to(x.dtype)
