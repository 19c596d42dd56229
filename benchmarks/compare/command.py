"""``python -m benchmarks compare BASE [HEAD]``: the command line, and what it comes to."""

from __future__ import annotations

import argparse
import errno
import math
import os
import random
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import record as sweeps
from benchmarks.command_line import BAD_USE, Parser
from benchmarks.compare import judge, plan, scratch, show, stopping, store
from benchmarks.compare.build import Unbuildable, install
from benchmarks.compare.revisions import (
    WORKING_TREE,
    Revision,
    UnknownRevision,
    export,
    files_in,
    resolve,
    uncommitted,
)
from benchmarks.compare.sitting import Broken, Settings, Sitting
from benchmarks.compare.store import SIDES, Journal, Unreadable
from benchmarks.error.cache import Unwritable, require_writable, write_whole

BITS: Final = {
    judge.SLOWER: 4,
    judge.LESS_EXACT: 8,
    judge.MORE_MEMORY: 16,
    judge.UNMEASURED: 32,
    judge.GONE: 32,
    judge.NEW: 32,
}
"""Verdict -> its bit of the exit code, where it counts."""

COUNTED: Final = tuple(word for word in BITS if word not in judge.ONE_SIDED.values())
"""Verdicts that count unless ``--fail-on`` says otherwise: a case that is added or removed is no fault."""

CLOCK: Final = {
    "cpu": "wall, less the time that other programs kept it from a processor",
    "cuda": "wall",
}
"""device -> what samples are read from."""

NOT_STORED: Final = 64
"""The bit of a record that could not be written; its verdicts were printed."""

EPILOG: Final = """\
exit code: the sum of 4 (something is slower), 8 (less exact), 16 (more memory), 32 (could not be measured,
or, where --fail-on names them, gone or new: in one revision only)
and 64 (the record could not be written); 0: none of them; 2: bad use, or no room to build: nothing was
measured; 130, 143, 129: ended by Ctrl-C, SIGTERM, SIGHUP: what was measured is in the journal, and compare
--from judges it

-k takes expressions over the names of cases, as pytest does: -k 'numpy_cpu and not backward', -k error"""


class Refused(Exception):
    """The command cannot do what it was asked; the message says why."""


def main(argv: Sequence[str], repository: Path = sweeps.ROOT) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        with stopping.tidily():
            if arguments.stored is not None:
                return _again(arguments)
            if arguments.base is None:
                raise Refused("BASE is missing: the revision to compare with, such as main")
            return _compare(arguments, repository, shlex.join(_without_paths(argv)))
    except (Refused, Unwritable, UnknownRevision, plan.NothingSelected, Unreadable) as refusal:
        print(f"error: {show.plain(str(refusal))}", file=sys.stderr)
        return BAD_USE
    except KeyboardInterrupt as stop:
        print("interrupted; nothing was measured yet", file=sys.stderr)
        return stopping.exit_code(stop)


# --- the command line -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m benchmarks compare",
        description="Build two revisions, measure them in turns, and say what changed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", nargs="?", metavar="BASE", help="a commit, branch or tag")
    parser.add_argument(
        "head",
        nargs="?",
        metavar="HEAD",
        help="likewise, or . for the working tree; default: the working tree if it has changes, else HEAD",
    )
    parser.add_argument(
        "--budget", type=duration, default=300.0, metavar="TIME", help="30s, 10m, 1h; default 5m"
    )
    parser.add_argument("-k", dest="keyword", default="", metavar="EXPRESSION", help="only cases that match")
    parser.add_argument("--cases", choices=plan.SELECTIONS, default=plan.USUAL, help="what -k chooses from")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--threads",
        type=_positive,
        default=1,
        help="of each process; default 1, with which other programs disturb least",
    )
    parser.add_argument(
        "--effect",
        type=percentage,
        metavar="PERCENT",
        help="the smallest change of a time that is called one; default 5%%",
    )
    parser.add_argument("--seed", type=int, help="of the orders; default: drawn, and recorded")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record here, too")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write a comment for a pull request here"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=sweeps.STORE,
        metavar="FOLDER",
        help="of the record; default reports/data/local",
    )
    parser.add_argument(
        "--fail-on",
        type=_verdicts,
        default=COUNTED,
        metavar="VERDICTS",
        help=f"which make up the exit code, default '{','.join(COUNTED)}', also gone and new; '' for none",
    )
    parser.add_argument(
        "--from", dest="stored", type=Path, metavar="FILE", help="judge a journal or record again"
    )
    return parser


def duration(text: str) -> float:
    """Seconds of ``90s``, ``10m``, ``1.5h`` or ``90``."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    return _within(number, unit, f"a time is a number > 0 and s, m or h, such as 10m; got {text!r}")


def percentage(text: str) -> float:
    """0.05 of ``5%`` or ``5``."""
    found = _within(text.removesuffix("%"), 0.01, f"a percentage between 0 and 100 is needed; got {text!r}")
    if found >= 1:
        raise argparse.ArgumentTypeError(f"a percentage between 0 and 100 is needed; got {text!r}")
    return found


def _within(text: str, unit: float, message: str) -> float:
    try:
        found = float(text) * unit
    except ValueError:
        raise argparse.ArgumentTypeError(message) from None
    if not (math.isfinite(found) and found > 0):
        raise argparse.ArgumentTypeError(message)
    return found


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"an integer >= 1 is needed; got {text!r}")
    return int(text)


def _verdicts(text: str) -> tuple[str, ...]:
    chosen = tuple(word.strip().replace("-", " ") for word in text.split(",") if word.strip())
    if unknown := [word for word in chosen if word not in BITS]:
        raise argparse.ArgumentTypeError(f"verdicts are {', '.join(BITS)}; got {unknown[0]!r}")
    return chosen


PATHS: Final = ("--json", "--markdown", "--out")
"""Options that take a path, which is nobody else's business."""


def _without_paths(argv: Sequence[str]) -> list[str]:
    kept, words = ["python", "-m", "benchmarks", "compare"], iter(argv)
    for word in words:
        if word in PATHS:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in PATHS)):
            kept.append(word)
    return kept


# --- a comparison ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One revision on its way to a process: where it is, and why it will not get there."""

    revision: Revision
    folder: Path
    broken: str | None

    def as_dict(self) -> dict[str, Any]:
        """As the record has it."""
        return {**self.revision.as_dict(), "label": self.revision.label, "broken": self.broken}


def _compare(arguments: argparse.Namespace, repository: Path, command: str) -> int:
    begun = time.monotonic()
    head = arguments.head or (WORKING_TREE if uncommitted(repository) else "HEAD")
    revisions = {"base": resolve(arguments.base, repository), "head": resolve(head, repository)}
    _require_places(arguments)
    known = {*plan.implementations_in(repository / "gem_impls")}
    for revision in revisions.values():
        known |= {*plan.implementations_among(files_in(revision, repository))}
    plan.make(arguments.cases, known, arguments.device, arguments.keyword)
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    effect = arguments.effect or judge.EFFECT
    journal = Journal(store.new_name(arguments.out), _say)
    for side, revision in revisions.items():
        _say(f"{side}: {revision.label}  {revision.subject}")
    with ExitStack() as stack:
        with _room():
            private = stack.enter_context(scratch.folder())
            sides = _built(revisions, repository, private)
            benchmarks = _frozen(repository, private)
        names = [n for side in sides.values() for n in plan.implementations_in(side.folder / "gem_impls")]
        names = names or plan.implementations_in(repository / "gem_impls")
        chosen = plan.make(arguments.cases, names, arguments.device, arguments.keyword)
        rows = store.header_rows(chosen.timed, chosen.counted, chosen.subjects)
        header = {
            **_header(arguments, repository, command, seed, effect),
            **{name: side.as_dict() for name, side in sides.items()},
        }
        journal.append({"header": {**header, "rows": rows}})
        left = arguments.budget - (time.monotonic() - begun)
        settings = Settings(left, seed, arguments.threads, effect)
        paths = {name: [side.folder, benchmarks] for name, side in sides.items()}
        try:
            stopped = _measure(sides, Sitting(rows, paths, private, settings, journal, _say), rows, journal)
        except KeyboardInterrupt as stop:
            _say(f"interrupted; what was measured is in {journal.path.name}: compare --from judges it")
            return stopping.exit_code(stop)
        journal.append({"finished": sweeps.now(), "complete": stopped is None, "stopped": stopped})
    return _conclude(arguments, journal)


@contextmanager
def _room() -> Iterator[None]:
    """What cannot be written before anything is measured refuses the command."""
    try:
        yield
    except OSError as error:
        why = error.strerror or _full(error) or error
        raise Refused(
            f"the revisions cannot be written out below {tempfile.gettempdir()} ({why}); "
            "name another folder with the variable TMPDIR"
        ) from error


def _full(error: Exception) -> str | None:
    """The words for a full disk, where that is what went wrong."""
    words = os.strerror(errno.ENOSPC)
    return words if words in str(error) else None


def _built(revisions: Mapping[str, Revision], repository: Path, private: Path) -> dict[str, Side]:
    """Both sides exported, built and installed, at the same time. Their folders' names are equally long.

    Raises:
        OSError: the disk is full.
    """
    unwanted = threading.Event()

    def one(name: str) -> Side:
        folder = private / name / "site"
        try:
            export(revisions[name], repository, private / name / "source")
            install(private / name / "source", private / name / "wheels", folder, unwanted.is_set)
        except (Unbuildable, OSError) as error:
            if full := _full(error):
                raise OSError(errno.ENOSPC, full) from error
            reason = f"it does not build: {error}"
            _say(f"{name}: {reason}")
            return Side(revisions[name], folder, reason)
        return Side(revisions[name], folder, None)

    _say("building both")
    with ThreadPoolExecutor(2) as threads:
        try:
            return dict(zip(SIDES, threads.map(one, SIDES), strict=True))
        except BaseException:
            unwanted.set()
            raise


def _frozen(repository: Path, private: Path) -> Path:
    """A copy of the benchmarks, for both sides: what is edited meanwhile must not reach one of them only."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / "benchmarks", private / "tree" / "benchmarks", ignore=skip)
    return private / "tree"


def _header(
    arguments: argparse.Namespace, repository: Path, command: str, seed: int, effect: float
) -> dict[str, Any]:
    tree = resolve(WORKING_TREE, repository)
    environment = {**sweeps.environment(), "commit": tree.commit, "dirty": bool(tree.uncommitted)}
    return {
        "schema": store.SCHEMA,
        "command": command,
        "started": sweeps.now(),
        "benchmarks": {"commit": tree.commit, "dirty": bool(tree.uncommitted)},
        "environment": environment,
        "device": arguments.device,
        "clock": CLOCK[arguments.device],
        "threads": arguments.threads,
        "seed": seed,
        "budget_s": arguments.budget,
        "effect": effect,
        "confidence": judge.CONFIDENCE,
        "power": judge.POWER,
    }


def _measure(
    sides: Mapping[str, Side], sitting: Sitting, rows: Sequence[Mapping[str, Any]], journal: Journal
) -> str | None:
    """Run the sitting; why it ended early, if it did.

    A side that cannot be measured, or no longer, is the reason of every row that has no figures yet.
    """
    for name, side in sides.items():
        if side.broken:
            for row in rows:
                journal.append({"failed": row["id"], "side": name, "reason": side.broken, "lacks": False})
    if any(side.broken for side in sides.values()):
        return None
    try:
        sitting.run()
    except Broken as error:
        _say(str(error))
        name, _, reason = str(error).partition(": ")
        verdicts = store.assemble(journal.events)["verdicts"]
        for row in {v["id"]: None for v in verdicts if v["verdict"] == judge.UNMEASURED}:
            journal.append({"failed": row, "side": name, "reason": reason, "lacks": False})
        return str(error)
    return None


# --- what it comes to -----------------------------------------------------------------------------------


def _again(arguments: argparse.Namespace) -> int:
    try:
        events = store.read(arguments.stored)
    except OSError as error:
        raise Refused(f"{arguments.stored} cannot be read ({error.strerror or error})") from None
    record = store.assemble(events, arguments.effect)
    stored = _publish(arguments, record)
    return exit_code(record, arguments.fail_on) | (0 if stored else NOT_STORED)


def _conclude(arguments: argparse.Namespace, journal: Journal) -> int:
    record = store.assemble(journal.events)
    stored = _publish(arguments, record)
    try:
        journal.close(record)
        _say(f"the record: {journal.record.name} in {journal.record.parent.name}")
    except OSError as error:
        _say(f"the record could not be written ({error.strerror or error}); the verdicts above are complete")
        stored = False
    return exit_code(record, arguments.fail_on) | (0 if stored else NOT_STORED)


def _publish(arguments: argparse.Namespace, record: dict[str, Any]) -> bool:
    """Print the verdicts, write the files that were asked for; whether all of that worked."""
    print(show.text(record))
    fine = True
    for path, render in ((arguments.json, store.text_of), (arguments.markdown, show.markdown)):
        if path is None:
            continue
        try:
            write_whole(path, render(record).encode())
        except OSError as error:
            _say(f"{path.name} could not be written ({error.strerror or error})")
            fine = False
    return fine


def exit_code(record: Mapping[str, Any], fail_on: Sequence[str] = COUNTED) -> int:
    """The sum of the bits of the verdicts that occur, of those that count."""
    said = {row["verdict"] for row in record["verdicts"]}
    if record[store.KEY].get("stopped"):
        said.add(judge.UNMEASURED)  # what it did not come to
    found = said & set(fail_on)
    return sum({BITS[word] for word in found})


def _require_places(arguments: argparse.Namespace) -> None:
    """Refuse before anything is measured what could not be written after it."""
    require_writable(arguments.out, "--out")
    for option, path in (("--json", arguments.json), ("--markdown", arguments.markdown)):
        if path is not None:
            require_writable(path.parent, option)


def _say(sentence: str) -> None:
    print(show.plain(sentence), file=sys.stderr, flush=True)
