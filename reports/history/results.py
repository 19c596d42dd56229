"""asv's results folder -> checked series: one quantity, one machine and environment, across commits.

The format is asv's own, version 2: ``benchmarks.json``, and per machine ``machine.json`` and one
``<commit>-<environment>.json`` a commit, whose rows are named by its ``result_columns``; and beside them our
``commits.csv`` (:mod:`reports.history.log`). A series never joins two machines, two environments, or two
versions of a benchmark.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from reports.fields import Bad, Fields, Json, clean, mapping, parse, sequence, shown
from reports.history.log import FILE, NOTES, Commit, clock_went_back, in_order, read_commits, read_notes
from reports.records import Problem, Source

API_VERSION = 2
BENCHMARKS, MACHINE = "benchmarks.json", "machine.json"


@dataclass(frozen=True)
class Point:
    """One figure at one commit; quartiles where asv kept them."""

    commit: str
    date: datetime
    value: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Series:
    """One benchmark with one set of parameters, oldest commit first.

    ``failed`` are the commits at which it was tried and gave no figure; one that a commit or a machine does
    not offer is in neither.
    """

    benchmark: str
    unit: str
    machine: str
    environment: str
    parameters: tuple[tuple[str, str], ...]
    points: tuple[Point, ...]
    title: str = ""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)  # compared by identity: judged once, then looked up
class History:
    """All series, the files they came from, what was left out, and every commit tried, oldest first.

    ``notes`` are what people wrote about commits, by hash or its beginning.
    """

    series: tuple[Series, ...]
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]
    log: tuple[Commit, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    def note(self, commit: str) -> str:
        """What people wrote about a commit; empty where nobody did."""
        return next((text for name, text in self.notes.items() if commit.startswith(name)), "")

    @cached_property
    def commits(self) -> tuple[str, ...]:
        """Every commit with a figure, in order."""
        found = {p.commit for s in self.series for p in s.points}
        return tuple(c.hash for c in self.log if c.hash in found)


@dataclass(frozen=True)
class _Benchmark:
    names: tuple[str, ...]
    unit: str
    version: str
    title: str


LATER = "the later figures stand"
UNDATED = "where they do not say which is later, the figures of this file stand"

Key = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
Say = Callable[[str], None]


@dataclass
class _Found:
    """What has been read so far. Where two files have the same figure, the one taken later stands.

    Of two that say the same time, or none, the one read later does: the order of names.
    """

    benchmarks: Mapping[str, _Benchmark] = field(default_factory=dict)
    points: dict[Key, dict[str, tuple[float, Point | None]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    dates: dict[str, datetime] = field(default_factory=dict)
    known: dict[str, Commit] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def keep(self, key: Key, commit: str, taken: float, point: Point | None) -> str:
        """Which figure stands, where the commit had another one already; else empty."""
        before = self.points[key].get(commit)
        if before is None or taken >= before[0]:
            self.points[key][commit] = (taken, point)
        if before is None or before[1] == point:
            return ""
        return LATER if before[0] != taken else UNDATED


def load_history(folder: Path | None) -> History:
    """What asv stored below ``folder``; empty where there is no such folder."""
    if folder is None or not folder.is_dir():
        return History((), (), ())
    problems: list[Problem] = []
    sources: list[Source] = []
    found = _Found()
    for path in sorted(folder.rglob("*"), key=lambda p: (p.name != BENCHMARKS, p.as_posix())):
        if path.suffix != ".json" and path.name not in READERS:
            continue
        name = _shown_path(folder, path)

        def say(text: str, name: str = name) -> None:
            problems.append(Problem(name, text))

        try:
            raw = path.read_bytes()
            READERS.get(path.name, _read_results)(raw, found, say)
        except Bad as error:
            say(f"left out: {error}")
        except OSError as error:
            say(f"it could not be read: {error.strerror}")
        else:
            sources.append(Source(name, raw, "asv"))
            if path.name not in READERS and not (path.parent / MACHINE).is_file():
                text = f"{MACHINE} is missing: the results are shown here, asv's own pages skip them"
                found.notes[_shown_path(folder, path.parent), text] += 1
    log = in_order(found.dates, found.known)
    for (place, text), count in sorted(found.notes.items()):
        problems.append(Problem(place, f"{text} ({count} {'file' if count == 1 else 'files'})"))
    for commit in clock_went_back(log):
        text = "is dated before a commit that leads to it; the order shown is that of the history"
        problems.append(Problem(commit.short, text))
    return History(_series(found, log), tuple(sources), tuple(problems), log, found.written)


def _shown_path(folder: Path, path: Path) -> str:
    return clean(f"{folder.name}/{path.relative_to(folder).as_posix()}")


def _series(found: _Found, log: tuple[Commit, ...]) -> tuple[Series, ...]:
    rank = {commit.hash: index for index, commit in enumerate(log)}
    series = []
    for key, by_commit in sorted(found.points.items()):
        commits = sorted(by_commit, key=lambda c: rank[c])
        points = tuple(point for c in commits if (point := by_commit[c][1]))
        failed = tuple(c for c in commits if by_commit[c][1] is None)
        known = found.benchmarks.get(key[0])
        series.append(Series(*key, points, known.title if known else "", failed))
    return tuple(series)


def _read_benchmarks(raw: bytes, found: _Found, _: Say) -> None:
    top = Fields(parse(raw), "")
    benchmarks = {}
    for name in top.names():
        if name == "version":
            continue
        b = top.object(name)
        names = b.objects("param_names")
        benchmarks[name] = _Benchmark(
            names=tuple(clean(n) if isinstance(n, str) else "" for n in names),
            unit=b.optional_text("unit") or "",
            version=b.optional_text("version") or "",
            title=b.optional_text("pretty_name") or "",
        )
    found.benchmarks = benchmarks


def _read_commits(raw: bytes, found: _Found, say: Say) -> None:
    found.known |= read_commits(raw, say)


def _read_results(raw: bytes, found: _Found, say: Say) -> None:
    top = Fields(parse(raw), "")
    if top.raw("version") != API_VERSION:
        raise Bad(f"its asv format is {shown(top.raw('version'))}; this report reads {API_VERSION}")
    columns = [c if isinstance(c, str) else "" for c in top.objects("result_columns")]
    commit = top.text("commit_hash")
    date = _date(top.number("date"))
    machine = top.object("params").text("machine")
    environment = _environment_name(top)
    results = top.object("results")
    twice: set[str] = set()
    for name in results.names():
        try:
            values = sequence(results.raw(name), f"results.{clean(name)}")
            row = Fields(dict(zip(columns, values, strict=False)), f"results.{clean(name)}")
            known = found.benchmarks.get(name, _Benchmark((), _guessed_unit(name), "", ""))
            if known.version and row.raw("version") not in (None, known.version):
                say(f"{clean(name)} was measured by another version of the benchmark; not joined")
                continue
            if found.benchmarks and name not in found.benchmarks:
                text = "benchmarks.json does not list it: renamed or removed; shown under its old name"
                found.notes[clean(name), text] += 1
            taken = row.optional_number("started_at") or 0.0
            for parameters, figure in _figures(row, known.names):
                key = (clean(name), known.unit, machine, environment, parameters)
                point = Point(commit, date, *figure) if figure else None
                twice.add(found.keep(key, commit, taken, point))
            found.dates[commit] = date
        except Bad as error:
            say(f"one benchmark left out: {error}")
    if stand := [text for text in (LATER, UNDATED) if text in twice]:
        say(f"{clean(commit)[:8]} was measured twice in the same environment; {'; '.join(stand)}")


def _guessed_unit(name: str) -> str:
    """The unit of a benchmark that is no longer described: asv's prefix for times tells it."""
    return "seconds" if name.rpartition(".")[2].startswith("time_") else ""


def _read_notes(raw: bytes, found: _Found, _: Say) -> None:
    found.written |= read_notes(raw)


def _read_machine(raw: bytes, _: _Found, __: Say) -> None:
    """Nothing of it is shown, but asv needs it beside the results of the machine."""
    mapping(parse(raw), "machine")


READERS: Mapping[str, Callable[[bytes, _Found, Say], None]] = {
    BENCHMARKS: _read_benchmarks,
    FILE: _read_commits,
    NOTES: _read_notes,
    MACHINE: _read_machine,
}
"""File -> what reads it; every other one is a commit's results."""


def _environment_name(top: Fields) -> str:
    """Python and the pinned requirements; never ``env_name``, which may hold a path of the machine."""
    python = top.optional_text("python") or ""
    python = python if "/" not in python and "\\" not in python else ""
    requirements = mapping(top.raw("requirements") or {}, "requirements")
    pins = [f"{clean(str(n))} {clean(str(v))}".strip() for n, v in sorted(requirements.items())]
    return ", ".join(filter(None, [f"Python {python}" if python else "", *pins]))


Figure = tuple[float, float, float]


def _figures(row: Fields, names: tuple[str, ...]) -> list[tuple[tuple[tuple[str, str], ...], Figure | None]]:
    """Each combination of parameters with its median and quartiles; None where it was tried and failed."""
    axes = [sequence(axis, row.at("params")) for axis in row.objects("params")]
    size = math.prod(len(axis) for axis in axes)
    if size > 100_000:
        raise Bad(f"{row.at('params')} span {size} combinations")
    values = row.raw("result")
    if values is None:  # the whole of it failed at that commit
        values = [None] * size
    columns = [values, row.raw("stats_q_25"), row.raw("stats_q_75")]
    lists = [c if isinstance(c, list) and len(c) == size else [None] * size for c in columns]
    if lists[0] is not columns[0]:
        raise Bad(f"{row.at('result')} must hold {size} values")
    labels = [*names, *(f"parameter {i + 1}" for i in range(len(names), len(axes)))]
    out: list[tuple[tuple[tuple[str, str], ...], Figure | None]] = []
    for combination, value, q1, q3 in zip(itertools.product(*axes), *lists, strict=True):
        texts = [clean(str(c)).strip("'\"") for c in combination]
        parameters = tuple(zip(labels, texts, strict=False))
        if value is None:
            out.append((parameters, None))
        elif _is_finite(value):
            low, high = (q1, q3) if _is_finite(q1) and _is_finite(q3) else (value, value)
            out.append((parameters, (float(value), float(low), float(high))))
    return out


def _is_finite(value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1e300 < value < 1e300


def _date(milliseconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise Bad(f"date is {shown(milliseconds)}, which is no time") from None
