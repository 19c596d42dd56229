"""Operators of torch.library: what an implementation is to all that is not a plain tensor in eager mode.

``gem_impls::<implementation>_forward(Tensor x, str spec)`` and ``gem_impls::<implementation>_backward(Tensor
grad_output, Tensor x, str spec)`` stand for a kernel wherever torch must know of it without running it, or
must take a tensor apart first: torch.compile and torch.export (one node in the graph), FakeTensor and meta
tensors (shapes only), torch.func, tensor subclasses, dispatch modes, DTensor. ``spec`` is
:attr:`gem_impls.Spec.key`.

One table, :data:`RULES`, makes them alike for every implementation. They are registered at first use; a
program that loads an exported one calls :func:`operators` first.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch._ops import OpOverload

from gem_impls.choice import resolve
from gem_impls.spec import Spec
from gem_impls.torch_derivatives import Gradient, Value

NAMESPACE = "gem_impls"

_LIBRARY: Any = torch.library.Library(NAMESPACE, "FRAGMENT")  # type: ignore[no-untyped-call]
_AFTER_AUTOGRAD = torch._C._after_autograd_keyset


@dataclass(frozen=True)
class Operators:
    """Those of one implementation: ``forward(x, spec_key)`` and ``backward(grad_output, x, spec_key)``."""

    forward: OpOverload[..., Any]
    backward: OpOverload[..., Any]


@functools.cache
def operators(name: str) -> Operators:
    """The operators of the implementation of that name, registered when first asked for.

    Raises:
        ValueError: ``name`` cannot be part of an operator's name.
    """
    if not name.isidentifier():
        raise ValueError(f"implementation must be named by an identifier to have operators; got {name!r}")
    made: dict[str, OpOverload[..., Any]] = {}
    for direction, signature in SIGNATURES.items():
        qualified = f"{name}_{direction}"
        _LIBRARY.define(
            f"{qualified}({signature}) -> Tensor", tags=(torch.Tag.pt2_compliant_tag, torch.Tag.pointwise)
        )
        made[direction] = getattr(getattr(torch.ops, NAMESPACE), qualified).default
    both = Operators(**made)
    for direction, operator in made.items():
        for rule in RULES:
            rule(name, direction, operator, both)
    return both


SIGNATURES: dict[str, str] = {
    "forward": "Tensor x, str spec",
    "backward": "Tensor grad_output, Tensor x, str spec",
}
"""Direction -> the arguments of its operator. ``x`` is the last tensor: the result is laid out as it is."""


# --- the rules, each registered for each operator ---------------------------------------------------------


def _kernel(name: str, direction: str, operator: OpOverload[..., Any], _: Operators) -> None:
    """On memory: the implementation's own operation."""

    def compute(*arguments: Any) -> Tensor:
        *tensors, key = arguments
        op = resolve(Spec.from_key(key), "torch", tensors[-1].device.type, name)
        with torch._C.DisableTorchFunctionSubclass():
            return getattr(op, direction)(*(_memory(t) for t in tensors))  # type: ignore[no-any-return]

    _LIBRARY.impl(operator, compute, "CompositeExplicitAutograd")


def _memory(t: Tensor) -> Tensor:
    """``t`` as a plain tensor: what is left of a subclass that has not taken the call over is its memory."""
    return t if type(t) is Tensor else t.detach()


def _shape(_name: str, _direction: str, operator: OpOverload[..., Any], _: Operators) -> None:
    """On fake and meta tensors: the shape, dtype and layout of ``x``."""
    torch.library.register_fake(operator, lambda *arguments: torch.empty_like(arguments[-2]), lib=_LIBRARY)


def _derivative(_name: str, direction: str, operator: OpOverload[..., Any], both: Operators) -> None:
    """Reverse and forward mode, by the formulas of :mod:`gem_impls.torch_derivatives`."""
    function: Any = {"forward": _OperatorValue, "backward": _OperatorGradient}[direction]

    def differentiable(keyset: Any, *arguments: Any) -> Any:
        *tensors, key = arguments
        with enable_single_level_autograd_function():
            return function.apply(*tensors, _Below(keyset & _AFTER_AUTOGRAD, both, key))

    _LIBRARY.impl(operator, differentiable, "Autograd", with_keyset=True)


def _batching(_name: str, _direction: str, operator: OpOverload[..., Any], _: Operators) -> None:
    """Under vmap: a dimension more, which an elementwise function does not notice."""

    def batched(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> tuple[Tensor, int]:
        *tensors, key = arguments
        fronted = (
            t.unsqueeze(0).expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip(tensors, in_dims, strict=False)
        )
        return operator(*fronted, key), 0

    torch.library.register_vmap(operator, batched, lib=_LIBRARY)


RULES: tuple[Callable[[str, str, OpOverload[..., Any], Operators], None], ...] = (
    _kernel,
    _shape,
    _derivative,
    _batching,
)
"""What is registered for each operator."""


# --- autograd ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Below:
    """The operators as seen from their autograd kernel: this call below it, further ones from the top."""

    keyset: Any
    both: Operators
    key: str

    @property
    def spec(self) -> Spec:
        return Spec.from_key(self.key)

    def forward(self, x: Tensor) -> Tensor:
        with torch._C._AutoDispatchBelowAutograd():
            return self.both.forward.redispatch(self.keyset, x, self.key)  # type: ignore[no-any-return]

    def backward(self, grad_output: Tensor, x: Tensor) -> Tensor:
        with torch._C._AutoDispatchBelowAutograd():
            return self.both.backward.redispatch(  # type: ignore[no-any-return]
                self.keyset, grad_output, x, self.key
            )

    def times_gradient(self, grad_output: Tensor, x: Tensor) -> Tensor:
        return self.both.backward(grad_output, x, self.key)  # type: ignore[no-any-return]


# Of one level: the dispatcher has taken the transforms of torch.func apart already, one call for each.


class _OperatorValue(Value, torch.autograd.function._SingleLevelFunction):
    pass


class _OperatorGradient(Gradient, torch.autograd.function._SingleLevelFunction):
    pass


# --- DTensor ----------------------------------------------------------------------------------------------


def shard_with_dtensor(name: str) -> None:
    """Tell DTensor how the operators of that implementation shard, where DTensor is in use at all.

    An elementwise operator keeps every sharding and replication. A partial sum is no input for it, since
    ``f(a) + f(b)`` is not ``f(a + b)``: DTensor reduces it first.
    """
    if "torch.distributed.tensor" in sys.modules:
        _register_sharding(name)


@functools.cache
def _register_sharding(name: str) -> None:
    from torch.distributed.tensor import Replicate, Shard
    from torch.distributed.tensor.experimental import register_sharding

    both = operators(name)
    for operator, tensors in ((both.forward, 1), (both.backward, 2)):

        def acceptable(*arguments: Any, tensors: int = tensors) -> list[tuple[list[Any], list[Any]]]:
            kept = [Replicate(), *(Shard(dim) for dim in range(arguments[0].ndim))]
            # A sharding of another kind (a dimension sharded twice, out of order) is as good.
            kept += [
                p for t in arguments[:tensors] for p in t.placements if not p.is_partial() and p not in kept
            ]
            return [([p], [p] * tensors + [None]) for p in kept]

        register_sharding(operator)(acceptable)
