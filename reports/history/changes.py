"""History, judged: every followed case with its steps, and every step with its commit and what it means.

What the project is not answerable for is said and kept apart: a step where the package is the same as at the
commit measured before, one that PyTorch's own functions took as well, and any step of these.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from reports import statistic
from reports.history.log import Commit
from reports.history.results import History, Point, Series
from reports.history.steps import Judgement, Step, judge
from reports.powers import superscript

PEER: Final = ", torch"
"""How the name of a case ends that is PyTorch's own function, followed to watch the machine."""

MOST_COMMITS: Final = 1000
"""Commits of a machine that are judged and shown, the newest: finding steps grows with the square of them."""

AROUND: Final = 3
"""Commits before and after a step from which the movement of the peers is taken."""

SHARED: Final = 0.5
"""Share of a step (on a logarithm) that the peers must have moved for it to be the machine's."""


@dataclass(frozen=True)
class Case:
    """One series, judged."""

    series: Series
    judgement: Judgement

    @property
    def title(self) -> str:
        """What is measured, without the function."""
        return superscript(self.series.title) or self.series.benchmark

    @property
    def subject(self) -> str:
        """The function in its implementation, or whatever the first parameter is."""
        return self.series.parameters[0][1] if self.series.parameters else ""

    @property
    def setting(self) -> str:
        """The other parameters."""
        rest = self.series.parameters[1:]
        return ", ".join(f"{statistic.size(int(v))} {n}" if _is_count(v) else v for n, v in rest)

    @property
    def short(self) -> str:
        """Among cases of the same title."""
        return ", ".join(filter(None, [self.subject, self.setting])) or self.title

    @property
    def name(self) -> str:
        """In a line."""
        return " · ".join(filter(None, [self.subject, self.setting, self.title]))

    @property
    def id(self) -> str:
        """Stable: derived from what it shows, not from its place."""
        s = self.series
        key = "\n".join([s.machine, s.environment, s.benchmark, *(v for _, v in s.parameters)])
        return f"case-{hashlib.sha256(key.encode()).hexdigest()[:12]}"

    @property
    def is_peer(self) -> bool:
        return self.subject.endswith(PEER)

    @property
    def newest(self) -> Point:
        return self.series.points[-1]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Commit -> index of its point."""
        return {p.commit: index for index, p in enumerate(self.series.points)}


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < len(text) < 20


@dataclass(frozen=True)
class Change:
    """A step of a case, with the commit at which it is and the one measured before."""

    case: Case
    step: Step
    commit: Commit
    previous: Commit
    excuse: str

    @property
    def kind(self) -> str:
        """``worse``, ``better``, ``unconfirmed`` (worse at the newest commit alone) or ``machine``."""
        if self.excuse:
            return "machine"
        if not self.step.worse:
            return "better"
        return "worse" if self.step.confirmed else "unconfirmed"

    @property
    def id(self) -> str:
        """Stable, unique within the site."""
        return f"{self.case.id}-{self.commit.hash[:12]}"


@dataclass(frozen=True)
class Lost:
    """A case that gave figures before and fails at the newest commit that tried it."""

    case: Case
    commit: Commit


@dataclass(frozen=True)
class Judged:
    """The history of all machines. ``changes`` are the newest first, by the history's order.

    ``older`` says how many commits a machine has before those that are judged.
    """

    history: History
    cases: tuple[Case, ...]
    changes: tuple[Change, ...]
    lost: tuple[Lost, ...]
    older: Mapping[str, int]

    @cached_property
    def machines(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c.series.machine for c in self.cases))

    def of(self, machine: str) -> tuple[Case, ...]:
        """The cases of one machine."""
        return tuple(c for c in self.cases if c.series.machine == machine)

    def order(self, machine: str) -> tuple[Commit, ...]:
        """The judged commits with a figure of that machine, oldest first."""
        return self._orders[machine]

    @cached_property
    def _orders(self) -> Mapping[str, tuple[Commit, ...]]:
        return {
            machine: tuple(c for c in self.history.log if c.hash in found)
            for machine, found in _measured(c.series for c in self.cases).items()
        }

    @cached_property
    def listed(self) -> tuple[Commit, ...]:
        """The commits that something is said of, oldest first: judged, lost, or (the newest) unmeasured."""
        found = {c.hash for order in self._orders.values() for c in order}
        found.update(lost.commit.hash for lost in self.lost)
        found.update(c.hash for c in self.unmeasured[-MOST_COMMITS:])
        return tuple(c for c in self.history.log if c.hash in found)

    @cached_property
    def by_commit(self) -> Mapping[str, tuple[Change, ...]]:
        """Commit -> its changes."""
        ordered = sorted(self.changes, key=lambda c: c.commit.hash)
        groups = itertools.groupby(ordered, key=lambda c: c.commit.hash)
        return {name: tuple(found) for name, found in groups}

    @cached_property
    def by_case(self) -> Mapping[str, tuple[Change, ...]]:
        """Id of a case -> its changes, the oldest first."""
        found: dict[str, list[Change]] = {}
        for change in reversed(self.changes):
            found.setdefault(change.case.id, []).append(change)
        return {name: tuple(changes) for name, changes in found.items()}

    @cached_property
    def unmeasured(self) -> tuple[Commit, ...]:
        """Commits that were tried and gave no figure at all: they do not build, or cannot be imported."""
        measured = set(self.history.commits)
        return tuple(c for c in self.history.log if c.hash not in measured)


def judged(history: History) -> Judged:
    """Judge every series by its machine's newest commits; a pure function of what is stored."""
    log = {c.hash: c for c in history.log}
    rank = {c.hash: index for index, c in enumerate(history.log)}
    series, older = _newest(history, rank)
    cases = tuple(
        Case(s, judge([p.value for p in s.points], _kind(s), _possible(s.points, log)))
        for s in series
        if s.points
    )
    peers = [c for c in cases if c.is_peer]
    changes = [change for case in cases for change in _changes(case, peers, log)]
    changes.sort(key=lambda c: (-rank[c.commit.hash], c.kind != "worse", c.case.name))
    lost = tuple(
        Lost(c, log[c.series.failed[-1]])
        for c in cases
        if c.series.failed and rank[c.series.failed[-1]] > rank[c.newest.commit]
    )
    return Judged(history, cases, tuple(changes), lost, older)


def _measured(series: Iterable[Series]) -> Mapping[str, set[str]]:
    """Machine -> the commits of which it has a figure."""
    found: dict[str, set[str]] = defaultdict(set)
    for s in series:
        found[s.machine].update(p.commit for p in s.points)
    return found


def _newest(history: History, rank: Mapping[str, int]) -> tuple[Sequence[Series], Mapping[str, int]]:
    """The series as far as their machine's newest :data:`MOST_COMMITS` go, and how many it has before."""
    measured = _measured(history.series)
    older = {machine: max(len(commits) - MOST_COMMITS, 0) for machine, commits in measured.items()}
    begin = {
        m: sorted(map(rank.__getitem__, commits))[older[m]] for m, commits in measured.items() if commits
    }
    return [_since(s, begin.get(s.machine, 0), rank) for s in history.series], older


def _since(series: Series, begin: int, rank: Mapping[str, int]) -> Series:
    if not begin:
        return series
    points = tuple(p for p in series.points if rank[p.commit] >= begin)
    failed = tuple(commit for commit in series.failed if rank[commit] >= begin)
    return replace(series, points=points, failed=failed)


def _kind(series: Series) -> str:
    """Peaks hold some of Python's own bytes; all else that is counted is exact."""
    return "peak bytes" if series.unit == "bytes" and "peak" in series.benchmark else series.unit


def _possible(points: Sequence[Point], log: Mapping[str, Commit]) -> list[bool]:
    """Whether the package may differ from that of the commit measured before."""
    packages = [log[p.commit].package for p in points]
    return [not a or a != b for a, b in zip(packages, ["", *packages], strict=False)]


def _changes(case: Case, peers: Iterable[Case], log: Mapping[str, Commit]) -> Iterable[Change]:
    points = case.series.points
    for step in case.judgement.steps:
        commit, previous = log[points[step.at].commit], log[points[step.at - 1].commit]
        yield Change(case, step, commit, previous, _excuse(case, step, peers, commit, previous))


def _excuse(case: Case, step: Step, peers: Iterable[Case], commit: Commit, previous: Commit) -> str:
    """Why the step is not the project's; empty where nothing says so."""
    if case.is_peer:
        return "PyTorch's own function, which the project does not change"
    if commit.package and commit.package == previous.package:
        return f"the package is the same as at {previous.short}"
    if case.judgement.exact:
        return ""
    moved = [m for p in peers if _beside(p, case) and (m := _movement(p, commit.hash)) is not None]
    if not moved:
        return ""
    shared, own = statistics.median(moved), math.log(step.change)
    if shared * own > 0 and abs(shared) >= SHARED * abs(own):
        return f"PyTorch's own functions moved too, by {math.exp(shared):.2f} ×"
    return ""


def _beside(peer: Case, case: Case) -> bool:
    a, b = peer.series, case.series
    return (a.machine, a.environment, a.unit) == (b.machine, b.environment, b.unit)


def _movement(case: Case, commit: str) -> float | None:
    """Logarithm of how much a case moved at a commit; None where it was not measured on both sides."""
    at = case.places.get(commit, 0)
    before, after = (
        [p.value for p in case.series.points[a:b]] for a, b in ((max(0, at - AROUND), at), (at, at + AROUND))
    )
    if not at or min(*before, *after) <= 0:
        return None
    return math.log(statistics.geometric_mean(after) / statistics.geometric_mean(before))
