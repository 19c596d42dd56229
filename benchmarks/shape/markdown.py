"""A record as Markdown: the figures found, each with how far it is from its closed form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from benchmarks.shape.entries import QUANTITIES, Failure, Junction, Moments, Quantity
from benchmarks.shape.moments import gains, variance
from benchmarks.study import StudyRecord


def document(record: StudyRecord) -> str:
    """All of it, with where and when it was computed."""
    where = record.header.get("environment", {})
    head = (
        f"Computed {record.header.get('started')} with Python {where.get('python')}, NumPy "
        f"{where.get('numpy')}; {record.header.get('length')} run."
    )
    parts = [_plain(head)]
    for part in (_quantities(record), _junctions(record), _moments(record), _failures(record)):
        parts += part
    return "\n\n".join(parts) + "\n"


def worst(entries: Iterable[Quantity | Junction | Moments]) -> float | None:
    """The largest discrepancy of all that have a closed form; None where none has."""
    return max((e.discrepancy for e in entries if e.discrepancy is not None), default=None)


def _quantities(record: StudyRecord) -> list[str]:
    found = {(q.function, q.name): q for q in record.of(Quantity)}
    if not found:
        return []
    names = [name for name in QUANTITIES if any(key[1] == name for key in found)]
    functions = dict.fromkeys(function for function, _ in found)
    rows = [[f, *(_figure(found.get((f, name))) for name in names)] for f in functions]
    limited = {q.reach for q in found.values() if q.reach is not None}
    note = "".join(f"*: over |x| <= {reach:g}, since it diverges on the line. " for reach in sorted(limited))
    last = f"{note}Largest discrepancy to a closed form: {worst(found.values()):.2g}."
    return ["### Shape", _table(["function", *names], rows), last]


def _figure(q: Quantity | None) -> str:
    return "" if q is None else f"{q.measured:.6g}{'' if q.reach is None else '*'}"


def _junctions(record: StudyRecord) -> list[str]:
    found = record.of(Junction)
    rows = []
    for j in found:
        zeros = max(abs(d) * j.scale ** (k - 1) for k, d in enumerate(j.differences[:-1]))
        rows.append([j.function, j.side, f"{zeros:.1e}", f"{j.differences[-1]:.6g}", f"{j.closed[-1]:.6g}"])
    heads = ["function", "side", "orders 0 to 2n, largest (in scales)", "order 2n + 1", "closed form"]
    return ["### Junction", _table(heads, rows)] if rows else []


def _moments(record: StudyRecord) -> list[str]:
    rows = []
    for m in record.of(Moments):
        g = gains(m)
        figures = (m.std, m.mean, variance(m), g.fan_in, g.centred, g.fan_out, m.growth)
        rows.append([m.function, *(f"{figure:.6g}" for figure in figures)])
    heads = [
        "function",
        "std",
        "mean",
        "variance",
        "gain, fan_in",
        "gain, centred",
        "gain, fan_out",
        "growth",
    ]
    return ["### A normal input", _table(heads, rows)] if rows else []


def _failures(record: StudyRecord) -> list[str]:
    rows = [[f.piece, f.who, f.reason] for f in record.of(Failure)]
    return ["### Failed", _table(["function", "what", "why"], rows)] if rows else []


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """``text`` as Markdown that says just that."""
    return re.sub(r"([\\`|*_<>\[\]])", r"\\\1", " ".join(str(text).split()))
