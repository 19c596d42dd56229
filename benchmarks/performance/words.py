"""Verdicts in words: what the terminal, the document and the page say of a target."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from benchmarks.performance.targets import PEAK, RATIO, SAVED, START
from benchmarks.performance.verdicts import AT_LIMIT, MISSED, Figure, Spread, Verdict

MOST_NAMED: Final = 4
"""Places that a sentence names one by one."""


def ratio(s: Spread) -> str:
    """``1.23 (1.20–1.25)``: median and quartiles."""
    places = 2 if s.median < 9.995 else 1
    return f"{s.median:.{places}f} ({s.q1:.{places}f}–{s.q3:.{places}f})"


def measured(v: Verdict) -> str:
    """The figure of a target in a few words, with what it is of."""
    if not v.figures:
        return v.status
    text = SAID[v.target.quantity](v)
    return f"{text}; {v.lacking} of {v.lacking + len(v.figures)} settings not measured" if v.lacking else text


def _ratios(v: Verdict) -> str:
    worst = v.worst
    assert worst is not None, "there are figures"
    if len(v.figures) == 1:
        return f"{ratio(worst.spread)} {worst.who}"
    middle = statistics.median(f.spread.median for f in v.figures)
    good = sum(f.status not in (MISSED, AT_LIMIT) for f in v.figures)
    return (
        f"worst {ratio(worst.spread)} at {worst.where}, {worst.who}; "
        f"median of {len(v.figures)} settings {middle:.2f}; within the limit at {good}"
    )


def _exact(v: Verdict) -> str:
    over = [f for f in v.figures if f.status == MISSED]
    if not over:
        most = max(f.spread.median for f in v.figures)
        return f"{most:g} at most, {len({f.who for f in v.figures})} implementations"
    named = [_one(f) for f in over[:MOST_NAMED]]
    more = f", and {len(over) - MOST_NAMED} more" if len(over) > MOST_NAMED else ""
    return ", ".join(named) + more


def _one(f: Figure) -> str:
    return f"{f.who} {f.where}: {f.spread.median:g}".replace(" :", ":")


def _starts(v: Verdict) -> str:
    said = []
    for f in v.figures:
        if f.where == "seconds":
            s = f.spread
            said.append(f"{s.median:.2f} s ({s.q1:.2f}–{s.q3:.2f}) beside importing torch")
        else:
            said.append(f"{ratio(f.spread)} × before")
    return ", ".join(said)


SAID: Final = {RATIO: _ratios, SAVED: _exact, PEAK: _exact, START: _starts}
"""What a target is about -> how its figures are said."""


def table(verdicts: Sequence[Verdict]) -> str:
    """For the terminal: a line a target."""
    rows = [("target", "goal", "verdict", "measured")]
    rows += [(v.target.id, v.target.goal, v.status, measured(v)) for v in verdicts]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        lines.append("  ".join([*padded, row[3]]).rstrip())
    return "\n".join(lines)
