"""``python -m reports build`` and ``python -m reports answer``: the command line."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reports.build import machines_of, site
from reports.history import load_history
from reports.labs import labs_of
from reports.load import load
from reports.markdown import answer
from reports.sections import START, Inputs

HERE = Path(__file__).parent
MARK = ".gem-impls-report"
"""A file that marks a folder as ours to replace."""

BAD_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 where it did what was asked, 2 where it could not (the reason is on stderr)."""
    given = _parser().parse_args(arguments)
    try:
        inputs = _inputs(given)
        said = COMMANDS[given.command](inputs, given)
    except (OSError, ValueError) as error:
        print(f"reports: {error}", file=sys.stderr)
        return BAD_USE
    for problem in (*inputs.loaded.problems, *inputs.history.problems):
        print(f"reports: {problem.shown}: {problem.text}", file=sys.stderr)
    if not inputs.loaded.records:
        print("reports: there is no sweep to report; `make report` makes one", file=sys.stderr)
    print(said)
    return 0


def _build(inputs: Inputs, given: argparse.Namespace) -> str:
    return str(write(site(inputs), given.out))


def _answer(inputs: Inputs, _: argparse.Namespace) -> str:
    machines = machines_of(inputs.loaded.records)
    if not machines:
        raise ValueError("there is no sweep to answer from; `make report` makes one")
    here = machines[0].record.environment
    labs = labs_of(inputs.loaded.errors, [here])
    return answer(machines[0], next((lab for lab in labs if lab.environment.key == here.key), None))


COMMANDS: Mapping[str, Callable[[Inputs, argparse.Namespace], str]] = {"build": _build, "answer": _answer}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description="The offline report.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="stored files in, a site out; prints the path of its page")
    shown = commands.add_parser("answer", help="the page's first sentence and table as Markdown")
    for command in (build, shown):
        command.add_argument(
            "--data",
            type=Path,
            action="append",
            metavar="DIR",
            help="folder of stored sweeps, read recursively; may be repeated (default: reports/data)",
        )
        command.add_argument(
            "--asv", type=Path, metavar="DIR", help="asv's results folder (default: reports/data/asv)"
        )
    build.add_argument("--out", type=Path, metavar="DIR", default=HERE / "html", help="default: reports/html")
    return parser


def _inputs(given: argparse.Namespace) -> Inputs:
    for named in [*(given.data or []), *([given.asv] if given.asv else [])]:
        if not named.is_dir():
            raise ValueError(f"{named} is not a folder")
    asv = given.asv or HERE / "data" / "asv"
    # Reproducible-builds convention: a caller may state the build time.
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    built = datetime.fromtimestamp(int(stated), UTC) if stated else datetime.now(UTC)
    return Inputs(load(given.data or [HERE / "data"], apart=asv), load_history(asv), built)


def write(files: Mapping[str, bytes], out: Path) -> Path:
    """Put the site at ``out``, replacing an earlier one whole, and return the path of its start page.

    Raises:
        ValueError: ``out`` holds something that is not a site of ours.
        OSError: it cannot be written.
    """
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not a report: name another folder with --out, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        new = Path(scratch) / "new"
        for name, content in {MARK: b"", **files}.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if out.exists():
            out.rename(Path(scratch) / "old")
        shutil.move(new, out)
    return out / START


if __name__ == "__main__":
    sys.exit(main())
