"""``python -m benchmarks performance``: measure what is promised, and say whether it is kept."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.command_line import BAD_USE, Parser
from benchmarks.performance.entries import Entry
from benchmarks.performance.markdown import document
from benchmarks.performance.plan import PARTS, Piece, pieces
from benchmarks.performance.study import STUDY
from benchmarks.performance.targets import TARGETS, Target
from benchmarks.performance.verdicts import AWAITS, judge
from benchmarks.performance.words import table
from benchmarks.progress import Progress
from benchmarks.study import Run, StudyRecord, read
from gem_impls.errors import unknown_name

MEASURED, FAILED = 0, 1

EPILOG: Final = """\
exit code: 0 measured (a target that is missed is said, and is no error), 1 something failed its gate: a wrong
result or a figure that cannot be true, 2 bad use or interrupted (the same command goes on where it stopped)

Close what else runs: a machine that is busy gives wide ranges and slow multi-threaded operators."""

PATHS: Final = ("--out", "--before")
"""Options that take a path, which a record does not keep."""


class Refused(Exception):
    """The command cannot do what it was asked; the message says why."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.list:
            return _list()
        return _show(arguments) if arguments.show else _run(arguments, _without_paths(argv))
    except (Refused, ValueError, OSError) as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return BAD_USE
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is kept: the same command goes on", file=sys.stderr)
        return BAD_USE


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m benchmarks performance",
        description="Measure how fast the implementations are, against stated targets.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="list the targets and parts, measure nothing")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="targets and parts, by the names that --list shows"
    )
    parser.add_argument("--quick", action="store_true", help="fewer sizes, fewer rounds")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: both, where there is a card")
    parser.add_argument(
        "--minutes", type=_minutes, metavar="M", help="begin nothing more after so many minutes"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the record; default: in reports/data/local/performance"
    )
    parser.add_argument("--show", type=Path, metavar="FILE", help="a record as Markdown; measure nothing")
    parser.add_argument(
        "--before", type=Path, metavar="FILE", help="an earlier record, to compare cold starts with"
    )
    return parser


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"a number of minutes > 0 is needed; got {text!r}")
    return value


def _without_paths(argv: Sequence[str]) -> str:
    """The command as a record keeps it."""
    kept, words = [], iter(argv)
    for word in words:
        if word in (*PATHS, "--minutes"):
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in (*PATHS, "--minutes"))):
            kept.append(word)
    return shlex.join(["python", "-m", "benchmarks", "performance", *kept])


# --- running --------------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace, command: str) -> int:
    chosen, parts = _chosen(arguments.only)
    before = _before(arguments.before)
    devices = _devices(arguments.device)
    plan = pieces(chosen, parts, devices, quick=arguments.quick)
    if not plan:
        raise Refused("nothing of that can be measured here: it awaits hardware (torch sees no CUDA device)")
    settings = {
        "length": "quick" if arguments.quick else "full",
        "devices": list(devices),
        "whole": arguments.only is None,
    }
    run = Run(STUDY, settings, command, arguments.out)
    finished = _measure(run, plan, arguments.minutes)
    found = read(STUDY, json.dumps(run.document()).encode()).entries
    gpu = run.header["environment"]["gpu"] is not None
    print(table([judge(target, found, gpu=gpu, before=before) for target in chosen]))
    failures = run.entries["failures"]
    for failure in failures:
        print(f"failed: {failure['piece']}: {failure['who']}: {failure['reason']}")
    if not finished:
        print("out of time; the same command goes on")
    print(f"record: {run.target}")
    return FAILED if failures else MEASURED


def _measure(run: Run, plan: Sequence[Piece], minutes: float | None) -> bool:
    """Measure what is not measured yet; whether all of it was."""
    left = [piece for piece in plan if piece.name not in run.done]
    progress = Progress(len(left), _write, sys.stderr.isatty())
    end = time.monotonic() + 60 * minutes if minutes else None
    if run.done:
        _write(f"going on with {run.target.name}: {len(plan) - len(left)} of {len(plan)} pieces are there\n")
    if run.header["busy"] > 0.5:
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


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


# --- what is asked for ----------------------------------------------------------------------------------


def _chosen(only: Sequence[str] | None) -> tuple[list[Target], list[str]]:
    names = [target.id for target in TARGETS]
    for name in only or ():
        if name not in names and name not in PARTS:
            raise Refused(unknown_name("target or part", name, (*names, *PARTS)))
    if not only:
        return list(TARGETS), list(PARTS)
    return [t for t in TARGETS if t.id in only], [part for part in PARTS if part in only]


def _devices(asked: str | None) -> list[str]:
    from benchmarks.peers import TORCH

    if asked is not None:
        if why := TORCH.unavailable(asked):
            raise Refused(f"--device {asked}: {why}")
        return [asked]
    if why := TORCH.unavailable("cpu"):
        raise Refused(why)
    return ["cpu"] if TORCH.unavailable("cuda") else ["cpu", "cuda"]


def _before(path: Path | None) -> tuple[Entry, ...]:
    return _record("--before", path).entries if path else ()


def _record(option: str, path: Path) -> StudyRecord:
    try:
        return read(STUDY, path.read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"{option} {path}: {error}") from None


def _show(arguments: argparse.Namespace) -> int:
    record = _record("--show", arguments.show)
    print(document(record, _before(arguments.before)), end="")
    for problem in record.problems:
        print(f"{arguments.show}: {problem}", file=sys.stderr)
    return MEASURED


def _list() -> int:
    rows: list[tuple[Any, ...]] = [("name", "where", "case", "goal")]
    rows += [(t.id, t.where, t.case, t.goal) for t in TARGETS]
    rows += [(name, "", meaning, "") for name, meaning in PARTS.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    awaiting = [t.id for t in TARGETS if t.device == "cuda"]
    if len(_devices(None)) == 1:
        print(f"\n{AWAITS}: {', '.join(awaiting)} (torch sees no CUDA device here)")
    return MEASURED
