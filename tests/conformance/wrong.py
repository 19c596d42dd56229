"""Deliberately wrong implementations: a right one, and one fault each. The checks must catch every one.

Not in ``gem_impls/impls`` and not registered: only ``test_checks.py`` sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gem_impls import Implementation, Op, Spec, get

RIGHT = get("numpy_cpu")

Fault = Callable[[Op, Any, Any], Any]
"""``fault(right_op, x, out)``: a wrong forward result."""


class WrongOp(Op):
    """Backward is forward of the fault in the gradient: ``grad_output * f'(x)`` gone wrong the same way."""

    def __init__(self, spec: Spec, fault: Fault) -> None:
        self.spec = spec
        self.right = RIGHT.build(spec)
        self.fault = fault

    def forward(self, x: Any, out: Any = None) -> Any:
        return self.fault(self.right, x, out)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        return self.fault(Flipped(self.right, grad_output), x, out)


class Flipped(Op):
    """Backward in the place of forward, so that one fault serves both."""

    def __init__(self, right: Op, grad_output: Any) -> None:
        self.spec = right.spec
        self.right, self.grad_output = right, grad_output

    def forward(self, x: Any, out: Any = None) -> Any:
        grad_output = np.broadcast_to(self.grad_output.ravel()[: x.size].reshape(x.shape), x.shape)
        return self.right.backward(grad_output, x, out)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        raise NotImplementedError("a fault only calls forward")


class Wrong(Implementation):
    """numpy_cpu, except for one fault."""

    name = "wrong"
    summary = "a right implementation with one fault"
    dtypes = RIGHT.dtypes
    devices = RIGHT.devices
    arrays = RIGHT.arrays
    saves_only_input = True

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def unavailable(self, device: str = "cpu") -> str | None:
        return None

    def build(self, spec: Spec) -> Op:
        return WrongOp(spec, self.fault)

    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Any:
        return RIGHT.from_numpy(a, dtype, device)

    def to_numpy(self, t: Any) -> Any:
        return RIGHT.to_numpy(t)

    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        return RIGHT.domain(spec, dtype, what)

    def synchronize(self, device: str) -> None:
        RIGHT.synchronize(device)


# --- faults ---------------------------------------------------------------------------------------------


def none(op: Op, x: Any, out: Any) -> Any:
    return op.forward(x, out)


def last_bit_wrong_at_one_input(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    at = x == x.dtype.type(0.75)
    y[at] = np.nextafter(y[at], y.dtype.type(np.inf))
    return y


def two_n_plus_five_ulp_off_in_one_binade(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    at = (np.abs(x) >= 2.0**-7) & (np.abs(x) < 2.0**-6)
    for _ in range(4 * op.spec.n + 8):  # more than twice the bound: the right result may err the other way
        y[at] = np.nextafter(y[at], y.dtype.type(np.inf))
    return y


def flushes_subnormals(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    y[np.abs(y) < np.finfo(y.dtype).smallest_normal] = 0
    return y


def large_where_tiny(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    tiny = np.finfo(y.dtype).smallest_normal
    at = (y != 0) & (np.abs(y) < tiny)
    y[at] = np.copysign(1000 * tiny, y[at])
    return y


def overflows_at_the_largest(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    y[x == np.finfo(x.dtype).max] = np.inf
    return y


def nan_at_the_smallest(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    y[(x != 0) & (np.abs(x) <= np.finfo(x.dtype).smallest_subnormal)] = np.nan
    return y


def wrong_sign_below_zero(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    y[x < 0] *= -1
    return y


def nan_becomes_zero(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    y[np.isnan(x)] = 0
    return y


def wrong_at_the_last_element(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    if y.size % 8 and y.ndim == 1:  # as a forgotten remainder of a vector loop is
        y[-1] = 0.5
    return y


def writes_into_its_input(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    if x is not y and x.flags.writeable:
        np.maximum(x, -1, out=x)
    return y


def computes_in_place(op: Op, x: Any, out: Any) -> Any:
    return op.forward(x, x if out is None and x.flags.writeable else out)


def ignores_out(op: Op, x: Any, out: Any) -> Any:
    return op.forward(x)


def returns_a_copy_of_out(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    return y if out is None else y.copy()


def reads_x_after_writing_out(op: Op, x: Any, out: Any) -> Any:
    if out is None:
        return op.forward(x)
    out[...] = 0  # destroys an x that is also out
    return op.forward(x, out)


def writes_beside_out(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    if out is not None and out.base is not None:
        out.base.ravel()[0] = 0
    return y


class ReusesItsResult:
    """Hands out one buffer again and again."""

    def __init__(self) -> None:
        self.buffers: dict[Any, Any] = {}

    def __call__(self, op: Op, x: Any, out: Any) -> Any:
        key = (type(op), x.shape, x.dtype)
        buffer = self.buffers.setdefault(key, np.empty_like(x))
        return op.forward(x, buffer if out is None else out)


class StaleResult:
    """Computes once per shape and returns that for ever after."""

    def __init__(self) -> None:
        self.results: dict[Any, Any] = {}

    def __call__(self, op: Op, x: Any, out: Any) -> Any:
        key = (type(op), x.shape, x.dtype)
        if key not in self.results:
            self.results[key] = op.forward(x)
        return self.results[key].copy()


def contiguous_result(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    return y if out is not None else np.ascontiguousarray(y).reshape(y.shape)


def assumes_contiguous_memory(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    if x.ndim == 2 and not x.flags.c_contiguous and out is None:
        y[...] = np.asarray(y).T.reshape(y.shape)  # the numbers are right, their places are not
    return y


def wider_result(op: Op, x: Any, out: Any) -> Any:
    y = op.forward(x, out)
    return y if out is not None else y.astype(np.float64)
