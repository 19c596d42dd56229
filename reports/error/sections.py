"""The sections of the error page: one function each, and one row in :data:`ERROR_SECTIONS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reports import tables as tables_of_sweeps
from reports.cells import Table
from reports.error import tables
from reports.error.figures import PLANES, junction, plane
from reports.error.headline import error_headline
from reports.error.heat import heat_map
from reports.error.labs import Lab, Sheet
from reports.figures import Palette
from reports.here import Here, per_view
from reports.records import Environment
from reports.sections import START, Block, Content, Machine, Place, Section, Site
from reports.svg import Drawing
from reports.tables import moment
from reports.views import View


@dataclass(frozen=True)
class ErrorPlace:
    """An environment with error maps, a sweep, or both."""

    site: Site
    lab: Lab | None
    machine: Machine | None


@dataclass(frozen=True)
class ErrorContext:
    """What a section about error maps may draw on: them, and the sweep of the same environment, if any."""

    lab: Lab
    machine: Machine | None
    palette: Palette

    @property
    def views(self) -> tuple[View, ...]:
        return self.machine.views if self.machine else ()

    @property
    def cost_page(self) -> str:
        return self.machine.page if self.machine else START


def each_environment(site: Site) -> tuple[Place[ErrorPlace], ...]:
    """One page for each environment whose errors are known: those with error maps first."""
    found: dict[object, Environment] = {}
    for e in (*(lab.environment for lab in site.labs), *(m.environment for m in site.machines)):
        found.setdefault(e.key, e)
    return tuple(Place(ErrorPlace(site, site.lab_of(e), site.machine_of(e)), e) for e in found.values())


def _of_maps(fill: Callable[[ErrorContext], Content | None]) -> Callable[[ErrorPlace], Content | None]:
    """A section that needs error maps: left out where there are none."""
    return lambda p: fill(ErrorContext(p.lab, p.machine, p.site.palette)) if p.lab else None


def _timed(p: ErrorPlace) -> Content | None:
    """The errors that the sweep itself found, on the inputs that it timed."""
    if p.machine is None:
        return None
    return per_view(Here(p.site, p.machine), "error", lambda v: [tables_of_sweeps.error_table(v)])


def _answer(c: ErrorContext) -> Content:
    found = (tables.summary(c.lab), tables.peer_summary(c.lab, c.lab.dtypes[:1]))
    folded = (tables.peer_summary(c.lab, c.lab.dtypes[1:]), tables.second_summary(c.lab))
    block = Block("", (), _there(found), _there(folded))
    return Content((block,), {"headline": error_headline(c.lab), "cost_page": c.cost_page})


def _plane(c: ErrorContext) -> Content | None:
    drawn = [d for dtype in c.lab.dtypes for p in PLANES if (d := plane(c.lab, c.views, dtype, p, c.palette))]
    table = tables.plane_table(c.lab, c.views)
    absent = tables.without_latency(c.lab, c.views)
    if table is None:
        return None
    return Content((Block("", tuple(drawn), (), (table,)),), {"absent": absent, "drawn": bool(drawn)})


def _maps(c: ErrorContext) -> Content | None:
    blocks = []
    for index, dtype in enumerate(c.lab.dtypes):
        sheets = c.lab.in_dtype(c.lab.family, dtype)
        title = f"{dtype}: the implementations"
        blocks.append(_map_block(title, sheets, dtype, dtype, fold=index > 0))
    for name, group in (("peers", c.lab.peers), ("second derivatives", c.lab.seconds)):
        for dtype in c.lab.dtypes:
            sheets = c.lab.in_dtype(group, dtype)
            blocks.append(_map_block(f"{dtype}: {name}", sheets, dtype, f"{dtype}-{name[:5]}", fold=True))
    found = tuple(b for b in blocks if b.drawings)
    return Content(found) if found else None


def _map_block(title: str, sheets: Sequence[Sheet], dtype: str, name: str, *, fold: bool) -> Block:
    drawn = [d for s in sheets for what in s.whats if (d := heat_map(s, what))]
    return Block(title, tuple(drawn), (), _there([tables.maps_table(sheets, dtype, name)]), {"fold": fold})


def _junction(c: ErrorContext) -> Content | None:
    blocks = []
    for index, dtype in enumerate(c.lab.dtypes):
        drawn: tuple[Drawing, ...] = tuple(junction(c.lab, dtype, c.palette, every=index == 0))
        if drawn:
            blocks.append(Block(dtype, drawn, more={"fold": index > 0}))
    return Content(tuple(blocks)) if blocks else None


def _domains(c: ErrorContext) -> Content | None:
    found = _there([tables.domains(c.lab)])
    return Content((Block("", (), found),)) if found else None


def _worst(c: ErrorContext) -> Content | None:
    shown = _there([tables.worst(c.lab, c.lab.dtypes[0])])
    folded = _there(tables.all_worst(c.lab))
    return Content((Block("", (), shown, folded),)) if shown or folded else None


def _shape(c: ErrorContext) -> Content | None:
    found = _there([tables.shape(c.lab)])
    return Content((Block("", (), found),)) if found else None


def _records(c: ErrorContext) -> Content:
    used = {s.record.source.download for s in c.lab.sheets}
    listed = [
        {
            "record": record,
            "started": moment(record.started),
            "used": record.source.download in used,
            "dtypes": ", ".join(dict.fromkeys(m.dtype for m in record.maps)),
            "verdict": {True: "yes", False: "no", None: "none stated"}[record.within_bounds],
        }
        for record in c.lab.records
    ]
    shown = [r for r in c.lab.records if r.source.download in used]
    return Content(more={"listed": listed, "shown": shown})


def _there(found: Iterable[Table | None]) -> tuple[Table, ...]:
    return tuple(t for t in found if t is not None)


ERROR_SECTIONS: tuple[Section[ErrorPlace], ...] = (
    Section("exactness", "How exact it is", "", _of_maps(_answer), "error-answer.html"),
    Section(
        "plane",
        "Accuracy beside latency",
        "The largest error of any input over all parameters, beside the time of one call of the first "
        "variant at its default, from the newest sweep with the same environment. Down and left is better. "
        "A thin line leads down to the largest error within the domain that the implementation declares.",
        _of_maps(_plane),
        "error-plane.html",
    ),
    Section(
        "maps",
        "Where the error is",
        "A row is one function with its parameters: downwards n grows, within each n ε from 10⁻⁶ to 10, "
        "within each ε the slope. Columns are binades of |x|. Blue is within the bound of plain arithmetic, "
        "orange and beyond is not; the blue nearest to the page's own colour is correctly rounded. ½ bits: "
        "half of the significand's bits are right.",
        _of_maps(_maps),
    ),
    Section(
        "junction",
        "Around the junction",
        "At the 2n-th root of ε the gate is one half and every operation counts. Grey lines: 0.5 ulp, 1 ulp, "
        "and the bound of plain arithmetic.",
        _of_maps(_junction),
    ),
    Section(
        "domains",
        "Where it works",
        "The sizes of x, around the junction, for which at least half of the significand's bits are right. "
        "The literal formula x²ⁿ⁺¹ / (ε + x²ⁿ) overflows long before its result does.",
        _of_maps(_domains),
    ),
    Section(
        "worst",
        "Worst inputs",
        "Each with a command that shows it again: click it to select all of it.",
        _of_maps(_worst),
    ),
    Section(
        "shape",
        "What rounding may break",
        "Counts of results over all maps. Bits that change: the same input at another position, length or "
        "stride, with out=, in place, with other threads, under autograd, or asked again.",
        _of_maps(_shape),
    ),
    Section(
        "timed",
        "Errors on the inputs timed",
        "Each timed case is judged before and after it is timed, on its own inputs: a check of the sweep, "
        "not a search for the worst. Half an ulp is correct rounding. Maxima are rounded up.",
        _timed,
    ),
    Section("records", "Records", "", _of_maps(_records), "error-records.html"),
)
"""The sections of an error page, in order. A new one is a function above and a row here."""
