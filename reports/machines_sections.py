"""The page of machines side by side. Each figure is one machine's; none is divided by another's."""

from __future__ import annotations

from collections.abc import Iterator

from reports import statistic, tables
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
from reports.figures import latency
from reports.records import Error, Measurement
from reports.sections import Block, Content, Machine, Section, Site, file_of
from reports.svg import Drawing, renamed
from reports.views import Mode, View, against, of_ceiling, time

MEASURES = ("time", "÷ ReLU", "÷ GELU", "of ceiling")


def _side(site: Site) -> Content:
    rows = [row for m in site.machines for view in m.views if (row := _row(m, view))]
    unmeasured = [m.name for m in site.machines if not any(row.heads[0] == m.name for row in rows)]
    columns = [Column("elements"), Column("forward", "Fastest", text=True)]
    columns += [Column(label, "Forward") for label in MEASURES]
    columns += [
        Column("both", "Fastest", text=True),
        *(Column(label, "Forward + backward") for label in MEASURES),
    ]
    columns += [Column("value", "Max error, ulp"), Column("gradient", "Max error, ulp")]
    caption = "The first variant of the family at the large size, in its fastest implementation"
    heads = ("Machine", "Timed with")
    table = with_footnotes(Table("side-by-side", caption, heads, tuple(columns), tuple(rows)))
    more = {"count": len(site.machines), "unmeasured": unmeasured}
    return Content((Block("", (), (table,) if rows else ()),), more)


def _row(machine: Machine, view: View) -> Row | None:
    """The view's fastest implementation in both main modes; None where it has no standard case."""
    dtype = next(iter(view.dtypes), None)
    ends = view.ends(dtype) if dtype else None
    if dtype is None or ends is None:
        return None
    numel, function = ends[1], view.functions[0]
    found = {mode.passes: _fastest(view, mode, numel, dtype) for mode in view.main_modes(dtype)}
    forward, both = found.get("forward"), found.get("forward+backward")
    cells = [Cell(statistic.size(numel), dtype, value=numel)]
    cells += [*_cells(forward), *_cells(both)]
    best = forward or both
    errors = tables.errors(view, best.case.implementation, function, dtype) if best else ("", "")
    cells += [
        Cell(statistic.rounded_up(e.max_ulp)) if isinstance(e, Error) else missing(e or "not timed")
        for e in errors
    ]
    return Row((machine.name, view.title), tuple(cells), file_of("latency", machine.word))


def _fastest(view: View, mode: Mode, numel: int, dtype: str) -> Measurement | None:
    ranked = tables.by_speed(view, dtype, numel, mode)
    found = (view.find(i, view.functions[0], mode, numel, dtype) for i in ranked)
    return next((m for m in found if m), None)


def _cells(m: Measurement | None) -> list[Cell]:
    if m is None:
        return [missing("not part of this sweep")] * (1 + len(MEASURES))
    ratios = [ratio_cell(against(m, partner)) for partner in ("relu", "gelu")]
    return [Cell(m.case.implementation, "", "text"), time_cell(time(m)), *ratios, percent_cell(of_ceiling(m))]


def _environments(site: Site) -> Content | None:
    """What differs between the machines first, then what they share."""
    if not site.machines:
        return None
    listed = [dict(tables.environment(m.record)) for m in site.machines]
    labels = [label for label in listed[0] if label != "Machine"]
    labels.sort(key=lambda label: len({one[label] for one in listed}) == 1)
    rows = [Row((label,), tuple(Cell(one[label], "", "text") for one in listed)) for label in labels]
    columns = tuple(Column(m.name, text=True) for m in site.machines)
    return Content(
        (Block("", (), (Table("environment-of-each", "Environments", ("",), columns, tuple(rows)),)),)
    )


def _curves(site: Site) -> Content | None:
    shown = [(m, view) for m in site.machines for view in m.views if view.dtypes]
    if len(shown) < 2:
        return None
    return Content(tuple(Block(f"{m.name}: {v.title}", tuple(_drawn(site, m, v))) for m, v in shown))


def _drawn(site: Site, machine: Machine, view: View) -> Iterator[Drawing]:
    main = [f"latency-{view.id}-{mode.id}" for mode in view.main_modes(view.dtypes[0])]
    for drawn in latency(view, site.palette):
        if drawn.id in main:
            yield renamed(drawn, f"{drawn.id}-{machine.word}")


MACHINES_SECTIONS: tuple[Section[Site], ...] = (
    Section(
        "machines",
        "Machines side by side",
        "Each row is one run on one machine by one clock. Ratios are to what took turns in that same run; "
        "times of two machines stand beside each other and are not divided.",
        _side,
        "machines.html",
    ),
    Section("environments", "What they are", "What differs comes first.", _environments),
    Section(
        "curves",
        "Time of one call, each on its own axes",
        "The same figure for every machine. Mind the scales: they are each machine's own.",
        _curves,
    ),
)
"""In order. A new section is a function above and a row here."""
