"""What the commands of studies of many like pieces share: options, running, resuming, the exit code.

A piece is measured whole or not at all; the record is on disk after each.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.command_line import BAD_USE, Parser
from benchmarks.progress import Progress
from benchmarks.study.reading import StudyRecord, read
from benchmarks.study.row import Study
from benchmarks.study.run import Run

MEASURED, FAILED = 0, 1

EPILOG: Final = """\
exit code: 0 measured, 1 something could not be measured (the record says what and why), 2 bad use or
interrupted (the same command goes on where it stopped)"""


class Refused(Exception):
    """The command cannot do what it was asked; the message says why."""


@dataclass(frozen=True)
class Piece:
    """A part of a run; ``run`` gives its entries."""

    name: str
    run: Callable[[], Sequence[Any]]


def parser(study: Study, description: str) -> argparse.ArgumentParser:
    """The options that all have: ``--quick --only --out --show``."""
    made = Parser(
        prog=f"python -m benchmarks {study.name}",
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--quick", action="store_true", help="the quick version")
    made.add_argument("--only", nargs="+", metavar="NAME", help="activations, as in 'e-gem(n=2, eps=0.01)'")
    made.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"the record; default: in reports/data/local/{study.name}",
    )
    made.add_argument("--show", type=Path, metavar="FILE", help="a record as Markdown; measure nothing")
    return made


def main(work: Callable[[], int]) -> int:
    """The exit code of ``work``; what goes wrong is one line on stderr."""
    try:
        return work()
    except (Refused, ValueError, OSError, ImportError) as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return BAD_USE
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is kept: the same command goes on", file=sys.stderr)
        return BAD_USE


def without_out(study: Study, argv: Sequence[str]) -> str:
    """The command as a record keeps it: without the path."""
    kept, words = [], iter(argv)
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out="):
            kept.append(word)
    return shlex.join(["python", "-m", "benchmarks", study.name, *kept])


def measure(run: Run, plan: Sequence[Piece]) -> int:
    """Measure what the record does not have yet; returns the exit code."""
    left = [piece for piece in plan if piece.name not in run.done]
    progress = Progress(len(left), _write, sys.stderr.isatty())
    if run.done:
        _write(f"going on with {run.target.name}: {len(plan) - len(left)} of {len(plan)} pieces are there\n")
    try:
        for piece in left:
            progress.starts(piece.name)
            run.ends(piece.name, piece.run())
            progress.ends()
    finally:
        progress.close()
    run.close()
    failures = run.entries.get("failures", [])
    for failure in failures:
        print(f"failed: {failure['piece']}: {failure['reason']}")
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


def stored(study: Study, path: Path) -> StudyRecord:
    """The record in the file of ``--show``; what is wrong with parts of it goes to stderr.

    Raises:
        Refused: it cannot be read.
    """
    try:
        record = read(study, path.read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"--show {path}: {error}") from None
    for problem in record.problems:
        print(f"{path}: {problem}", file=sys.stderr)
    return record


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
