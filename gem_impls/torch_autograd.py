"""Tensors through any torch implementation, differentiably: first and second order, vmap, forward mode.

Only ``x`` is kept for backward. The gradient is the implementation's own ``backward``; the second
derivative is eager torch, since nothing that trains a network is bound by it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gem_impls.functional import resolve
from gem_impls.interface import Op
from gem_impls.spec import Spec
from gem_impls.torch_arrays import DifferentiableOp, carried


def apply_to_tensor(spec: Spec, x: Tensor, implementation: str | None) -> Tensor:
    """``spec``'s function at ``x``, part of the autograd graph where ``x`` is."""
    key = f"{spec.key}|{x.device.type}|{implementation or ''}"
    if torch.compiler.is_compiling() or key not in _OPS:
        _resolve(key)
    op = _OPS[key]
    if isinstance(op, DifferentiableOp):
        return op.differentiable(x)
    return _value(x, op)


_OPS: dict[str, Op] = {}
"""What :func:`_resolve` found. A plain dict, because Dynamo can guard on one: it is how compiled code gets
at the operation without tracing its construction."""


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # looking up is not for tracing
def _resolve(key: str) -> None:
    spec_key, device, implementation = key.split("|")
    _OPS[key] = resolve(Spec.from_key(spec_key), "torch", device, implementation or None)


class _Forward(torch.autograd.Function):
    """``f(x)``."""

    @staticmethod
    def forward(x: Tensor, op: Op) -> Tensor:
        return op.forward(x)  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Op], output: Tensor) -> None:
        x, ctx.op = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return _times_gradient(grad_output, x, ctx.op), None


class _Backward(torch.autograd.Function):
    """``grad_output * f'(x)``."""

    @staticmethod
    def forward(grad_output: Tensor, x: Tensor, op: Op) -> Tensor:
        return op.backward(grad_output, x)  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Op], output: Tensor) -> None:
        grad_output, x, ctx.op = inputs
        ctx.save_for_backward(grad_output, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        grad_output, x = ctx.saved_tensors
        to_grad_output = _times_gradient(grad, x, ctx.op) if ctx.needs_input_grad[0] else None
        to_x = grad * grad_output * second_derivative(ctx.op.spec, x) if ctx.needs_input_grad[1] else None
        return to_grad_output, to_x, None


# torch.func wants functions with a setup_context; so does Dynamo, but it refuses jvp and vmap. Plain
# eager calls want neither: finding out how a setup_context is to be called takes torch longer than a launch.


class _TransformedForward(_Forward):
    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Op], output: Tensor) -> None:
        _Forward.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, _: None) -> Tensor:
        (x,) = ctx.saved_tensors
        return _times_gradient(x_tangent, x, ctx.op)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, None], x: Tensor, op: Op) -> tuple[Tensor, int | None]:
        return _value(x, op), in_dims[0]


class _TransformedBackward(_Backward):
    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Op], output: Tensor) -> None:
        _Backward.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2])

    @staticmethod
    def jvp(ctx: Any, grad_tangent: Tensor | None, x_tangent: Tensor | None, _: None) -> Tensor:
        grad_output, x = ctx.saved_tensors
        total = torch.zeros_like(x)
        if grad_tangent is not None:
            total = total + _times_gradient(grad_tangent, x, ctx.op)
        if x_tangent is not None:
            total = total + x_tangent * grad_output * second_derivative(ctx.op.spec, x)
        return total

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, int | None, None], grad_output: Tensor, x: Tensor, op: Op
    ) -> tuple[Tensor, int]:
        grad_output, x = (
            t.unsqueeze(0).expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip((grad_output, x), in_dims[:2], strict=True)
        )
        return _times_gradient(grad_output, x, op), 0


class _EagerForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, op: Op) -> Tensor:
        _TransformedForward.setup_context(ctx, (x, op), x)
        return op.forward(x)  # type: ignore[no-any-return]

    backward = _Forward.backward
    jvp = _TransformedForward.jvp


class _EagerBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad_output: Tensor, x: Tensor, op: Op) -> Tensor:
        _TransformedBackward.setup_context(ctx, (grad_output, x, op), x)
        if torch._C._functorch.is_legacy_batchedtensor(grad_output):
            # autograd.grad(..., is_grads_batched=True): no memory to hand to a kernel, but products batch
            return grad_output * op.backward(torch.ones_like(x), x)  # type: ignore[no-any-return]
        return op.backward(grad_output, x)  # type: ignore[no-any-return]

    backward = _Backward.backward
    jvp = _TransformedBackward.jvp


def _value(x: Tensor, op: Op) -> Tensor:
    if torch.compiler.is_compiling():
        return _Forward.apply(x, op)  # type: ignore[no-any-return, no-untyped-call]
    if torch._C._are_functorch_transforms_active():
        return _TransformedForward.apply(x, op)  # type: ignore[no-any-return, no-untyped-call]
    return _EagerForward.apply(x, op)  # type: ignore[no-any-return, no-untyped-call]


def _times_gradient(grad_output: Tensor, x: Tensor, op: Op) -> Tensor:
    if torch.compiler.is_compiling():
        return _Backward.apply(grad_output, x, op)  # type: ignore[no-any-return, no-untyped-call]
    if torch._C._are_functorch_transforms_active():
        return _TransformedBackward.apply(grad_output, x, op)  # type: ignore[no-any-return, no-untyped-call]
    return _EagerBackward.apply(grad_output, x, op)  # type: ignore[no-any-return, no-untyped-call]


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
