"""All that was stored, once checked: sweeps, records of every other kind, and what had to be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from reports.kinds import Kind, Stored
from reports.records import Problem, Record

R = TypeVar("R", bound=Stored)


@dataclass(frozen=True)
class Loaded:
    """All sweeps, newest first; everything that was left out; records of every other kind, newest first.

    ``others`` holds them by the kind's mark (:mod:`reports.kinds`).
    """

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]
    others: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def of(self, kind: Kind[R]) -> tuple[R, ...]:
        """The records of that kind, newest first."""
        return self.others.get(kind.mark, ())

    @property
    def unusable(self) -> bool:
        """Whether something was stored, and of the newest sweep, or of everything, nothing could be used."""
        if not self.records:
            return bool(self.problems) and not any(self.others.values())
        return self.records[0].refused > 0 and not self.records[0].measurements
