"""Implementations that are wrong on purpose, on top of the one in NumPy, and a way to have them found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gem_impls
from gem_impls import Implementation, Op, Spec, registry
from gem_impls.interface import EVERYWHERE

Fault = Callable[[Any, Any], Any]
"""(inputs, right results) -> wrong results, both NumPy arrays of the dtype measured."""

BLOCK = 1024
"""What the implementation that is wrong at the last lane of a block takes for one."""


class PlantedOp(Op):
    def __init__(self, right: Op, fault: Fault) -> None:
        self.spec, self._right, self._fault = right.spec, right, fault

    def forward(self, x: Any, out: Any = None) -> Any:
        y = np.array(self._fault(x, self._right.forward(x)), x.dtype)
        if out is None:
            return y
        out[...] = y
        return out

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        return self._right.backward(grad_output, x, out)


class Planted(Implementation):
    summary = "wrong on purpose"
    dtypes = ("float16", "float32", "float64")
    devices = ("cpu",)
    arrays = "numpy"
    saves_only_input = True

    def __init__(self, name: str, fault: Fault) -> None:
        self.name = name  # type: ignore[misc]  # one class, several names
        self._fault, self._right = fault, gem_impls.get("numpy_cpu")

    def unavailable(self, device: str = "cpu") -> str | None:
        return self._right.unavailable(device)

    def build(self, spec: Spec) -> PlantedOp:
        return PlantedOp(self._right.build(spec), self._fault)

    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Any:
        return self._right.from_numpy(a, dtype, device)

    def to_numpy(self, t: Any) -> Any:
        return self._right.to_numpy(t)

    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        return EVERYWHERE

    def synchronize(self, device: str) -> None:
        pass


class _EntryPoint:
    def __init__(self, implementation: Implementation) -> None:
        self._implementation = implementation

    def load(self) -> Implementation:
        return self._implementation


def plant(monkeypatch: pytest.MonkeyPatch, name: str, fault: Fault) -> None:
    """Have the registry find a wrong implementation of that name, as it finds other people's."""
    entry = _EntryPoint(Planted(name, fault))
    monkeypatch.setattr(registry, "_entry_points", lambda: {name: entry})
    registry._get.cache_clear()


def nothing_wrong(_x: Any, y: Any) -> Any:
    return y


def last_bit_flipped(x: Any, y: Any) -> Any:
    """On one input only, 1.5."""
    bits = y.view({2: np.uint16, 4: np.uint32, 8: np.uint64}[y.dtype.itemsize])
    return np.where(x == 1.5, bits ^ 1, bits).astype(bits.dtype).view(y.dtype)


def flushes_subnormals(_x: Any, y: Any) -> Any:
    return np.where(np.abs(y) < np.finfo(y.dtype).smallest_normal, 0, y)


def wrong_at_the_last_lane(x: Any, y: Any) -> Any:
    """As when a loop runs one element short; what it leaves is zero."""
    wrong = y.copy()
    wrong.reshape(-1)[BLOCK - 1 :: BLOCK] = 0
    return wrong


def zero_for_nan(_x: Any, y: Any) -> Any:
    return np.where(np.isnan(y), 0, y)
