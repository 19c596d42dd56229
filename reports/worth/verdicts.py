"""What a claim can come to: the words and rules that all claims share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reports.worth.evidence import Evidence

SUPPORTED: Final = "supported here"
NOT_SEEN: Final = "not seen here"
NEEDS_DATA: Final = "needs the real data set"
NOT_YET: Final = "not measured yet"

TONES: Final = {SUPPORTED: "faster", NOT_SEEN: "slower", NEEDS_DATA: "missing", NOT_YET: "missing"}
"""Verdict -> a word that the style sheet knows."""

WORDS: Final = (
    f"“{SUPPORTED[0].upper()}{SUPPORTED[1:]}” says that every condition below was met by the records of "
    "this page, and no more: other data, sizes and machines may differ. "
    f"“{NOT_SEEN[0].upper()}{NOT_SEEN[1:]}” says that it was measured and at least one condition was not "
    "met; the middle column says whether the contrary was seen or nothing. "
    f"“{NEEDS_DATA[0].upper()}{NEEDS_DATA[1:]}”: the claim is about data that this suite does not carry, "
    "and stand-ins do not count."
)


@dataclass(frozen=True)
class Finding:
    """What was measured, in words, and what that makes of the claim."""

    measured: str
    verdict: str


@dataclass(frozen=True)
class Claim:
    """One published claim, or one doubt.

    Attributes:
        id: what links to it.
        text: the claim.
        source: who says so.
        rule: when it is supported, in words.
        judge: evidence -> finding; None where nothing was measured that it is about.
        studies: whose records decide it.
        command: what measures it.
    """

    id: str
    text: str
    source: str
    rule: str
    judge: Callable[[Evidence], Finding | None]
    studies: tuple[str, ...]
    command: str

    def measured_by(self, evidence: Evidence) -> str:
        """Its command, as long a run as the evidence has."""
        study = self.studies[0]
        return evidence.command(study) if self.command == f"python -m benchmarks {study}" else self.command

    def finding(self, evidence: Evidence) -> Finding:
        """What the records make of it: nothing where one of them is of an interrupted or partial run."""
        try:
            found = self.judge(evidence)
        except ImportError as error:  # SciPy, which only machines that measure ablations need
            return Finding(f"Measured, but {error}.", NOT_YET)
        if found is None:
            return Finding("Nothing yet.", NOT_YET)
        records = [evidence.records[study] for study in self.studies if study in evidence.records]
        if found.verdict != NEEDS_DATA and any(not r.complete for r in records):
            return Finding(f"{found.measured} The run was interrupted: it goes on.", NOT_YET)
        if found.verdict != NEEDS_DATA and any(not r.whole for r in records):
            return Finding(f"{found.measured} Only a part of the study was run.", NOT_YET)
        return found


def settled(measured: str, conditions: Iterable[bool], *, few: bool = False) -> Finding:
    """Supported where every condition holds; otherwise not seen. ``few``: there are too few seeds to say."""
    if few:
        return Finding(f"{measured} Too few seeds to judge by.", NOT_YET)
    return Finding(measured, SUPPORTED if all(conditions) else NOT_SEEN)


def listed(words: Sequence[str], most: int = 4) -> str:
    """``a, b and c``; of many, the first few and how many more."""
    shown = list(words[:most])
    if len(words) > most:
        return f"{', '.join(shown)} and {len(words) - most} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def number(value: float) -> str:
    """As short as it goes: ``0.01``, ``1e-6``."""
    return f"{value:g}".replace("e-0", "e-")


def counted(count: int, noun: str) -> str:
    """``1 seed``, ``5 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
