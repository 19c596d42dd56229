"""History across commits: one figure a benchmark, machine and environment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from reports.figures import Palette, label_ends, short_seconds
from reports.history import History, Series
from reports.svg import SERIES, Drawing, canvas, drawing

LINES_BY = ("implementation", "variant", "function")
"""The parameter whose values become lines of one figure: the first of these that the benchmark has."""

MOST_LINES = 8
MOST_LINEAR = 20
"""Ratio of the largest to the smallest figure above which the axis is logarithmic."""

MOST_FIGURES = 24


def trends(history: History, palette: Palette) -> Iterator[Drawing]:
    """The figures of every benchmark that was measured at two commits or more."""
    groups: dict[tuple[str, str, str], list[Series]] = defaultdict(list)
    for series in history.series:
        groups[series.benchmark, series.machine, series.environment].append(series)
    drawn = 0
    for (benchmark, machine, environment), found in groups.items():
        lines, fixed = _chosen(found)
        if drawn == MOST_FIGURES or max(len(s.points) for _, s in lines) < 2:
            continue
        drawn += 1
        unit = found[0].unit
        where = ", ".join(filter(None, [machine, environment, *(f"{n} = {v}" for n, v in fixed)]))
        with canvas(height=3.3) as figure:
            axes = figure.add_subplot()
            commits = [c for c in history.commits if any(p.commit == c for _, s in lines for p in s.points)]
            labels = []
            for index, (name, series) in enumerate(lines):
                known = name in palette.names
                colour, marker = palette.of(name) if known else (SERIES[index % len(SERIES)], "o")
                xs = [commits.index(p.commit) for p in series.points]
                ys = [p.value for p in series.points]
                axes.fill_between(
                    xs,
                    [p.q1 for p in series.points],
                    [p.q3 for p in series.points],
                    color=colour,
                    alpha=0.18,
                    linewidth=0,
                )
                axes.plot(xs, ys, marker=marker, color=colour)
                labels.append((float(xs[-1]), ys[-1], name, colour))
            low = min(p.q1 for _, s in lines for p in s.points)
            high = max(max(p.q3, p.value) for _, s in lines for p in s.points)
            if low > 0 and high > MOST_LINEAR * low:
                axes.set_yscale("log")
                axes.yaxis.set_minor_locator(NullLocator())
            else:
                axes.set_ylim(min(0.0, 1.08 * low), max(1.08 * high, 0.0) or 1.0)
            if unit == "seconds":
                axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: short_seconds(y)))
            else:
                axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
                axes.set_ylabel(unit)
            step = 1 + (len(commits) - 1) // 5
            ticks = list(range(len(commits) - 1, -1, -step))[::-1]
            axes.xaxis.set_major_locator(FixedLocator(ticks))
            axes.xaxis.set_major_formatter(FixedFormatter([commits[t][:6] for t in ticks]))
            axes.set_xlabel("commit, oldest first")
            axes.grid(axis="y")
            label_ends(axes, labels)
            said = "; ".join(f"{label} {_amount(y, unit)}".strip() for _, y, label, _ in labels)
            yield drawing(
                figure,
                id=f"history-{drawn}",
                title=benchmark,
                caption=where,
                alt=f"Line chart over {len(commits)} commits. At the newest: {said}.",
            )


def _amount(value: float, unit: str) -> str:
    if unit == "seconds" and value > 0:
        return short_seconds(value)
    return f"{value:.4g} {unit}".strip()


def _chosen(found: Sequence[Series]) -> tuple[list[tuple[str, Series]], list[tuple[str, str]]]:
    """The series to draw, named, and the parameters that they share.

    Along one parameter (:data:`LINES_BY`); the others are held where most figures are, the last such.
    """
    names = [name for name, _ in found[0].parameters]
    along = next((name for name in LINES_BY if name in names), names[0] if names else "")
    weights: Counter[tuple[tuple[str, str], ...]] = Counter()
    for series in found:
        weights[_rest(series, along)] += len(series.points)
    most = max(weights.values())
    fixed = [rest for rest, weight in weights.items() if weight == most][-1]
    lines = [(dict(s.parameters).get(along, ""), s) for s in found if _rest(s, along) == fixed]
    lines.sort(key=lambda line: (-len(line[1].points), line[0]))
    return lines[:MOST_LINES], list(fixed)


def _rest(series: Series, along: str) -> tuple[tuple[str, str], ...]:
    return tuple(p for p in series.parameters if p[0] != along)
