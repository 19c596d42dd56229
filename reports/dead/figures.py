"""The figures of dead units: their share, and that of test samples put right, over the steps of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.dead.entries import Training
from benchmarks.dead.shares import share
from benchmarks.dead.words import percent, title
from reports.flow.lines import drawn, legend, line, spoken
from reports.numbers import Data
from reports.svg import Drawing, canvas, drawing, word

TITLES: Final = {"dead": "dead units", "correct": "right on the test set"}
WORDS: Final = {"dead": "share", "correct": "right"}
"""What is drawn -> its title, and its word in names of files."""


def figures(trainings: Sequence[Training], scenario: str) -> tuple[Drawing, ...]:
    """Dead units and test samples put right, in one scenario."""
    found = [t for t in trainings if t.scenario == scenario]
    looks = drawn({t.activation for t in found})
    shown = [t for t in found if t.activation in looks and len(t.steps) > 1]
    return tuple(_curves(shown, scenario, what) for what in TITLES) if shown else ()


def _curves(trainings: Sequence[Training], scenario: str, what: str) -> Drawing:
    looks = drawn({t.activation for t in trainings})
    diverged: list[str] = []
    ends: dict[str, str] = {}
    with canvas(height=4.3) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("symlog", linthresh=1)
        for t in trainings:
            points = [(step, share(t, what, i)) for i, step in enumerate(t.steps)]
            alive = [(step, s) for step, s in points if s.median is not None]
            line(
                axes,
                looks[t.activation],
                [float(step) for step, _ in alive],
                [100 * (s.low or 0) for _, s in alive],
                [100 * (s.median or 0) for _, s in alive],
                [100 * (s.high or 0) for _, s in alive],
            )
            last = points[-1][1]
            ends[t.activation] = "diverged" if last.median is None else percent(last.median)
            if last.diverged:
                diverged.append(f"{looks[t.activation].label} {last.diverged}")
        steps = sorted({step for t in trainings for step in t.steps})
        axes.set_xlim(0, steps[-1])
        axes.set_ylim(-2, 102)
        axes.xaxis.set_major_locator(FixedLocator(_ticks(steps)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g} %"))
        axes.grid(axis="y")
        axes.set_xlabel("steps")
        legend(figure)
        seeds = len(trainings[0].seeds)
        lost = f" Diverged, of {seeds} seeds: {', '.join(diverged)}." if diverged else ""
        return drawing(
            figure,
            id=f"dead-{WORDS[what]}-{word(scenario)}",
            title=f"{title(scenario)}: {TITLES[what]}",
            caption=f"Median over {seeds} seeds, a seed that diverged counting as the worst; as a band the "
            f"least and the largest of those that had not. A line ends where half had.{lost}",
            alt=f"Lines over steps. At the end: {spoken(ends)}.",
            data=Data.of(
                ("activation", "step", "share_median", "share_least", "share_largest", "diverged", "seeds"),
                (
                    (t.activation, step, s.median, s.low, s.high, s.diverged, s.seeds)
                    for t in trainings
                    for i, step in enumerate(t.steps)
                    for s in (share(t, what, i),)
                ),
            ),
        )


def _ticks(steps: Sequence[int]) -> list[int]:
    """0, 1, and of the others those that begin with 1, or the last."""
    return [s for s in steps if s == steps[-1] or str(s)[0] == "1" or s == 0]
