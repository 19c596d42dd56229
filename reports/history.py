"""asv's results folder -> checked series: one quantity, one machine and environment, across commits.

The format is asv's own, version 2: ``benchmarks.json``, and per machine ``machine.json`` and one
``<commit>-<environment>.json`` a commit, whose rows are named by its ``result_columns``. A series never
joins two machines, two environments, or two versions of a benchmark.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reports.fields import Bad, Fields, Json, clean, mapping, parse, sequence, shown
from reports.records import Problem, Source

API_VERSION = 2
NOT_RESULTS = ("benchmarks.json", "machine.json")


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
    """One benchmark with one set of parameters, by date."""

    benchmark: str
    unit: str
    machine: str
    environment: str
    parameters: tuple[tuple[str, str], ...]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class History:
    """All series, the files they came from, and what was left out."""

    series: tuple[Series, ...]
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]

    @property
    def commits(self) -> tuple[str, ...]:
        """Every commit with a figure, by date."""
        dates = {p.commit: p.date for s in self.series for p in s.points}
        return tuple(sorted(dates, key=lambda c: (dates[c], c)))


@dataclass(frozen=True)
class _Benchmark:
    names: tuple[str, ...]
    unit: str
    version: str


Key = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
Say = Callable[[str], None]


def load_history(folder: Path | None) -> History:
    """What asv stored below ``folder``; empty where there is no such folder."""
    if folder is None or not folder.is_dir():
        return History((), (), ())
    problems: list[Problem] = []
    sources: list[Source] = []
    benchmarks: Mapping[str, _Benchmark] = {}
    points: dict[Key, dict[str, Point]] = defaultdict(dict)
    for path in sorted(folder.rglob("*.json"), key=lambda p: (p.name != "benchmarks.json", p.as_posix())):
        name = clean(f"{folder.name}/{path.relative_to(folder).as_posix()}")

        def say(text: str, name: str = name) -> None:
            problems.append(Problem(name, text))

        try:
            raw = path.read_bytes()
            if path.name == "benchmarks.json":
                benchmarks = _benchmarks(parse(raw))
            elif path.name not in NOT_RESULTS:
                for key, point in _results(parse(raw), benchmarks, say):
                    points[key][point.commit] = point
            else:
                continue
            sources.append(Source(name, raw, "asv"))
        except Bad as error:
            say(f"left out: {error}")
        except OSError as error:
            say(f"it could not be read: {error.strerror}")
    return History(_series(points), tuple(sources), tuple(problems))


def _series(points: Mapping[Key, Mapping[str, Point]]) -> tuple[Series, ...]:
    return tuple(
        Series(*key, tuple(sorted(found.values(), key=lambda p: (p.date, p.commit))))
        for key, found in sorted(points.items())
    )


def _benchmarks(content: Json) -> dict[str, _Benchmark]:
    top = Fields(content, "")
    found = {}
    for name in top.names():
        if name == "version":
            continue
        b = top.object(name)
        names = b.objects("param_names")
        found[name] = _Benchmark(
            names=tuple(clean(n) if isinstance(n, str) else "" for n in names),
            unit=b.optional_text("unit") or "",
            version=b.optional_text("version") or "",
        )
    return found


def _results(content: Json, benchmarks: Mapping[str, _Benchmark], say: Say) -> list[tuple[Key, Point]]:
    top = Fields(content, "")
    if top.raw("version") != API_VERSION:
        raise Bad(f"its asv format is {shown(top.raw('version'))}; this report reads {API_VERSION}")
    columns = [c if isinstance(c, str) else "" for c in top.objects("result_columns")]
    commit = top.text("commit_hash")
    date = _date(top.number("date"))
    machine = top.object("params").text("machine")
    environment = _environment_name(top)
    results = top.object("results")
    found: list[tuple[Key, Point]] = []
    for name in results.names():
        try:
            values = sequence(results.raw(name), f"results.{clean(name)}")
            row = Fields(dict(zip(columns, values, strict=False)), f"results.{clean(name)}")
            known = benchmarks.get(name, _Benchmark((), "", ""))
            if known.version and row.raw("version") not in (None, known.version):
                say(f"{clean(name)} was measured by another version of the benchmark; not joined")
                continue
            for parameters, value, q1, q3 in _figures(row, known.names):
                key = (clean(name), known.unit, machine, environment, parameters)
                found.append((key, Point(commit, date, value, q1, q3)))
        except Bad as error:
            say(f"one benchmark left out: {error}")
    return found


def _environment_name(top: Fields) -> str:
    """Python and the pinned requirements; never ``env_name``, which may hold a path of the machine."""
    python = top.optional_text("python") or ""
    python = python if "/" not in python and "\\" not in python else ""
    requirements = mapping(top.raw("requirements") or {}, "requirements")
    pins = [f"{clean(str(n))} {clean(str(v))}".strip() for n, v in sorted(requirements.items())]
    return ", ".join(filter(None, [f"Python {python}" if python else "", *pins]))


def _figures(
    row: Fields, names: tuple[str, ...]
) -> list[tuple[tuple[tuple[str, str], ...], float, float, float]]:
    axes = [sequence(axis, row.at("params")) for axis in row.objects("params")]
    size = math.prod(len(axis) for axis in axes)
    if size > 100_000:
        raise Bad(f"{row.at('params')} span {size} combinations")
    values = row.raw("result")
    if values is None:  # nothing of it could run at that commit
        return []
    columns = [values, row.raw("stats_q_25"), row.raw("stats_q_75")]
    lists = [c if isinstance(c, list) and len(c) == size else [None] * size for c in columns]
    if lists[0] is not columns[0]:
        raise Bad(f"{row.at('result')} must hold {size} values")
    labels = [*names, *(f"parameter {i + 1}" for i in range(len(names), len(axes)))]
    out = []
    for combination, value, q1, q3 in zip(itertools.product(*axes), *lists, strict=True):
        if _is_finite(value):
            low, high = (q1, q3) if _is_finite(q1) and _is_finite(q3) else (value, value)
            texts = [clean(str(c)).strip("'\"") for c in combination]
            parameters = tuple(zip(labels, texts, strict=False))
            out.append((parameters, float(value), float(low), float(high)))
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
