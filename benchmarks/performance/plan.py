"""What a run consists of: pieces, each of which gives entries of the record, most telling first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from benchmarks.axes import BOTH, FORWARD
from benchmarks.gate import NotMeasured
from benchmarks.performance import counts, layers, races, starts
from benchmarks.performance.contestants import available
from benchmarks.performance.entries import Entry, Failure
from benchmarks.performance.races import SETTINGS
from benchmarks.performance.settings import Setting
from benchmarks.performance.targets import PEAK, RATIO, SAVED, START, Target
from benchmarks.study.pieces import Piece

LAYERS, COUNTS, STARTS = "layers", "counts", "starts"

PARTS: Final = {
    LAYERS: "where the time goes: nested entry points of each implementation",
    COUNTS: "bytes allocated and kept",
    STARTS: "first calls in fresh processes",
}
"""What ``--only`` selects beside targets, and what it is."""


def pieces(
    chosen: Collection[Target], parts: Collection[str], devices: Sequence[str], *, quick: bool
) -> list[Piece]:
    """The pieces that ``chosen`` targets and ``parts`` need on ``devices``."""
    length = "quick" if quick else "full"
    found: list[Piece] = []
    for device in devices:
        here = [t for t in chosen if t.device == device]
        settings = dict.fromkeys(s for t in here if t.quantity == RATIO for s in t.settings(quick))
        found += [_race(setting, length) for setting in settings]
        if COUNTS in parts or any(t.quantity in (SAVED, PEAK) for t in here):
            found += _counts(device)
        if LAYERS in parts:
            found += _layers(device, length)
        starting = [t.numerator for t in here if t.quantity == START]
        found += _starts(device, length, None if STARTS in parts else starting)
    return found


def _race(setting: Setting, length: str) -> Piece:
    def run() -> list[Entry]:
        race, failures = races.race(setting, SETTINGS[length])
        return [race, *failures]

    return Piece(setting.name, functools.partial(_or_failure, setting.name, "everybody", run))


def _layers(device: str, length: str) -> Iterator[Piece]:
    for exponent in layers.EXPONENTS[length]:
        setting = Setting(device, exponent, BOTH)
        for subject in layers.subjects(device):
            yield _single(
                f"layers of {subject}, 2^{exponent}, {device}",
                subject,
                functools.partial(layers.layers, subject, setting, SETTINGS[length]),
            )


def _counts(device: str) -> Iterator[Piece]:
    for implementation in counts.subjects(device):
        for direction in counts.PASSES:
            setting = Setting(device, counts.EXPONENT, direction)
            yield _single(
                f"bytes of {implementation}, {direction}, {device}",
                implementation,
                functools.partial(counts.count, implementation, setting),
            )


def _starts(device: str, length: str, only: Collection[str] | None) -> Iterator[Piece]:
    for implementation in available(Setting(device, 10, FORWARD)):
        if only is not None and implementation not in only:
            continue
        for caches in (starts.WARM, starts.COLD):
            if caches == starts.COLD and (length == "quick" or not starts.has_cache(implementation)):
                continue
            yield _single(
                f"first call of {implementation}, caches {caches}, {device}",
                implementation,
                functools.partial(starts.start, implementation, device, caches, starts.PROCESSES[length]),
            )


def _single(name: str, who: str, measure: Callable[[], Entry]) -> Piece:
    return Piece(name, functools.partial(_or_failure, name, who, lambda: [measure()]))


def _or_failure(name: str, who: str, run: Callable[[], list[Entry]]) -> list[Entry]:
    try:
        return run()
    except NotMeasured as reason:
        return [Failure(name, who, str(reason))]
