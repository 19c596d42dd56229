"""What the tables say. Each is a function of records; one template draws them all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gem_impls import VARIANTS
from reports import statistic
from reports.cells import (
    Cell,
    Column,
    Row,
    Table,
    missing,
    percent_cell,
    ratio_cell,
    time_cell,
    with_footnotes,
)
from reports.records import Case, Error, Measurement, NotMeasured, Record, describe
from reports.views import (
    CEILINGS,
    NOT_IN_SWEEP,
    Mode,
    View,
    against,
    mode_of,
    of_ceiling,
    standard,
    time,
)

CEILING_LABELS = {
    "forward": "of copy",
    "forward+backward": "of copy + add",
    "backward": "of add",
}

WIDE_SPREAD, MANY_WIDE = 0.25, 0.2
"""Quartiles this far apart (of the median), in this share of the cases: the machine was not quiet."""

MOST_ROWS = 150
"""Rows of a table that grows with the sweep; the rest is in the CSV, and the table says so."""


# --- the answer -----------------------------------------------------------------------------------------


def answer(view: View, dtype: str, numel: int, modes: Sequence[Mode], what: str) -> Table:
    """Implementation × variant: cost against ReLU, GELU and the ceiling; exactness; memory."""
    columns: list[Column] = []
    for mode in modes:
        labels = ("÷ ReLU", "÷ GELU", CEILING_LABELS[mode.passes])
        columns += [Column(label, mode.label) for label in labels]
    columns += [Column("value", "Max error, ulp"), Column("gradient", "Max error, ulp")]
    columns += [Column("B / element", "Saved")]
    rows: list[Row] = []
    for implementation in by_speed(view, dtype, numel, modes[0]):
        if reason := _why_none(view, implementation, modes, numel, dtype):
            cell = Cell("not measured", reason, "missing", span=len(columns))
            rows.append(Row((implementation, "all"), (cell,)))
            continue
        for index, function in enumerate(view.functions):
            cells: list[Cell] = []
            for mode in modes:
                cells += _cost_cells(view, implementation, function, mode, numel, dtype)
            cells += _error_cells(view, implementation, function, dtype)
            cells.append(_saved_cell(view, implementation, function, dtype))
            rows.append(Row((implementation if index == 0 else "", function), tuple(cells)))
    return with_footnotes(
        Table(
            id=f"answer-{view.id}-{dtype}-{numel}-{modes[0].id}",
            caption=f"{what}: {statistic.size(numel)} elements, {dtype}, {view.title}",
            heads=("Implementation", "Variant"),
            columns=tuple(columns),
            rows=tuple(rows),
        )
    )


def _why_none(view: View, implementation: str, modes: Sequence[Mode], numel: int, dtype: str) -> str | None:
    """The reason(s) where an implementation has no figure at all in a table; else None."""
    places = [(f, mode) for f in view.functions for mode in modes]
    if any(view.find(implementation, f, mode, numel, dtype) for f, mode in places):
        return None
    reasons = {view.why_not(implementation, f, mode, numel, dtype) for f, mode in places}
    return view.wholly_missing(implementation) or "; ".join(sorted(reasons))


def _cost_cells(
    view: View, implementation: str, function: str, mode: Mode, numel: int, dtype: str
) -> list[Cell]:
    m = view.find(implementation, function, mode, numel, dtype)
    if m is None:
        return [missing(view.why_not(implementation, function, mode, numel, dtype))] * 3
    return [ratio_cell(against(m, "relu")), ratio_cell(against(m, "gelu")), percent_cell(of_ceiling(m))]


def _error_cells(view: View, implementation: str, function: str, dtype: str) -> list[Cell]:
    found = errors(view, implementation, function, dtype)
    return [Cell(statistic.rounded_up(e.max_ulp)) if isinstance(e, Error) else missing(e) for e in found]


def _saved_cell(view: View, implementation: str, function: str, dtype: str) -> Cell:
    counted = [
        m.memory
        for m in _standard(view, implementation, function, dtype)
        if m.memory.saved_bytes_per_element is not None
    ]
    if counted:
        return Cell(f"{max(m.saved_bytes_per_element or 0.0 for m in counted):.3g}")
    reasons = {m.memory.reason for m in _standard(view, implementation, function, dtype) if m.memory.reason}
    return missing("; ".join(sorted(reasons)) or NOT_IN_SWEEP)


def _standard(view: View, implementation: str, function: str, dtype: str) -> list[Measurement]:
    return [
        m
        for m in view.measurements
        if (m.case.implementation, m.case.function, m.case.dtype) == (implementation, function, dtype)
        and standard(m.case)
    ]


def errors(view: View, implementation: str, function: str, dtype: str) -> tuple[Error | str, Error | str]:
    """(value, gradient): the largest error over all sizes and passes, or the reason why none is known."""
    measured = _standard(view, implementation, function, dtype)
    reasons = sorted({m.error_reason for m in measured if m.error_reason})
    why = "; ".join(reasons) or NOT_IN_SWEEP
    values = [m.value_error for m in measured if m.value_error]
    gradients = [m.gradient_error for m in measured if m.gradient_error]

    def worst(found: list[Error]) -> Error | str:
        return max(found, key=lambda e: e.max_ulp) if found else why

    return worst(values), worst(gradients)


def by_speed(view: View, dtype: str, numel: int, mode: Mode) -> list[str]:
    """Implementations, fastest first (median over variants of the time beside GELU's), then the rest."""

    def cost(implementation: str) -> tuple[bool, float, str]:
        found = [view.find(implementation, f, mode, numel, dtype) for f in view.functions]
        costs = sorted(pace(m) for m in found if m is not None)
        return (not costs, costs[len(costs) // 2] if costs else 0.0, implementation)

    return sorted(view.implementations, key=cost)


def pace(m: Measurement) -> float:
    """What implementations are ranked by: the time beside GELU's in the same rounds, else the time."""
    for partner in ("gelu", "relu", CEILINGS[m.case.passes]):
        if s := against(m, partner):
            return s.median
    return time(m).median


# --- times, errors, memory ------------------------------------------------------------------------------


def times(view: View, dtype: str, mode: Mode) -> Table:
    """Seconds per call at every size: implementations × variants, then peers."""
    sizes = view.sizes(dtype, mode)
    subjects = [(i, f) for i in view.implementations for f in view.functions] + list(view.peers)
    rows: list[Row] = []
    last = ""
    for implementation, function in subjects:
        found = [view.find(implementation, function, mode, n, dtype) for n in sizes]
        if not any(found):
            continue
        cells = [
            time_cell(time(m)) if m else missing(view.why_not(implementation, function, mode, n, dtype))
            for m, n in zip(found, sizes, strict=True)
        ]
        rows.append(Row((implementation if implementation != last else "", function), tuple(cells)))
        last = implementation
    return with_footnotes(
        Table(
            id=f"times-{view.id}-{dtype}-{mode.id}",
            caption=f"Time of one call, {mode.label.lower()}, {dtype}, {view.title}: median and quartiles",
            heads=("Implementation", "Function"),
            columns=tuple(Column(statistic.size(n), "Elements") for n in sizes),
            rows=tuple(rows),
        )
    )


def error_table(view: View) -> Table | None:
    """Per implementation, variant and dtype: max and mean error and where the worst input lies."""
    rows: list[Row] = []
    for implementation in view.implementations:
        first = True
        for function in view.functions:
            for dtype in view.dtypes:
                value, gradient = errors(view, implementation, function, dtype)
                if not _standard(view, implementation, function, dtype):
                    continue
                heads = (implementation if first else "", function, dtype)
                rows.append(Row(heads, (*_error_detail(value), *_error_detail(gradient))))
                first = False
    columns = [Column(c, g) for g in ("Value", "Gradient") for c in ("max ulp", "mean ulp", "worst at x =")]
    heads = ("Implementation", "Variant", "dtype")
    caption = f"Distance from the exact result, {view.title}"
    table = Table(f"errors-{view.id}", caption, heads, tuple(columns), tuple(rows))
    return with_footnotes(table) if rows else None


def _error_detail(e: Error | str) -> list[Cell]:
    if isinstance(e, str):
        return [missing(e)] * 3
    points = f"of {e.points:,} inputs" if e.points else ""
    mean = Cell(statistic.rounded_up(e.mean_ulp)) if e.mean_ulp is not None else missing("not stored")
    worst = Cell(f"{e.worst_x:.9g}", points) if e.worst_x is not None else missing("not stored")
    return [Cell(statistic.rounded_up(e.max_ulp)), mean, worst]


def memory_table(view: View, dtype: str, numel: int) -> Table | None:
    """Peak bytes beyond inputs and outputs per mode, and bytes saved for backward, at one size."""
    modes = view.modes(dtype)
    subjects = [(i, f) for i in view.implementations for f in view.functions] + list(view.peers)
    rows: list[Row] = []
    last = ""
    for implementation, function in subjects:
        found = {m: view.find(implementation, function, m, numel, dtype) for m in modes}
        if not any(found.values()):
            continue
        cells = [
            _peak_cell(m) if m else missing(view.why_not(implementation, function, mode, numel, dtype))
            for mode, m in found.items()
        ]
        cells.append(_saved_cell(view, implementation, function, dtype))
        rows.append(Row((implementation if implementation != last else "", function), tuple(cells)))
        last = implementation
    columns = [Column(m.label, "Peak beyond inputs and outputs") for m in modes]
    columns.append(Column("B / element", "Saved for backward"))
    table = Table(
        id=f"memory-{view.id}-{numel}",
        caption=f"Memory at {statistic.size(numel)} elements, {dtype}, {view.title}",
        heads=("Implementation", "Function"),
        columns=tuple(columns),
        rows=tuple(rows),
    )
    return with_footnotes(table) if rows else None


def _peak_cell(m: Measurement) -> Cell:
    if m.memory.peak_bytes is None:
        return missing(m.memory.reason or "not stored")
    per_element = m.memory.peak_bytes / m.case.numel
    small = f"{per_element:.3g} B / element" if m.memory.peak_bytes else ""
    return Cell(statistic.count_bytes(m.memory.peak_bytes), small, value=m.memory.peak_bytes)


def peers(view: View, dtype: str, numel: int) -> Table | None:
    """The activations people use today, measured the same way."""
    modes = view.main_modes(dtype)
    rows: list[Row] = []
    for implementation, function in view.peers:
        if not any(view.find(implementation, function, mode, numel, dtype) for mode in modes):
            continue
        cells: list[Cell] = []
        for mode in modes:
            m = view.find(implementation, function, mode, numel, dtype)
            if m is None:
                cells += [missing(view.why_not(implementation, function, mode, numel, dtype))] * 4
                continue
            cells.append(time_cell(time(m)))
            cells += [
                Cell("itself", "", "same") if function == name else ratio_cell(against(m, name))
                for name in ("relu", "gelu")
            ]
            cells.append(percent_cell(of_ceiling(m)))
        rows.append(Row((function,), tuple(cells)))
    labels = ("time", "÷ ReLU", "÷ GELU", "of ceiling")
    columns = tuple(Column(label, mode.label) for mode in modes for label in labels)
    caption = f"Peers at {statistic.size(numel)} elements, {dtype}, {view.title}"
    table = Table(f"peers-{view.id}-{numel}", caption, ("Function",), columns, tuple(rows))
    return with_footnotes(table) if rows else None


def others(view: View) -> Table | None:
    """Everything measured outside the standard set: other n, eps, shapes, layouts."""
    found = [m for m in view.measurements if not standard(m.case)]
    found.sort(key=lambda m: (m.case.function, m.case.n or 0, m.case.dtype, m.case.numel, describe(m.case)))
    rows = tuple(
        Row(
            (_setting(m.case), m.case.implementation),
            (
                time_cell(time(m)),
                ratio_cell(against(m, "relu")),
                ratio_cell(against(m, "gelu")),
                percent_cell(of_ceiling(m)),
                *(
                    Cell(statistic.rounded_up(e.max_ulp)) if e else missing(m.error_reason or "not stored")
                    for e in (m.value_error, m.gradient_error)
                ),
            ),
        )
        for m in found[:MOST_ROWS]
    )
    labels = ("time", "÷ ReLU", "÷ GELU", "of ceiling", "value ulp", "gradient ulp")
    rest = len(found) - len(rows)
    caption = f"Other parameters, shapes and layouts, {view.title}"
    if rest:
        caption += f" (the first {MOST_ROWS}; {rest} more are in the CSV)"
    heads = ("Case", "Implementation")
    table = Table(f"others-{view.id}", caption, heads, tuple(map(Column, labels)), rows, wordy=True)
    return with_footnotes(table) if rows else None


def _setting(case: Case) -> str:
    """What sets a case apart: its parameters where they are not the variant's own, shape, layout, mode."""
    usual = VARIANTS.get(case.function)
    parameters = [f"n = {case.n}"] if case.n is not None else []
    if usual is None or case.eps != usual.eps.default:
        parameters += [f"ε = {case.eps:g}"] if case.eps is not None else []
    if usual is None or case.negative_slope != usual.negative_slope.default:
        parameters += [f"slope = {case.negative_slope:g}"] if case.negative_slope is not None else []
    shape = statistic.size(case.numel) if len(case.shape) == 1 else " × ".join(map(str, case.shape))
    layout = [] if case.layout == "contiguous" else [case.layout.replace("_", " ")]
    layout += [case.conditions] if case.conditions else []
    return ", ".join([case.function, *parameters, shape, case.dtype, *layout, mode_of(case).label.lower()])


# --- where it ran, and what did not ---------------------------------------------------------------------


def environment(record: Record) -> list[tuple[str, str]]:
    """(label, text) of everything known about where the sweep ran."""
    e = record.environment
    clock = f"{e.clock_mhz:,.0f} MHz when read" if e.clock_mhz else None
    dirty = {True: " with uncommitted changes", False: "", None: " (tree not checked)"}[e.dirty]
    rows: list[tuple[str, str | int | None]] = [
        ("Machine", e.machine),
        ("CPU", e.cpu),
        ("Threads used", e.threads),
        ("Cores", e.cores),
        ("Clock rate", clock),
        ("GPU", e.gpu or "none"),
        ("GPU driver", e.driver or ("none" if e.gpu is None else None)),
        ("Operating system", e.os),
        ("Python", e.python),
        ("torch", e.torch),
        ("triton", e.triton),
        ("NumPy", e.numpy),
        ("Commit", f"{e.commit[:12]}{dirty}" if e.commit else None),
        ("Sweep", f"{record.sweep}, {'complete' if record.complete else 'interrupted'}"),
        ("Started", moment(record.started)),
        ("Finished", moment(record.finished) if record.finished else None),
    ]
    return [(label, "not recorded" if text is None else str(text)) for label, text in rows]


def moment(when: datetime) -> str:
    """``2026-11-23 21:04 UTC``."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def unsteady(record: Record) -> str | None:
    """A sentence where the machine was busy with other things: the share of cases with a wide spread."""
    spreads = [time(m) for m in record.measurements]
    wide = sum(s.q3 - s.q1 > WIDE_SPREAD * s.median for s in spreads)
    if not spreads or wide < MANY_WIDE * len(spreads):
        return None
    return (
        f"The machine was not quiet: in {wide} of {len(spreads)} cases the quartiles of the time lie more "
        f"than {100 * WIDE_SPREAD:.0f} % of the median apart. Repeat the sweep on an idle machine before "
        "drawing conclusions."
    )


@dataclass(frozen=True)
class Absence:
    """All cases that share a reason."""

    status: str
    reason: str
    implementations: str
    cases: tuple[str, ...]


def absences(not_measured: Iterable[NotMeasured]) -> list[Absence]:
    """Every skipped and failed case, under its reason; failures first."""
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for n in not_measured:
        groups[n.status, n.reason].append(n.case)
    return [
        Absence(
            status=status,
            reason=reason,
            implementations=", ".join(sorted({c.implementation for c in cases})),
            cases=tuple(map(describe, cases)),
        )
        for (status, reason), cases in sorted(groups.items(), key=lambda g: (g[0][0], -len(g[1]), g[0][1]))
    ]
