"""The tables of the page about the shape of the family: each a function of the record's entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from benchmarks.shape.entries import (
    CURVATURE,
    KNEE,
    L1,
    L2,
    STEEPEST,
    STEEPEST_NEGATIVE,
    SUP,
    Failure,
    Junction,
    Moments,
    Quantity,
)
from benchmarks.shape.moments import gains, variance
from reports.cells import Cell, Column, Row, Table
from reports.powers import power

LEAKY = "se-gem"
"""Its rows are folded where they differ from e-gem's by the factor of a small negative slope."""

INFINITE = "L¹ is infinite on the line for n = 1: it is taken where the cell says."

NOT_COMPUTED = Cell("not computed", tone="missing")


def figure(value: float, digits: int = 4) -> str:
    """As people write numbers: ``2.069``, ``9.21·10⁻⁶``."""
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    front, _, exponent = text.partition("e")
    return f"{front}·{power(10, int(exponent))}"


def distances(found: Sequence[Quantity]) -> list[Table]:
    """The three norms of the difference to (Leaky)ReLU."""
    columns = {L1: "L¹", L2: "L²", SUP: "largest"}
    tables = _by_function("distance", "Distance to ReLU", found, columns, _norm)
    limited = any(q.reach is not None for q in found)
    return [replace(t, notes=(INFINITE,)) if limited else t for t in tables]


def _norm(q: Quantity) -> Cell:
    small = "" if q.reach is None else f"|x| ≤ {q.reach:g}"
    return Cell(figure(q.measured), small, value=q.measured)


def slopes(found: Sequence[Quantity]) -> list[Table]:
    """Steepest slope, curvature and the width of the knee."""
    columns = {
        STEEPEST: "steepest slope",
        STEEPEST_NEGATIVE: "steepest slope, x < 0",
        CURVATURE: "largest |f″|",
        KNEE: "knee: g from 0.1 to 0.9",
    }
    return _by_function("slope", "Slope, curvature and knee", found, columns, _extremum)


def _extremum(q: Quantity) -> Cell:
    small = "" if q.at is None else f"at x = {figure(q.at).replace('-', '−')}"
    return Cell(figure(q.measured, 5), small, value=q.measured)


def _by_function(
    name: str,
    caption: str,
    found: Sequence[Quantity],
    columns: dict[str, str],
    cell: Callable[[Quantity], Cell],
) -> list[Table]:
    """Function × quantity: one table of what has no negative slope, and one of what has."""
    out = []
    for leaky in (False, True):
        here = {(q.function, q.name): q for q in found if bool(q.negative_slope) is leaky}
        shown = [key for key in columns if any(name == key for _, name in here)]
        rows = [
            Row((f,), tuple(cell(here[f, key]) if (f, key) in here else NOT_COMPUTED for key in shown))
            for f in dict.fromkeys(f for f, _ in here)
        ]
        if rows and shown:
            heads = tuple(Column(columns[key]) for key in shown)
            title = f"{caption}, with a negative slope" if leaky else caption
            out.append(
                Table(f"{name}-{'leaky' if leaky else 'plain'}", title, ("Function",), heads, tuple(rows))
            )
    return out


# --- the junction ---------------------------------------------------------------------------------------


def junctions(found: Sequence[Junction]) -> Table | None:
    """One-sided differences: what should be 0, and the first order that should not."""
    rows = []
    last = ""
    for j in found:
        zeros = max((abs(d) * j.scale ** (k - 1) for k, d in enumerate(j.differences[:-1])), default=0.0)
        cells = (
            Cell(figure(zeros), f"orders 0 to {2 * j.n}"),
            Cell(figure(j.differences[-1]), f"order {2 * j.n + 1}"),
            Cell(figure(j.closed[-1]), "", "same" if j.closed[-1] == 0 else ""),
        )
        rows.append(Row((j.function if j.function != last else "", j.side), cells))
        last = j.function
    columns = tuple(map(Column, ("largest that should be 0", "first that need not be", "closed form")))
    caption = "One-sided finite differences at 0; the first column in units of the scale ε^(1/2n)"
    return Table("junctions", caption, ("Function", "Side"), columns, tuple(rows)) if rows else None


# --- a normal input -------------------------------------------------------------------------------------


def initialisation(found: Sequence[Moments]) -> list[Table]:
    """Moments and gains at standard deviation 1: peers and the family, se-gem apart."""
    unit = [m for m in found if m.std == 1]
    parts = (
        ("gains", "For X ~ N(0, 1)", [m for m in unit if not m.function.startswith(LEAKY)]),
        ("gains-leaky", f"For X ~ N(0, 1): {LEAKY}", [m for m in unit if m.function.startswith(LEAKY)]),
    )
    columns = (
        Column("E f"),
        Column("Var f"),
        Column("fan_in", "Gain"),
        Column("fan_out", "Gain"),
        Column("centred", "Gain"),
        Column("gradient variance a layer", "In a deep stack"),
        Column("growth of a deviation", "In a deep stack"),
    )
    return [
        Table(name, caption, ("Function",), columns, tuple(map(_gains, part)))
        for name, caption, part in parts
        if part
    ]


def _gains(m: Moments) -> Row:
    g = gains(m)
    figures = (m.mean, variance(m), g.fan_in, g.fan_out, g.centred)
    deep = (gradient_factor(m), m.growth)
    cells = [Cell(figure(v), value=v) for v in figures] + [Cell(f"{figure(v, 5)} ×", value=v) for v in deep]
    return Row((m.function,), tuple(cells))


def gradient_factor(m: Moments) -> float:
    """By what the variance of gradients is multiplied a layer, where weights keep that of the signal.

    ``gain^2 * E f'^2`` with the gain of ``fan_in``: weights of a square layer have one variance both ways.
    """
    g = gains(m)
    ratio = g.fan_in / g.fan_out
    return ratio * ratio


# --- failures -------------------------------------------------------------------------------------------


def failures(found: Iterable[Failure]) -> Table | None:
    """What could not be computed, or disagrees with its closed form."""
    rows = [Row((f.piece,), (Cell(f.who, tone="text"), Cell(f.reason, tone="text"))) for f in found]
    columns = (Column("What", text=True), Column("Why it has no figure", text=True))
    return (
        Table("shape-failures", "Failed", ("Function",), columns, tuple(rows), wordy=True) if rows else None
    )


def renamed(table: Table, name: str, caption: str) -> Table:
    """The table under another id and caption: for a second one on the page."""
    return replace(table, id=name, caption=caption)
