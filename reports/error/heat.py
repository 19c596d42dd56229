"""The heat map: a row for each function, a column for each run of binades of |x|, the colour an error.

Drawn as SVG by hand: cells are runs of one level, a path for each level, which keeps a map of thousands of
cells in a few kilobytes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import escape

from reports.error.labs import Sheet
from reports.error.levels import BEYOND_BOUND, LEVELS, level, limits_of
from reports.error.records import Binades, Map
from reports.numbers import Data
from reports.statistic import rounded_up
from reports.svg import Drawing, word

WIDTH = 452
LEFT, RIGHT, TOP = 118, 6, 8
ROW, GAP, WIDE_GAP = 4, 3, 9
PEER_ROW = 13
FONT = 11
MOST_COLUMNS = 72
"""Columns on one side of 0: as many as can be told apart."""

MOST_MAPS = 160
"""Rows of one figure; the table below has all."""

TITLES = {"value": "value", "gradient": "gradient", "second_derivative": "second derivative"}

Cells = tuple[float | None, ...]


@dataclass(frozen=True)
class Axis:
    """Columns of ``step`` binades each, from 2^first; the same for every map of a figure."""

    first: int
    step: int
    columns: int

    def cells(self, row: Binades) -> Cells:
        """The largest error in each column."""
        found: list[float | None] = [None] * self.columns
        for index, error in enumerate(row.max_ulp):
            column = (row.first + index * row.step - self.first) // self.step
            if error is not None and 0 <= column < self.columns:
                found[column] = max(error, found[column] or 0.0)
        return tuple(found)


def heat_map(sheet: Sheet, what: str) -> Drawing | None:
    """The heat map of ``sheet``; None where it has no such maps."""
    maps = sheet.of(what)[:MOST_MAPS]
    if not maps:
        return None
    axis = _axis(maps)
    both = any(m.negative for m in maps)
    places = list(_places(maps))
    tall = PEER_ROW if sheet.kind == "peer" else ROW
    bottom = places[-1][0] + tall
    panels = [(False, _span(both, negative=False)), *([(True, _span(both, negative=True))] if both else [])]
    parts = [_labels(maps, places, tall)]
    levels: Counter[int] = Counter()
    for negative, (left, right) in panels:
        parts.append(_cells(places, axis, (left, right), tall, negative, levels))
        parts.append(_ticks(axis, left, right, bottom, negative))
    parts.append(_scale(what, bottom + 50))
    name = f"{sheet.record.implementation}-{sheet.record.device}-{sheet.dtype}-{what}"
    identifier = f"heat-{word(name)}"
    title = f"{sheet.name}, {sheet.dtype}, {TITLES[what]}"
    alt = f"Heat map of the largest error, {len(maps)} functions by binade of |x|. {_said(maps, levels)}"
    body = "".join(parts)
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {bottom + 84}" class="figure heat" role="img" '
        f'aria-labelledby="{identifier}-title {identifier}-desc"><title id="{identifier}-title">'
        f'{escape(title)}</title><desc id="{identifier}-desc">{escape(alt)}</desc>{body}</svg>'
    )
    return Drawing(identifier, title, _caption(maps, axis), alt, svg, _data(maps, axis))


def _data(maps: Sequence[Map], axis: Axis) -> Data:
    """A row for each function and side, a column for each column of the figure: named by its least |x|."""
    names = (f"max_ulp from 2^{axis.first + i * axis.step}" for i in range(axis.columns))
    rows = (
        (m.function.label, side, *axis.cells(row))
        for m in maps
        for side, row in (("x > 0", m.positive), ("x < 0", m.negative))
        if row
    )
    return Data.of(("function", "side", *names), rows)


def _axis(maps: Sequence[Map]) -> Axis:
    rows = [row for m in maps for row in (m.positive, m.negative) if row]
    first = min(row.first for row in rows)
    last = max(row.first + row.step * len(row.max_ulp) for row in rows)
    step = max(row.step for row in rows)
    while (last - first) / step > MOST_COLUMNS:
        step *= 2
    first = step * math.floor(first / step)  # columns begin at multiples, the one of |x| = 1 included
    return Axis(first, step, math.ceil((last - first) / step))


def _span(both: bool, *, negative: bool) -> tuple[int, int]:
    """The horizontal extent of a side: half of the figure, or all where only one side is there."""
    middle = (LEFT + WIDTH - RIGHT) // 2
    if not both:
        return LEFT, WIDTH - RIGHT
    return (LEFT, middle - 3) if negative else (middle + 3, WIDTH - RIGHT)


def _places(maps: Sequence[Map]) -> Iterator[tuple[int, Map]]:
    """(top, map) of each row: a small gap where n changes, a wide one between variants."""
    y, last = TOP, maps[0].function
    for m in maps:
        f = m.function
        if f.n is None:
            yield y, m
            y += PEER_ROW + 2
            continue
        if f.name != last.name:
            y += WIDE_GAP
        elif f.n != last.n:
            y += GAP
        last = f
        yield y, m
        y += ROW


def _cells(
    places: Sequence[tuple[int, Map]],
    axis: Axis,
    span: tuple[int, int],
    tall: int,
    negative: bool,
    levels: Counter[int],
) -> str:
    """A path for each level; on the negative side |x| grows to the left."""
    runs: dict[int, list[str]] = {}
    for y, m in places:
        row = m.negative if negative else m.positive
        if row is None:
            continue
        within = limits_of(m)
        found = [None if e is None else level(e, within) for e in axis.cells(row)]
        column = 0
        for one, group in groupby(found):
            length = len(list(group))
            if one is not None:
                runs.setdefault(one, []).append(f"M{column} {y}h{length}")
                levels[one] += length
            column += length
    left, right = span
    scale = (right - left) / axis.columns
    move = f"translate({right} {tall / 2:g}) scale({-scale:.4f} 1)" if negative else (
        f"translate({left} {tall / 2:g}) scale({scale:.4f} 1)"
    )  # fmt: skip
    paths = "".join(
        f'<path style="stroke: var(--h{one})" d="{"".join(found)}"/>' for one, found in sorted(runs.items())
    )
    return f'<g transform="{move}" stroke-width="{tall}" shape-rendering="crispEdges">{paths}</g>'


def _text(x: float, y: float, text: str, anchor: str = "middle", *, soft: bool = False) -> str:
    colour = "--soft" if soft else "--ink"
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" '
        f'style="fill: var({colour}); font-size: {FONT}px">{escape(text)}</text>'
    )


def _labels(maps: Sequence[Map], places: Sequence[tuple[int, Map]], tall: int) -> str:
    """A label for each group of rows that has room for one."""
    out = []
    if maps[0].function.n is None:
        return "".join(_text(LEFT - 8, y + tall - 3, _short(m.function.name), "end") for y, m in places)
    for name, variant in groupby(places, key=lambda p: p[1].function.name):
        rows = list(variant)
        groups = [(n, list(found)) for n, found in groupby(rows, key=lambda p: p[1].function.n)]
        if len(rows) * ROW < 2 * FONT or any(len(found) * ROW < FONT for _, found in groups):
            orders = [n for n, _ in groups]
            label = f"n = {orders[0]}" if len(orders) == 1 else f"n = {orders[0]}–{orders[-1]}"
            middle = (rows[0][0] + rows[-1][0] + ROW) / 2
            out.append(_text(LEFT - 8, middle + 4, f"{_short(name)}  {label}", "end"))
            continue
        for index, (n, found) in enumerate(groups):
            middle = (found[0][0] + found[-1][0] + ROW) / 2
            label = f"{_short(name)}  n = {n}" if index == 0 else f"n = {n}"
            out.append(_text(LEFT - 8, middle + 4, label, "end"))
    return "".join(out)


def _short(name: str) -> str:
    return name if len(name) <= 12 else name[:11] + "…"


def _ticks(axis: Axis, left: int, right: int, bottom: int, negative: bool) -> str:
    """Powers of two below the columns; on the negative side mirrored."""
    last = axis.first + axis.step * axis.columns
    room = max(2, (right - left) // 32)
    every = axis.step
    while (last - axis.first) / every > room:
        every *= 2
    out = []
    scale = (right - left) / (axis.columns * axis.step)
    for exponent in range(every * math.ceil(axis.first / every), last + 1, every):
        offset = (exponent - axis.first) * scale
        x = right - offset if negative else left + offset
        out.append(f'<path style="stroke: var(--soft)" d="M{x:.1f} {bottom + 2}v4"/>')
        if left + 16 <= x <= right - 16:
            power = f"{exponent}".replace("-", "−")
            out.append(
                f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" '
                f'style="fill: var(--soft); font-size: {FONT}px">2'
                f'<tspan dy="-4" style="font-size: 8.5px">{power}</tspan></text>'
            )
    side = "|x|, x < 0" if negative else "|x|, x > 0"
    return "".join(out) + _text((left + right) / 2, bottom + 34, side)


def _scale(what: str, y: int) -> str:
    """The levels, with the limit between one and the next written below it."""
    wide = (WIDTH - RIGHT - LEFT) / len(LEVELS)
    named = {"value": "2n+2", "gradient": "2n+3", "second_derivative": "4n+12"}
    out = [_text(LEFT - 8, y + 9, "max ulp", "end", soft=True)]
    for index, one in enumerate(LEVELS):
        x = LEFT + index * wide
        box = f'x="{x:.1f}" y="{y}" width="{wide:.1f}" height="11"'
        out.append(f'<rect {box} style="fill: var(--h{index})"/>')
        tick = {"bound": named[what], "half": "½ bits"}.get(one.tick, one.tick)
        out.append(_text(x + wide, y + 24, tick, soft=True) if tick else "")
    return "".join(out)


def _said(maps: Sequence[Map], levels: Counter[int]) -> str:
    total = sum(levels.values())
    shares = [f"{100 * levels[i] / total:.1f} % of the cells {LEVELS[i].meaning}" for i in sorted(levels)]
    worst = max(maps, key=lambda m: m.largest)
    largest = rounded_up(worst.largest) + " ulp" if math.isfinite(worst.largest) else "infinite"
    beyond = sum(levels[i] for i in levels if i >= BEYOND_BOUND)
    verdict = "Every cell is within the bound" if not beyond else f"{beyond} cells are beyond the bound"
    return f"{verdict}. {'; '.join(shares)}. The largest error is {largest}, of {worst.function.label}."


def _caption(maps: Sequence[Map], axis: Axis) -> str:
    inputs = sum(m.inputs for m in maps)
    right = sum(m.correctly_rounded for m in maps)
    how = "all inputs" if all(m.exhaustive for m in maps) else "inputs from every binade"
    cell = "a binade" if axis.step == 1 else f"{axis.step} binades"
    return (
        f"{len(maps)} functions, {inputs:,} inputs ({how}), {percentage(right, inputs)} correctly rounded; "
        f"a cell is the largest error within {cell}."
    )


def percentage(part: int, whole: int) -> str:
    """A share, rounded down: it is 100 % only where nothing is missing."""
    if part == whole:
        return "100\u00a0%"
    return f"{math.floor(1e5 * part / whole) / 1e3:.3f}\u00a0%"
