"""The sections of a page: one function each, and one row in :data:`SECTIONS`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from reports import error_tables, tables
from reports.cells import Table
from reports.curves import curves
from reports.error_headline import scope
from reports.figures import Palette, drawings
from reports.headline import headline
from reports.history import History
from reports.labs import Lab
from reports.records import Loaded, Record
from reports.svg import Drawing
from reports.trends import trends
from reports.views import View, views

START = "index.html"


@dataclass(frozen=True)
class Inputs:
    """Everything that a site is made from. ``built`` is stated on every page and used for nothing else."""

    loaded: Loaded
    history: History
    built: datetime


@dataclass(frozen=True)
class Machine:
    """All records of one environment, newest first. The newest complete one is shown, the others listed."""

    records: tuple[Record, ...]
    first: bool

    @property
    def record(self) -> Record:
        """The record that is shown."""
        return next((r for r in self.records if r.complete), self.records[0])

    @property
    def name(self) -> str:
        """What the reader calls it."""
        return self.record.environment.machine

    @property
    def page(self) -> str:
        """Its page: the same name as long as the environment stays the same."""
        digest = hashlib.sha256(repr(self.record.environment.key).encode()).hexdigest()
        return START if self.first else f"machine-{digest[:12]}.html"

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The comparable sets within the record that is shown."""
        return views(self.record)


@dataclass(frozen=True)
class Context:
    """What a section may draw on: the inputs, the machines among them, and the one at hand (if any)."""

    inputs: Inputs
    machines: tuple[Machine, ...]
    machine: Machine | None
    palette: Palette
    labs: tuple[Lab, ...] = ()

    @property
    def own_lab(self) -> Lab | None:
        """The error maps of this very environment."""
        here = self.machine.record.environment.key if self.machine else None
        return next((lab for lab in self.labs if lab.environment.key == here), None)

    @property
    def lab(self) -> Lab | None:
        """The error maps to point at: of this environment or, on the start page, else of another."""
        return self.own_lab or (self.labs[0] if self.labs and self.first else None)

    @property
    def first(self) -> bool:
        """Whether this is the page that the reader starts on."""
        return self.machine is None or self.machine.first


@dataclass(frozen=True)
class Block:
    """A run of figures and tables under a heading of its own (none where ``title`` is empty)."""

    title: str
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """What fills a section: blocks, and whatever else its template asks for."""

    blocks: tuple[Block, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


C = TypeVar("C")


@dataclass(frozen=True)
class Section(Generic[C]):
    """A part of a page. ``fill`` gives None where there is nothing to show, and the section is left out."""

    id: str
    title: str
    intro: str
    fill: Callable[[C], Content | None]
    template: str = "blocks.html"


def _answer(c: Context) -> Content | None:
    if c.machine is None:
        return Content(more={"record": None})
    blocks: list[Block] = []
    for view in c.machine.views:
        if not view.dtypes:
            continue
        dtype = view.dtypes[0]
        modes = view.main_modes(dtype)
        found = [
            tables.answer(view, dtype, n, modes, what)
            for n, what in zip(_large_and_small(view), ("Large", "Small"), strict=False)
            if modes
        ]
        said = headline(view, c.machine.name, c.own_lab)
        shown = () if blocks else tuple(found)  # the first view answers; the others are a click away
        folded = tuple(found) if blocks else ()
        blocks.append(Block(view.title, (), shown, folded, {"headline": said}))
    record = c.machine.record
    more = {
        "record": record,
        "started": tables.moment(record.started),
        "unsteady": tables.unsteady(record),
        "maps": c.lab.page if c.lab else "",
    }
    return Content(tuple(blocks), more)


def _cost(c: Context) -> Content | None:
    def folded(view: View) -> Iterable[Table | None]:
        usual = view.dtypes[0]
        for mode in view.modes(usual):
            if mode not in view.main_modes(usual):
                yield tables.answer(view, usual, view.sizes(usual, mode)[-1], [mode], mode.label)
        for dtype in view.dtypes[1:]:
            if ends := view.ends(dtype):
                yield tables.answer(view, dtype, ends[1], view.main_modes(dtype), dtype)
        yield tables.others(view)

    return _per_view(c, "cost", folded)


def _speed(c: Context) -> Content | None:
    return _per_view(c, "speed", lambda v: [tables.times(v, v.dtypes[0], m) for m in v.modes(v.dtypes[0])])


def _ceiling(c: Context) -> Content | None:
    return _per_view(c, "ceiling", lambda _: [])


def _memory(c: Context) -> Content | None:
    return _per_view(
        c, "memory", lambda v: [tables.memory_table(v, v.dtypes[0], n) for n in _large_and_small(v)[:1]]
    )


def _error(c: Context) -> Content | None:
    return _per_view(c, "error", lambda v: [tables.error_table(v)])


def _exactness(c: Context) -> Content | None:
    if c.lab is None or not c.lab.family:
        return None
    elsewhere = "" if c.own_lab else c.lab.name
    more = {"scope": scope(c.lab), "page": c.lab.page, "elsewhere": elsewhere}
    table = error_tables.summary(c.lab)
    return Content((Block("", (), (table,) if table else ()),), more)


def _peers(c: Context) -> Content | None:
    return _per_view(
        c,
        "peers",
        lambda v: [tables.peers(v, v.dtypes[0], n) for n in v.peer_sizes(v.dtypes[0])],
        open_first=True,
    )


def _per_view(
    c: Context, section: str, made: Callable[[View], Iterable[Table | None]], *, open_first: bool = False
) -> Content | None:
    """The figures of a section, and its tables (all folded, or all but the first): a block a view."""
    blocks = []
    for view in c.machine.views if c.machine else ():
        if not view.dtypes:
            continue
        drawn = tuple(drawings(section, view, c.palette))
        found = tuple(table for table in made(view) if table is not None and table.rows)
        if drawn or found:
            shown = int(open_first)
            blocks.append(Block(view.title, drawn, found[:shown], found[shown:]))
    return Content(tuple(blocks)) if blocks else None


def _large_and_small(view: View) -> list[int]:
    ends = view.ends(view.dtypes[0])
    return sorted(set(ends), reverse=True) if ends else []


def _functions(c: Context) -> Content | None:
    return Content((Block("", curves()),)) if c.first else None


def _history(c: Context) -> Content | None:
    if not c.first:
        return None
    drawn = tuple(trends(c.inputs.history, c.palette))
    return Content((Block("", drawn),), {"commits": c.inputs.history.commits, "drawn": bool(drawn)})


def _method(c: Context) -> Content | None:
    return Content() if c.first else None


def _environment(c: Context) -> Content | None:
    return Content(more={"rows": tables.environment(c.machine.record)}) if c.machine else None


def _not_measured(c: Context) -> Content | None:
    if c.machine is None:
        return None
    return Content(more={"absences": tables.absences(c.machine.record.not_measured)})


def _data(c: Context) -> Content | None:
    listed = [
        {
            "record": record,
            "machine": machine,
            "started": tables.moment(record.started),
            "shown": record is machine.record,
        }
        for machine in c.machines
        for record in machine.records
    ]
    problems = (*c.inputs.loaded.problems, *c.inputs.history.problems)
    return Content(more={"listed": listed, "asv": c.inputs.history.sources, "problems": problems})


SECTIONS: tuple[Section[Context], ...] = (
    Section("answer", "What it costs", "", _answer, "answer.html"),
    Section(
        "cost",
        "Cost beside ReLU and GELU",
        "Every implementation and variant at the large size. Case and peer took turns within each round.",
        _cost,
    ),
    Section(
        "functions",
        "The functions",
        "f(x) = s(x) · x · x²ⁿ / (ε + x²ⁿ), with s(x) = 1 for x\u00a0>\u00a00 and a fixed slope, "
        "0 in GEM and E-GEM, for x\u00a0<\u00a00. Drawn from the exact reference.",
        _functions,
    ),
    Section(
        "speed",
        "Time of one call",
        "Small arrays show what a call costs, large ones what moving the data costs.",
        _speed,
    ),
    Section(
        "ceiling",
        "How close to a copy",
        "An elementwise function reads and writes each element once, so a copy of the same bytes, timed in "
        "the same rounds, is the ceiling: forward moves 2 tensors, backward 3, both together 5.",
        _ceiling,
    ),
    Section(
        "memory",
        "Memory",
        "Counted allocations: bytes that forward keeps for backward, the input included, and the peak during "
        "a call beyond its inputs and outputs.",
        _memory,
    ),
    Section(
        "error",
        "Error",
        "Distance from the exact result, which is known because the functions are rational and the inputs "
        "binary fractions. Half an ulp is correct rounding. Maxima are rounded up.",
        _error,
    ),
    Section("exactness", "Error maps", "", _exactness, "exactness.html"),
    Section("peers", "What people use today", "The same measurements of PyTorch's own activations.", _peers),
    Section("history", "History", "", _history, "history.html"),
    Section("method", "How it was measured", "", _method, "method.html"),
    Section("environment", "Environment", "", _environment, "environment.html"),
    Section("not-measured", "Not measured", "", _not_measured, "not-measured.html"),
    Section("data", "Data and notes", "", _data, "data.html"),
)
"""The sections of a machine's page, in order. A new one is a function above and a row here."""
