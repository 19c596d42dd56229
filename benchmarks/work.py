"""A case made ready to run: its arrays, and the callable that is timed with nothing around it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.axes import BACKWARD, BOTH, FORWARD
from benchmarks.cases import Case, implementation_of
from benchmarks.inputs import Buffer
from benchmarks.peers import PeerOp
from gem_impls import Implementation

Call = Callable[[], Any]


@dataclass(frozen=True)
class Arrays:
    """One set of buffers: input, gradient of the output, and the caller's memory for a result.

    ``leaf`` is the input as autograd takes it: the same memory, requiring a gradient (torch only).
    """

    x: Buffer
    grad_output: Buffer
    result: Buffer
    leaf: Any


class Work:
    """A case with its operation built and its arrays allocated.

    Args:
        case: what to run.
        implementation: whose code; by default the one that the case names.
        sets: how many sets of arrays; more than one where a cold cache is wanted.

    Attributes:
        calls: one callable a set. Each returns the result: y, dx, or (y, dx) for forward+backward.
    """

    def __init__(self, case: Case, implementation: Implementation | None = None, sets: int = 1) -> None:
        self.case = case
        self.implementation = implementation or implementation_of(case)
        self.op = self.implementation.build(case.spec or case.function)  # type: ignore[arg-type]  # a peer's name
        self.sets = [self._arrays() for _ in range(sets)]
        self.refill(draw=0)
        self.calls = self.bound()

    def bound(self) -> list[Call]:
        """The callables, one a set."""
        return [bind(self.op, self.case, arrays) for arrays in self.sets]

    def _arrays(self) -> Arrays:
        c = self.case
        x, grad_output, result = (
            Buffer(self.implementation, c.shape, c.dtype, c.device, c.layout) for _ in range(3)
        )
        leaf = x.view.detach().requires_grad_() if self.implementation.arrays == "torch" else None
        return Arrays(x, grad_output, result, leaf)

    def refill(self, draw: int) -> None:
        """Fresh inputs in every set, and NaN wherever a result is to be written."""
        for number, arrays in enumerate(self.sets):
            arrays.x.fill(2 * draw + 101 * number)
            arrays.grad_output.fill(2 * draw + 101 * number + 1)
            arrays.result.poison()

    def synchronize(self) -> None:
        """Return when all queued work is done."""
        self.implementation.synchronize(self.case.device)

    def numbers(self, array: Any) -> Any:
        """An array of this implementation as NumPy has it, 16-bit types widened."""
        return self.implementation.to_numpy(array)


# --- passes ---------------------------------------------------------------------------------------------


def bind(op: Any, case: Case, arrays: Arrays) -> Call:
    """The callable for one pass of ``op`` over ``arrays``."""
    return PASSES[case.direction](op, case, arrays)


def _forward(op: Any, case: Case, arrays: Arrays) -> Call:
    x, out = arrays.x.view, arrays.result.view
    if not isinstance(op, PeerOp):
        return functools.partial(op.forward, x, out) if case.out else functools.partial(op.forward, x)
    return (
        functools.partial(op.forward_into, x, out=out) if case.out else functools.partial(op.plain_forward, x)
    )


def _backward(op: Any, case: Case, arrays: Arrays) -> Call:
    inputs, out = (arrays.grad_output.view, arrays.x.view), arrays.result.view
    if not isinstance(op, PeerOp):
        return (
            functools.partial(op.backward, *inputs, out)
            if case.out
            else functools.partial(op.backward, *inputs)
        )
    if case.out and op.backward_into is not None:
        return functools.partial(op.backward_into, *inputs, grad_input=out)
    return functools.partial(op.plain_backward, *inputs)


def _forward_backward(op: Any, case: Case, arrays: Arrays) -> Call:
    """Through autograd, as in training; NumPy has none, so there it is one pass and then the other."""
    if arrays.leaf is None:
        return functools.partial(_in_turn, op, arrays.x.view, arrays.grad_output.view)
    return functools.partial(trained, differentiable(op, case), arrays.leaf, arrays.grad_output.view)


def _in_turn(op: Any, x: Any, grad_output: Any) -> tuple[Any, Any]:
    return op.forward(x), op.backward(grad_output, x)


def trained(function: Callable[[Any], Any], x: Any, grad_output: Any) -> tuple[Any, Any]:
    """``function(x)`` and the gradient at ``x``, through autograd."""
    import torch

    y = function(x)
    (dx,) = torch.autograd.grad(y, x, grad_output)  # nothing accumulates: as for an activation inside a net
    return y, dx


def differentiable(op: Any, case: Case) -> Callable[[Any], Any]:
    """The function as a user calls it, autograd included."""
    if isinstance(op, PeerOp):
        return op.plain_forward
    from gem_impls import functional

    assert case.spec is not None, "only peers have none"
    return functools.partial(functional.apply, case.spec, implementation=case.implementation)


PASSES: Final[dict[str, Callable[[Any, Case, Arrays], Call]]] = {
    FORWARD: _forward,
    BACKWARD: _backward,
    BOTH: _forward_backward,
}
"""pass -> how to bind it; the names of the axis ``direction``."""
