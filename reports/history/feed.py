"""The feed of regressions (Atom, RFC 4287), and every step as a file.

Everything in it comes from the stored results: the same results give the same bytes, an entry keeps its id
for good, and links are relative, so that the site works wherever it is put.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET  # writes only

from reports.history.changes import Change, Judged
from reports.history.figures import WORDS, amount, multiple
from reports.history.sections import FEED
from reports.numbers import Data, data_csv, data_json
from reports.sections import Site, file_of

ATOM: Final = "http://www.w3.org/2005/Atom"
MOST: Final = 100
"""Entries, the newest first."""

NAMESPACE: Final = uuid.UUID("8f6d4f0e-55a7-5a3b-9c4e-3f1d2b7a9c10")
"""Of the ids of entries: an entry's id is made from its case and commit in it."""

KINDS: Final = ("worse", "unconfirmed")


def history_files(site: Site) -> Mapping[str, bytes]:
    """The feed and the steps; nothing where no commit was measured."""
    found = site.judged
    if not found.cases:
        return {}
    data = steps(found)
    words = {"title": "Steps of the history", "caption": "Lower is better; times in seconds."}
    return {
        FEED: feed(found),
        "data/history/steps.csv": data_csv(data).encode(),
        "data/history/steps.json": data_json(data, words).encode(),
    }


def feed(found: Judged) -> bytes:
    """What is worse, the newest commit's first, as an Atom feed."""
    ET.register_namespace("", ATOM)
    root = ET.Element(f"{{{ATOM}}}feed")
    _put(root, "id", uuid.uuid5(NAMESPACE, "feed").urn)
    _put(root, "title", "gem-impls: regressions")
    _put(
        root, "subtitle", "Commits at which a followed case became slower, less exact, or needs more memory."
    )
    newest = max((c.date for c in found.history.log), default=datetime.fromtimestamp(0, UTC))
    _put(root, "updated", _moment(newest))
    _put(_put(root, "author"), "name", "gem-impls")
    _put(root, "link", rel="self", href=FEED)
    _put(root, "link", rel="alternate", type="text/html", href=file_of("history"))
    for change in [c for c in found.changes if c.kind in KINDS][:MOST]:
        _entry(root, change)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _entry(root: ET.Element, change: Change) -> None:
    entry = _put(root, "entry")
    unit = change.case.series.unit
    before, after = amount(change.step.before, unit), amount(change.step.after, unit)
    size, where = multiple(change.step), change.commit.short
    _put(entry, "id", uuid.uuid5(NAMESPACE, change.id).urn)
    _put(entry, "title", f"{size} at {where}: {change.case.name}")
    _put(entry, "updated", _moment(change.commit.date))
    _put(entry, "link", rel="alternate", type="text/html", href=f"{file_of('history')}#{change.id}")
    text = (
        f"{change.case.name}: {before} before, {after} since {where} ({size}; {WORDS[change.kind]}). "
        f"Measured on {change.case.series.machine}."
    )
    subject = f" Its subject: {change.commit.subject}" if change.commit.subject else ""
    _put(entry, "summary", text + subject, type="text")


def _put(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{ATOM}}}{tag}", attributes)
    element.text = text
    return element


def _moment(date: datetime) -> str:
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def steps(found: Judged) -> Data:
    """Every step of every case, whatever it means."""
    columns = ("machine", "benchmark", "parameters", "unit", "commit", "previous", "before", "after")
    rows = (
        (
            c.case.series.machine,
            c.case.series.benchmark,
            ", ".join(value for _, value in c.case.series.parameters),
            c.case.series.unit,
            c.commit.hash,
            c.previous.hash,
            float(f"{c.step.before:.6g}"),
            float(f"{c.step.after:.6g}"),
            c.kind,
            c.excuse,
        )
        for c in found.changes
    )
    return Data.of((*columns, "kind", "excuse"), rows)
