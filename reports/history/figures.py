"""A case across commits as a small figure: written as SVG directly, because a site has hundreds of them.

Dots are the commits' medians, the line their level, the band the noise about it; a step is a dashed line with
its commit, which leads to the commit's entry on the page.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from reports import statistic
from reports.figures import short_seconds
from reports.history.changes import Case, Change
from reports.history.log import Commit
from reports.history.steps import Step
from reports.numbers import Data
from reports.svg import Drawing

WIDTH, HEIGHT = 452, 176
LEFT, RIGHT, TOP, BOTTOM = 62, 10, 22, 24
BAND: Final = 2.0
"""Half the height of the band, in standard deviations."""

MOST_LINEAR: Final = 20.0
"""Ratio of the largest to the smallest figure above which the axis is logarithmic."""

INFINITE: Final = 1e30
"""What an infinite error is in asv's results, which cannot hold one."""

HARDLY: Final = 0.005
"""Relative difference below which a ratio would be written as 1."""

MOST_LABELS: Final = 5
"""Steps that are labelled; all are drawn, and listed beside the figure."""

INKS: Final = {"worse": "--slower", "unconfirmed": "--slower", "better": "--faster", "machine": "--soft"}
"""Kind of change -> colour of the style sheet."""

WORDS: Final = {
    "worse": "worse",
    "unconfirmed": "worse, at the newest commit alone",
    "better": "better",
    "machine": "not the project",
}


def amount(value: float, unit: str) -> str:
    """A figure with its unit, as people write it."""
    if unit == "seconds":
        return statistic.seconds(statistic.Spread(value, value, value, 1))[0] if value > 0 else "0 s"
    if unit == "bytes":
        return statistic.count_bytes(value)
    if abs(value) >= INFINITE:
        return f"∞ {unit}".strip()
    return f"{value:{',.0f' if abs(value) >= 1e4 else '.4g'}} {unit}".strip()


def multiple(step: Step) -> str:
    """The ratio of the levels, ``1.12 ×``; of two that hardly differ the difference, ``+0.005 %``."""
    for end, level in (("from", step.before), ("to", step.after)):
        if level == 0 or level >= INFINITE:
            return f"{end} {'0' if level == 0 else '∞'}"
    ratio = step.change
    if abs(ratio - 1) < HARDLY:
        return f"{100 * (ratio - 1):+.2g} %".replace("-", "−")
    return f"{ratio:.3g} ×" if ratio >= 1 or ratio < 0.1 else f"{ratio:.2f} ×"


def trend(case: Case, changes: Sequence[Change], order: Sequence[Commit]) -> Drawing:
    """The figure of one case. ``order`` are the commits of its machine, oldest first: the x axis."""
    place = {c.hash: index for index, c in enumerate(order)}
    xs = [_x(place[p.commit], len(order)) for p in case.series.points]
    y = _Axis(case)
    parts = [*y.grid(), *_band(case, xs, y), _line(case, xs, y)]
    dots = _dots([(x, y.at(p.value)) for x, p in zip(xs, case.series.points, strict=True)])
    parts.append(f'<path d="{dots}" style="stroke: var(--s1); stroke-width: 4; stroke-linecap: round"/>')
    parts += itertools.chain.from_iterable(
        _mark(change, xs[change.step.at], labelled=index < MOST_LABELS)
        for index, change in enumerate(changes)
    )
    parts += _ends(order)
    title, alt = case.name, _alt(case, changes)
    head = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="figure" role="img" '
        f'aria-labelledby="{case.id}-title {case.id}-desc">'
        f'<title id="{case.id}-title">{escape(title)}</title><desc id="{case.id}-desc">{escape(alt)}</desc>'
    )
    return Drawing(
        id=case.id,
        title=case.short,
        caption=_caption(case),
        alt=alt,
        svg=head + "".join(parts) + "</svg>",
    )


class _Axis:
    """The vertical axis: from 0, or logarithmic where figures differ much."""

    def __init__(self, case: Case) -> None:
        self.unit = case.series.unit
        noise = BAND * (case.judgement.noise or 0)
        levels = [*(p.value for p in case.series.points), *case.judgement.levels]
        low, high = min(levels), max(levels) * (1 + noise)
        self.log = low > 0 and high > MOST_LINEAR * low
        self.low = math.log(low * 0.8) if self.log else min(0.0, low * 1.1)
        self.high = math.log(high * 1.2) if self.log else max(high * 1.12, 0.0)
        if self.high <= self.low:
            self.high = self.low + 1

    def at(self, value: float) -> float:
        value = math.log(max(value, 1e-300)) if self.log else value
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)

    def grid(self) -> list[str]:
        """Lines with what they stand for."""
        out = []
        for value in self._ticks():
            y = self.at(value)
            text = short_seconds(value) if self.unit == "seconds" else amount(value, "").strip()
            text = statistic.count_bytes(value) if self.unit == "bytes" else text
            out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" style="stroke: var(--rule)"/>')
            out.append(_text(LEFT - 6, y + 3.5, text, "end"))
        return out

    def _ticks(self) -> list[float]:
        if self.log:
            low, high = math.ceil(self.low / math.log(10)), math.floor(self.high / math.log(10))
            return [10.0**e for e in range(low, high + 1)] or [math.exp((self.low + self.high) / 2)]
        top = self.high / 1.12 or 1.0
        step = 10.0 ** math.floor(math.log10(top)) if top > 0 else 1.0
        step = next(s * step for s in (0.2, 0.5, 1.0, 2.0, 5.0) if top / (s * step) <= 4)
        return [i * step for i in range(int(self.high / step) + 1)]


def _x(index: int, count: int) -> float:
    return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * (index / (count - 1) if count > 1 else 0.5)


def _runs(case: Case) -> list[tuple[int, int, float]]:
    """(first, last, level) of each stretch of points at one level."""
    levels = case.judgement.levels
    starts = [0, *(i for i in range(1, len(levels)) if levels[i] != levels[i - 1]), len(levels)]
    return [(a, b - 1, levels[a]) for a, b in itertools.pairwise(starts)]


def _dots(points: Iterable[tuple[float, float]]) -> str:
    """A path of lines without length, each from the one before, in tenths of a pixel: few letters a dot."""
    tenths = [(0, 0), *((round(10 * x), round(10 * y)) for x, y in points)]
    steps = ((b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(tenths))
    return "".join(f"m{dx / 10:g} {dy / 10:g}z".replace(" -", "-") for dx, dy in steps)


def _band(case: Case, xs: Sequence[float], y: _Axis) -> list[str]:
    noise = case.judgement.noise
    if not noise:
        return []
    out = []
    for first, last, level in _runs(case):
        low, high = y.at(level / (1 + BAND * noise)), y.at(level * (1 + BAND * noise))
        left, width = xs[first] - 4, xs[last] - xs[first] + 8
        out.append(
            f'<rect x="{left:.1f}" y="{high:.1f}" width="{width:.1f}" height="{max(low - high, 1):.1f}" '
            'style="fill: var(--s1); opacity: 0.16"/>'
        )
    return out


def _line(case: Case, xs: Sequence[float], y: _Axis) -> str:
    if case.judgement.noise is None and not case.judgement.exact:  # too few commits for a level
        return ""
    path = "".join(f"M{xs[a] - 4:.1f} {y.at(v):.1f}H{xs[b] + 4:.1f}" for a, b, v in _runs(case))
    return f'<path d="{path}" style="stroke: var(--s1); stroke-width: 1.3; fill: none"/>'


def _mark(change: Change, x: float, *, labelled: bool) -> list[str]:
    ink = INKS[change.kind]
    line = (
        f'<path d="M{x - 4:.1f} {TOP}V{HEIGHT - BOTTOM}" '
        f'style="stroke: var({ink}); stroke-dasharray: 3 3; fill: none"/>'
    )
    if not labelled:
        return [line]
    anchor = "end" if x > WIDTH - 90 else "start"
    label = _text(x - 4, TOP - 6, f"{change.commit.short} {multiple(change.step)}", anchor, ink)
    link = quoteattr(f"#{change.commit.anchor}")
    return [line, f"<a href={link}>{label}</a>"]


def _ends(order: Sequence[Commit]) -> list[str]:
    """The first and the last commit, below the axis."""
    y = HEIGHT - 7
    if len(order) == 1:
        return [_text((LEFT + WIDTH - RIGHT) / 2, y, order[0].short, "middle")]
    middle = f"{len(order)} commits"
    return [
        _text(LEFT, y, order[0].short, "start"),
        _text((LEFT + WIDTH - RIGHT) / 2, y, middle, "middle"),
        _text(WIDTH - RIGHT, y, order[-1].short, "end"),
    ]


def _text(x: float, y: float, text: str, anchor: str, ink: str = "--soft") -> str:
    style = f"font-size: 11.5px; text-anchor: {anchor}; fill: var({ink})"
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(text)}</text>'


def _caption(case: Case) -> str:
    said = [f"Newest: {amount(case.newest.value, case.series.unit)}"]
    j = case.judgement
    if j.noise is not None:
        said.append(f"noise ±{100 * j.noise:.2g} %")
    return "; ".join(said) + "."


def _alt(case: Case, changes: Sequence[Change]) -> str:
    steps = "; ".join(
        f"{WORDS[c.kind]} at {c.commit.short}, {multiple(c.step)}" for c in changes[:MOST_LABELS]
    )
    newest = amount(case.newest.value, case.series.unit)
    return (
        f"{len(case.series.points)} commits; newest {newest}. {f'Steps: {steps}.' if steps else 'No step.'}"
    )


def medians(cases: Sequence[Case], order: Sequence[Commit]) -> Data:
    """The numbers of figures that share their commits: a row a commit, oldest first, and a column a case.

    Five digits, as asv stores them. Quartiles are in asv's own files.
    """
    at = [{p.commit: float(f"{p.value:.5g}") for p in case.series.points} for case in cases]
    heads = [f"{case.short} ({case.series.unit or 'value'})" for case in cases]
    commits = [c for c in order if any(c.hash in values for values in at)]
    return Data.of(("commit", *heads), ((c.hash, *(v.get(c.hash) for v in at)) for c in commits))
