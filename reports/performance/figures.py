"""The figures of the performance page: where the time goes, and the ratio to gelu against size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from benchmarks.performance.crossover import GELU, curves
from benchmarks.performance.entries import Entry, Race
from benchmarks.performance.falls import Fall
from benchmarks.performance.settings import USER
from benchmarks.performance.verdicts import Spread, pairwise
from reports import statistic
from reports.figures import LONGEST_NAME, Palette
from reports.numbers import Data
from reports.performance.tables import spread
from reports.svg import INK, PAPER, PEER, RULE, SERIES, SOFT, Drawing, canvas, drawing, word

COLOURS = {
    "launch": SERIES[0],
    "launch and dispatch": SERIES[0],
    "device": SERIES[2],
    "generated wrapper": PEER,
    "compile guards and dispatch": SERIES[1],
    "operator dispatch": SERIES[1],
    "allocation": SERIES[4],
    "function call": SERIES[5],
    "autograd, forward": SERIES[7],
    "backward": SERIES[3],
    "autograd, backward": SERIES[6],
    "backward, autograd included": SERIES[6],
}
"""Layer -> colour, in the order of the ladder; layers that never meet in one bar may share a colour."""

LEAST_RATIO, MOST_RATIO = 1e-2, 1e2
"""What an axis of ratios shows; the table has the number."""


# --- waterfall --------------------------------------------------------------------------------------------


def waterfalls(found: Sequence[Fall], device: str) -> Iterator[Drawing]:
    """One figure a size: a bar an implementation, cut into layers, each a share of the whole."""
    for numel in sorted({f.race.numel for f in found}):
        yield _waterfall([f for f in found if f.race.numel == numel], numel, device)


def _waterfall(bars: Sequence[Fall], numel: int, device: str) -> Drawing:
    seen = {layer.name for f in bars for layer in f.layers if layer.seen}
    handles = _legend(seen)
    with canvas(height=1.5 + 0.32 * len(bars) + 0.19 * len(handles)) as figure:
        axes = figure.add_subplot()
        for y, f in enumerate(reversed(bars)):
            _bar(axes, y, f)
        labels = [f"{short(f.race.subject)}  {statistic.seconds(spread(f.total))[0]}" for f in reversed(bars)]
        axes.set_yticks(range(len(bars)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(bars) - 0.4)
        axes.set_xlabel("share of forward+backward, per cent")
        figure.legend(handles=handles, loc="outside lower center", ncols=1, frameon=False, fontsize=8.5)
        size = statistic.size(numel)
        hidden = [f"{f.race.subject}: {_hidden(f)}" for f in bars if _hidden(f)]
        return drawing(
            figure,
            id=f"waterfall-{device}-{numel}",
            title=f"Where the time goes at {size} elements",
            caption="Each bar is one forward+backward, cut into layers (forward alone where there "
            "is no autograd); what is left of it is empty. Layers that could not be told from nothing are "
            "not drawn" + (f" ({'; '.join(hidden)})." if hidden else "."),
            alt=f"Stacked bars at {numel:,} elements. {'; '.join(map(_said, bars))}.",
            data=Data.of(
                ("implementation", "layer", "seconds_median", "seconds_q1", "seconds_q3"),
                (
                    (f.race.subject, layer.name, layer.added.median, layer.added.q1, layer.added.q3)
                    for f in bars
                    for layer in f.layers
                ),
            ),
        )


def _bar(axes: Axes, y: int, f: Fall) -> None:
    """The layers that are seen; where noise makes them exceed the whole, they are its shares of their sum."""
    drawn = [layer for layer in f.layers if layer.seen]
    whole = max(f.total.median, sum(layer.added.median for layer in drawn))
    left = 0.0
    for layer in drawn:
        share = 100 * layer.added.median / whole
        colour = COLOURS.get(layer.name, SOFT)
        axes.barh(y, share, left=left, height=0.62, color=colour, edgecolor=PAPER, linewidth=0.8)
        left += share
    axes.barh(y, 100, height=0.62, facecolor="none", edgecolor=RULE, linewidth=0.8, zorder=0)


def _legend(names: Collection[str]) -> list[Patch]:
    """A patch a colour, in the order of the ladder."""
    by_colour: dict[str, list[str]] = {}
    for name in [*COLOURS, *names]:
        if name in names:
            labels = by_colour.setdefault(COLOURS.get(name, SOFT), [])
            labels += [name] if name not in labels else []
    return [Patch(facecolor=c, label=" or ".join(labels)) for c, labels in by_colour.items()]


def _hidden(f: Fall) -> str:
    return ", ".join(layer.name for layer in f.layers if not layer.seen)


def _said(f: Fall) -> str:
    parts = [f"{one.name} {statistic.seconds(spread(one.added))[0]}" for one in f.layers if one.seen]
    return f"{f.race.subject}, {statistic.seconds(spread(f.total))[0]} in all: {', '.join(parts)}"


def short(name: str) -> str:
    """A name that fits beside an axis."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


# --- against gelu, along sizes ------------------------------------------------------------------------------


def against_gelu(entries: Sequence[Entry], device: str, palette: Palette) -> Iterator[Drawing]:
    """The ratio of every implementation's time to gelu's, against size; one figure a pass."""
    for passes, races in curves(entries, device).items():
        met = [r for r in races if GELU in r.samples]
        names = [*dict.fromkeys(n for r in met for n in r.family), USER]
        lines = {name: _line(met, name) for name in names}
        if len(met) >= 3:
            yield _curves({n: line for n, line in lines.items() if line}, passes, device, palette)


def _line(races: Sequence[Race], name: str) -> dict[int, Spread]:
    return {r.numel: pairwise(r, name, GELU) for r in races if name in r.samples}


def _curves(lines: dict[str, dict[int, Spread]], passes: str, device: str, palette: Palette) -> Drawing:
    with canvas() as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        for name, line in lines.items():
            colour, marker = (INK, "") if name == USER else palette.of(name)
            sizes, ratios = list(line), list(line.values())
            low, high = [_shown(s.q1) for s in ratios], [_shown(s.q3) for s in ratios]
            axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
            dashes = (0, (4, 2)) if name == USER else "-"
            middle = [_shown(s.median) for s in ratios]
            axes.plot(sizes, middle, color=colour, marker=marker or None, linestyle=dashes, label=name)
        axes.axhline(1, color=SOFT, linewidth=1)
        sizes = sorted({n for line in lines.values() for n in line})
        ticks = [n for n in sizes if (n.bit_length() - 1) % 4 == 0] or sizes
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: statistic.size(int(n))))
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda r, _: f"{r:g}"))
        axes.grid(axis="y")
        axes.set_xlabel("elements")
        axes.set_ylabel("time ÷ gelu's")
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)
        said = [
            f"{n}: {', '.join(f'{k:,} {v.median:.2f}' for k, v in line.items())}" for n, line in lines.items()
        ]
        return drawing(
            figure,
            id=word(f"against-gelu-{device}-{passes}"),
            title=f"Against gelu: {passes}",
            caption="Median of the pairwise ratios, with quartiles as a band; below the line at 1 is faster. "
            "float32, gem (n = 1), new results, wall clock.",
            alt=f"Lines of ratios to gelu by size. {'; '.join(said)}.",
            data=Data.of(
                ("implementation", "elements", "ratio_median", "ratio_q1", "ratio_q3"),
                ((n, k, v.median, v.q1, v.q3) for n, line in lines.items() for k, v in line.items()),
            ),
        )


def _shown(ratio: float) -> float:
    return min(max(ratio, LEAST_RATIO), MOST_RATIO)
