"""What a run consists of: pieces, one race each, which are measured whole or not at all."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

from benchmarks.blocks import races
from benchmarks.blocks.entries import Entry, Failure
from benchmarks.blocks.settings import Setting, settings
from benchmarks.gate import NotMeasured
from benchmarks.study.pieces import Piece


def pieces(blocks: Collection[str], devices: Sequence[str], length: str) -> list[Piece]:
    """The races of ``blocks`` on ``devices``."""
    found = [s for device in devices for block in blocks for s in settings(block, device, length)]
    return [Piece(s.name, functools.partial(_run, s)) for s in found]


def _run(setting: Setting) -> list[Entry]:
    try:
        race, counts, failures = races.race(setting, races.SETTINGS[setting.length])
    except NotMeasured as reason:
        return [Failure(setting.name, f"everybody: {reason}")]
    return [race, *counts, *failures]
