"""What the figures show: one function a figure, one row in :data:`FIGURES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from reports import statistic
from reports.numbers import Data
from reports.records import Error, Measurement
from reports.statistic import Spread
from reports.svg import INK, PAPER, PEER, RULE, SERIES, SOFT, Drawing, canvas, drawing
from reports.tables import by_speed, errors
from reports.views import CEILINGS, Mode, View, against, of_ceiling, time

FEWEST_SIZES = 3
"""Below this many sizes a line says less than the table does."""

LEAST_ULP, MOST_ULP = 0.05, 1e12
"""What an axis of errors can show; the table has the number."""

LONGEST_NAME = 20

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
PEER_LINES = {"relu": ("-", "ReLU"), "gelu": ((0, (4, 2)), "GELU")}


@dataclass(frozen=True)
class Palette:
    """Implementation -> colour and marker, the same on every page and in every figure."""

    names: tuple[str, ...]

    def of(self, name: str) -> tuple[str, str]:
        """(stand-in colour, marker); they repeat after eight."""
        index = self.names.index(name) if name in self.names else 0
        return SERIES[index % len(SERIES)], MARKERS[index % len(MARKERS)]


def cost(view: View, palette: Palette) -> Iterator[Drawing]:
    """Time as a multiple of ReLU's and of GELU's, every implementation and variant, at the large size."""
    dtype, ends = view.dtypes[0], view.ends(view.dtypes[0])
    if ends is None:
        return
    numel = ends[1]
    for mode in view.main_modes(dtype):
        rows = [
            (i, f, m)
            for i in by_speed(view, dtype, numel, mode)
            for f in view.functions
            if (m := view.find(i, f, mode, numel, dtype)) and against(m, "relu") and against(m, "gelu")
        ]
        if not rows:
            continue
        with canvas(height=1.1 + 0.235 * len(rows)) as figure:
            axes = figure.add_subplot()
            said = []
            for y, (implementation, function, m) in enumerate(reversed(rows)):
                colour, marker = palette.of(implementation)
                for partner, face in (("relu", colour), ("gelu", PAPER)):
                    s = _certain(against(m, partner))
                    axes.plot([s.q1, s.q3], [y, y], color=colour, linewidth=1.2)
                    axes.plot([s.median], [y], marker, color=colour, markerfacecolor=face, markersize=6)
                    said.append(f"{implementation} {function} ÷ {partner}: {statistic.plain(s)[0]}")
            axes.axvline(1, color=SOFT, linewidth=1)
            axes.set_yticks(range(len(rows)), [f"{short(i)} · {short(f)}" for i, f, _ in reversed(rows)])
            axes.tick_params(axis="y", length=0)
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.grid(axis="x")
            _ratio_axis(axes, [v for _, _, m in rows for p in ("relu", "gelu") for v in _ends_of(m, p)])
            figure.supxlabel("time as a multiple of the peer's: filled ÷ ReLU, hollow ÷ GELU", fontsize=9.5)
            title = f"{mode.label}: cost against ReLU and GELU"
            yield drawing(
                figure,
                id=f"cost-{view.id}-{mode.id}",
                title=title,
                caption=f"{statistic.size(numel)} elements, {dtype}, {view.title}. Left of the line at 1 "
                "is faster than the peer. Bars are quartiles of the paired rounds.",
                alt=f"Dot plot at {numel:,} elements. {'; '.join(said)}.",
                data=Data.of(
                    ("implementation", "function", "partner", "ratio_median", "ratio_q1", "ratio_q3"),
                    (
                        (i, f, partner, *_parts(_certain(against(m, partner))))
                        for i, f, m in rows
                        for partner in ("relu", "gelu")
                    ),
                ),
            )


def latency(view: View, palette: Palette) -> Iterator[Drawing]:
    """Time of one call against size, log-log: one line an implementation, ReLU and GELU in grey."""
    yield from _against_size(view, palette, time, "latency", "Time of one call", seconds=True)


def ceiling(view: View, palette: Palette) -> Iterator[Drawing]:
    """Bytes per second as a fraction of what was copied in the same rounds, against size."""
    yield from _against_size(view, palette, of_ceiling, "ceiling", "Fraction of the ceiling", seconds=False)


def _against_size(
    view: View,
    palette: Palette,
    quantity: Callable[[Measurement], Spread | None],
    name: str,
    title: str,
    *,
    seconds: bool,
) -> Iterator[Drawing]:
    dtype = view.dtypes[0]
    for mode in view.modes(dtype):
        sizes = view.sizes(dtype, mode)
        lines = _lines(view, dtype, mode, quantity)
        if len(sizes) < FEWEST_SIZES or not lines:
            continue
        with canvas() as figure:
            axes = figure.add_subplot()
            axes.set_xscale("log", base=2)
            if seconds:
                axes.set_yscale("log")
            labels = []
            for (implementation, function), found in lines.items():
                colour, marker, dashes, label = _look(palette, implementation, function)
                xs, spreads = list(found), list(found.values())
                axes.fill_between(
                    xs,
                    [s.q1 for s in spreads],
                    [s.q3 for s in spreads],
                    color=colour,
                    alpha=0.18,
                    linewidth=0,
                )
                axes.plot(xs, [s.median for s in spreads], marker=marker, color=colour, linestyle=dashes)
                labels.append((xs[-1], spreads[-1].median, label, colour))
            axes.grid(axis="y")
            axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: statistic.size(int(x))))
            axes.set_xlabel("elements")
            if seconds:
                axes.yaxis.set_major_locator(LogLocator(numticks=9))
                axes.yaxis.set_minor_locator(NullLocator())
                axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: short_seconds(y)))
            else:
                axes.axhline(1, color=SOFT, linewidth=1)
                axes.set_ylim(bottom=0)
                axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
            label_ends(axes, labels)
            ceiling_name = CEILINGS[mode.passes]
            unit = "seconds" if seconds else "fraction"
            beside = "" if seconds else f" The ceiling is torch's {ceiling_name}, timed in the same rounds."
            said = "; ".join(
                f"{label} {statistic.seconds(Spread(y, y, y, 1))[0] if seconds else f'{100 * y:.0f} %'}"
                for _, y, label, _ in labels
            )
            yield drawing(
                figure,
                id=f"{name}-{view.id}-{mode.id}",
                title=f"{title}: {mode.label.lower()}",
                caption=f"{view.functions[0]} (n = 1), {dtype}, {view.title}; bands are quartiles.{beside}",
                alt=f"Line chart against the number of elements. At each line's largest size: {said}.",
                data=Data.of(
                    ("implementation", "function", "elements", *(f"{unit}_{part}" for part in PARTS)),
                    ((*who, n, *_parts(s)) for who, found in lines.items() for n, s in found.items()),
                ),
            )


def _lines(
    view: View, dtype: str, mode: Mode, quantity: Callable[[Measurement], Spread | None]
) -> dict[tuple[str, str], dict[int, Spread]]:
    """(implementation, function) -> size -> quantity, for the first variant and the two basic peers."""
    subjects = [(i, view.functions[0]) for i in view.implementations]
    subjects += [p for p in view.peers if p[1] in PEER_LINES]
    sizes = sorted({m.case.numel for m in view.measurements})
    lines = {}
    for implementation, function in subjects:
        found = {n: view.find(implementation, function, mode, n, dtype) for n in sizes}
        values = {n: s for n, m in found.items() if m and (s := quantity(m))}
        if values:
            lines[implementation, function] = values
    return lines


def memory(view: View, palette: Palette) -> Iterator[Drawing]:
    """Bytes per element: kept for backward, and peak beyond inputs and outputs."""
    dtype, ends = view.dtypes[0], view.ends(view.dtypes[0])
    if ends is None:
        return
    numel, mode = ends[1], view.main_modes(dtype)[-1]
    subjects = [(i, view.functions[0]) for i in view.implementations] + list(view.peers)
    cases = [(i, f, m) for i, f in subjects if (m := view.find(i, f, mode, numel, dtype))]
    where = f"{statistic.size(numel)} elements, {dtype}, {view.title}"
    quantities: tuple[tuple[str, str, Callable[[Measurement], float | None]], ...] = (
        ("saved", "Saved for backward, bytes per element", lambda m: m.memory.saved_bytes_per_element),
        ("peak", f"Peak, {mode.label.lower()}, bytes per element", _peak_per_element),
    )
    for name, title, quantity in quantities:
        rows = [(i, f, b) for i, f, m in cases if (b := quantity(m)) is not None]
        if not rows:
            continue
        with canvas(height=1.0 + 0.235 * len(rows)) as figure:
            axes = figure.add_subplot()
            for y, (implementation, _, value) in enumerate(reversed(rows)):
                colour = palette.of(implementation)[0] if implementation in palette.names else PEER
                axes.barh(y, value, height=0.55, color=colour)
                axes.annotate(f"{value:.3g}", (value, y), (4, 0), textcoords="offset points", va="center")
            labels = [short(i if i in palette.names else f) for i, f, _ in reversed(rows)]
            axes.set_yticks(range(len(rows)), labels)
            axes.tick_params(axis="y", length=0)
            axes.set_ylim(-0.6, len(rows) - 0.4)
            largest = max(value for _, _, value in rows)
            axes.set_xlim(0, 1.12 * largest or 1)
            axes.set_xlabel("bytes per element")
            axes.grid(axis="x")
            axes.set_axisbelow(True)
            said = "; ".join(f"{i if i in palette.names else f} {value:.3g}" for i, f, value in rows)
            yield drawing(
                figure,
                id=f"memory-{view.id}-{name}",
                title=title,
                caption=f"{where}; {view.functions[0]} (n = 1) and peers. Allocations counted.",
                alt=f"Bar chart, bytes per element: {said}.",
                data=Data.of(("implementation", "function", "bytes_per_element"), rows),
            )


def _peak_per_element(m: Measurement) -> float | None:
    return None if m.memory.peak_bytes is None else m.memory.peak_bytes / m.case.numel


def error(view: View, palette: Palette) -> Iterator[Drawing]:
    """Largest distance from the exact result, in ulp: implementation × dtype, value and gradient."""
    rows: list[tuple[str, str, float, float]] = []
    for implementation in view.implementations:
        for dtype in view.dtypes:
            found = [errors(view, implementation, f, dtype) for f in view.functions]
            values = [v.max_ulp for v, _ in found if isinstance(v, Error)]
            gradients = [g.max_ulp for _, g in found if isinstance(g, Error)]
            if values and gradients:
                rows.append((implementation, dtype, max(values), max(gradients)))
    if not rows:
        return
    with canvas(height=1.2 + 0.25 * len(rows)) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        for y, (implementation, _, value, gradient) in enumerate(reversed(rows)):
            colour, marker = palette.of(implementation)
            ends = [min(max(x, LEAST_ULP), MOST_ULP) for x in (gradient, value)]  # a log axis has no 0
            axes.plot(ends, [y, y], color=RULE, linewidth=2, zorder=1)
            for x, face in zip(ends, (PAPER, colour), strict=True):
                axes.plot([x], [y], marker, color=colour, markerfacecolor=face, markersize=6)
        axes.axvline(0.5, color=SOFT, linewidth=1)
        axes.annotate("0.5: correctly rounded", (0.5, 1), (3, 2), xycoords=("data", "axes fraction"),
                      textcoords="offset points", color=SOFT, fontsize=8.5)  # fmt: skip
        axes.set_yticks(range(len(rows)), [f"{short(i)} · {d}" for i, d, _, _ in reversed(rows)])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        top = min(max(max(row[2:]) for row in rows), MOST_ULP)
        axes.set_xlim(0.25 if min(min(r[2:]) for r in rows) > 0.3 else 0.04, max(10.0, 2 * top))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_locator(_LogSteps())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        figure.supxlabel("largest error in ulp: filled value, hollow gradient", fontsize=9.5)
        axes.grid(axis="x")
        said = "; ".join(f"{i} {d}: value {v:.3g}, gradient {g:.3g}" for i, d, v, g in rows)
        yield drawing(
            figure,
            id=f"error-{view.id}",
            title="Largest error against the exact result",
            caption=f"Over all variants at their default parameters, {view.title}. One ulp is the "
            "spacing of the dtype's numbers at the exact result.",
            alt=f"Dot plot in ulp. {said}.",
            data=Data.of(("implementation", "dtype", "value_max_ulp", "gradient_max_ulp"), rows),
        )


# --- the parts that figures share -----------------------------------------------------------------------


class _LogSteps(LogLocator):
    """1, 2, 5 over one or two decades; decades beyond."""

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        steps = (1, 2, 5) if vmax / vmin < 1000 else (1,)
        decades = range(-3, 300)
        return [s * 10.0**d for d in decades for s in steps if vmin <= s * 10.0**d <= vmax]


def _look(palette: Palette, implementation: str, function: str) -> tuple[str, str, object, str]:
    """(colour, marker, dashes, label) of a line."""
    if implementation in palette.names:
        colour, marker = palette.of(implementation)
        return colour, marker, "-", implementation
    dashes, label = PEER_LINES[function]
    return PEER, "", dashes, label


def _ratio_axis(axes: Axes, values: list[float]) -> None:
    """A log axis of ratios that always shows 1, with ticks at halves and doubles."""
    low, high = min(*values, 0.8) / 1.1, max(*values, 1.25) * 1.1
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    steps = [2.0**e for e in range(-20, 21) if low <= 2.0**e <= high]
    if len(steps) < 3:
        steps = [s for s in (0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0) if low <= s <= high]
    axes.xaxis.set_major_locator(FixedLocator(steps[:: 1 + len(steps) // 8]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def label_ends(axes: Axes, labels: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each line's name beside its end, moved apart where they would touch, with a thin leader."""
    gap = 0.075
    axes.autoscale_view()  # now, for the places below
    place = (axes.transScale + axes.transLimits).transform
    ends = sorted(((*place((x, y)), label, colour) for x, y, label, colour in labels), key=lambda e: e[1])
    heights: list[float] = []
    for _, y, _, _ in ends:
        heights.append(max(y, heights[-1] + gap) if heights else y)
    excess = heights[-1] - 1
    for index in range(len(heights) - 1, -1, -1):  # what was pushed out of the top pushes back
        if excess > 0:
            limit = 1 - gap * (len(heights) - 1 - index)
            heights[index] = min(heights[index], limit)
    for (x, y, label, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            short(label),
            (x, y),
            (1.05, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            color=INK if colour == PEER else colour,
            arrowprops={"arrowstyle": "-", "color": RULE, "linewidth": 0.9, "shrinkA": 1, "shrinkB": 3},
            annotation_clip=False,
        )


def short(name: str) -> str:
    """A name that leaves room for the figure."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def short_seconds(y: float) -> str:
    """Seconds for an axis: ``10 µs``."""
    if y == 0:
        return "0"
    factor, unit = next((row for row in statistic.UNITS if abs(y) >= row[0] * 0.999), statistic.UNITS[-1])
    return f"{y / factor:.3g} {unit}"


PARTS = ("median", "q1", "q3")


def _parts(s: Spread) -> tuple[float, float, float]:
    return s.median, s.q1, s.q3


def _certain(s: Spread | None) -> Spread:
    assert s is not None
    return s


def _ends_of(m: Measurement, partner: str) -> tuple[float, float]:
    s = _certain(against(m, partner))
    return s.q1, s.q3


@dataclass(frozen=True)
class Figure:
    """A figure of one view: the section of the page that it stands in, and what draws it."""

    section: str
    draw: Callable[[View, Palette], Iterator[Drawing]]


FIGURES: tuple[Figure, ...] = (
    Figure("cost", cost),
    Figure("speed", latency),
    Figure("ceiling", ceiling),
    Figure("memory", memory),
    Figure("error", error),
)
"""Every figure of a record, in the order of the page. A new one is a function above and a row here."""


def drawings(section: str, view: View, palette: Palette) -> list[Drawing]:
    """The figures of a section. A view without GEM cases has none."""
    if not view.dtypes:
        return []
    return [d for figure in FIGURES if figure.section == section for d in figure.draw(view, palette)]
