"""The heat map of gradients: a row an activation, a column a layer, the colour what is left of the gradient.

Drawn as SVG by hand, a path a level: a few kilobytes for hundreds of cells.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from markupsafe import escape

from benchmarks.flow.entries import Flow
from reports.flow.lines import clipped, parts
from reports.numbers import Data
from reports.svg import Drawing

WIDTH, LEFT, RIGHT, TOP = 452, 150, 4, 6
ROW, GAP, FONT = 12, 6, 10

LEVELS: Final = (
    (1e-6, "--h4", "10⁻⁶"),
    (1e-4, "--h3", "10⁻⁴"),
    (1e-2, "--h2", "10⁻²"),
    (1e-1, "--h1", "0.1"),
    (10.0, "--h0", "10"),
    (1e6, "--h5", "10⁶"),
    (math.inf, "--h6", "∞"),
    (math.nan, "--h7", ""),
)
"""(upper limit, colour of the style sheet, what is written at the limit) from vanished to not finite."""

NOT_FINITE: Final = len(LEVELS) - 1


def heat(found: Sequence[Flow], name: str, title: str, caption: str) -> Drawing:
    """The figure for networks of one setup and one depth, which have the same layers."""
    passed = [found[0].depth - layer + 1 for layer in found[0].layers][::-1]
    rows = [(f.activation, [median(f, -1 - i) for i in range(len(passed))]) for f in found]
    cell = (WIDTH - LEFT - RIGHT) / len(passed)
    body, bottom = _rows(rows, cell)
    body += _columns(passed, cell, bottom) + _scale(bottom + 46)
    dead = sum(1 for _, sizes in rows if level(sizes[-1]) in (0, NOT_FINITE - 1, NOT_FINITE))
    alt = (
        f"Heat map: the gradient after {passed[-1]} layers is within 10⁻⁶ to 10⁶ for {len(rows) - dead} of "
        f"{len(rows)} activations. " + "; ".join(f"{n} {_said(sizes[-1])}" for n, sizes in rows)
    )
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {bottom + 80}" class="figure heat" role="img" '
        f'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(alt)}</desc>{body}</svg>'
    )
    columns = ("activation", *(f"gradient_rms after {count} layers" for count in passed))
    return Drawing(name, title, caption, alt, svg, Data.of(columns, ((n, *sizes) for n, sizes in rows)))


def median(f: Flow, index: int) -> float | None:
    """Of the seeds' gradients at a kept layer; None where most are not finite."""
    sizes = [math.inf if row[index] is None else row[index] for row in f.backward]
    middle = statistics.median(size for size in sizes if size is not None)
    return middle if math.isfinite(middle) else None


def level(size: float | None) -> int:
    """The index in :data:`LEVELS`."""
    if size is None:
        return NOT_FINITE
    return next(index for index, (limit, _, _) in enumerate(LEVELS) if size <= limit)


def _said(size: float | None) -> str:
    return "not finite" if size is None else f"{size:.2g}"


def _text(x: float, y: float, text: str, anchor: str = "middle", *, soft: bool = False) -> str:
    colour = "--soft" if soft else "--ink"
    return (
        f'<text x="{x:.1f}" y="{y:g}" text-anchor="{anchor}" '
        f'style="fill: var({colour}); font-size: {FONT}px">{escape(text)}</text>'
    )


def _rows(rows: Sequence[tuple[str, Sequence[float | None]]], cell: float) -> tuple[str, int]:
    """Every row with its label, and a gap where the variant changes."""
    out, y, last = [], TOP, None
    for name, sizes in rows:
        variant, parameters = parts(name)
        group = variant if parameters else ""  # peers have no parameters, and stand together
        if last is not None and group != last:
            y += GAP
        last = group
        out.append(_text(LEFT - 6, y + ROW - 3, clipped(f"{variant} {parameters}".strip()), "end"))
        x = 0
        for one, run in groupby(level(size) for size in sizes):
            length = len(list(run))
            out.append(
                f'<rect x="{LEFT + x * cell:.1f}" y="{y}" width="{length * cell:.1f}" height="{ROW - 1}" '
                f'style="fill: var({LEVELS[one][1]})" shape-rendering="crispEdges"/>'
            )
            x += length
        y += ROW
    return "".join(out), y


def _columns(passed: Sequence[int], cell: float, bottom: int) -> str:
    places = [_text(LEFT + (i + 0.5) * cell, bottom + 14, str(count)) for i, count in enumerate(passed)]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return "".join(places) + _text(middle, bottom + 30, "layers passed, from the last one back", soft=True)


def _scale(y: int) -> str:
    wide = (WIDTH - RIGHT - LEFT) / len(LEVELS)
    out = [_text(LEFT - 6, y + 9, "gradient, at the output 1", "end", soft=True)]
    for index, (_, colour, tick) in enumerate(LEVELS):
        x = LEFT + index * wide
        out.append(f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="11" style="fill: var({colour})"/>')
        out.append(_text(x + wide, y + 24, tick, soft=True) if tick else "")
    return "".join(out)
