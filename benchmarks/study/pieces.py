"""A run as a list of pieces: each is measured whole or not at all, and the record is on disk after each."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load import BUSY
from benchmarks.progress import Progress
from benchmarks.study.command import FAILED, MEASURED
from benchmarks.study.run import Run


@dataclass(frozen=True)
class Piece:
    """A part of a run; ``run`` gives its entries."""

    name: str
    run: Callable[[], Sequence[Any]]


def measure(run: Run, plan: Sequence[Piece], *, minutes: float | None = None, timed: bool = False) -> bool:
    """Measure what the record does not have yet; whether all is there now.

    Args:
        run: the record.
        plan: all of its pieces.
        minutes: begin nothing more after so many.
        timed: what is measured is time, which a busy machine falsifies: say so where it is busy.
    """
    left = [piece for piece in plan if piece.name not in run.done]
    progress = Progress(len(left), _write, sys.stderr.isatty())
    end = time.monotonic() + 60 * minutes if minutes else None
    if run.done:
        _write(f"going on with {run.target.name}: {len(plan) - len(left)} of {len(plan)} pieces are there\n")
    if timed and run.header["busy"] > BUSY:
        _write(f"note: the machine is busy (load {run.header['busy']} a processor): expect wide ranges\n")
    try:
        for piece in left:
            if end is not None and time.monotonic() >= end:
                return False
            progress.starts(piece.name)
            run.ends(piece.name, piece.run())
            progress.ends()
    finally:
        progress.close()
    run.close()
    return True


def outcome(run: Run, *, finished: bool = True) -> int:
    """Say what failed and where the record is; the exit code."""
    failures = run.entries.get("failures", [])
    for failure in failures:
        print("failed: " + ": ".join(map(str, failure.values())))
    if not finished:
        print("out of time; the same command goes on")
    print(f"record: {run.target}")
    return FAILED if failures else MEASURED


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch: sums have one order, and small products gain nothing from more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
