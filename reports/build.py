"""Stored files in, a site out: a pure function, but for the build time that every page states."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup, escape

from reports import tables
from reports.error.labs import Lab, labs_of
from reports.figures import Palette
from reports.history.sections import FEED
from reports.kinds import ERRORS
from reports.numbers import Data, data_csv, data_json
from reports.packing import packed, zipped
from reports.pages import FILES, PAGES
from reports.records import Environment
from reports.sections import Block, Content, Inputs, Machine, Page, Place, Section, Site, file_of, machines_of
from reports.svg import standalone

HERE = Path(__file__).parent
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁻"
END_OF_COLOURS = "/* end of colours */"

MOST_MACHINES = 24
"""Environments with pages of their own, those measured last; the others stay in the store."""


def site(inputs: Inputs) -> dict[str, bytes]:
    """Every file of the site, by name: pages, figures, raw data. Reads nothing but templates and styles."""
    whole = site_of(inputs)
    made = [_made(page, place) for page in PAGES for place in page.places(whole)]
    pages = [one for one in made if one.filled]
    files: dict[str, bytes] = {}
    for further in FILES:
        files |= further(whole)
    feed = FEED if FEED in files else ""
    for one in pages:
        files[one.name] = _html(one, pages, inputs, feed).encode()
        files |= _figure_files(one)
    return files | _forwards(pages)


def site_of(inputs: Inputs) -> Site:
    """The machines and laboratories among the inputs, and a colour for each implementation."""
    machines = machines_of(inputs.loaded.records)[:MOST_MACHINES]
    labs = labs_of(inputs.loaded.of(ERRORS), [m.environment for m in machines])[:MOST_MACHINES]
    return Site(inputs, machines, labs, Palette(_names(machines, labs)))


def _names(machines: Iterable[Machine], labs: Iterable[Lab]) -> tuple[str, ...]:
    """Every implementation of the family, on whatever page."""
    timed = {i for m in machines for v in m.views for i in v.implementations}
    return tuple(sorted(timed | {s.record.implementation for lab in labs for s in lab.family}))


@dataclass(frozen=True)
class Made:
    """A page with its sections filled, not yet written."""

    page: Page[Any]
    place: Place[Any]
    filled: tuple[tuple[Section[Any], Content], ...]

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".html")

    @property
    def name(self) -> str:
        return file_of(self.page.name, self.place.word)

    @property
    def figures(self) -> str:
        """The file that holds its figures."""
        return f"figures/{self.stem}.zip"

    @property
    def blocks(self) -> Iterable[Block]:
        return (block for _, content in self.filled for block in content.blocks)


def _made(page: Page[Any], place: Place[Any]) -> Made:
    filled = [(section, content) for section in page.sections if (content := section.fill(place.context))]
    return Made(page, place, tuple(filled))


class Link(NamedTuple):
    """A page to go to."""

    page: str
    text: str
    small: str = ""
    question: str = ""


def _menu(one: Made, pages: Iterable[Made], *, nested: bool) -> list[Link]:
    """A link for each kind of page: to this machine's where it has one, else to the first."""
    found: dict[str, Made] = {}
    for other in pages:
        same = one.place.word and other.place.word == one.place.word
        if other.page.name not in found or same:
            found[other.page.name] = other
    links = [Link(o.name, o.page.title, "", o.page.question) for o in found.values()]
    question = "What does asv's own site show of the history?"
    return links + ([Link("asv/index.html", "asv", "", question)] if nested else [])


def _siblings(one: Made, pages: Iterable[Made]) -> list[Link]:
    """The same page of every machine, where there are several."""
    found = [
        Link(o.name, o.place.environment.machine, _torch(o.place.environment))
        for o in pages
        if o.page.name == one.page.name and o.place.environment
    ]
    return found if len(found) > 1 else []


def _torch(environment: Environment) -> str:
    return f"torch {environment.torch}" if environment.torch else "no torch"


def _title(one: Made) -> str:
    where = f" on {one.place.environment.machine}" if one.place.environment else ""
    return f"{one.page.title}{where}: GEM activations, measured"


def _html(one: Made, pages: Sequence[Made], inputs: Inputs, feed: str) -> str:
    return (
        _templates()
        .get_template("page.html")
        .render(
            filled=one.filled,
            page=one.name,
            stem=one.stem,
            title=_title(one),
            question=one.page.question,
            menu=_menu(one, pages, nested=inputs.nested),
            siblings=_siblings(one, pages),
            start=pages[0].name,
            feed=feed,
            style=_static("style.css"),
            script=_script(one.page),
            script_hash=_hash(_script(one.page)),
            figures=one.figures if any(block.drawings for block in one.blocks) else "",
            built=tables.moment(inputs.built),
            commit=inputs.commit,
        )
    )


def _forwards(pages: Iterable[Made]) -> dict[str, bytes]:
    """``latency.html`` leads to the page of the machine measured last, whose own name never changes."""
    first: dict[str, Made] = {}
    for one in pages:
        if one.place.word:
            first.setdefault(file_of(one.page.name), one)
    page = _templates().get_template("forward.html")
    return {name: page.render(to=one.name, title=_title(one)).encode() for name, one in first.items()}


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["powers"] = _powers
    return environment


def _powers(text: str) -> Markup:
    """Escaped text in which runs of superscript characters are real superscripts."""
    plain = str.maketrans(SUPERSCRIPTS, "0123456789n−")
    runs = re.compile(f"[{SUPERSCRIPTS}]+")
    marked = runs.sub(lambda run: f"<sup>{run[0].translate(plain)}</sup>", str(escape(text)))
    return Markup(marked)  # noqa: S704  # escaped above; only <sup> was added


def _figure_files(one: Made) -> Mapping[str, bytes]:
    """The numbers behind each figure, and the figures as SVG files, light and dark in one, in a zip."""
    colours = _static("style.css").split(END_OF_COLOURS)[0] + "text{font-family:system-ui,sans-serif}"
    files: dict[str, bytes] = {}
    drawn: dict[str, bytes] = {}
    for block in one.blocks:
        files |= _numbers(f"data/{one.stem}/{block.name}", block.data, {"title": block.title})
        for d in block.drawings:
            words = {"title": d.title, "caption": d.caption}
            files |= _numbers(f"data/{one.stem}/{d.id}", d.data, words)
            drawn[f"{d.id}.svg"] = standalone(d, colours).encode()
    return files | ({one.figures: zipped(drawn)} if drawn else {})


def _numbers(name: str, data: Data | None, words: Mapping[str, str]) -> Mapping[str, bytes]:
    if data is None:
        return {}
    return {f"{name}.csv.gz": packed(data_csv(data)), f"{name}.json.gz": packed(data_json(data, words))}


@functools.cache
def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def _script(page: Page[Any]) -> str:
    return "".join(map(_static, ("tables.js", *page.scripts)))


def _hash(script: str) -> str:
    """What the page's policy allows to run: this very text and nothing else."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
