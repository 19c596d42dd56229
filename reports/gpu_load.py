"""The record of a GPU run, taken apart: it holds whole records of other kinds, each read as if on its own.

See :mod:`benchmarks.gpu.record` for the schema. What a rehearsal wrote is no figure and is never shown.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from reports.fields import Bad, Fields, Json, clean, parse, shown

MARK = "gem_impls_gpu"
SCHEMA = 1
SWEEP = "gem_impls"
"""The key at the top of a sweep's record; the other kinds have theirs in :data:`reports.kinds.KINDS`."""


def unpacked(name: str, raw: bytes, marks: Collection[str]) -> list[tuple[str, bytes]]:
    """(name to show, content) of every record in a file: itself, or, of a GPU run, those that it holds.

    ``marks`` are the keys by which records are known. Raises :class:`~reports.fields.Bad` where the file is
    a GPU run that cannot be taken apart, or a rehearsal.
    """
    if f'"{MARK}"'.encode() not in raw:
        return [(name, raw)]
    try:
        top = Fields(parse(raw), "")
    except Bad:
        return [(name, raw)]  # whoever reads it says what is wrong
    if top.raw(MARK) is None:
        return [(name, raw)]
    header = top.object(MARK)
    if header.raw("schema") != SCHEMA:
        raise Bad(f"its schema is {shown(header.raw('schema'))}; this report reads schema {SCHEMA}")
    if header.flag("rehearsal"):
        raise Bad("it is a rehearsal on a CPU: nothing in it is a figure")
    return [
        (clean(f"{name}, {part}"), json.dumps(record).encode())
        for part, record in _records(top.objects("phases"))
        if isinstance(record, dict) and any(record.get(mark) is not None for mark in (SWEEP, *marks))
    ]


def _records(phases: list[Json]) -> Iterator[tuple[str, Json]]:
    for number, entry in enumerate(phases):
        phase = Fields(entry, f"phases[{number}]")
        results = phase.object("results")
        for job in results.names():
            which = "" if job == "all" else f" of {job}"
            yield f"{phase.text('phase')}{which}", results.raw(job)
