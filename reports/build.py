"""Stored files in, a site out: a pure function, but for the build time that every page states."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from markupsafe import Markup, escape

from reports import tables
from reports.error_sections import ERROR_SECTIONS, ErrorContext
from reports.figures import Palette
from reports.flat import as_csv, maps_as_csv
from reports.labs import Lab, labs_of
from reports.records import Environment, Record
from reports.sections import SECTIONS, START, Content, Context, Inputs, Machine, Section
from reports.svg import Drawing, standalone

HERE = Path(__file__).parent
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁻"
END_OF_COLOURS = "/* end of colours */"


def site(inputs: Inputs) -> dict[str, bytes]:
    """Every file of the site, by name: pages, figures, raw data. Reads nothing but templates and styles."""
    loaded = inputs.loaded
    machines = machines_of(loaded.records)
    labs = labs_of(loaded.errors, [m.record.environment for m in machines])
    palette = Palette(_names(machines, labs))
    files: dict[str, bytes] = {}
    for machine in machines or (None,):
        context = Context(inputs, machines, machine, palette, labs)
        page = _cost_page(context)
        files |= _written(page, _fill(SECTIONS, context), inputs, figures=context.first)
    for lab in labs:
        here = next((m for m in machines if m.record.environment.key == lab.environment.key), None)
        page = _error_page(lab, labs, here)
        filled = _fill(ERROR_SECTIONS, ErrorContext(inputs, lab, here, palette))
        files |= _written(page, filled, inputs, figures=lab.first)
    stored = [*(r.source for r in loaded.records), *(e.source for e in loaded.errors)]
    for source in (*stored, *inputs.history.sources):
        files[f"data/{source.download}"] = source.raw
    if loaded.records:
        files["data/measurements.csv"] = as_csv(loaded.records).encode()
    if loaded.errors:
        files["data/error-maps.csv"] = maps_as_csv(loaded.errors).encode()
    return files


def _names(machines: Iterable[Machine], labs: Iterable[Lab]) -> tuple[str, ...]:
    """Every implementation of the family, on whatever page."""
    timed = {i for m in machines for v in m.views for i in v.implementations}
    return tuple(sorted(timed | {s.record.implementation for lab in labs for s in lab.family}))


def machines_of(newest_first: Iterable[Record]) -> tuple[Machine, ...]:
    """Records by environment, the newest record's first. Records of two environments never meet."""
    records = list(newest_first)
    order: list[object] = []
    for record in records:
        if record.environment.key not in order:
            order.append(record.environment.key)
    records.sort(key=lambda r: order.index(r.environment.key))  # stable: newest first within each
    groups = groupby(records, key=lambda r: r.environment.key)
    return tuple(Machine(tuple(found), first=index == 0) for index, (_, found) in enumerate(groups))


@dataclass(frozen=True)
class Link:
    """A page to go to."""

    page: str
    text: str
    small: str = ""


@dataclass(frozen=True)
class Nav:
    """Links at the head of a page."""

    label: str
    style: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Page:
    """The frame of a page: its file, its title and what leads elsewhere."""

    name: str
    title: str
    navs: tuple[Nav, ...]


def _navs(cost: str, lab: Lab | None, others: tuple[Link, ...]) -> tuple[Nav, ...]:
    navs = []
    if lab:
        navs.append(Nav("Pages", "pages", (Link(cost, "What it costs"), Link(lab.page, "How exact it is"))))
    if len(others) > 1:
        navs.append(Nav("Machines", "machines", others))
    return tuple(navs)


def _cost_page(c: Context) -> Page:
    name = c.machine.page if c.machine else START
    links = tuple(Link(m.page, m.name, _torch(m.record.environment)) for m in c.machines)
    title = f"GEM activations on {c.machine.name}" if c.machine else "GEM activations"
    return Page(name, title, _navs(name, c.lab, links))


def _error_page(lab: Lab, labs: tuple[Lab, ...], here: Machine | None) -> Page:
    links = tuple(Link(other.page, other.name, _torch(other.environment)) for other in labs)
    cost = here.page if here else START
    return Page(lab.page, f"Errors of GEM activations on {lab.name}", _navs(cost, lab, links))


def _torch(environment: Environment) -> str:
    return f"torch {environment.torch}" if environment.torch else "no torch"


C = TypeVar("C")
Filled = list[tuple[Section[Any], Content]]


def _fill(sections: Iterable[Section[C]], context: C) -> Filled:
    return [(section, content) for section in sections if (content := section.fill(context))]


def _written(page: Page, filled: Filled, inputs: Inputs, *, figures: bool) -> dict[str, bytes]:
    """The page and, where asked for, each of its figures as a file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["powers"] = _powers
    text = environment.get_template("page.html").render(
        filled=filled,
        page=page.name,
        title=page.title,
        navs=page.navs,
        linked=figures,
        style=_style(),
        built=tables.moment(inputs.built),
    )
    files = {page.name: text.encode()}
    if figures:
        files |= _figure_files(d for _, content in filled for b in content.blocks for d in b.drawings)
    return files


def _powers(text: str) -> Markup:
    """Escaped text in which runs of superscript characters are real superscripts."""
    plain = str.maketrans(SUPERSCRIPTS, "0123456789n−")
    runs = re.compile(f"[{SUPERSCRIPTS}]+")
    marked = runs.sub(lambda run: f"<sup>{run[0].translate(plain)}</sup>", str(escape(text)))
    return Markup(marked)  # noqa: S704  # escaped above; only <sup> was added


def _figure_files(drawn: Iterable[Drawing]) -> dict[str, bytes]:
    """Each figure as an SVG of its own, light and dark in one, for a README or a talk."""
    colours = _style().split(END_OF_COLOURS)[0] + "text{font-family:system-ui,sans-serif}"
    return {f"figures/{d.id}.svg": standalone(d, colours).encode() for d in drawn}


def _style() -> str:
    return (HERE / "static" / "style.css").read_text(encoding="utf-8")
