"""What a run consists of: which setups, depths and activations, quick and full."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.flow.entries import Entry, Failure
from benchmarks.flow.setups import SETUPS, WIDER, Setup
from benchmarks.models.activations import Activation, everything, family, peers
from benchmarks.study.pieces import Piece
from gem_impls import Unavailable


@dataclass(frozen=True)
class Length:
    """How much a run measures."""

    depths: tuple[int, ...]
    seeds: int
    setups: tuple[Setup, ...]
    activations: tuple[Activation, ...]


LENGTHS: Final = {
    "quick": Length((4, 32, 128), 5, SETUPS, (*peers(), *family(eps=(1e-4, 1e-2, 10.0)))),
    "full": Length((4, 8, 16, 32, 64, 128), 8, SETUPS + WIDER, everything()),
}
"""``--quick`` and without."""


def pieces(length: Length, activations: Sequence[Activation]) -> list[Piece]:
    """A piece for each activation: all setups and depths."""
    return [Piece(a.name, functools.partial(_piece, length, a)) for a in activations]


def _piece(length: Length, activation: Activation) -> list[Entry]:
    from benchmarks.flow.measure import flow  # which imports torch

    seeds = tuple(range(length.seeds))
    try:
        return [flow(setup, activation, depth, seeds) for setup in length.setups for depth in length.depths]
    except (Unavailable, ValueError) as reason:
        return [Failure(activation.name, str(reason))]
