"""The study as a row, and what an entry of it must be besides its types."""

from __future__ import annotations

from typing import Final

from benchmarks.performance.entries import KINDS, Entry, Failure, Race, Start
from benchmarks.study import Study

SHORTEST, LONGEST = 1e-12, 1e6
"""Seconds that a clock could have shown."""


def check(entry: Entry) -> None:
    """What the types of the fields do not say. Raises ValueError."""
    if isinstance(entry, Race):
        if len({len(s) for s in entry.samples.values()}) > 1:
            raise ValueError("its participants have different numbers of rounds: there are no pairs")
        if entry.numel < 1 or entry.bytes < 1:
            raise ValueError("numel and bytes must be at least 1")
    if isinstance(entry, (Race, Start)):
        timed = entry.samples if isinstance(entry, Race) else entry.phases
        if any(not SHORTEST <= t <= LONGEST for s in timed.values() for t in s):
            raise ValueError(f"a time is not within {SHORTEST:g} … {LONGEST:g} s")
        if any(not s for s in timed.values()):
            raise ValueError("somebody has no sample")
    if isinstance(entry, Start) and len({len(s) for s in entry.phases.values()}) > 1:
        raise ValueError("its phases have different numbers of processes")
    if not isinstance(entry, (Race, Start, Failure)):
        counted = (entry.peak_bytes, entry.extra_saved_bytes)
        if any(count is not None and count < 0 for count in counted):
            raise ValueError("bytes must be at least 0")


STUDY: Final = Study(
    "performance", KINDS, "how fast, against targets, and where the time goes", ("performance",), check=check
)
