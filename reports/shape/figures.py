"""The figures of the page about the shape of the family."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from benchmarks.shape.entries import L1, L2, SUP, Curve, Moments, Quantity
from benchmarks.shape.moments import gains
from reports.numbers import Data
from reports.shape.tables import figure as written
from reports.svg import PEER, SERIES, SOFT, Drawing, canvas, drawing

Dashes = str | tuple[int, tuple[float, ...]]

DASHES: tuple[Dashes, ...] = ("-", (0, (6, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
MARKERS = ("o", "s", "^", "D")

DRAWABLE = 1e30
"""What a figure draws lies within this and its inverse: a file may hold any number, and the table has it."""

SPREAD = 30
"""Ratio of the highest peak to the lowest from which an axis is logarithmic beyond 1."""

MOST_LINES = 8
"""Lines that a figure can show; a record may hold more functions."""


def _moderate(values: Iterable[float]) -> bool:
    return all(abs(v) <= DRAWABLE for v in values)


def _drawable(values: Iterable[float]) -> bool:
    """Whether a logarithmic axis can show all of these."""
    return all(1 / DRAWABLE <= v <= DRAWABLE for v in values)


# --- curves ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Derivative:
    """One order: its name, the points of a curve, and ReLU's, None where it has no derivative."""

    id: str
    title: str
    label: str
    of: Callable[[Curve], tuple[float, ...]]
    relu: Callable[[float], float | None]


DERIVATIVES = (
    Derivative("value", "f", "f(x)", lambda c: c.value, lambda x: max(x, 0.0)),
    Derivative("slope", "f′", "f ′(x)", lambda c: c.slope, lambda x: 1.0 if x > 0 else 0.0),
    Derivative("curvature", "f″", "f ″(x)", lambda c: c.curvature, lambda _: None),
)


@dataclass(frozen=True)
class Family:
    """Curves that belong into one figure, what tells them apart, and what is to be seen for each order."""

    id: str
    title: str
    belongs: Callable[[Curve], bool]
    label: Callable[[Curve], str]
    captions: Mapping[str, str]


FAMILIES = (
    Family(
        "eps",
        "n = 1, by ε",
        lambda c: c.n == 1,
        lambda c: f"ε = {c.eps:g}",
        {
            "value": "Smaller ε moves the knee to 0. Where ε is 10, f is still far below ReLU at one "
            "standard deviation of a normalised input.",
            "slope": "The overshoot to 9/8 is the same for every ε; ε says only where it is.",
            "curvature": "What a smaller ε costs: curvature, as 1/√ε.",
        },
    ),
    Family(
        "order",
        "ε = 1, by n",
        lambda c: c.eps == 1,
        lambda c: f"n = {c.n}",
        {
            "value": "A higher order is flatter at 0 and turns more sharply: not towards ReLU, but towards x "
            "beyond 1 and 0 before it.",
            "slope": "A higher order overshoots more: (2n+1)²/(8n).",
            "curvature": "More continuous derivatives at 0, and more curvature elsewhere.",
        },
    ),
)


def curves(found: Sequence[Curve]) -> Iterator[Drawing]:
    """f, f' and f'' near 0: a row of figures by eps, and one by n."""
    for family in FAMILIES:
        belong = [
            c for c in found if family.belongs(c) and _moderate((*c.x, *c.value, *c.slope, *c.curvature))
        ]
        members = sorted(belong, key=lambda c: (c.n, c.eps))[:MOST_LINES]
        if len(members) > 1:
            for derivative in DERIVATIVES:
                yield _curves(family, derivative, members)


def _curves(family: Family, derivative: Derivative, members: Sequence[Curve]) -> Drawing:
    with canvas(height=3.3) as figure:
        axes = figure.add_subplot()
        axes.grid(visible=True)
        x = members[0].x
        relu = [(v, y) for v in x if (y := derivative.relu(v)) is not None]
        if relu:
            axes.plot(*zip(*relu, strict=True), color=PEER, label="ReLU")
        for index, c in enumerate(members):
            colour, dashes = SERIES[index % len(SERIES)], DASHES[index % len(DASHES)]
            axes.plot(c.x, derivative.of(c), color=colour, linestyle=dashes, label=family.label(c))
        peaks = [max(map(abs, derivative.of(c))) for c in members]
        wide = max(peaks) > SPREAD * min(peaks)
        if wide:
            _symlog(axes, [y for c in members for y in derivative.of(c)])
        axes.set_xlim(min(x), max(x))
        axes.set_xlabel("x")
        axes.set_title(derivative.label, loc="left", fontsize=9.5)
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8.8)
        said = "; ".join(
            f"{family.label(c)} {written(max(derivative.of(c)))} at x = "
            f"{written(c.x[derivative.of(c).index(max(derivative.of(c)))])}"
            for c in members
        )
        return drawing(
            figure,
            id=f"shape-{derivative.id}-{family.id}",
            title=f"{derivative.title} near 0: {family.title}",
            caption=family.captions[derivative.id] + (" Logarithmic beyond ±1." if wide else ""),
            alt=f"{derivative.label} from {min(x):g} to {max(x):g}. Largest: {said}.",
            data=Data.of(
                ("function", "x", derivative.id),
                ((c.function, *point) for c in members for point in zip(c.x, derivative.of(c), strict=True)),
            ),
        )


def _symlog(axes: Axes, values: Sequence[float]) -> None:
    axes.set_yscale("symlog", linthresh=1.0)
    most = max(map(abs, values))
    decades = [10.0**k for k in range(1 + max(0, math.ceil(math.log10(most or 1.0))))]
    ticks = [-t for t in decades] + [0.0] + decades
    low, high = min(values), max(values)
    axes.yaxis.set_major_locator(FixedLocator([t for t in ticks if 3 * low <= t <= 3 * high or t == 0]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}".replace("-", "−")))


# --- distance -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Norm:
    """One norm: the power, None for the largest difference, and what is to be seen."""

    name: str
    id: str
    title: str
    power: int | None
    caption: str


NORMS = (
    Norm(
        L1,
        "l1",
        "L¹ distance to ReLU",
        1,
        "For n = 1 the integral diverges on the line, since x − f(x) falls as 1/x only: it is taken for |x| "
        "up to {reach}, and dashed.",
    ),
    Norm(L2, "l2", "L² distance to ReLU", 2, "It falls as ε^(3/4n): slowest for the highest order."),
    Norm(
        SUP,
        "sup",
        "Largest difference to ReLU",
        None,
        "It falls as ε^(1/2n), as the width of the knee does: one ε is a much narrower knee for n = 1.",
    ),
)


def distances(found: Sequence[Quantity]) -> Iterator[Drawing]:
    """Distance against eps: the closed form as a line, what was found numerically as marks."""
    plain = [q for q in found if not q.negative_slope]
    for norm in NORMS:
        by_order: dict[int, dict[float, Quantity]] = {}
        for q in plain:
            if q.name == norm.name and _drawable((q.eps, q.measured, q.n, q.reach or 1)):
                by_order.setdefault(q.n, {})[q.eps] = q
        lines = {n: list(by_order[n].values()) for n in sorted(by_order)[:MOST_LINES] if len(by_order[n]) > 1}
        if lines:
            yield _distance(norm, {n: sorted(qs, key=lambda q: q.eps) for n, qs in lines.items()})


def _distance(norm: Norm, lines: Mapping[int, Sequence[Quantity]]) -> Drawing:
    with canvas(height=3.6) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.set_yscale("log")
        for index, (n, qs) in enumerate(lines.items()):
            colour, reach = SERIES[index % len(SERIES)], qs[0].reach
            low, high = math.log(qs[0].eps), math.log(qs[-1].eps)
            grid = [math.exp(low + (high - low) * k / 80) for k in range(81)]
            curve = [closed_form(norm.power, n, eps, reach) for eps in grid]
            axes.plot(grid, curve, color=colour, linestyle=(0, (4, 2)) if reach else "-")
            axes.plot(
                [q.eps for q in qs],
                [q.measured for q in qs],
                MARKERS[index % len(MARKERS)],
                color=colour,
                label=f"n = {n}" + (f", |x| ≤ {reach:g}" if reach else ""),
            )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(numticks=10))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axes.grid(visible=True)
        axes.set_xlabel("ε")
        axes.set_title("distance", loc="left", fontsize=9.5)
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8.8)
        worst = max(q.discrepancy for qs in lines.values() for q in qs)
        reaches = [qs[0].reach for qs in lines.values() if qs[0].reach]
        note = norm.caption.format(reach=f"{reaches[0]:g}" if reaches else "10")
        said = "; ".join(
            f"n = {n}: {written(qs[0].measured)} to {written(qs[-1].measured)}" for n, qs in lines.items()
        )
        return drawing(
            figure,
            id=f"shape-distance-{norm.id}",
            title=norm.title,
            caption=f"Marks: found numerically; lines: the closed form, with which they agree to "
            f"{written(worst, 1)}. {note}",
            alt=f"Logarithmic axes. From the smallest ε to the largest, {said}.",
            data=Data.of(
                ("n", "eps", "reach", "measured", "closed_form"),
                ((n, q.eps, q.reach, q.measured, q.closed) for n, qs in lines.items() for q in qs),
            ),
        )


def closed_form(power: int | None, n: int, eps: float, reach: float | None) -> float:
    """The distance to ReLU in floating point, as :mod:`benchmarks.shape.closed` has it in high precision."""
    if power is None:
        return float(eps ** (1 / (2 * n)) * (2 * n - 1) ** (1 - 1 / (2 * n)) / (2 * n))
    if reach is not None:
        return eps / 2 * math.log1p(reach**2 / eps)
    b = (power + 1) / (2 * n)
    beta = math.exp(math.lgamma(b) + math.lgamma(power - b) - math.lgamma(power))
    return float((eps**b / (2 * n) * beta) ** (1 / power))


# --- a normal input -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Response:
    """A figure against the standard deviation of the input."""

    id: str
    title: str
    label: str
    of: Callable[[Moments], float]
    least: float
    most: float
    caption: str


RESPONSES = (
    Response(
        "gain",
        "Gain against the input's standard deviation",
        "gain (fan_in)",
        lambda m: gains(m).fan_in,
        1.3,
        30.0,
        "ReLU's gain is √2 for every input. The family's is √2 where the input is wide against the knee, and "
        "grows without bound where it is narrow. The axis ends at 30.",
    ),
    Response(
        "growth",
        "By what a deviation of the variance grows in a layer",
        "growth",
        lambda m: m.growth,
        0.97,
        7.0,
        "Above 1, the variance that a gain keeps is unstable: a layer whose input is a little too narrow "
        "gives an output that is narrower still.",
    ),
)


def responses(found: Sequence[Moments]) -> Iterator[Drawing]:
    """The gain, and the growth of a deviation, against the standard deviation."""
    by_function: dict[str, list[Moments]] = {}
    for m in found:
        if _drawable((m.std, gains(m).fan_in, m.growth)):
            by_function.setdefault(m.function, []).append(m)
    lines = {
        f: sorted(ms, key=lambda m: m.std) for f, ms in by_function.items() if f in DRAWN and len(ms) > 2
    }
    if lines:
        for response in RESPONSES:
            yield _response(response, lines)


DRAWN: dict[str, tuple[str, Dashes]] = {
    "relu": (PEER, "-"),
    "gelu": (PEER, (0, (4, 2))),
    "silu": (PEER, (0, (1, 1.5))),
    "e-gem(n=1, eps=0.0001)": (SERIES[1], "-"),
    "e-gem(n=1, eps=0.01)": (SERIES[3], (0, (6, 1.5))),
    "gem(n=1)": (SERIES[0], "-"),
    "gem(n=2)": (SERIES[0], (0, (6, 1.5))),
    "gem(n=3)": (SERIES[0], (0, (2, 1.2))),
    "e-gem(n=1, eps=10.0)": (SERIES[2], (0, (6, 1.5, 1.5, 1.5))),
}
"""Function -> how its line looks; in the order of the legend. Others are in the table alone."""


def _response(response: Response, lines: Mapping[str, Sequence[Moments]]) -> Drawing:
    with canvas(height=4.2) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        stds = sorted({m.std for ms in lines.values() for m in ms})
        for function, (colour, dashes) in DRAWN.items():
            if function in lines:
                ms = lines[function]
                ys = [min(max(response.of(m), response.least), 2 * response.most) for m in ms]
                axes.plot([m.std for m in ms], ys, color=colour, linestyle=dashes, label=function)
        axes.axvline(1, color=SOFT, linewidth=0.8)
        axes.set_ylim(response.least, response.most)
        axes.xaxis.set_major_locator(FixedLocator(stds))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axes.yaxis.set_major_locator(FixedLocator([1, 1.2, 1.5, 2, 3, 5, 7, 10, 20, 30]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axes.grid(visible=True)
        axes.set_xlabel("standard deviation of x")
        axes.set_title(response.label, loc="left", fontsize=9.5)
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)
        said = "; ".join(
            f"{f}: {', '.join(f'{m.std:g} {written(response.of(m))}' for m in ms)}" for f, ms in lines.items()
        )
        return drawing(
            figure,
            id=f"shape-{response.id}",
            title=response.title,
            caption=response.caption,
            alt=f"Lines against the standard deviation. {said}.",
            data=Data.of(
                ("function", "std", response.id),
                ((f, m.std, response.of(m)) for f, ms in lines.items() for m in ms),
            ),
        )
