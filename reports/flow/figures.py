"""The figures of gradients at initialisation: heat maps by layer, and lines against depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.flow.depths import deepest, of_setup
from benchmarks.flow.entries import Flow
from benchmarks.flow.setups import Setup
from reports.flow.heat import heat, median
from reports.flow.lines import drawn, legend, line, power_of_ten, spoken
from reports.numbers import Data
from reports.svg import SOFT, Drawing, canvas, drawing, word

LOWEST, HIGHEST = 1e-12, 1e12
"""What the axis of gradients shows; the table has the number."""

FEWEST_DEPTHS: Final = 3

MOST_ROWS: Final = 80
"""Rows of a heat map; the table has all."""


def figures(flows: Sequence[Flow], setup: Setup) -> tuple[Drawing, ...]:
    """The heat map of the deepest networks of a setup, and the gradient against depth."""
    own = of_setup(flows, setup)
    found = deepest(own)
    first = found[0]
    same = [f for f in found if f.layers == first.layers][:MOST_ROWS]
    name = word(f"{setup.network}-{setup.norm}-{setup.init}-{setup.width}")
    map_ = heat(
        same,
        f"flow-heat-{name}",
        f"{setup.name}: the gradient on its way back",
        f"Median over {len(first.seeds)} seeds of the root mean square of the gradient in networks of "
        f"{first.depth} layers of {first.width}, relative to 1 at the output. Blue: smaller; red: larger.",
    )
    depths = sorted({f.depth for f in own})
    return (map_, *([_against_depth(own, depths, setup, name)] if len(depths) >= FEWEST_DEPTHS else []))


def _against_depth(flows: Sequence[Flow], depths: Sequence[int], setup: Setup, name: str) -> Drawing:
    looks = drawn({f.activation for f in flows})
    lines = {a: {f.depth: f for f in flows if f.activation == a} for a in looks}
    with canvas(height=4.3) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        for a, by_depth in lines.items():
            found = [by_depth[d] for d in sorted(by_depth)]
            low, middle, high = zip(*map(_ends, found), strict=True)
            line(axes, looks[a], sorted(by_depth), low, middle, high)
        axes.axhline(1, color=SOFT, linewidth=0.8)
        axes.set_ylim(LOWEST / 2, HIGHEST * 2)
        axes.xaxis.set_major_locator(FixedLocator(list(depths)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda d, _: f"{d:g}"))
        axes.yaxis.set_major_locator(FixedLocator([10.0**e for e in range(-12, 13, 4)]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _power_of(y)))
        axes.grid(axis="y")
        axes.set_xlabel("layers")
        axes.set_ylabel("gradient at the first layer")
        legend(figure)
        ends = {a: _word(median(by_depth[max(by_depth)], 0)) for a, by_depth in lines.items()}
        return drawing(
            figure,
            id=f"flow-depth-{name}",
            title=f"{setup.name}: the gradient at the first layer against depth",
            caption=f"Median over {len(flows[0].seeds)} seeds, and as a band the least and the largest; "
            "family at default parameters. What is 0, not finite or beyond the axis is drawn at its edge.",
            alt=f"Lines of the gradient at the first layer. At the greatest depth: {spoken(ends)}.",
            data=Data.of(
                ("activation", "layers", "gradient_rms_median", "gradient_rms_least", "gradient_rms_largest"),
                (
                    (a, depth, median(f, 0), *_range(f))
                    for a, by_depth in lines.items()
                    for depth, f in sorted(by_depth.items())
                ),
            ),
        )


def _ends(f: Flow) -> tuple[float, float, float]:
    """Least, median and largest gradient at the first layer, as far as the axis reaches."""
    low, high = _range(f)
    return _shown(low), _shown(median(f, 0)), _shown(high)


def _range(f: Flow) -> tuple[float | None, float | None]:
    """Least and largest over seeds; None for what is not finite."""
    sizes = [row[0] for row in f.backward]
    finite = [size for size in sizes if size is not None]
    return min(finite, default=None), max(finite, default=None) if len(finite) == len(sizes) else None


def _shown(size: float | None) -> float:
    return HIGHEST if size is None else min(max(size, LOWEST), HIGHEST)


def _word(size: float | None) -> str:
    return "not finite" if size is None else f"{size:.2g}"


def _power_of(value: float) -> str:
    return power_of_ten(round(math.log10(value)))
