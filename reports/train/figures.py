"""The figures of the training page: scores with intervals, and how often each is better than its rivals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks.train.entries import ACCURACY, Setting
from benchmarks.train.results import RIVALS
from benchmarks.train.statistics import Summary, oriented
from benchmarks.train.words import number, score_words, unit
from reports.numbers import Data
from reports.svg import PAPER, SOFT, Drawing, canvas, drawing, word
from reports.train.curves import curves
from reports.train.grid import grid
from reports.train.load import Trained
from reports.train.marks import MOST_ROWS, ROW, finite, hue, names

SHOWN_SPREADS: Final = 3.0
"""How far below the median the axis of scores reaches, in distances of the best from the median."""


def figures(trained: Trained) -> Iterator[Drawing]:
    """Every figure of one model."""
    yield means(trained)
    if drawn := probabilities(trained):
        yield drawn
    for rival in RIVALS:
        if drawn := grid(trained, rival):
            yield drawn
    if drawn := curves(trained):
        yield drawn


# --- scores ---------------------------------------------------------------------------------------------


def means(trained: Trained) -> Drawing:
    """Everybody's mean with its interval, best on top."""
    setting, rows = trained.setting, trained.result.summaries[:MOST_ROWS]
    with canvas(height=1.0 + ROW * len(rows)) as figure:
        axes = figure.add_subplot()
        low, high = _limits(setting, rows)
        for y, summary in enumerate(reversed(rows)):
            _mean(axes, y, summary, (low, high))
        names(axes, [s.activation for s in reversed(rows)])
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(
            lambda x, _: number(setting, x) if setting.metric == ACCURACY else f"{x:.3g}"
        )
        axes.set_xlabel(f"{setting.metric} on the test part, {unit(setting)}")
        axes.grid(axis="x")
        outside = sum(not low <= s.interval.mean <= high for s in rows)
        tail = f" {outside} far worse are marked at the edge." if outside else ""
        better = "more" if setting.metric == ACCURACY else "less"
        return drawing(
            figure,
            id=f"means-{word(setting.model)}",
            title=f"{setting.title}: {setting.metric}, {better} is better",
            caption=f"Mean over {len(setting.seeds)} seeds and its 95 % interval; best on top. After a name: "
            "n and ε; peers are grey. Intervals that overlap may still differ: pairs are compared seed by "
            f"seed, in the table.{tail}",
            alt=f"Dot plot. {'; '.join(f'{s.activation} {score_words(setting, s.interval)}' for s in rows)}.",
            data=Data.of(
                ("activation", "mean", "low", "high", "seeds", "diverged"),
                (
                    (s.activation, *finite(s.interval), len(s.scores), s.diverged)
                    for s in trained.result.summaries
                ),
            ),
        )


def _mean(axes: Axes, y: int, summary: Summary, limits: tuple[float, float]) -> None:
    colour, (low, high), interval = hue(summary.activation), limits, summary.interval
    ends = [min(max(end, low), high) for end in (interval.low, interval.high)]
    axes.plot(ends, [y, y], color=colour, linewidth=1.4)
    if low <= interval.mean <= high:
        axes.plot([interval.mean], [y], "o", color=colour, markersize=5)
    else:
        at, marker = (low, "<") if interval.mean < low else (high, ">")
        axes.plot([at], [y], marker, color=colour, markersize=6, clip_on=False)


def _limits(setting: Setting, rows: Sequence[Summary]) -> tuple[float, float]:
    """Of the axis: all that is near the median; what is far worse would press the others together."""
    values = [oriented(setting, s.interval.mean) for s in rows]
    best, middle = max(values), float(np.median(values))
    reach = max(best - middle, 0.02 * abs(best), 1e-6)
    worst = max(min(values), middle - SHOWN_SPREADS * reach)
    ends = [oriented(setting, end) for s in rows for end in (s.interval.low, s.interval.high)]
    near = [
        end for end in ends if math.isfinite(end) and middle - SHOWN_SPREADS * reach <= end <= best + reach
    ]
    bottom, top = min([worst, *near]), max([best, *near])
    margin = 0.04 * (top - bottom) or 1e-3
    low, high = sorted((oriented(setting, bottom - margin), oriented(setting, top + margin)))
    return (max(low, 0.0), min(high, 1.0)) if setting.metric == ACCURACY else (low, high)


# --- probabilities --------------------------------------------------------------------------------------


def probabilities(trained: Trained) -> Drawing | None:
    """In which share of the seeds each was better than GELU and than ReLU, with intervals."""
    result = trained.result
    found = {
        rival: {c.activation: c for c in result.against[rival]} for rival in RIVALS if rival in result.against
    }
    rows = [s.activation for s in result.summaries if any(s.activation in own for own in found.values())]
    rows = rows[:MOST_ROWS]
    if not rows:
        return None
    with canvas(height=1.25 + ROW * len(rows)) as figure:
        axes = figure.add_subplot()
        for y, activation in enumerate(reversed(rows)):
            colour = hue(activation)
            for (rival, own), shift in zip(found.items(), (0.14, -0.14), strict=False):
                if activation in own:
                    p, face = own[activation].probability, colour if rival == RIVALS[0] else PAPER
                    axes.plot(
                        [100 * p.low, 100 * p.high], [y + shift] * 2, color=colour, linewidth=0.8, alpha=0.6
                    )
                    axes.plot(
                        [100 * p.mean], [y + shift], "o", color=colour, markerfacecolor=face, markersize=3.8
                    )
        axes.axvline(50, color=SOFT, linewidth=1)
        axes.set_xlim(-3, 103)
        names(axes, list(reversed(rows)))
        axes.grid(axis="x")
        figure.supxlabel("per cent of the seeds: filled than GELU, hollow than ReLU", fontsize=9)
        said = "; ".join(
            f"{activation}: " + ", ".join(
                f"{100 * own[activation].probability.mean:.0f} % than {rival}"
                for rival, own in found.items()
                if activation in own
            )
            for activation in rows
        )  # fmt: skip
        return drawing(
            figure,
            id=f"probability-{word(trained.setting.model)}",
            title=f"{trained.setting.title}: how often better",
            caption="Share of the seeds in which it was better, ties counted half, with its 95 % interval "
            "(Wilson): with few seeds wide. Right of 50 is better more often than not.",
            alt=f"Dot plot. {said}.",
            data=Data.of(
                ("activation", "rival", "probability", "low", "high", "seeds"),
                (
                    (c.activation, rival, c.probability.mean, c.probability.low, c.probability.high, c.pairs)
                    for rival, own in found.items()
                    for c in own.values()
                ),
            ),
        )
