"""``make history``: measure commits with asv, and write down beside the results what the commits are.

    python -m benchmarks.asv_history                          # commits of main that are new to this machine
    python -m benchmarks.asv_history --range 'v1..main' --steps 20
    python -m benchmarks.asv_history --here                   # HEAD, in this very Python: needs no network

Each commit's results are stored when it is done, so an interruption costs the commit at hand. Commits that
were measured before are skipped, and so are those that could not be: their failure is stored like a result.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import asv_log, asv_machine
from benchmarks.lifetime import Stopped, die_with_parent, end_descendants, stoppable

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = asv_machine.RESULTS
UNFINISHED: Final = ROOT / ".asv" / "unfinished"
"""A folder: for each machine, the commits of runs that did not come to their end."""

FIRST_TIME: Final = "-10 main"
"""What is measured on a machine that has no results yet."""

LEAST_FREE: Final = 50 * 2**20
"""Bytes on the disk of the results, before a minute is spent on each commit."""


class Suite(NamedTuple):
    """Benchmarks, how asv starts their processes (a CUDA context does not survive a fork), where they run."""

    bench: str
    launch: str
    runs_here: Callable[[], bool]


SUITES: Final = (
    Suite("^asv_cpu", "forkserver", lambda: True),
    Suite("^asv_code", "forkserver", lambda: True),
    Suite("^asv_shape", "forkserver", lambda: True),
    Suite("^asv_gpu", "spawn", lambda: shutil.which("nvidia-smi") is not None),
)

BAD_USE: Final = 2

NOTHING_RUN: Final = 1
"""asv's code where it could not begin, or broke off."""

DONE: Final = (0, 2)
"""asv's codes where every commit was tried; 2: some benchmark failed, and that is a result, too."""

PATIENCE_S: Final = 10.0
"""Seconds that asv has to end its processes when it is interrupted."""


class Cannot(Exception):
    """A sentence for the user: why nothing is measured."""


def main(argv: Sequence[str] | None = None) -> int:
    """0: every commit was tried. 2: nothing could be. 130, 143, 129: interrupted. Else asv's own code."""
    given = _parser().parse_args(argv)
    try:
        check_folder(RESULTS)
        machine = asv_machine.register(RESULTS)
        folder = RESULTS / machine
        return _here(folder, machine) if given.here else _commits(folder, machine, given.range, given.steps)
    except (Cannot, asv_machine.Unknown) as error:
        print(f"make history: {error}", file=sys.stderr)
        return BAD_USE


def _commits(folder: Path, machine: str, wanted: str, steps: int) -> int:
    """Measure commits in environments of their own; what an interruption leaves is written down before."""
    earlier = unfinished(UNFINISHED / machine)
    commits = thinned(chosen(folder, wanted, earlier), steps)
    if not commits:
        print("Nothing new: every commit of main was measured on this machine (RANGE= names others)")
        return 0
    remember(UNFINISHED / machine, [*commits, *earlier])
    with tempfile.TemporaryDirectory() as scratch:
        names = Path(scratch) / "commits"

        def tried(listed: Sequence[str]) -> int:
            names.write_text("\n".join(listed) + "\n")
            return _measured(folder, machine, SUITES, [f"HASHFILE:{names}", "--skip-existing"], _told)

        before = asv_log.measured(folder)
        code = tried(commits)
        nothing_stored = code == NOTHING_RUN and asv_log.measured(folder) == before
        if nothing_stored and (known := imported(folder)):
            # asv asks a commit of its list, or the tip of main, for the benchmarks. If none of these can be
            # imported, it stops before any is marked, so one that can be stands at the end of the list.
            print(f"Nothing was measured. Once more, with {known[:8]}, at which asv finds the benchmarks")
            code = tried([*commits, known])
    if not code:
        remember(UNFINISHED / machine, [c for c in earlier if c not in commits])
    return code


def imported(folder: Path) -> str:
    """A commit that gave figures on this machine, the newest of those that there are; empty without one."""
    failed = asv_log.failed(folder)
    measured = [c for c in asv_log.measured(folder) if c not in failed and asv_log.is_commit(ROOT, c)]
    return _revisions(["-1", "--topo-order", *measured])[0] if measured else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.asv_history", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--range", default="", help="anything that git rev-list takes (default: what is new)")
    parser.add_argument("--steps", type=int, default=0, help="at most so many of them, evenly spread")
    parser.add_argument("--here", action="store_true", help="HEAD alone, in this Python, without a set-up")
    return parser


def check_folder(folder: Path) -> None:
    """Find out now, and not after a commit was measured, whether its results can be stored.

    Raises:
        Cannot: the folder cannot be written to, or its disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise Cannot(f"the results folder {folder} cannot be written to: {error.strerror}") from error
    if free < LEAST_FREE:
        wanted = LEAST_FREE >> 20
        raise Cannot(f"the disk of {folder} has {free >> 20} MiB left; results need {wanted} MiB to be safe")


def chosen(folder: Path, wanted: str, earlier: Sequence[str] = ()) -> list[str]:
    """The commits of a range, the newest first; without one, those of main that are new to this machine.

    ``earlier`` are those that an interruption kept from being measured in full: without a range they are
    taken up again.

    Raises:
        Cannot: git knows no such commits.
    """
    if wanted:
        return _revisions(wanted.split())
    measured = [c for c in asv_log.measured(folder) if asv_log.is_commit(ROOT, c)]
    branch = "main" if asv_log.is_commit(ROOT, "main") else "HEAD"
    if not measured and not earlier:
        return _revisions(FIRST_TIME.replace("main", branch).split())
    new = _revisions([branch, "--not", *measured, *earlier])
    return [*new, *earlier]


def thinned(commits: list[str], steps: int) -> list[str]:
    """At most ``steps`` of the commits, evenly spread, both ends among them; all of them where it is 0.

    Raises:
        Cannot: it is negative.
    """
    if steps < 0:
        raise Cannot(f"STEPS must be 0 (all) or the most commits to measure; got {steps}")
    if not 0 < steps < len(commits):
        return commits
    return [commits[round(i * (len(commits) - 1) / max(steps - 1, 1))] for i in range(steps)]


def unfinished(path: Path) -> list[str]:
    """The commits that :func:`remember` wrote, if they still exist; none where there is no such file."""
    try:
        names = path.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    return [name for name in names if asv_log.is_commit(ROOT, name)]


def remember(path: Path, commits: Sequence[str]) -> None:
    """Write the commits to be measured down, each once; remove the file where there are none.

    Raises:
        Cannot: the folder cannot be written to.
    """
    try:
        if not commits:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        asv_log.replace(path, "\n".join(dict.fromkeys(commits)) + "\n")
    except OSError as error:
        raise Cannot(f"{path} cannot be written: {error.strerror}") from error


def _revisions(arguments: Sequence[str]) -> list[str]:
    run = asv_log.git(ROOT, "rev-list", *arguments, "--")
    if run.returncode:
        raise Cannot(f"git rev-list {' '.join(arguments)!r} names no commits: {run.stderr.strip()}")
    return run.stdout.split()


def _measured(
    folder: Path,
    machine: str,
    suites: Sequence[Suite],
    arguments: Sequence[str],
    tell: Callable[[Path], None],
) -> int:
    """Run the suites; whatever happens, what was stored is described. 0: each of them came to its end."""
    code = 0
    try:
        with stoppable():
            for suite in suites:
                if suite.runs_here():
                    chosen_by = [
                        "--machine",
                        machine,
                        "--bench",
                        suite.bench,
                        "--launch-method",
                        suite.launch,
                    ]
                    ended = _ended(suite, _asv(["run", *arguments, *chosen_by]))
                    code = code or ended
    except KeyboardInterrupt as error:
        code = 128 + (error.signal if isinstance(error, Stopped) else signal.SIGINT)
        print("Interrupted: the commits done so far are stored, the next run goes on with the others")
    finally:
        tell(folder)
    return code


def _ended(suite: Suite, code: int) -> int:
    """0 if asv tried everything; else its code, or what a shell says of a process that a signal ended."""
    if code in DONE:
        return 0
    how = f"signal {-code} ended it" if code < 0 else f"it ended with code {code}"
    print(
        f"make history: asv did not finish {suite.bench.lstrip('^')}: {how}; the next run tries again",
        file=sys.stderr,
    )
    return 128 - code if code < 0 else code


def _asv(command: Sequence[str]) -> int:
    """What asv ends with; negative if a signal ended it. None of its processes is left behind."""
    environment = dict(os.environ)
    environment["PIP_CONSTRAINT"] = str(ROOT / "constraints.txt")  # asv's environments obey it, too
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    full = [sys.executable, "-m", "asv", *command, "--show-stderr"]
    parent = os.getpid()
    asv = None
    try:
        asv = subprocess.Popen(
            full,
            cwd=ROOT,
            env=environment,
            preexec_fn=lambda: die_with_parent(parent, signal.SIGINT),  # no thread runs here
        )
        return asv.wait()
    except KeyboardInterrupt:
        if asv:
            _interrupt(asv)
        raise
    finally:
        end_descendants()


def _interrupt(asv: subprocess.Popen[bytes]) -> None:
    """Let asv clean up behind itself: a terminal's Ctrl-C reached it, another signal to us did not."""
    for sent, seconds in ((None, 1.0), (signal.SIGINT, PATIENCE_S)):
        if sent:
            asv.send_signal(sent)
        try:
            asv.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue


def _told(folder: Path) -> None:
    """Write the log of commits, and say which of them could not be measured."""
    try:
        log = asv_log.write(ROOT, folder)
    except OSError as error:
        log = asv_log.read(folder / asv_log.FILE)
        print(f"{asv_log.FILE} could not be brought up to date ({error.strerror}); the next run does it")
    for name in asv_log.failed(folder):
        subject = next((c.subject for c in log if c.hash == name), "")
        print(f"Could not be measured: {name[:8]} {subject} (it does not build, or cannot be imported)")
    where = os.path.relpath(folder, ROOT)
    print(f"Results of {len(asv_log.measured(folder))} commits are in {where}; 'make publish' shows them")


# --- in the Python at hand --------------------------------------------------------------------------------


def _here(folder: Path, machine: str) -> int:
    """HEAD in this environment. The package is that of the working tree, so it must be HEAD's."""
    changed = asv_log.git(ROOT, "status", "--porcelain", "--", "gem_impls").stdout
    if changed:
        raise Cannot(f"gem_impls differs from HEAD, whose figures these would be; commit first:\n{changed}")
    head = _revisions(["-1", "HEAD"])[0]
    target = folder / f"{head[:8]}-{environment_name()}.json"
    missing = [suite for suite in SUITES if suite.runs_here() and not has(target, suite)]
    if not missing:
        print(f"{head[:8]} was measured in this environment; to measure it again, remove {target}")
        return 0
    os.environ["ASV_PYTHONPATH"] = str(ROOT)  # asv withholds PYTHONPATH from the processes that measure

    def adopt_and_tell(folder: Path) -> None:
        adopt(folder, target)
        _told(folder)

    adopt(folder, target)  # what a run that was killed left
    return _measured(folder, machine, missing, ["--python=same", "--set-commit-hash", head], adopt_and_tell)


def has(target: Path, suite: Suite) -> bool:
    """Whether a file of results has rows of a suite: asv stores a suite when the whole of it was tried."""
    try:
        rows = json.loads(target.read_text(encoding="utf-8"))["results"]
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Cannot(f"{target} cannot be read ({error}); to measure it again, remove it") from error
    return any(re.search(suite.bench, name) for name in rows)


def environment_name() -> str:
    """What this Python is, as asv would name an environment of its own."""
    return "-".join(["existing", f"py{_python()}", *(f"{n}{v}" for n, v in _packages().items() if v)])


def _python() -> str:
    return ".".join(map(str, sys.version_info[:2]))


def _packages() -> dict[str, str]:
    from benchmarks import record

    here = record.environment()
    return {name: str(here.get(name) or "") for name in ("numpy", "torch", "triton")}


def adopt(folder: Path, target: Path) -> None:
    """Rename what asv named: an existing environment, which it knows by the path of its Python.

    What the target has of other suites stays: a run may have been interrupted between two of them.
    """
    for path in sorted(folder.glob(f"{target.name[:8]}-existing-py_*.json")):
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if target.exists():
            earlier: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
            for part in ("results", "durations"):
                result[part] = earlier.get(part, {}) | result.get(part, {})
        result["env_name"] = environment_name()
        result["python"] = _python()
        result["requirements"] = _packages()
        known = {name: result["params"].get(name) for name in asv_machine.FIELDS}
        result["params"] = {**known, "python": _python(), **_packages()}
        asv_log.replace(target, json.dumps(result))
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
