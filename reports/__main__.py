"""``python -m reports build``, ``answer`` and ``choosing``: the command line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reports import asv_pages
from reports.build import site, site_of
from reports.history.results import load_history
from reports.load import load
from reports.markdown import answer
from reports.sections import START, Inputs
from reports.worth.choosing import choosing, replaced
from reports.worth.evidence import evidence_of

HERE = Path(__file__).parent
MARK = ".gem-impls-report"
"""A file that marks a folder as ours to replace."""

UNUSABLE, BAD_USE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns 0 where it did what was asked; 2 where it could not (the reason is on stderr, and nothing was
    changed); 1 where it did, but could read nothing of what was stored, or of the newest sweep.
    """
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
    if inputs.loaded.unusable:
        print("reports: nothing of the newest sweep could be used: see the reasons above", file=sys.stderr)
        return UNUSABLE
    return 0


def _build(inputs: Inputs, given: argparse.Namespace) -> str:
    nested = _nested(given)
    further = asv_pages.asv_files(nested, inputs.history.log) if nested else {}
    return str(write({**site(inputs), **further}, given.out))


def _answer(inputs: Inputs, _: argparse.Namespace) -> str:
    whole = site_of(inputs)
    if not whole.first:
        raise ValueError("there is no sweep to answer from; `make report` makes one")
    return answer(whole.first, whole.lab_of(whole.first.environment))


def _choosing(inputs: Inputs, given: argparse.Namespace) -> str:
    text = choosing(evidence_of(inputs.loaded)[0])
    if given.write is None:
        return text
    document = replaced(given.write.read_text(encoding="utf-8"), text)
    given.write.write_text(document, encoding="utf-8")
    return str(given.write)


COMMANDS: Mapping[str, Callable[[Inputs, argparse.Namespace], str]] = {
    "build": _build,
    "answer": _answer,
    "choosing": _choosing,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description="The offline report.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="stored files in, a site out; prints the path of its page")
    shown = commands.add_parser("answer", help="the page's first sentence and table as Markdown")
    advice = commands.add_parser("choosing", help="the figures of docs/choosing.md as Markdown")
    advice.add_argument("--write", type=Path, metavar="FILE", help="put them between that document's marks")
    for command in (build, shown, advice):
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
    build.add_argument(
        "--nested",
        type=Path,
        metavar="DIR",
        help="asv's published pages, to be the folder asv/ of the site (default: those there, if any)",
    )
    return parser


def _inputs(given: argparse.Namespace) -> Inputs:
    for named in [*(given.data or []), *([given.asv] if given.asv else [])]:
        if not named.is_dir():
            raise ValueError(f"{named} is not a folder")
    asv = given.asv or HERE / "data" / "asv"
    # Reproducible-builds convention: a caller may state the build time.
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    built = datetime.fromtimestamp(int(stated), UTC) if stated else datetime.now(UTC)
    loaded = load(given.data or [HERE / "data"], apart=asv)
    nested = given.command == "build" and _nested(given) is not None
    return Inputs(loaded, load_history(asv), built, programs_commit(), nested)


def _nested(given: argparse.Namespace) -> Path | None:
    """The folder of asv's pages: the one named, or else those that the site already holds."""
    if given.nested and not asv_pages.published(given.nested):
        raise ValueError(f"{given.nested} holds no {asv_pages.DATA}: `asv publish` makes what --nested names")
    folder: Path = given.nested or given.out / asv_pages.FOLDER
    return folder if asv_pages.published(folder) else None


def programs_commit() -> str:
    """The commit of the programs that the pages are made with, marked where they differ; "" where unknown."""
    programs = ["gem_impls", "reports/*.py", "reports/templates", "reports/static"]
    commands = (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--", *programs])
    try:
        said = [
            subprocess.run(["git", *c], cwd=HERE.parent, capture_output=True, text=True, check=True).stdout
            for c in commands
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said[0].strip() + (" with uncommitted changes" if said[1].strip() else "")


def write(files: Mapping[str, bytes], out: Path) -> Path:
    """Put the site at ``out``, replacing an earlier one whole, and return the path of its start page.

    Where anything fails, the earlier site stays.

    Raises:
        ValueError: ``out`` holds something that is not a site of ours.
        OSError: it cannot be written.
    """
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not a report: name another folder with --out, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        for name, content in {MARK: b"", **files}.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if out.exists():
            out.rename(old)
        try:
            new.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
    return out / START


if __name__ == "__main__":
    sys.exit(main())
