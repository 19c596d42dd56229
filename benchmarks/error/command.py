"""``python -m benchmarks error``: how wrong implementations are, and whether that is permitted."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.command_line import Parser
from benchmarks.error import at, laboratory, record, sample, subjects
from benchmarks.error.cache import Unwritable, default_folder, require_writable
from benchmarks.error.grid import EPS, NEGATIVE_SLOPE, Grid, N
from benchmarks.error.laboratory import Request
from benchmarks.error.plan import POINTS
from benchmarks.error.progress import Progress, duration
from benchmarks.error.subjects import Subject
from benchmarks.record import STORE
from gem_impls import VARIANTS
from gem_impls.errors import unknown_name
from gem_impls.oracle import FORMATS

WITHIN, BEYOND, NOT_MEASURED = 0, 1, 2
"""Exit codes: within the stated bounds, beyond them, or something asked for could not be measured."""

EPILOG: Final = """\
exit code: 0 within the stated bounds, 1 beyond them, 2 something asked for could not be measured (or the run
was interrupted; the same command goes on where it stopped)

16-bit dtypes are measured at all 65,536 inputs, whatever the options."""


PATHS: Final = ("--out", "--cache")
"""Options that take a path."""


class Refused(Exception):
    """The command cannot do what it was asked; the message says why."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments, _without_paths(argv))
    except (Refused, Unwritable) as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return NOT_MEASURED
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is kept: the same command goes on", file=sys.stderr)
        return NOT_MEASURED


def _without_paths(argv: Sequence[str]) -> str:
    """The command as a record keeps it: where it wrote and what it cached is nobody else's business."""
    kept, words = [], iter(argv)
    for word in words:
        if word in PATHS:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in PATHS)):
            kept.append(word)
    return shlex.join(["python", "-m", "benchmarks", "error", *kept])


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m benchmarks error",
        description="Measure the error of every result against correctly rounded ones.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what to measure (each option takes one or more values)")
    what.add_argument("--implementation", nargs="+", metavar="NAME", help="default: all available here")
    what.add_argument("--dtype", nargs="+", metavar="DTYPE", help="default: all that the implementation has")
    what.add_argument("--variant", nargs="+", metavar="VARIANT", default=list(VARIANTS))
    what.add_argument("--n", nargs="*", type=_number(int), default=list(N), metavar="N")
    what.add_argument("--eps", nargs="*", type=_number(float), default=list(EPS), metavar="EPS")
    what.add_argument(
        "--negative-slope", nargs="*", type=_number(float), default=list(NEGATIVE_SLOPE), metavar="SLOPE"
    )
    what.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where it can serve, else cpu")
    how = parser.add_argument_group("how closely")
    how.add_argument(
        "--points",
        type=_number(float),
        default=POINTS,
        metavar="COUNT",
        help=f"inputs of a float32 map of each variant's default, by default {POINTS:.0e}; others have fewer",
    )
    how.add_argument("--exhaustive", action="store_true", help="all 2^32 inputs in every float32 map")
    where = parser.add_argument_group("where results go")
    where.add_argument(
        "--out", type=Path, metavar="FILE", help="the record; default: in reports/data/local/error"
    )
    where.add_argument("--cache", type=Path, metavar="FOLDER", help=f"default: {default_folder()}")
    where.add_argument("--keep-worst", action="store_true", help="add the worst inputs to sample.json")
    one = parser.add_argument_group("one input (as the report's reproducers do)")
    one.add_argument("--at", type=float.fromhex, metavar="HEX", help="show one result only")
    one.add_argument("--what", choices=("value", "gradient", "second_derivative"), default="value")
    one.add_argument("--peer", metavar="NAME", help="of torch's activations, with --implementation torch")
    return parser


def _number(kind: type[int | float]) -> Any:
    def parse(text: str) -> float:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{'an integer' if kind is int else 'a number'} is needed; got {text!r}"
            ) from None

    return parse


# --- what is asked for ----------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace, command: str) -> int:
    grid = _grid(arguments)
    if arguments.at is not None:
        return _show(arguments, grid)
    if arguments.points < 1000:
        raise Refused(f"--points must be at least 1000; got {arguments.points:g}")
    chosen, missing = _chosen(arguments)
    folder = arguments.cache or default_folder()
    require_writable(folder, "--cache")
    target = _targets(arguments.out, [subject for subject, _ in chosen])
    require_writable(target[chosen[0][0].name].parent, "--out")
    requests = [
        Request(subject, dtypes, grid, int(arguments.points), arguments.exhaustive, command)
        for subject, dtypes in chosen
    ]
    costs = sum(piece.cost for request in requests for piece in request.pieces())
    progress = Progress(costs, _write, sys.stderr.isatty())
    for sentence in missing:
        progress.say(sentence)
    records = []
    for request in requests:
        found = laboratory.run(request, folder, progress)
        record.write(target[request.subject.name], found)
        laboratory.forget(request, folder)
        records.append(found)
        if arguments.keep_worst:
            new = sample.keep(laboratory.worst_cases(found))
            progress.say(f"{request.subject.name}: {new} new worst inputs in {sample.FILE.name}")
    progress.close()
    return _verdict(records, target, asked=bool(arguments.implementation), missing=missing)


def _grid(arguments: argparse.Namespace) -> Grid:
    grid = Grid(*map(tuple, (arguments.variant, arguments.n, arguments.eps, arguments.negative_slope)))
    try:
        grid.specs()
    except (TypeError, ValueError) as error:
        raise Refused(str(error)) from None
    return grid


def _chosen(arguments: argparse.Namespace) -> tuple[list[tuple[Subject, tuple[str, ...]]], list[str]]:
    """The subjects with their dtypes, and a sentence for each one that is left out."""
    for dtype in arguments.dtype or ():
        if dtype not in FORMATS:
            raise Refused(unknown_name("dtype", dtype, FORMATS))
    chosen, missing = [], []
    for name in dict.fromkeys(arguments.implementation or subjects.names()):
        try:
            found = subjects.find(name, arguments.device)
        except ValueError as error:
            raise Refused(str(error)) from None
        if isinstance(found, str):
            missing.append(f"{name} is not measured: {found}")
            continue
        lacking = [dtype for dtype in arguments.dtype or () if dtype not in found.dtypes]
        if lacking:
            missing.append(f"{name} has no {' and no '.join(lacking)}: it has {', '.join(found.dtypes)}")
        dtypes = tuple(d for d in found.dtypes if not arguments.dtype or d in arguments.dtype)
        if dtypes:
            chosen.append((found, dtypes))
    if not chosen or (arguments.implementation and missing):
        raise Refused("; ".join(missing))
    return chosen, missing


def _targets(out: Path | None, chosen: Sequence[Subject]) -> dict[str, Path]:
    """Subject's name -> the file of its record."""
    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        return {subject.name: STORE / "error" / f"{stamp}-{subject.name}.json" for subject in chosen}
    if len(chosen) == 1:
        return {chosen[0].name: out}
    return {subject.name: out.with_stem(f"{out.stem}-{subject.name}") for subject in chosen}


# --- what is said ---------------------------------------------------------------------------------------


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _show(arguments: argparse.Namespace, grid: Grid) -> int:
    names = {"implementation": arguments.implementation, "dtype": arguments.dtype}
    for option, given in names.items():
        if not given or len(given) != 1:
            raise Refused(f"--at needs one --{option}")
    try:
        subject = subjects.find(arguments.implementation[0], arguments.device)
        if isinstance(subject, str):
            raise Refused(f"{arguments.implementation[0]} is not available: {subject}")
        function = arguments.peer or grid.specs()[0]
        print(at.show(subject, function, arguments.dtype[0], arguments.what, arguments.at))
    except ValueError as error:
        raise Refused(str(error)) from None
    return WITHIN


def _verdict(records: list[dict[str, Any]], target: dict[str, Path], asked: bool, missing: list[str]) -> int:
    print(_table(records))
    code = WITHIN
    for found in records:
        header = found["gem_impls_error"]
        name = header["implementation"]
        for reason in header["not_measured"]:
            print(f"{name}: {reason['what']} could not be measured: {reason['reason']}")
        for complaint in header["complaints"][:SHOWN]:
            print(f"{name}: {complaint}")
        if len(header["complaints"]) > SHOWN:
            print(f"{name}: and {len(header['complaints']) - SHOWN} complaints more, in its record")
        print(f"{name}: {target[name]}")
    if any(found["gem_impls_error"]["not_measured"] for found in records) or (asked and missing):
        code = NOT_MEASURED
    if any(found["gem_impls_error"]["within_bounds"] is False for found in records):
        code = BEYOND
    return code


SHOWN: Final = 10
"""Complaints printed of each implementation."""

COLUMNS: Final = (
    *("implementation", "dtype", "what"),
    *("inputs", "correctly rounded", "max ulp", "anywhere", "time"),
)


def _short(error: float | str | None) -> str:
    return "-" if error is None else f"{float(error):.4g}"


def _table(records: list[dict[str, Any]]) -> str:
    rows = [COLUMNS]
    for found in records:
        header = found["gem_impls_error"]
        for row in found["summary"]:
            right = f"{100 * row['correctly_rounded'] / row['inputs']:.4f} %"
            took = duration(header["seconds"][row["dtype"]])
            name = (header["implementation"], row["dtype"], row["what"])
            errors = (_short(row["max_ulp"]), _short(row["max_ulp_anywhere"]))
            rows += [(*name, f"{row['inputs']:,}", right, *errors, took)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    align = [str.ljust] * 3 + [str.rjust] * (len(COLUMNS) - 3)
    lines = [zip(align, row, widths, strict=True) for row in rows]
    return "\n".join("  ".join(put(cell, width) for put, cell, width in line) for line in lines)
