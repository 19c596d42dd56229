"""The study as a row, and what an entry of it must be besides its types."""

from __future__ import annotations

import re
from typing import Final

from benchmarks.flow.entries import FATES, KINDS, WITHIN, Entry, Flow
from benchmarks.study import Study


def check(entry: Entry) -> None:
    """What the types of the fields do not say. Raises ValueError."""
    if not isinstance(entry, Flow):
        return
    for name in ("network", "norm", "init"):
        if not re.fullmatch("[a-z]+", getattr(entry, name)):
            raise ValueError(f"{name} must be a word of lower-case letters")
    if min(entry.depth, entry.width, entry.batch) < 1 or not entry.limit > 1:
        raise ValueError("depth, width and batch must be at least 1, and limit above 1")
    if not entry.seeds or len(set(entry.seeds)) != len(entry.seeds):
        raise ValueError("its seeds must be different ones, at least one")
    numbers = entry.layers
    if sorted(set(numbers)) != list(numbers) or not {1, entry.depth} <= set(numbers) or numbers[0] < 1:
        raise ValueError(f"layers must ascend from 1 to {entry.depth}")
    if numbers[-1] != entry.depth:
        raise ValueError(f"layers must ascend from 1 to {entry.depth}")
    for name in ("forward", "backward", "weights"):
        rows = getattr(entry, name)
        if len(rows) != len(entry.seeds) or any(len(row) != len(numbers) for row in rows):
            raise ValueError(f"{name} must be seeds x layers")
        if any(size is not None and size < 0 for row in rows for size in row):
            raise ValueError(f"{name} must be at least 0")
    for way in ("forward", "backward"):
        _check_ends(entry, way)


def _check_ends(entry: Flow, way: str) -> None:
    fates, left = getattr(entry, f"{way}_fate"), getattr(entry, f"{way}_left")
    if not len(fates) == len(left) == len(entry.seeds) or not set(fates) <= set(FATES):
        raise ValueError(f"{way}_fate must be one of {', '.join(FATES)} a seed, and {way}_left one a seed")
    for fate, layer in zip(fates, left, strict=True):
        if (fate == WITHIN) != (layer is None) or (layer is not None and not 1 <= layer <= entry.depth):
            raise ValueError(f"{way}_left must be a layer where its fate is not {WITHIN!r}, and only there")


STUDY: Final = Study(
    "flow", KINDS, "signals and gradients through depth, at initialisation", ("flow", "models"), check=check
)
