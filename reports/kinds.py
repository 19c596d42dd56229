"""Kinds of stored files other than sweeps: a row of :data:`KINDS` each, found by a key at the file's top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from benchmarks.performance.study import STUDY as PERFORMANCE_STUDY
from benchmarks.study import Study
from reports.comparisons import MARK as COMPARISON_MARK
from reports.comparisons import Comparison, comparison
from reports.entries import Say
from reports.error_load import MARK, error_record
from reports.error_records import ErrorRecord
from reports.fields import Fields
from reports.records import Source
from reports.study_load import StudyStored, study_record


class Stored(Protocol):
    """What every record has: the file that it came from, and when it was begun."""

    @property
    def source(self) -> Source: ...

    @property
    def started(self) -> datetime: ...


R = TypeVar("R", bound=Stored, covariant=True)


@dataclass(frozen=True)
class Kind(Generic[R]):
    """The key at the top of the file that marks the kind; its name in downloads; what reads it.

    ``read`` gets the source, the file's fields and a function to tell of what it leaves out; it raises
    :class:`~reports.fields.Bad` where the file is not a record that the report can read.
    """

    mark: str
    name: str
    read: Callable[[Source, Fields, Say], R]


ERRORS: Kind[ErrorRecord] = Kind(MARK, "error", error_record)
COMPARISONS: Kind[Comparison] = Kind(COMPARISON_MARK, "compare", comparison)


def _study(study: Study) -> Kind[StudyStored]:
    return Kind(study.mark, study.name, study_record(study))


PERFORMANCE: Kind[StudyStored] = _study(PERFORMANCE_STUDY)

KINDS: tuple[Kind[Stored], ...] = (ERRORS, PERFORMANCE, COMPARISONS)
"""Every kind."""
