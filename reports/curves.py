"""The functions themselves: values and derivatives from the oracle, beside ReLU and GELU."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gem_impls import Spec
from gem_impls.oracle import reference
from reports.numbers import Data
from reports.svg import PEER, SERIES, Drawing, canvas, drawing

Dashes = str | tuple[int, tuple[float, ...]]
Curve = Callable[[NDArray[np.float64], str], NDArray[Any]]


def _relu(x: NDArray[np.float64], what: str) -> NDArray[Any]:
    return np.maximum(x, 0) if what == "value" else np.where(x > 0, 1.0, 0.0)


def _gelu(x: NDArray[np.float64], what: str) -> NDArray[Any]:
    normal = np.array([(1 + math.erf(v / math.sqrt(2))) / 2 for v in x])
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return x * normal if what == "value" else normal + x * density


def _family(variant: str, **parameters: float) -> Curve:
    spec = Spec(variant, **parameters)  # type: ignore[arg-type]  # n is the one that is an int
    return lambda x, what: reference(spec, x, what)


@dataclass(frozen=True)
class Line:
    """One curve: its name and how it looks."""

    label: str
    curve: Curve
    colour: str
    dashes: Dashes = "-"


@dataclass(frozen=True)
class Plot:
    """One figure of curves: ``what`` is ``"value"`` or ``"gradient"``."""

    id: str
    title: str
    caption: str
    what: str
    reach: float
    lines: tuple[Line, ...]


_DASHES: tuple[Dashes, ...] = ("-", (0, (6, 1.5)), (0, (2, 1.2)))
_PEERS = (Line("ReLU", _relu, PEER), Line("GELU", _gelu, PEER, (0, (4, 2))))
_ORDERS = tuple(Line(f"GEM n = {n}", _family("gem", n=n), SERIES[n - 1], _DASHES[n - 1]) for n in (1, 2, 3))
_SCALES = (
    Line("E-GEM ε = 0.01", _family("e-gem", eps=1e-2), SERIES[3]),
    Line("E-GEM ε = 0.0001", _family("e-gem", eps=1e-4), SERIES[1], _DASHES[1]),
    Line(
        "SE-GEM ε = 0.001",
        _family("se-gem", eps=1e-3, negative_slope=0.1),
        SERIES[2],
        (0, (2, 1.2)),
    ),
)

PLOTS: tuple[Plot, ...] = (
    Plot(
        "values",
        "The functions",
        "GEM of order n = 1, 2, 3 beside ReLU and GELU.",
        "value",
        3,
        (*_PEERS, *_ORDERS),
    ),
    Plot(
        "gradients",
        "Their derivatives",
        "All GEM derivatives are 0 at 0 up to order 2n; the steepest slope is (2n+1)²/(8n): 9/8 for n = 1.",
        "gradient",
        3,
        (*_PEERS, *_ORDERS),
    ),
    Plot(
        "junction-values",
        "Near zero: ε tunes towards ReLU",
        "The smaller ε, the closer to ReLU. SE-GEM keeps a slope for x < 0: 0.1 here, 0.01 by default.",
        "value",
        0.2,
        (_PEERS[0], *_SCALES),
    ),
    Plot(
        "junction-gradients",
        "Near zero: derivatives",
        "The derivative stays continuous however small ε is.",
        "gradient",
        0.2,
        (_PEERS[0], *_SCALES),
    ),
)
"""The figures of curves: a row each."""


@functools.cache
def curves() -> tuple[Drawing, ...]:
    """One drawing a row of :data:`PLOTS`; they depend on nothing, so they are drawn once."""
    return tuple(_drawn())


def _drawn() -> Iterator[Drawing]:
    for plot in PLOTS:
        x = np.linspace(-plot.reach, plot.reach, 361)
        with canvas(height=3.3) as figure:
            axes = figure.add_subplot()
            for line in plot.lines:
                axes.plot(
                    x, line.curve(x, plot.what), color=line.colour, linestyle=line.dashes, label=line.label
                )
            _finish(axes, plot)
            said = ", ".join(
                f"{line.label} {line.curve(np.array([plot.reach / 2]), plot.what)[0]:.3g}"
                for line in plot.lines
            )
            names = {"value": "f(x)", "gradient": "f'(x)"}
            yield drawing(
                figure,
                id=f"curves-{plot.id}",
                title=plot.title,
                caption=plot.caption,
                alt=f"{names[plot.what]} against x from {-plot.reach:g} to {plot.reach:g}. "
                f"At x = {plot.reach / 2:g}: {said}.",
                data=Data.of(
                    ("x", *(line.label for line in plot.lines)),
                    zip(x.tolist(), *(line.curve(x, plot.what).tolist() for line in plot.lines), strict=True),
                ),
            )


def _finish(axes: Axes, plot: Plot) -> None:
    axes.grid(visible=True)
    axes.set_xlim(-plot.reach, plot.reach)
    axes.set_xlabel("x")
    axes.set_title({"value": "f(x)", "gradient": "f ′(x)"}[plot.what], loc="left", fontsize=9.5)
    axes.legend(loc="upper left", frameon=False, handlelength=2.6, borderaxespad=0.2, fontsize=8.8)
