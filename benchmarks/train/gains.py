"""Each activation's own gain: the weights' spread that keeps the variance of a standard normal input."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.models.activations import Activation
from gem_impls import calculate_gain

REACH: Final = 12.0
POINTS: Final = 1 << 14


def own_gain(activation: Activation) -> float:
    """``1 / sqrt(E f(X)^2)`` for X ~ N(0, 1): :func:`gem_impls.calculate_gain`, for peers a quadrature."""
    if activation.spec is not None:
        return calculate_gain(activation.spec)
    import torch

    x = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    density = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    with torch.no_grad():
        square = activation.module()(x).square() * density
    return 1 / math.sqrt(float(torch.trapezoid(square, x)))
