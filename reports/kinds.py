"""Kinds of stored files other than sweeps: a row of :data:`KINDS` each, found by a key at the file's top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import benchmarks.blocks.study
import benchmarks.dead.study
import benchmarks.flow.study
import benchmarks.performance.study
import benchmarks.shape.study
import benchmarks.train.study
from benchmarks.study import Study
from reports.compare.records import MARK as COMPARISON_MARK
from reports.compare.records import Comparison, comparison
from reports.entries import Say
from reports.error.load import MARK, error_record
from reports.error.records import ErrorRecord
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


PERFORMANCE: Kind[StudyStored] = _study(benchmarks.performance.study.STUDY)
SHAPE: Kind[StudyStored] = _study(benchmarks.shape.study.STUDY)
BLOCKS: Kind[StudyStored] = _study(benchmarks.blocks.study.STUDY)
FLOW: Kind[StudyStored] = _study(benchmarks.flow.study.STUDY)
DEAD: Kind[StudyStored] = _study(benchmarks.dead.study.STUDY)
TRAIN: Kind[StudyStored] = _study(benchmarks.train.study.STUDY)

STUDIES: tuple[Kind[StudyStored], ...] = (PERFORMANCE, SHAPE, BLOCKS, FLOW, DEAD, TRAIN)

KINDS: tuple[Kind[Stored], ...] = (ERRORS, COMPARISONS, *STUDIES)
"""Every kind."""
