"""Stored files in, a site out: a pure function, but for the build time that every page states."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from reports import tables
from reports.figures import Palette
from reports.flat import as_csv
from reports.records import Record
from reports.sections import SECTIONS, Content, Context, Inputs, Machine, Section
from reports.svg import Drawing, standalone

HERE = Path(__file__).parent
END_OF_COLOURS = "/* end of colours */"


def site(inputs: Inputs) -> dict[str, bytes]:
    """Every file of the site, by name: pages, figures, raw data. Reads nothing but templates and styles."""
    machines = machines_of(inputs.loaded.records)
    palette = Palette(tuple(sorted({i for m in machines for v in m.views for i in v.implementations})))
    files: dict[str, bytes] = {}
    for machine in machines or (None,):
        context = Context(inputs, machines, machine, palette)
        filled = [(section, content) for section in SECTIONS if (content := section.fill(context))]
        files[machine.page if machine else "index.html"] = _page(context, filled).encode()
        if context.first:
            files |= _figure_files(d for _, content in filled for b in content.blocks for d in b.drawings)
    for source in (*(r.source for r in inputs.loaded.records), *inputs.history.sources):
        files[f"data/{source.download}"] = source.raw
    if inputs.loaded.records:
        files["data/measurements.csv"] = as_csv(inputs.loaded.records).encode()
    return files


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


def _page(context: Context, filled: list[tuple[Section, Content]]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["powers"] = _powers
    return environment.get_template("page.html").render(
        filled=filled,
        machines=context.machines,
        machine=context.machine,
        style=_style(),
        built=tables.moment(context.inputs.built),
    )


def _powers(text: str) -> Markup:
    """Escaped text in which runs of superscript characters are real superscripts."""
    plain = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ", "0123456789n")
    marked = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]+", lambda run: f"<sup>{run[0].translate(plain)}</sup>", str(escape(text)))
    return Markup(marked)  # noqa: S704  # escaped above; only <sup> was added


def _figure_files(drawn: Iterable[Drawing]) -> dict[str, bytes]:
    """Each figure as an SVG of its own, light and dark in one, for a README or a talk."""
    colours = _style().split(END_OF_COLOURS)[0] + "text{font-family:system-ui,sans-serif}"
    return {f"figures/{d.id}.svg": standalone(d, colours).encode() for d in drawn}


def _style() -> str:
    return (HERE / "static" / "style.css").read_text(encoding="utf-8")
