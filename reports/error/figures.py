"""What the figures of the error page show, beside the heat maps: one function a figure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from reports import statistic
from reports.error.heat import TITLES
from reports.error.labs import Lab, Sheet
from reports.error.levels import bound
from reports.error.records import Curve, Function, Map
from reports.figures import Palette, label_ends, short_seconds
from reports.numbers import Data
from reports.records import Measurement
from reports.statistic import rounded_up
from reports.svg import PAPER, PEER, RULE, SOFT, Drawing, canvas, drawing, word
from reports.views import Mode, View, time

PLANE_SIZE = 2**20
"""Elements of the latency in the plane."""

PLANE_PEERS = ("gelu", "gelu_tanh", "silu", "mish")

FLOOR, MOST = 0.4, 1e18
"""What an axis of errors shows: smaller errors lie on the floor, larger ones with the infinite."""

MERGED = 4
"""Bins of 1/32 binade drawn as one: the largest of their errors."""

MOST_LINES = 8


# --- error against x around the junction ----------------------------------------------------------------


def junction(lab: Lab, dtype: str, palette: Palette, *, every: bool) -> Iterator[Drawing]:
    """Largest error against x, a line an implementation; of each variant, or the first only."""
    sheets = [s for s in lab.in_dtype(lab.family, dtype) if s.curves][:MOST_LINES]
    functions = list(dict.fromkeys(c.function for s in sheets for c in s.curves))
    functions.sort(key=lambda f: (f.name != "gem", f.name != "e-gem", f.label))
    for function in functions if every else functions[:1]:
        for what in ("value", "gradient"):
            found = [(s, c) for s in sheets for c in s.curves if (c.function, c.what) == (function, what)]
            if found:
                yield _junction(dtype, function, what, found, palette)


def _junction(
    dtype: str, function: Function, what: str, found: Sequence[tuple[Sheet, Curve]], palette: Palette
) -> Drawing:
    sides = [side for side in ("negative", "positive") if any(c.side == side for _, c in found)]
    lines = [(sheet, curve.side, *_steps(curve)) for sheet, curve in found]
    finite = [y for _, _, _, ys in lines for y in ys if y <= MOST]
    top = max(2 * bound(what, function.n, dtype), 1.5 * max(finite, default=1.0))
    ceiling = 2 * top  # where the infinite ones are
    infinite = any(y > MOST for _, _, _, ys in lines for y in ys)
    with canvas(height=3.5) as figure:
        panels = figure.subplots(1, len(sides), sharey=True, squeeze=False)[0]
        labels: list[tuple[float, float, str, str]] = []
        for axes, side in zip(panels, sides, strict=True):
            labels.clear()  # the last panel's stand beside it
            for sheet, here, xs, ys in lines:
                if here != side:
                    continue
                colour = palette.of(sheet.record.implementation)[0]
                shown = [_shown(y, ceiling) for y in ys]
                axes.plot(xs, shown, color=colour, linewidth=1.3)
                labels.append((xs[-1], shown[-1], sheet.name, colour))
            axes.set_xscale("log")
            axes.set_xlabel("x" if len(sides) == 1 else f"|x|, x {'<' if side == 'negative' else '>'} 0")
            if side == "negative":
                axes.invert_xaxis()
            _ulp_axis(axes, top, ceiling if infinite else None)
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_locator(LogLocator(numticks=4))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            for y in (0.5, 1.0, bound(what, function.n, dtype)):
                axes.axhline(y, color=SOFT if y == 0.5 else RULE, linewidth=0.8, zorder=0.5)
        panels[0].set_ylabel("largest error, ulp")
        label_ends(panels[-1], labels)
        worst = max(found, key=lambda f: max(e for e in f[1].max_ulp if e is not None))
        said = "; ".join(f"{s.name}, {c.side} x: at most {_most(c)}" for s, c in found)
        return drawing(
            figure,
            id=f"junction-{dtype}-{word(function.label)}-{what}",
            title=f"{function.label}: {TITLES[what]}, {dtype}",
            caption="Largest error in each eighth of a binade, from 1/64 to 64 times the 2n-th root of ε. "
            f"The most is {_most(worst[1])} ({worst[0].name}).",
            alt=f"Line chart of the error in ulp against x around the junction. {said}.",
            data=Data.of(
                ("implementation", "side", "x_from", "max_ulp"),
                ((s.name, side, x, y) for s, side, xs, ys in lines for x, y in zip(xs, ys, strict=True)),
            ),
        )


def _most(curve: Curve) -> str:
    largest = max(e for e in curve.max_ulp if e is not None)
    return f"{rounded_up(largest)} ulp" if math.isfinite(largest) else "infinite"


def _steps(curve: Curve) -> tuple[list[float], list[float]]:
    """Bins merged to eighths of a binade, the largest error of each."""
    xs, ys = [], []
    for start in range(0, len(curve.x), MERGED):
        errors = [e for e in curve.max_ulp[start : start + MERGED] if e is not None]
        if errors:
            xs.append(curve.x[start])
            ys.append(max(errors))
    return xs, ys


def _ulp_axis(axes: Axes, top: float, ceiling: float | None) -> None:
    """A log axis of errors up to ``top``; infinite ones are at ``ceiling``, where there are any."""
    steps = [0.5, 1.0, *(float(s) for s in (2, 4, 8, 16, 32, 64)), *(10.0**e for e in range(2, 19))]
    shown = [s for s in steps if s <= top]
    if len(shown) > 8:
        shown = [0.5, *(10.0**e for e in range(1, 19, max(1, int(math.log10(top)) // 6)) if 10.0**e <= top)]
    axes.set_yscale("log")
    axes.set_ylim(FLOOR * 0.9, top if ceiling is None else 1.5 * ceiling)
    axes.yaxis.set_major_locator(FixedLocator([*shown, *([] if ceiling is None else [ceiling])]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: "∞" if y > top else f"{y:g}" if y < 1e5 else f"{y:.0e}")
    )


def _shown(error: float, ceiling: float) -> float:
    """Where an error is on such an axis."""
    return ceiling if error > MOST else max(error, FLOOR)


# --- accuracy beside latency ----------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanePoint:
    """An implementation (or peer) in a dtype: seconds of a call, or NaN and why; largest errors."""

    name: str
    implementation: str
    peer: bool
    seconds: float
    reason: str
    judged: float
    anywhere: float

    @property
    def timed(self) -> bool:
        return not math.isnan(self.seconds)


@dataclass(frozen=True)
class Plane:
    """What a plane shows: which error, beside the time of which pass."""

    what: str
    mode: Mode


PLANES = (Plane("value", Mode("forward", out=True)), Plane("gradient", Mode("backward", out=True)))


def plane_points(lab: Lab, views: Sequence[View], dtype: str, plane: Plane) -> list[PlanePoint]:
    """Every implementation with an error in ``dtype``, then the peers that people choose from."""
    family = [
        _point(sheet, views, sheet.name, maps, plane.mode)
        for sheet in lab.in_dtype(lab.family, dtype)
        if (maps := sheet.of(plane.what))
    ]
    peers = [
        _point(sheet, views, m.function.name, [m], plane.mode)
        for sheet in lab.in_dtype(lab.peers, dtype)
        for m in sheet.of(plane.what)
        if m.function.name in PLANE_PEERS
    ]
    return family + peers


def _point(sheet: Sheet, views: Sequence[View], name: str, maps: Sequence[Map], mode: Mode) -> PlanePoint:
    implementation = sheet.record.implementation
    timed, reason = _timed(sheet, views, maps[0].function.name, mode)
    return PlanePoint(
        name=name,
        implementation=implementation,
        peer=sheet.kind == "peer",
        seconds=time(timed).median if timed else math.nan,
        reason=reason,
        judged=max(m.max_ulp or 0.0 for m in maps),
        anywhere=max(m.largest for m in maps),
    )


def _timed(sheet: Sheet, views: Sequence[View], function: str, mode: Mode) -> tuple[Measurement | None, str]:
    """The latency by the wall clock on the sheet's device, or why there is none."""
    found = [v for v in views if (v.device, v.clock) == (sheet.record.device, "wall")]
    if not found:
        return None, f"no sweep of {sheet.record.device.upper()} here to time it"
    implementation = sheet.record.implementation
    m = found[0].find(implementation, function, mode, PLANE_SIZE, sheet.dtype)
    if m:
        return m, ""
    reason = found[0].wholly_missing(implementation) or found[0].why_not(
        implementation, function, mode, PLANE_SIZE, sheet.dtype
    )
    return None, reason


def front(points: Sequence[PlanePoint]) -> list[PlanePoint]:
    """Those that no other beats in one of time and error without losing in the other; fastest first."""
    timed = sorted((p for p in points if p.timed and not p.peer), key=lambda p: (p.seconds, p.anywhere))
    out: list[PlanePoint] = []
    for p in timed:
        if not out or p.anywhere < out[-1].anywhere:
            out.append(p)
    return out


def plane(lab: Lab, views: Sequence[View], dtype: str, which: Plane, palette: Palette) -> Drawing | None:
    """Largest error against time: towards the lower left is better. None where nothing was timed."""
    found = plane_points(lab, views, dtype, which)
    points = [p for p in found if p.timed]
    if not any(not p.peer for p in points):
        return None
    finite = [p.anywhere for p in points if p.anywhere <= MOST]
    top = max(8.0, 3 * max(finite, default=1.0))
    ceiling = 4 * top
    with canvas(height=3.6) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        best = front(points)
        if len(best) > 1:
            xs, ys = [p.seconds for p in best], [_shown(p.anywhere, ceiling) for p in best]
            axes.step(xs, ys, where="post", color=SOFT, linewidth=1, linestyle=(0, (3, 2)), zorder=0.8)
        labels = []
        for p in points:
            colour, marker = (PEER, "o") if p.peer else palette.of(p.implementation)
            y, low = _shown(p.anywhere, ceiling), _shown(p.judged, ceiling)
            axes.plot([p.seconds, p.seconds], [low, y], color=colour, linewidth=1)
            face = PAPER if p.peer else colour
            axes.plot([p.seconds], [y], marker, color=colour, markerfacecolor=face, markersize=6.5)
            labels.append((p.seconds, y, p.name, colour))
        axes.axhline(0.5, color=SOFT, linewidth=0.8, zorder=0.5)
        seconds = [p.seconds for p in points]
        axes.set_xlim(min(seconds) / 1.4, max(seconds) * 1.4)
        _ulp_axis(axes, top, ceiling if any(p.anywhere > MOST for p in points) else None)
        axes.xaxis.set_minor_locator(NullLocator())
        ticks = [f * 10.0**e for e in range(-12, 6) for f in (1, 2, 5)]
        within = [t for t in ticks if min(seconds) / 1.4 <= t <= max(seconds) * 1.4]
        axes.xaxis.set_major_locator(FixedLocator(within[:: 1 + len(within) // 6]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: short_seconds(x)))
        axes.set_ylabel("largest error, ulp")
        axes.set_xlabel("time of one call")
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        label_ends(axes, labels)
        said = "; ".join(f"{p.name} {short_seconds(p.seconds)}, {ulp_text(p.anywhere)}" for p in points)
        ahead = ", ".join(p.name for p in best)
        return drawing(
            figure,
            id=f"plane-{dtype}-{which.what}",
            title=f"{dtype}: error of the {which.what} beside time",
            caption=f"{which.mode.label}, {statistic.size(PLANE_SIZE)} elements; the dashed front: {ahead}.",
            alt=f"Scatter plot, down and left is better. On the front: {ahead}. {said}.",
            data=Data.of(
                ("name", "seconds_median", "max_ulp_within_domain", "max_ulp_anywhere"),
                ((p.name, p.seconds, p.judged, p.anywhere) for p in points),
            ),
        )


def ulp_text(error: float | None) -> str:
    """``3.72 ulp``, or ``∞``."""
    if error is None:
        return "not judged"
    return "∞" if math.isinf(error) else f"{rounded_up(error)} ulp"
