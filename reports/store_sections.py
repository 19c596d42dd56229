"""The page of what is stored, and the files that it offers: raw records and tables of all figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reports import tables
from reports.error.records import ErrorRecord
from reports.flat import as_csv, maps_as_csv
from reports.kinds import ERRORS, KINDS, Kind, Stored
from reports.packing import packed, squeezed, tarred
from reports.records import Record, Source
from reports.sections import Content, Section, Site

MOST_LISTED = 200
"""Records in the list; the others are counted."""

ASV_RESULTS = "asv-results.tar.xz"
"""asv's own files, all in one: hundreds that nobody opens one by one."""

MOST_OFFERED = 20
"""Records of a kind, other than sweeps and error maps, that are offered."""


def shown_records(site: Site) -> tuple[Record, ...]:
    """The sweeps that the pages are about: one a machine. Superseded ones stay in the store alone."""
    return tuple(m.record for m in site.machines)


def shown_maps(site: Site) -> tuple[ErrorRecord, ...]:
    """The error records that the pages are about."""
    used = {s.record.source.download for lab in site.labs for s in lab.sheets}
    return tuple(r for r in site.inputs.loaded.of(ERRORS) if r.source.download in used)


def stored_files(site: Site) -> Mapping[str, bytes]:
    """Every record that a page shows, byte for byte, and their figures as one table a kind; compressed."""
    files = {f"data/{s.packed}": squeezed(s.raw) for s in _sources(site)}
    if records := shown_records(site):
        files["data/measurements.csv.gz"] = packed(as_csv(records))
    if maps := shown_maps(site):
        files["data/error-maps.csv.gz"] = packed(maps_as_csv(maps))
    if sources := site.inputs.history.sources:
        files[f"data/{ASV_RESULTS}"] = tarred({source.shown: source.raw for source in sources})
    return files


def _sources(site: Site) -> Iterable[Source]:
    yield from (record.source for record in shown_records(site))
    yield from (record.source for record in shown_maps(site))
    yield from (record.source for _, record in _others(site))


def _others(site: Site) -> Iterable[tuple[Kind[Stored], Stored]]:
    """The newest records of every kind but sweeps and error maps, which have pages that choose."""
    for kind in KINDS:
        if kind.mark != ERRORS.mark:
            yield from ((kind, record) for record in site.inputs.loaded.of(kind)[:MOST_OFFERED])


def _store(site: Site) -> Content:
    listed = [
        {
            "record": record,
            "machine": machine,
            "started": tables.moment(record.started),
            "shown": record is machine.record,
        }
        for machine in site.machines
        for record in machine.records
    ]
    others = [
        {"kind": kind.name, "started": tables.moment(record.started), "source": record.source}
        for kind, record in _others(site)
    ]
    return Content(
        more={
            "listed": listed[:MOST_LISTED],
            "unlisted": max(0, len(listed) - MOST_LISTED),
            "others": others,
            "maps": bool(shown_maps(site)),
            "asv": len(site.inputs.history.sources),
        }
    )


def _problems(site: Site) -> Content:
    problems = (*site.inputs.loaded.problems, *site.inputs.history.problems)
    return Content(more={"problems": problems[:MOST_LISTED], "unlisted": max(0, len(problems) - MOST_LISTED)})


STORE_SECTIONS: tuple[Section[Site], ...] = (
    Section("stored", "What is stored", "", _store, "data.html"),
    Section("left-out", "Left out", "", _problems, "left-out.html"),
)
"""In order. A new section is a function above and a row here."""
