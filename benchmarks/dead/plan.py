"""What a run consists of: scenarios, activations, seeds and steps, quick and full."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.dead.entries import Entry, Failure
from benchmarks.dead.scenarios import SCENARIOS
from benchmarks.models.activations import Activation, family, peers
from benchmarks.study.pieces import Piece
from gem_impls import Unavailable


@dataclass(frozen=True)
class Length:
    """How much a run measures; ``steps`` are those at which units are counted."""

    seeds: int
    steps: tuple[int, ...]
    activations: tuple[Activation, ...]


LENGTHS: Final = {
    "quick": Length(5, (0, 1, 2, 5, 10, 20, 50, 100, 200), (*peers(), *family((1, 2), (1e-4, 10.0)))),
    "full": Length(10, (0, 1, 2, 5, 10, 20, 50, 100, 200, 500), (*peers(), *family((1, 2)))),
}
"""``--quick`` and without."""


def pieces(length: Length, activations: Sequence[Activation]) -> list[Piece]:
    """A piece for each activation and scenario."""
    return [
        Piece(f"{a.name}, {scenario}", functools.partial(_piece, length, a, scenario))
        for a in activations
        for scenario in SCENARIOS
    ]


def _piece(length: Length, activation: Activation, scenario: str) -> list[Entry]:
    from benchmarks.datasets import digits
    from benchmarks.dead.train import Data, train

    try:
        seeds = tuple(range(length.seeds))
        return [train(scenario, activation, Data.of(digits()), seeds, length.steps)]
    except (Unavailable, ValueError) as reason:
        return [Failure(f"{activation.name}, {scenario}", str(reason))]
