"""The error maps in a few sentences, computed from the records."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.error.labs import Lab, Sheet
from reports.error.records import Map
from reports.error.tables import number, ulp_short
from reports.headline import Headline, Part

GROUPS = (
    ("16-bit, every input", ("float16", "bfloat16")),
    ("float32", ("float32",)),
    ("float64", ("float64",)),
)
"""(what a line is about, its dtypes)."""

COMPARED = ("gelu", "silu")


def error_headline(lab: Lab) -> Headline | None:
    """How exact the implementations are in the first dtype, for any input; None without the family."""
    if not lab.family:
        return None
    dtype = lab.dtypes[0]
    first, *others = lab.in_dtype(lab.family, dtype)
    parts = [
        Part(f"In {dtype}, "),
        Part(first.name, strong=True),
        Part(" is at most "),
        Part(f"{_of(first.maps, 'value')} ulp", strong=True),
        Part(" from the exact value"),
    ]
    if "gradient" in first.whats:
        slope = Part(f"{_of(first.maps, 'gradient')} ulp", strong=True)
        parts += [Part(" and "), slope, Part(" from the exact gradient")]
    parts.append(Part(", whatever the input and the parameters"))
    for other in others:
        parts += [Part("; "), Part(other.name, strong=True), Part(f" {_both(other.maps)}{_dies(other)}")]
    peers = [
        f"{name} {_both(found)}"
        for sheet in lab.in_dtype(lab.peers, dtype)
        for name in COMPARED
        if (found := [m for m in sheet.maps if m.function.name == name])
    ]
    if peers:
        parts.append(Part(f". PyTorch's own for comparison: {', '.join(peers)}"))
    remark = "Largest error of any finite input, value / gradient, in ulp; half an ulp is correct rounding."
    return Headline((*parts, Part(".")), f"{remark} {scope(lab)}")


def scope(lab: Lab) -> str:
    """What was measured, in a sentence."""
    maps = [m for s in lab.family for m in s.maps]
    names = {s.name for s in lab.family}
    functions = {m.function for m in maps}
    return (
        f"{_counted(len(names), 'implementation')}, {_counted(len(functions), 'function')}, "
        f"{sum(m.inputs for m in maps):,} results against exactly known ones."
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def error_lines(lab: Lab) -> list[str]:
    """Four lines for a README: what was measured, then 16-bit, float32 and float64."""
    started = max(s.record.started for s in lab.sheets)
    measured = f"Error maps on {lab.name}, {started:%Y-%m-%d}: {scope(lab)}"
    lines = [
        f"{measured} Below, the largest error of any input in ulp, value / gradient (0.5: correctly rounded)."
    ]
    for label, dtypes in GROUPS:
        found: dict[str, list[Sheet]] = {}
        for sheet in lab.family:
            if sheet.dtype in dtypes:
                found.setdefault(sheet.name, []).append(sheet)
        ranked = sorted(found.items(), key=lambda item: max(m.largest for s in item[1] for m in s.maps))
        said = [f"{name} {_both([m for s in of for m in s.maps])}{_dies(*of)}" for name, of in ranked]
        lines.append(f"{label}: {', '.join(said) or 'not measured'}.")
    return lines


def _of(maps: Sequence[Map], what: str) -> str:
    found = [m.largest for m in maps if m.what == what]
    return ulp_short(max(found)) if found else "not measured"


def _both(maps: Sequence[Map]) -> str:
    return f"{_of(maps, 'value')}\u00a0/\u00a0{_of(maps, 'gradient')}"


def _dies(*sheets: Sheet) -> str:
    """Where NaN or infinity begins, if it does."""
    points = [m.first_nonfinite for s in sheets for m in s.maps if m.nonfinite and m.first_nonfinite]
    least = min((abs(p.x) for p in points if math.isfinite(p.x)), default=None)
    return "" if least is None else f" (NaN or ∞ from |x|\u00a0=\u00a0{number(least)})"
