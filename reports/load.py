"""Stored files -> checked records. Whatever is not a record of ours is named and left out.

Reads pytest-benchmark's JSON with our keys (schema 1), the journals (``*.jsonl``) of interrupted sweeps, and
whatever is a row of :data:`reports.kinds.KINDS`. One damaged case costs that case; a damaged
header costs the file; never more.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from gem_impls.oracle import FORMATS
from reports.entries import DEVICES, Say, each, environment
from reports.fields import Bad, Fields, Json, clean, mapping, parse, shown
from reports.gpu_load import unpacked
from reports.kinds import KINDS, Stored
from reports.loaded import Loaded
from reports.records import (
    Case,
    Error,
    Measurement,
    Memory,
    NotMeasured,
    Partner,
    Problem,
    Record,
    Source,
    describe,
)

SCHEMA = 1

MOST_SAID = 20
"""Complaints about one file that are listed; the others are counted."""

S = TypeVar("S", bound=Stored)

PASSES = ("forward", "backward", "forward+backward")


def load(folders: Iterable[Path], apart: Path | None = None) -> Loaded:
    """Every record below ``folders``; the folder ``apart`` (asv's results) is left to its own reader."""
    records: list[Record] = []
    others: dict[str, list[Stored]] = {}
    problems: list[Problem] = []
    seen: set[bytes] = set()
    for name, raw in _contents(_files(folders, apart), problems):
        digest = hashlib.sha256(raw).digest()
        if digest in seen and raw.strip():
            problems.append(Problem(name, "it is a copy of a file already read"))
            continue
        seen.add(digest)
        said: list[str] = []
        try:
            top = None if name.endswith(".jsonl") else Fields(parse(raw), "")
            kind = next((k for k in KINDS if top is not None and top.raw(k.mark) is not None), None)
            if kind is not None and top is not None:
                record = kind.read(Source(name, raw, kind.name), top, said.append)
                others.setdefault(kind.mark, []).append(record)
            else:
                records.append(_record(Source(name, raw, "sweep"), top, said.append))
        except Bad as error:
            problems.append(Problem(name, f"left out: {error}"))
        problems += [Problem(name, text) for text in said[:MOST_SAID]]
        if len(said) > MOST_SAID:
            problems.append(Problem(name, f"and {len(said) - MOST_SAID} more of its entries left out"))
    found = {mark: _newest_first(made) for mark, made in others.items()}
    return Loaded(_newest_first(records), tuple(problems), found)


def _contents(files: Iterable[tuple[Path, str]], problems: list[Problem]) -> Iterator[tuple[str, bytes]]:
    """(name to show, content) of every record in the files; what cannot be read goes to ``problems``."""
    for path, name in files:
        try:
            yield from unpacked(name, path.read_bytes(), [kind.mark for kind in KINDS])
        except OSError as error:
            problems.append(Problem(name, f"it could not be read: {error.strerror}"))
        except Bad as error:
            problems.append(Problem(name, f"left out: {error}"))


def _newest_first(records: Iterable[S]) -> tuple[S, ...]:
    return tuple(sorted(records, key=lambda r: (r.started, r.source.download), reverse=True))


def _files(folders: Iterable[Path], apart: Path | None) -> list[tuple[Path, str]]:
    """The files to read and the names to show: relative to the folder's parent, never a machine's path."""
    found: dict[Path, str] = {}
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".jsonl") and p.is_file()):
            real = path.resolve()
            if apart is None or not real.is_relative_to(apart.resolve()):
                found.setdefault(real, clean(f"{folder.name}/{path.relative_to(folder).as_posix()}"))
    return list(found.items())


def _record(source: Source, top: Fields | None, say: Say) -> Record:
    """The record in ``source``: a journal, or the object ``top``. ``say`` is told what was left out of it.

    Raises:
        Bad: it is not a record that this report can read.
    """
    header, entries, missing = _journal(source.raw, say) if top is None else _sweep(top)
    ours = Fields(header, "gem_impls")
    if ours.raw("schema") != SCHEMA:
        raise Bad(f"its schema is {shown(ours.raw('schema'))}; this report reads schema {SCHEMA}")
    measurements = each(entries, "benchmarks", _measurement, say)
    return Record(
        source=source,
        sweep=ours.text("sweep"),
        complete=ours.flag("complete"),
        started=ours.time("started"),
        finished=None if ours.raw("finished") is None else ours.time("finished"),
        environment=environment(ours.object("environment")),
        measurements=_unique(measurements, say),
        not_measured=tuple(each(missing, "not_measured", _not_measured, say)),
        refused=len(entries) - len(measurements),
    )


def _sweep(top: Fields) -> tuple[Json, list[Json], list[Json]]:
    if top.raw("gem_impls") is None:
        raise Bad(_foreign(top))
    missing = top.object("gem_impls").objects("not_measured")
    return top.raw("gem_impls"), top.objects("benchmarks"), missing


def _foreign(top: Fields) -> str:
    keys = set(top.names())
    if keys >= {"result_columns", "commit_hash"}:
        return "it is a result of asv; name its folder with --asv"
    if keys >= {"benchmarks", "machine_info"}:
        return "it is a pytest-benchmark file without this suite's keys (gem_impls)"
    return f"it is not a record of this suite (no key gem_impls or {', '.join(k.mark for k in KINDS)})"


def _journal(raw: bytes, say: Say) -> tuple[Json, list[Json], list[Json]]:
    lines = raw.splitlines()
    if not raw.strip():
        raise Bad("it is empty")
    header = Fields(Fields(parse(lines[0]), "line 1").raw("header"), "line 1, header")
    if {"base", "head", "rows"} <= set(header.names()):
        raise Bad("it is the journal of an interrupted comparison; compare --from judges it")
    entries: list[Json] = []
    missing: list[Json] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            entry = mapping(parse(line), "the line")
            if "benchmark" not in entry and "not_measured" not in entry:
                raise Bad("it holds neither a benchmark nor a reason")
        except Bad as error:
            last = number == len(lines)
            say(f"its last line was cut off and is dropped ({error})" if last else f"line {number}: {error}")
            continue
        entries += [entry["benchmark"]] if "benchmark" in entry else []
        missing += [entry["not_measured"]] if "not_measured" in entry else []
    return header.raw("gem_impls"), entries, missing


def _unique(measurements: list[Measurement], say: Say) -> tuple[Measurement, ...]:
    found: dict[tuple[Case, str, str | None], Measurement] = {}
    for one in measurements:
        key = (one.case, one.clock, one.cache)
        if key in found:
            say(f"a case is there twice, the later one is used: {describe(one.case)}")
        found[key] = one
    return tuple(found.values())


def _case(c: Fields) -> Case:
    shape = c.objects("shape")
    if not all(isinstance(d, int) and not isinstance(d, bool) and 0 <= d < 2**63 for d in shape):
        raise Bad(f"{c.at('shape')} must hold integers >= 0")
    numel = c.integer("numel", 1)
    if math.prod(shape) != numel:
        raise Bad(f"{c.at('numel')} is {numel}, which is not the product of its shape")
    return Case(
        kind=c.text("kind", ("gem", "peer")),
        function=c.text("function"),
        implementation=c.text("implementation"),
        n=c.optional_integer("n", 1),
        eps=c.optional_number("eps"),
        negative_slope=c.optional_number("negative_slope"),
        shape=tuple(shape),
        numel=numel,
        dtype=c.text("dtype", tuple(FORMATS)),
        device=c.text("device", DEVICES),
        layout=c.text("layout"),
        passes=c.text("pass", PASSES),
        out=c.flag("out"),
        conditions=c.optional_text("conditions") or "",
    )


def _measurement(b: Fields, say: Say) -> Measurement:
    extra = b.object("extra_info")
    if extra.raw("schema") != SCHEMA:
        raise Bad(f"{extra.at('schema')} is {shown(extra.raw('schema'))}; this report reads schema {SCHEMA}")
    samples = b.object("stats").durations("data")
    errors = extra.object("error")
    inputs = extra.object("inputs")
    return Measurement(
        case=_case(extra.object("case")),
        clock=extra.text("clock", ("wall", "device")),
        cache=extra.optional_text("cache", ("hot", "cold")),
        calls_per_sample=extra.optional_integer("calls_per_sample", 1),
        bytes=extra.optional_integer("bytes", 1),
        samples=samples,
        partners=_partners(extra.object("partners"), len(samples), say),
        memory=_memory(extra.object("memory")),
        value_error=_error(errors, "value"),
        gradient_error=_error(errors, "gradient"),
        error_reason=errors.optional_text("reason"),
        distribution=inputs.optional_text("distribution"),
        seed=inputs.optional_integer("seed"),
    )


def _partners(p: Fields, rounds: int, say: Say) -> dict[str, Partner]:
    found = {}
    for name in p.names():
        try:
            one = p.object(name)
            partner = Partner(one.durations("samples"), one.optional_integer("bytes", 1))
            if len(partner.samples) != rounds:
                raise Bad(f"{p.at(name)} has {len(partner.samples)} rounds, its case {rounds}: no pairs")
            found[clean(name)] = partner
        except Bad as error:
            say(f"one comparison left out: {error}")
    return found


def _memory(m: Fields) -> Memory:
    return Memory(
        peak_bytes=m.optional_integer("peak_bytes"),
        saved_bytes_per_element=m.optional_number("saved_bytes_per_element", least=0),
        reason=m.optional_text("reason"),
    )


def _error(errors: Fields, what: str) -> Error | None:
    if errors.raw(what) is None:
        return None
    e = errors.object(what)
    max_ulp = e.optional_number("max_ulp", least=0)
    if max_ulp is None:  # an infinity is stored as null, with its reason beside it
        return None
    return Error(
        max_ulp=max_ulp,
        mean_ulp=e.optional_number("mean_ulp", least=0),
        worst_x=e.optional_number("worst_x"),
        points=e.optional_integer("points", 1),
    )


def _not_measured(n: Fields, _: Say) -> NotMeasured:
    return NotMeasured(
        case=_case(n.object("case")),
        status=n.text("status", ("skipped", "failed")),
        reason=n.text("reason"),
    )
