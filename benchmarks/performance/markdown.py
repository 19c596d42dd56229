"""A record as Markdown, for ``docs/performance.md``: targets, layers, crossover, cold start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from benchmarks.performance.crossover import RIVALS, crossover, curves, words
from benchmarks.performance.entries import Entry, Start
from benchmarks.performance.falls import Fall, falls
from benchmarks.performance.first_call import PHASES
from benchmarks.performance.settings import USER
from benchmarks.performance.targets import TARGETS
from benchmarks.performance.verdicts import Spread, judge, spread, total
from benchmarks.performance.words import measured
from benchmarks.study import StudyRecord


def document(record: StudyRecord, before: Sequence[Entry] = ()) -> str:
    """All of it, with where and when it was measured."""
    where = record.header["environment"]
    head = (
        f"Measured {record.header['started']} on {where['machine']}; torch {where['torch']}, NumPy "
        f"{where['numpy']}, Python {where['python']}; {record.header['length']} run, load "
        f"{record.header['busy']} a processor when it began."
    )
    parts = [_plain(head), *_targets(record, before)]
    for device in record.header["devices"]:
        parts += _layers(record.entries, device)
        parts += _crossovers(record.entries, device)
        parts += _starts(record.entries, device)
    return "\n\n".join(parts) + "\n"


def _targets(record: StudyRecord, before: Sequence[Entry]) -> list[str]:
    gpu = record.header["environment"]["gpu"] is not None
    rows = []
    for target in TARGETS:
        v = judge(target, record.entries, gpu=gpu, before=before)
        said = measured(v) if v.figures else ""
        rows.append([f"{target.where}: {target.case}", target.goal, v.status, said, f"`--only {target.id}`"])
    heads = ["case", "goal", "verdict", "measured: median (quartiles)", "`python -m benchmarks performance`"]
    return ["### Targets", _table(heads, rows)]


def _layers(entries: Sequence[Entry], device: str) -> list[str]:
    parts = []
    found = falls(entries, device)
    for numel in sorted({f.race.numel for f in found}):
        here = [f for f in found if f.race.numel == numel]
        names = list(dict.fromkeys(layer.name for f in here for layer in f.layers))
        rows = [[name, *(_layer(f, name) for f in here)] for name in names]
        rows.append(["unexplained", *(microseconds(f.unexplained) for f in here)])
        rows.append(["in all", *(_spread(f.total) for f in here)])
        title = f"### Where the time goes: {device}, 2^{numel.bit_length() - 1} elements, microseconds"
        parts += [title, _table(["layer", *(f.race.subject for f in here)], rows)]
    return parts


def _layer(f: Fall, name: str) -> str:
    layer = next((one for one in f.layers if one.name == name), None)
    if layer is None:
        return ""
    return _spread(layer.added) if layer.seen else "no difference"


def _spread(s: Spread) -> str:
    return f"{microseconds(s.median)} ({microseconds(s.q1)}–{microseconds(s.q3)})"


def microseconds(seconds: float) -> str:
    """Three digits, no unit."""
    value = seconds * 1e6
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _crossovers(entries: Sequence[Entry], device: str) -> list[str]:
    rows = []
    for passes, races in curves(entries, device).items():
        names = dict.fromkeys(name for r in races for name in r.family)
        for who in [*sorted(names), *([USER] if any(USER in r.samples for r in races) else [])]:
            found = (crossover(who, rival, races) for rival in RIVALS)
            rows.append([passes, who, *(words(c) if c else "" for c in found)])
    heads = ["pass", "implementation", *(f"faster than {rival}" for rival in RIVALS)]
    return [f"### From which size it pays: {device}", _table(heads, rows)] if rows else []


def _starts(entries: Sequence[Entry], device: str) -> list[str]:
    rows = []
    for e in entries:
        if isinstance(e, Start) and e.device == device:
            phases = [spread(e.phases[p]) if p in e.phases else None for p in PHASES]
            whole = spread(total(e, e.phases))
            rows.append([e.implementation, e.caches, *(_seconds(s) for s in (*phases, whole))])
    heads = ["implementation", "disk caches", *PHASES, "in all"]
    return [f"### Cold start: {device}, seconds", _table(heads, rows)] if rows else []


def _seconds(s: Spread | None) -> str:
    return f"{s.median:.2g} ({s.q1:.2g}–{s.q3:.2g})" if s else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """``text`` with what Markdown would take for markup escaped, but for code."""
    return text if text.startswith("`") else re.sub(r"([\\*_\[\]<>#|~$])", r"\\\1", text)
