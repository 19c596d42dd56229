"""What a sweep varies: one row a dimension, one entry a value. Adding either costs one line here."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from gem_impls.oracle import FORMATS

Shape = tuple[int, ...]

SWEEPS: Final = ("quick", "full")
"""The two sizes of sweep."""


FORWARD: Final = "forward"
"""The value alone, no grad."""
BACKWARD: Final = "backward"
"""The gradient alone, from an input and a gradient of the output."""
BOTH: Final = "forward+backward"
"""Through autograd, as in training."""


@dataclass(frozen=True)
class Axis:
    """One dimension of the sweep.

    Attributes:
        name: the field of :class:`benchmarks.cases.Case` that it fills, or a name of its own.
        quick: its values in the quick sweep; a subset of ``full``.
        full: its values in the full sweep.
        label: what a value contributes to a case's id; "" for the value that goes without saying.
        around: for a dimension that is none of Case's fields but a condition of the measurement: gives, for
            a value, the context in which a case is built, checked and timed.
    """

    name: str
    quick: tuple[Any, ...]
    full: tuple[Any, ...]
    label: Callable[[Any], str] = str
    around: Callable[[Any], AbstractContextManager[Any]] | None = None

    def values(self, sweep: str) -> tuple[Any, ...]:
        """The values in the ``"quick"`` or ``"full"`` sweep."""
        return self.quick if sweep == "quick" else self.full


def powers(*exponents: int) -> tuple[Shape, ...]:
    """One-dimensional shapes of ``2**exponent`` elements."""
    return tuple((2**e,) for e in exponents)


def unless(usual: str) -> Callable[[Any], str]:
    """A label that leaves out the usual value."""
    return lambda value: "" if value == usual else str(value)


GPT2_MLP: Final[Shape] = (4096, 3072)
"""GPT-2 124M's MLP: tokens x 3072, for 4 sequences of 1024 tokens."""

RESNET56_MAPS: Final[Shape] = (128, 16, 32, 32)
"""The first stage of ResNet-56 on CIFAR: batch x 16 x 32 x 32."""

AXES: Final[tuple[Axis, ...]] = (
    Axis(
        "shape",
        quick=powers(10, 16, 20, 22, 26),
        full=(*powers(8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28), GPT2_MLP, RESNET56_MAPS),
        label=lambda shape: "x".join(map(str, shape)),
    ),
    Axis("dtype", quick=("float32", "bfloat16"), full=tuple(FORMATS)),
    Axis("device", quick=("cpu", "cuda"), full=("cpu", "cuda")),
    Axis(
        "layout",
        quick=("contiguous",),
        full=("contiguous", "channels_last", "transposed", "strided"),
        label=unless("contiguous"),
    ),
    Axis(
        "direction",
        quick=(FORWARD, BOTH, BACKWARD),
        full=(FORWARD, BOTH, BACKWARD),
    ),
    Axis("out", quick=(False, True), full=(False, True), label=lambda out: "out" if out else ""),
    Axis(
        "clock",
        quick=("wall", "device-hot", "device-cold"),
        full=("wall", "device-hot", "device-cold"),
        label=unless("wall"),
    ),
)
"""The dimensions, in the order in which they appear in a case's id."""

N: Final = {"quick": (1,), "full": (1, 2, 3)}
"""Orders of the gate that every variant is measured with; cases.py adds to the quick ones."""

ITEMSIZE: Final = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
"""Bytes of one element."""


def numel(shape: Shape) -> int:
    """Elements of an array of that shape."""
    return math.prod(shape)
