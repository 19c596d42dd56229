"""What differs between two commits that asv measured, and all its figures in a form that a page can hold.

These figures were taken one commit after the other, not in turns, so the machine's drift is in them. A time
counts as different where the quartiles of the two do not meet and the medians are further apart than the
case's own noise explains (:func:`gate`). ``python -m benchmarks compare`` measures in turns, and is the
judge.
"""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.history.changes import Case, Judged
from reports.history.log import Commit
from reports.history.results import Point

TIME = "seconds"
LEAST_CHANGE = 0.02
DEVIATIONS = 4 * 1.4826
"""Four standard deviations of a normal variable, in medians of its absolute value."""

FEWEST = 5
"""Commits below which nothing is known of a case's noise."""

DIGITS = 4
"""Significant digits of the figures that the page holds: the table and the script judge the same numbers."""

UNCHANGED = ("no difference", "the same")
WORSE = ("slower", "more")


@dataclass(frozen=True)
class Track:
    """All cases of one machine and environment, and the commits with a figure among them, oldest first."""

    machine: str
    environment: str
    commits: tuple[Commit, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Difference:
    """One case at two commits."""

    case: Case
    base: Point
    head: Point

    @property
    def ratio(self) -> float | None:
        """The head as a multiple of the base; None where that is 0 or less."""
        return self.head.value / self.base.value if self.base.value > 0 else None

    @property
    def verdict(self) -> str:
        """``slower``, ``faster``, ``no difference``; for what is counted ``more``, ``less``, ``the same``."""
        base, head = self.base, self.head
        if self.case.series.unit != TIME:
            return "the same" if head.value == base.value else "more" if head.value > base.value else "less"
        apart = head.q1 > base.q3 or base.q1 > head.q3
        if not apart or base.value <= 0 or head.value <= 0:
            return "no difference"
        if abs(math.log(head.value / base.value)) <= gate(self.case):
            return "no difference"
        return "slower" if head.value > base.value else "faster"


def gate(case: Case) -> float:
    """The difference of logarithms that the case's own noise, where it is known, may explain.

    From how far neighbouring commits are usually apart: the median, because a step is no noise, and more
    where it is of few.
    """
    values = [p.value for p in case.series.points]
    least = math.log1p(LEAST_CHANGE)
    if len(values) < FEWEST or min(values) <= 0:
        return _short(least)
    apart = statistics.median(abs(math.log(b / a)) for a, b in itertools.pairwise(values))
    return _short(max(least, DEVIATIONS * apart * (1 + 1 / math.sqrt(len(values) - 1))))


def tracks(history: Judged) -> tuple[Track, ...]:
    """The history by machine and environment: nothing is compared across them."""
    groups: dict[tuple[str, str], list[Case]] = {}
    for one in history.cases:
        groups.setdefault((one.series.machine, one.series.environment), []).append(one)
    out = []
    for (machine, environment), cases in groups.items():
        measured = {p.commit for c in cases for p in c.series.points}
        commits = tuple(c for c in history.history.log if c.hash in measured)
        out.append(Track(machine, environment, commits, tuple(cases)))
    return tuple(out)


def differences(track: Track, base: Commit, head: Commit) -> list[Difference]:
    """Every case with a figure at both commits: worse ones first, then better, the largest first."""
    found = []
    for case in track.cases:
        points = {p.commit: p for p in case.series.points}
        if base.hash in points and head.hash in points:
            found.append(Difference(case, _rounded(points[base.hash]), _rounded(points[head.hash])))
    return sorted(found, key=_prominence)


def _prominence(d: Difference) -> tuple[bool, bool, float, str]:
    size = abs(math.log(d.ratio)) if d.ratio else math.inf if d.verdict not in UNCHANGED else 0.0
    return d.verdict in UNCHANGED, d.verdict not in WORSE, -size, d.case.name


def _rounded(p: Point) -> Point:
    return Point(p.commit, p.date, *(_short(v) for v in (p.value, p.q1, p.q3)))


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def as_json(found: Iterable[Track]) -> str:
    """The figures of every commit for the page's script: text that is safe within an HTML script element."""
    content = [
        {
            "machine": track.machine,
            "environment": track.environment,
            "commits": [[c.hash, c.subject, f"{c.date:%Y-%m-%d}", c.anchor] for c in track.commits],
            "cases": [_packed(case, track.commits) for case in track.cases],
        }
        for track in found
    ]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _packed(case: Case, commits: Sequence[Commit]) -> list[object]:
    """Name, unit, gate, and for each commit its figure, or that and how far its quartiles are, or null.

    Times are in nanoseconds here: whole numbers take less room, and so do short distances.
    """
    points = {p.commit: p for p in case.series.points}
    scale = 1e9 if case.series.unit == TIME else 1.0
    return [case.name, case.series.unit, gate(case), [_figures(points.get(c.hash), scale) for c in commits]]


def _figures(p: Point | None, scale: float) -> object:
    if p is None:
        return None
    value, q1, q3 = (_whole(_short(v * scale)) for v in (p.value, p.q1, p.q3))
    return value if q1 == q3 == value else [value, _whole(_short(value - q1)), _whole(_short(q3 - value))]


def _whole(value: float) -> float:
    return int(value) if value.is_integer() else value
