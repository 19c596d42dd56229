"""How the figures of the training page name and colour activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes

from benchmarks.models.activations import PEERS
from benchmarks.train.effects import spec_of
from benchmarks.train.statistics import Interval
from gem_impls import VARIANTS
from reports.svg import PEER, SERIES

HUES: Final = {name: SERIES[index] for index, name in enumerate(("gem", "e-gem", "se-gem"))}
"""Variant -> colour; peers are grey, what is neither has the last one."""

PEER_NAMES: Final = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "gelu": "GELU", "silu": "SiLU"}

ROW: Final = 0.185
"""Inches of a row."""

MOST_ROWS: Final = 80
"""Activations of one figure; the table has all."""


def label(activation: str) -> str:
    """An activation as an axis has room for: ``e-gem 1 · 1e-4`` is n · eps."""
    spec = spec_of(activation)
    if spec is None:
        text = PEER_NAMES.get(activation, activation)
        return text if len(text) <= 22 else text[:21] + "…"
    eps = "" if VARIANTS[spec.variant].eps.fixed else f", {power(spec.eps)}"
    return f"{spec.variant} {spec.n}{eps}"


def power(eps: float) -> str:
    """``1e-4``, ``0.5``."""
    exponent = math.log10(eps)
    if abs(exponent - round(exponent)) < 1e-9 and abs(exponent) >= 2:
        return f"1e{round(exponent)}".replace("-", "−")
    return f"{eps:g}"


def hue(activation: str) -> str:
    """The colour of an activation's variant."""
    if activation in PEERS:
        return PEER
    spec = spec_of(activation)
    return HUES.get(spec.variant, SERIES[7]) if spec else SERIES[7]


def names(axes: Axes, activations: Sequence[str]) -> None:
    """Write the activations beside the axis of ``axes``, from the bottom."""
    axes.set_yticks(range(len(activations)), [label(a) for a in activations], fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(activations) - 0.3)


def finite(interval: Interval) -> tuple[float | None, ...]:
    """Mean and ends as a file has them: None for what is open."""
    values = (interval.mean, interval.low, interval.high)
    return tuple(value if math.isfinite(value) else None for value in values)
