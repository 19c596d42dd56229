"""A record of a study (see :mod:`benchmarks.study`) -> checked entries; which of several is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from benchmarks.load import BUSY
from benchmarks.study import Study, read
from reports.entries import Say, environment
from reports.fields import Bad, Fields
from reports.records import Environment, Source

E = TypeVar("E")

LENGTHS = ("quick", "full")

WITH_QUICK = ("blocks", "flow", "dead", "train", "performance")
"""Studies that take ``--quick``."""

CLOCKS_APART = 0.1
"""By how much a clock rate may differ between two readings of one host: it wanders."""


@dataclass(frozen=True)
class StudyStored:
    """One run: its entries, and what makes it more or less worth showing.

    ``whole`` is false where the run was asked for a part only; ``busy`` is the load of the processors
    when it began. ``header`` is as the file has it, unchecked: read it through
    :class:`~reports.fields.Fields`.
    """

    source: Source
    started: datetime
    environment: Environment
    complete: bool
    whole: bool
    length: str
    busy: float
    header: Mapping[str, Any]
    entries: tuple[Any, ...]

    @property
    def disturbed(self) -> str:
        """The load in words where it makes times doubtful, or nothing."""
        return f"{self.busy:.2g}" if self.busy > BUSY else ""

    @property
    def worth(self) -> tuple[bool, bool, bool, datetime]:
        """What decides which record of an environment is shown: the largest."""
        return self.complete, self.whole, self.length == "full", self.started

    def of(self, cls: type[E]) -> tuple[E, ...]:
        """The entries of one class, in their order."""
        return tuple(entry for entry in self.entries if isinstance(entry, cls))


def command(study: str, record: StudyStored | None) -> str:
    """What measures a study as long as ``record`` of it took; as long as it likes without one."""
    quick = record is not None and record.length == "quick" and study in WITH_QUICK
    return f"python -m benchmarks {study}{' --quick' if quick else ''}"


def study_record(study: Study) -> Callable[[Source, Fields, Say], StudyStored]:
    """What reads records of ``study``; see :class:`reports.kinds.Kind`."""

    def stored(source: Source, top: Fields, say: Say) -> StudyStored:
        header = top.object(study.mark)
        try:
            found = read(study, source.raw)
        except ValueError as error:
            raise Bad(str(error)) from None
        for problem in found.problems:
            say(problem)
        return StudyStored(
            source=source,
            started=header.time("started"),
            environment=environment(header.object("environment")),
            complete=header.flag("complete"),
            whole=header.optional_flag("whole") is not False,
            length=header.text("length", LENGTHS),
            busy=header.number("busy"),
            header=found.header,
            entries=found.entries,
        )

    return stored


@dataclass(frozen=True)
class Shown:
    """The record that is shown of an environment.

    ``before`` is the one before it that is as complete and may be of the same host: virtual machines of one
    name are run on slower hosts and faster ones, and seconds of two hosts say nothing of the code.
    """

    record: StudyStored
    before: StudyStored | None


def shown(records: Iterable[StudyStored]) -> tuple[Shown, ...]:
    """One of each environment: the worthiest. The environment measured last comes first."""
    found: dict[object, list[StudyStored]] = {}
    for record in records:
        found.setdefault(record.environment.key, []).append(record)
    out = []
    for several in found.values():
        best, *others = sorted(several, key=lambda r: r.worth, reverse=True)
        earlier = [r for r in others if r.started < best.started and r.worth[:3] == best.worth[:3]]
        earlier = [r for r in earlier if _one_host(r.environment, best.environment)]
        out.append(Shown(best, earlier[0] if earlier else None))
    return tuple(sorted(out, key=lambda s: s.record.started, reverse=True))


def _one_host(one: Environment, other: Environment) -> bool:
    """Whether their clocks, where both are known, were read within a tenth of each other."""
    clocks = [clock for clock in (one.clock_mhz, other.clock_mhz) if clock]
    return len(clocks) < 2 or max(clocks) <= (1 + CLOCKS_APART) * min(clocks)
