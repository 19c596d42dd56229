"""What the commands of studies share: options, refusals, exit codes, the command as a record keeps it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.command_line import BAD_USE, Parser
from benchmarks.study.reading import StudyRecord, read
from benchmarks.study.row import Study

MEASURED, FAILED = 0, 1

EPILOG: Final = """\
exit code: 0 measured, 1 something could not be measured (the record says what and why), 2 bad use or
interrupted (the same command goes on where it stopped)"""

ACTIVATIONS: Final = "activations, as in 'e-gem(n=2, eps=0.01)'"


class Refused(Exception):
    """The command cannot do what it was asked; the message says why."""


def parser(study: Study, description: str, *, quick: str, epilog: str = EPILOG) -> argparse.ArgumentParser:
    """What all have: ``--quick``, which means ``quick``, and ``--out`` and ``--show``."""
    made = Parser(
        prog=f"python -m benchmarks {study.name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--quick", action="store_true", help=quick)
    made.add_argument(
        "--out", type=Path, metavar="FILE", help=f"the record; default: in reports/data/local/{study.name}"
    )
    made.add_argument("--show", type=Path, metavar="FILE", help="a record as Markdown; measure nothing")
    return made


def guarded(work: Callable[[], int], *refusals: type[Exception]) -> int:
    """The exit code of ``work``; what goes wrong, ``refusals`` among it, is one line on stderr."""
    known: tuple[type[Exception], ...] = (Refused, ValueError, OSError, ImportError, *refusals)
    try:
        return work()
    except known as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return BAD_USE
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is kept: the same command goes on", file=sys.stderr)
        return BAD_USE


def kept(
    study: Study, argv: Sequence[str], *, valued: Sequence[str] = ("--out",), flags: Sequence[str] = ()
) -> str:
    """The command as a record keeps it: without paths, and without what changes where and when but not what.

    Args:
        study: whose command it is.
        argv: its words.
        valued: options to leave out together with their values.
        flags: options to leave out that have none.
    """
    words, rest = [], iter(argv)
    for word in rest:
        if word in valued:
            next(rest, None)
        elif word not in flags and not word.startswith(tuple(f"{option}=" for option in valued)):
            words.append(word)
    return shlex.join(["python", "-m", "benchmarks", study.name, *words])


def stored(study: Study, path: Path, option: str = "--show") -> StudyRecord:
    """The record in the file of ``option``; what is wrong with parts of it goes to stderr.

    Raises:
        Refused: it cannot be read.
    """
    try:
        record = read(study, path.read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"{option} {path}: {error}") from None
    for problem in record.problems:
        print(f"{path}: {problem}", file=sys.stderr)
    return record


def devices(asked: str | None) -> list[str]:
    """``asked``; where nothing was, the CPU, and the card if there is one.

    Raises:
        Refused: torch does not have it.
    """
    from benchmarks.peers import TORCH

    if why := TORCH.unavailable(asked or "cpu"):
        raise Refused(f"--device {asked}: {why}" if asked else why)
    if asked:
        return [asked]
    return ["cpu"] if TORCH.unavailable("cuda") else ["cpu", "cuda"]
