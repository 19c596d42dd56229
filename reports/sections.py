"""What pages are made of: blocks fill sections, sections make a page, and all draw on one site.

The pages themselves are rows of :data:`reports.pages.PAGES`; their sections are in the modules
``reports/*/sections.py`` and ``reports/*_sections.py``, one a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any, Generic, TypeVar

from reports.cells import Table
from reports.error.labs import Lab
from reports.figures import Palette
from reports.history.changes import Judged, judged
from reports.history.results import History
from reports.loaded import Loaded
from reports.numbers import Data
from reports.records import Environment, Record
from reports.svg import Drawing
from reports.views import View, views

START = "index.html"


def file_of(page: str, word: str = "") -> str:
    """The file of a page; ``word`` is the machine's where the page is one machine's."""
    return f"{page}-{word}.html" if word else f"{page}.html"


@dataclass(frozen=True)
class Inputs:
    """Everything that a site is made from.

    ``built`` and ``commit`` (of the programs, "" where unknown) are stated on every page and used for nothing
    else. ``nested`` says whether asv's own pages are beside ours, in ``asv/``.
    """

    loaded: Loaded
    history: History
    built: datetime
    commit: str = ""
    nested: bool = False


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
    def environment(self) -> Environment:
        return self.record.environment

    @property
    def name(self) -> str:
        """What the reader calls it."""
        return self.environment.machine

    @property
    def word(self) -> str:
        """What the files of its pages are called: the same as long as the environment stays the same."""
        return self.environment.word

    @property
    def page(self) -> str:
        """The page of its times."""
        return file_of("latency", self.word)

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The comparable sets within the record that is shown."""
        return views(self.record)


def machines_of(newest_first: Iterable[Record]) -> tuple[Machine, ...]:
    """Records by environment, the newest record's first. Records of two environments never meet."""
    records = list(newest_first)
    order: dict[object, int] = {}
    for record in records:
        order.setdefault(record.environment.key, len(order))
    records.sort(key=lambda r: order[r.environment.key])  # stable: newest first within each
    groups = groupby(records, key=lambda r: r.environment.key)
    return tuple(Machine(tuple(found), first=index == 0) for index, (_, found) in enumerate(groups))


@dataclass(frozen=True)
class Site:
    """What every page may draw on: the inputs, the machines and error laboratories among them, colours."""

    inputs: Inputs
    machines: tuple[Machine, ...]
    labs: tuple[Lab, ...]
    palette: Palette

    @property
    def first(self) -> Machine | None:
        """The machine that the reader meets first."""
        return self.machines[0] if self.machines else None

    @cached_property
    def judged(self) -> Judged:
        """The history with its steps."""
        return judged(self.inputs.history)

    def lab_of(self, environment: Environment) -> Lab | None:
        """The error maps of this very environment."""
        return next((lab for lab in self.labs if lab.environment.key == environment.key), None)

    def machine_of(self, environment: Environment) -> Machine | None:
        """The sweeps of this very environment."""
        return next((m for m in self.machines if m.environment.key == environment.key), None)


@dataclass(frozen=True)
class Block:
    """A run of figures and tables under a heading of its own (none where ``title`` is empty).

    ``data`` are the numbers of figures that share them, in files called ``name``.
    """

    title: str
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    data: Data | None = None


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


@dataclass(frozen=True)
class Place(Generic[C]):
    """One page of its kind: what its sections draw on and, where it is one environment's, which."""

    context: C
    environment: Environment | None = None

    @property
    def word(self) -> str:
        return self.environment.word if self.environment else ""


@dataclass(frozen=True)
class Page(Generic[C]):
    """A kind of page: its name in files and links, what the menu calls it, the question it answers.

    ``places`` gives one place for each page of the kind: one for the whole site (:func:`once`), or one a
    machine. A page without a filled section is left out, of the menu too.
    """

    name: str
    title: str
    question: str
    sections: tuple[Section[C], ...]
    places: Callable[[Site], Iterable[Place[C]]]
    scripts: tuple[str, ...] = ()
    """Files of ``static/`` that improve it, beside the one for tables that every page has."""


def once(site: Site) -> tuple[Place[Site], ...]:
    """One page for the whole site; its sections draw on the :class:`Site`."""
    return (Place(site),)
