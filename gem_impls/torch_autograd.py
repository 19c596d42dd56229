"""Tensors through any torch implementation, differentiably, and as what they are.

A call takes one of four ways, decided by the tensor and by what torch is doing:

- **plain memory in eager mode**: the implementation's own operation, under an autograd function only where a
  gradient will be wanted. This way is short, because a call on few elements costs what the way costs;
- **torch.compile and torch.export are tracing**: an implementation made of torch operations is traced
  through, and fuses with its neighbours; of another they see one operator;
- **anything else** (torch.func, fake and meta tensors, subclasses such as DTensor, dispatch modes): the
  operators of :mod:`gem_impls.torch_operators`;
- **an implementation that is torch operations throughout** is simply called, always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from gem_impls.choice import TRACED, chosen, resolve
from gem_impls.interface import Implementation, Op
from gem_impls.registry import get
from gem_impls.spec import Spec
from gem_impls.torch_arrays import (
    DifferentiableOp,
    TorchImplementation,
    check_forward,
    constant_when_traced,
    plain,
)
from gem_impls.torch_derivatives import Gradient, Value, second_derivative
from gem_impls.torch_operators import operators, shard_with_dtensor

__all__ = ["apply_to_tensor", "second_derivative", "times_gradient"]


def apply_to_tensor(spec: Spec, x: Tensor, implementation: str | None) -> Tensor:
    """``spec``'s function at ``x``, part of the autograd graph where ``x`` is."""
    if torch.compiler.is_compiling():
        return _traced(spec, x, implementation)
    if not plain(x):
        return _beyond_memory(spec, x, implementation)
    served = _SERVED.get((spec.key, x.device, implementation)) or _serve(spec, x.device, implementation)
    if served.own_autograd is not None and (y := served.own_autograd.differentiable(x)) is not None:
        return y
    if (x.requires_grad and torch.is_grad_enabled()) or forward_ad._current_level >= 0:
        return _EagerValue.apply(x, served)  # type: ignore[no-any-return, no-untyped-call]
    return served.forward(x)  # type: ignore[no-any-return]


def times_gradient(spec: Spec, implementation: str, grad_output: Tensor, x: Tensor) -> Tensor:
    """``grad_output * f'(x)`` by that implementation, differentiable again: for an autograd of one's own."""
    served = _SERVED.get((spec.key, x.device, implementation)) or _serve(spec, x.device, implementation)
    return served.times_gradient(grad_output, x)


# --- plain memory, eager ----------------------------------------------------------------------------------


class _Served:
    """One function as one implementation computes it, with what a call needs of it at hand."""

    def __init__(self, spec: Spec, op: Op, name: str) -> None:
        self.spec, self.op, self.name = spec, op, name
        self.own_autograd = op if isinstance(op, DifferentiableOp) else None
        self.forward, self.backward = op.forward, op.backward

    def times_gradient(self, grad_output: Tensor, x: Tensor) -> Tensor:
        """``grad_output * f'(x)``, differentiable again."""
        if torch._C._functorch.is_legacy_batchedtensor(grad_output):
            # autograd.grad(..., is_grads_batched=True): no memory to hand to a kernel, but products batch
            return grad_output * self.times_gradient(torch.ones_like(x), x)
        if not (plain(grad_output) and plain(x)):
            return operators(self.name).backward(  # type: ignore[no-any-return]
                grad_output, x, self.spec.key
            )
        if torch.is_grad_enabled() or forward_ad._current_level >= 0:
            return _EagerGradient.apply(grad_output, x, self)  # type: ignore[no-any-return, no-untyped-call]
        return self.backward(grad_output, x)  # type: ignore[no-any-return]


_SERVED: dict[tuple[str, torch.device, str | None], _Served] = {}


def _serve(spec: Spec, device: torch.device, implementation: str | None) -> _Served:
    op = resolve(spec, "torch", device.type, implementation)
    served = _Served(spec, op, chosen("torch", device.type, implementation))
    _SERVED[spec.key, device, implementation] = served
    return served


class _EagerValue(Value, torch.autograd.Function):
    pass


class _EagerGradient(Gradient, torch.autograd.Function):
    pass


# --- what is not plain memory -----------------------------------------------------------------------------


def _beyond_memory(spec: Spec, x: Tensor, implementation: str | None) -> Tensor:
    name = TRACED if x.is_meta and implementation is None else chosen("torch", x.device.type, implementation)
    impl = get(name)
    if impl.arrays != "torch":
        raise TypeError(f"implementation {impl.name!r} takes {impl.arrays} arrays; x is a torch array")
    check_forward(impl, spec, x, None)
    if isinstance(impl, TorchImplementation) and impl.composite:
        op = impl.build(spec)
        assert isinstance(op, DifferentiableOp), "composite implementations build differentiable operations"
        if (y := op.differentiable(x)) is not None:
            return y
    shard_with_dtensor(impl.name)
    return operators(impl.name).forward(x, spec.key)  # type: ignore[no-any-return]


# --- torch.compile and torch.export -----------------------------------------------------------------------


def _traced(spec: Spec, x: Tensor, implementation: str | None) -> Tensor:
    key = f"{spec.key}|{x.device.type}|{implementation or TRACED}"
    _look_up(key)
    traced = _TRACED[key]
    if traced.own_autograd is not None:
        return traced.own_autograd.differentiable(x)  # type: ignore[return-value]  # never None: composite
    if traced.inlined is not None:
        return _TracedValue.apply(x, traced.inlined)  # type: ignore[no-any-return, no-untyped-call]
    check_forward(traced.impl, spec, x, None)
    return traced.operator(x, spec.key)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Traced:
    """How a traced call is served; the first that is not None."""

    impl: Implementation
    own_autograd: DifferentiableOp | None
    inlined: Op | None
    operator: Any


_TRACED: dict[str, _Traced] = {}
"""What :func:`_look_up` found. A plain dict, because Dynamo can guard on one: it is how compiled code gets at
the operation without tracing its construction."""


@constant_when_traced
def _look_up(key: str) -> None:
    spec_key, device, name = key.split("|")
    spec, impl = Spec.from_key(spec_key), get(name)
    composite = isinstance(impl, TorchImplementation) and impl.composite
    traceable = isinstance(impl, TorchImplementation) and impl.traceable
    if device != "meta" and not composite:
        resolve(spec, "torch", device, name)  # raises where it cannot serve
    op = impl.build(spec) if composite or traceable else None
    own = op if composite and isinstance(op, DifferentiableOp) else None
    shard_with_dtensor(name)
    operator = None if op else operators(name).forward
    _TRACED[key] = _Traced(impl, own, op if traceable else None, operator)


# Dynamo wants a setup_context, and refuses jvp and vmap: it works those out from what it traces.


class _TracedValue(torch.autograd.Function):
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
        return _TracedGradient.apply(grad_output, x, ctx.op), None  # type: ignore[no-untyped-call]


class _TracedGradient(torch.autograd.Function):
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
        to_grad_output = (
            _TracedGradient.apply(grad, x, ctx.op) if ctx.needs_input_grad[0] else None  # type: ignore[no-untyped-call]
        )
        to_x = grad * grad_output * second_derivative(ctx.op.spec, x) if ctx.needs_input_grad[1] else None
        return to_grad_output, to_x, None
