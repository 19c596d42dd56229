"""``python -m benchmarks performance``: measure what is promised, and say whether it is kept."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.performance.entries import Entry
from benchmarks.performance.markdown import document
from benchmarks.performance.plan import PARTS, pieces
from benchmarks.performance.study import STUDY
from benchmarks.performance.targets import TARGETS, Target
from benchmarks.performance.verdicts import AWAITS, judge
from benchmarks.performance.words import table
from benchmarks.study import Run, read
from benchmarks.study.command import MEASURED, Refused, devices, guarded, kept, parser, stored
from benchmarks.study.pieces import measure, outcome
from gem_impls.errors import unknown_name

EPILOG: Final = """\
exit code: 0 measured (a target that is missed is said, and is no error), 1 something failed its gate: a wrong
result or a figure that cannot be true, 2 bad use or interrupted (the same command goes on where it stopped)

Close what else runs: a machine that is busy gives wide ranges and slow multi-threaded operators."""

LEFT_OUT: Final = ("--out", "--before", "--minutes")
"""Options that a record does not keep."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    work = _list if arguments.list else _show if arguments.show else _run
    return guarded(lambda: work(arguments, argv))


def _parser() -> argparse.ArgumentParser:
    made = parser(
        STUDY,
        "Measure how fast the implementations are, against stated targets.",
        quick="fewer sizes, fewer rounds",
        epilog=EPILOG,
    )
    made.add_argument("--list", action="store_true", help="list the targets and parts, measure nothing")
    made.add_argument(
        "--only", nargs="+", metavar="NAME", help="targets and parts, by the names that --list shows"
    )
    made.add_argument("--device", choices=("cpu", "cuda"), help="default: both, where there is a card")
    made.add_argument("--minutes", type=_minutes, metavar="M", help="begin no more after so many minutes")
    made.add_argument(
        "--before", type=Path, metavar="FILE", help="an earlier record, to compare cold starts with"
    )
    return made


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"a number of minutes > 0 is needed; got {text!r}")
    return value


# --- running --------------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    chosen, parts = _chosen(arguments.only)
    before = _before(arguments.before)
    where = devices(arguments.device)
    plan = pieces(chosen, parts, where, quick=arguments.quick)
    if not plan:
        raise Refused("nothing of that can be measured here: it awaits hardware (torch sees no CUDA device)")
    settings = {
        "length": "quick" if arguments.quick else "full",
        "devices": where,
        "whole": arguments.only is None,
    }
    run = Run(STUDY, settings, kept(STUDY, argv, valued=LEFT_OUT), arguments.out)
    finished = measure(run, plan, minutes=arguments.minutes, timed=True)
    found = read(STUDY, json.dumps(run.document()).encode()).entries
    gpu = run.header["environment"]["gpu"] is not None
    print(table([judge(target, found, gpu=gpu, before=before) for target in chosen]))
    return outcome(run, finished=finished)


# --- what is asked for ----------------------------------------------------------------------------------


def _chosen(only: Sequence[str] | None) -> tuple[list[Target], list[str]]:
    names = [target.id for target in TARGETS]
    for name in only or ():
        if name not in names and name not in PARTS:
            raise Refused(unknown_name("target or part", name, (*names, *PARTS)))
    if not only:
        return list(TARGETS), list(PARTS)
    return [t for t in TARGETS if t.id in only], [part for part in PARTS if part in only]


def _before(path: Path | None) -> tuple[Entry, ...]:
    return stored(STUDY, path, "--before").entries if path else ()


def _show(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    print(document(stored(STUDY, arguments.show), _before(arguments.before)), end="")
    return MEASURED


def _list(_: argparse.Namespace, __: Sequence[str]) -> int:
    rows: list[tuple[Any, ...]] = [("name", "where", "case", "goal")]
    rows += [(t.id, t.where, t.case, t.goal) for t in TARGETS]
    rows += [(name, "", meaning, "") for name, meaning in PARTS.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    awaiting = [t.id for t in TARGETS if t.device == "cuda"]
    if len(devices(None)) == 1:
        print(f"\n{AWAITS}: {', '.join(awaiting)} (torch sees no CUDA device here)")
    return MEASURED
