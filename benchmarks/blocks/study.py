"""The study as a row, and what an entry of it must be besides its types."""

from __future__ import annotations

from typing import Final

from benchmarks.blocks.entries import KINDS, MODES, PASSES, Count, Entry, Race
from benchmarks.study import Study

SHORTEST, LONGEST = 1e-9, 1e6
"""Seconds that a step of a block could take."""


def check(entry: Entry) -> None:
    """What the types of the fields do not say. Raises ValueError."""
    if isinstance(entry, (Race, Count)):
        for name, value, allowed in (("mode", entry.mode, MODES), ("passes", entry.passes, PASSES)):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
    if isinstance(entry, Race):
        _check_race(entry)
    if isinstance(entry, Count) and any((n or 0) < 0 for n in (entry.peak_bytes, entry.saved_bytes)):
        raise ValueError("bytes must be at least 0")


def _check_race(race: Race) -> None:
    timed = [*race.samples.values(), *race.alone.values()]
    if len({len(samples) for samples in timed}) > 1:
        raise ValueError("its participants have different numbers of rounds: there are no pairs")
    if any(not samples for samples in timed):
        raise ValueError("somebody has no sample")
    if any(not SHORTEST <= t <= LONGEST for samples in timed for t in samples):
        raise ValueError(f"a time is not within {SHORTEST:g} … {LONGEST:g} s")
    for who in (*race.samples, *race.alone):
        if who not in race.functions or who not in race.implementations:
            raise ValueError(f"it does not say what {who!r} stands for")
    if race.parameters < 0 or race.activated < 1 or not race.shape or min(race.shape) < 1:
        raise ValueError("parameters must be at least 0; activated and every part of shape at least 1")


STUDY: Final = Study(
    "blocks",
    KINDS,
    "what a step of real layers costs, and how much of it is the activation",
    ("blocks", "models", "performance"),
    check=check,
)
