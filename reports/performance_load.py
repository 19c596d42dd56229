"""A record of ``python -m benchmarks performance`` (schema 1) -> checked entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from benchmarks.performance.entries import Entry
from benchmarks.performance.read import read
from benchmarks.performance.record import MARK
from reports.entries import Say, environment
from reports.fields import Bad, Fields
from reports.records import Environment, Source

__all__ = ["MARK", "PerformanceRecord", "performance_record"]


@dataclass(frozen=True)
class PerformanceRecord:
    """One run: its entries, and what makes it more or less worth showing."""

    source: Source
    started: datetime
    environment: Environment
    complete: bool
    whole: bool
    length: str
    busy: float
    entries: tuple[Entry, ...]

    @property
    def worth(self) -> tuple[bool, bool, bool, datetime]:
        """What decides which record of an environment is shown: the largest."""
        return self.complete, self.whole, self.length == "full", self.started


def performance_record(source: Source, top: Fields, say: Say) -> PerformanceRecord:
    """The record in ``source``, of which ``top`` is the object. ``say`` is told what was left out of it.

    Raises:
        Bad: it is not a record that this report can read.
    """
    header = top.object(MARK)
    try:
        found = read(source.raw)
    except ValueError as error:
        raise Bad(str(error)) from None
    for problem in found.problems:
        say(problem)
    return PerformanceRecord(
        source=source,
        started=header.time("started"),
        environment=environment(header.object("environment")),
        complete=header.flag("complete"),
        whole=header.flag("whole"),
        length=header.text("length", ("quick", "full")),
        busy=header.number("busy"),
        entries=found.entries,
    )
