"""The study as a row, and what an entry of it must be besides its types."""

from __future__ import annotations

from typing import Final

from benchmarks.dead.entries import KINDS, Entry, Training
from benchmarks.study import Study


def check(entry: Entry) -> None:
    """What the types of the fields do not say. Raises ValueError."""
    if not isinstance(entry, Training):
        return
    sizes = (entry.depth, entry.width, entry.batch, entry.samples, entry.tests)
    if min(sizes) < 1 or entry.units != entry.depth * entry.width:
        raise ValueError("sizes must be at least 1, and units depth x width")
    if not entry.seeds or len(set(entry.seeds)) != len(entry.seeds):
        raise ValueError("its seeds must be different ones, at least one")
    steps = entry.steps
    if not steps or list(steps) != sorted(set(steps)) or steps[0] < 0:
        raise ValueError("steps must ascend from 0 or more")
    if len(entry.diverged_at) != len(entry.seeds):
        raise ValueError("diverged_at must be one a seed")
    most = {"dead": entry.units, "flat": entry.units, "faint": entry.units, "correct": entry.tests}
    for name in (*most, "loss"):
        rows = getattr(entry, name)
        if len(rows) != len(entry.seeds) or any(len(row) != len(steps) for row in rows):
            raise ValueError(f"{name} must be seeds x steps")
        highest = most.get(name, float("inf"))
        if any(value is not None and not 0 <= value <= highest for row in rows for value in row):
            raise ValueError(f"{name} must be from 0 to {highest:g}")
        for row, diverged in zip(rows, entry.diverged_at, strict=True):
            for step, value in zip(steps, row, strict=True):
                if (value is None) != (diverged is not None and step >= diverged):
                    raise ValueError(f"{name} must be there until the loss is not finite, and not after")


STUDY: Final = Study(
    "dead",
    KINDS,
    "hidden units without a gradient, while a network is trained",
    ("dead", "models", "datasets"),
    check=check,
)
