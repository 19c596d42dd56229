"""A record of ``python -m benchmarks compare`` (schema 1) -> its verdicts, checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reports.entries import Say, each, environment
from reports.fields import Bad, Fields, shown
from reports.records import Environment, Source

MARK: Final = "gem_impls_compare"
SCHEMA: Final = 1
WHATS: Final = ("time", "memory", "error")
VERDICTS: Final = {
    "slower": "slower",
    "less exact": "slower",
    "more memory": "slower",
    "could not measure": "missing",
    "ambiguous": "same",
    "faster": "faster",
    "more exact": "faster",
    "less memory": "faster",
    "same": "same",
    "new": "single",
    "gone": "single",
}
"""What may be said, and its tone on the page; the gravest first."""


@dataclass(frozen=True)
class Revision:
    """One side: its commit and subject, and whether it held uncommitted changes."""

    commit: str
    subject: str
    dirty: bool

    @property
    def short(self) -> str:
        """As people write it."""
        return self.commit[:8] + (" with changes" if self.dirty else "")


@dataclass(frozen=True)
class Verdict:
    """What is said of one quantity of one case; ``ratio``, its interval and ``detectable`` of times only."""

    id: str
    what: str
    verdict: str
    ratio: float | None
    low: float | None
    high: float | None
    detectable: float | None
    reason: str


@dataclass(frozen=True)
class Comparison:
    """One run."""

    source: Source
    started: datetime
    environment: Environment
    complete: bool
    base: Revision
    head: Revision
    confidence: float
    verdicts: tuple[Verdict, ...]

    def count(self, tone: str) -> int:
        """How many verdicts are of that tone."""
        return sum(VERDICTS[v.verdict] == tone for v in self.verdicts)


def comparison(source: Source, top: Fields, say: Say) -> Comparison:
    """The record in ``source``, of which ``top`` is the object. ``say`` is told what was left out of it.

    Raises:
        Bad: it is not a record that this report can read.
    """
    ours = top.object(MARK)
    if ours.raw("schema") != SCHEMA:
        raise Bad(f"its schema is {shown(ours.raw('schema'))}; this report reads schema {SCHEMA} of {MARK}")
    confidence = ours.number("confidence")
    if not 0 < confidence < 1:
        raise Bad(f"{ours.at('confidence')} must lie between 0 and 1; got {confidence!r}")
    return Comparison(
        source=source,
        started=ours.time("started"),
        environment=environment(ours.object("environment")),
        complete=ours.flag("complete"),
        base=_revision(ours.object("base")),
        head=_revision(ours.object("head")),
        confidence=confidence,
        verdicts=tuple(each(top.objects("verdicts"), "verdicts", _verdict, say, "verdict")),
    )


def _revision(r: Fields) -> Revision:
    return Revision(r.text("commit"), r.optional_text("subject") or "", r.flag("dirty"))


def _verdict(v: Fields, _: Say) -> Verdict:
    return Verdict(
        id=v.text("id"),
        what=v.text("what", WHATS),
        verdict=v.text("verdict", tuple(VERDICTS)),
        ratio=v.optional_number("ratio", least=0),
        low=v.optional_number("low", least=0),
        high=v.optional_number("high", least=0),
        detectable=v.optional_number("detectable", least=0),
        reason=v.optional_text("reason") or "",
    )
