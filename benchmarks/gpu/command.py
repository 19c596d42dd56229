"""``python -m benchmarks gpu``: all that needs an NVIDIA GPU, most important first, into one record."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import gem_impls
from benchmarks.command_line import Parser
from benchmarks.gpu import jobs
from benchmarks.gpu.jobs import FAILED, PASSED, Job, Outcome
from benchmarks.gpu.phases import INTERPRETER, PHASES, Phase, Sitting
from benchmarks.gpu.record import REHEARSALS, Run
from benchmarks.record import ROOT, cores, now
from gem_impls.errors import unknown_name

DONE, FINDINGS, NOT_DONE = 0, 1, 2
"""Exit codes: all phases passed; one failed or was stopped; there is no GPU, or bad use."""

EPILOG: Final = """\
exit code: 0 all phases passed, 1 one of them failed, or was stopped for lack of time, 2 there is no GPU here,
or bad use, or the run was interrupted (the same command goes on where it stopped)

Close what else uses the GPU, and leave its clocks as they are: they are recorded."""

REHEARSED: Final = ("triton_fused",)
"""The implementations that a rehearsal checks: its kernels are the reason for all of this."""

CORES_A_JOB: Final = 4
"""Processor cores for each of the jobs that run at once; only correctness is checked at once, never time."""

LEAST_S: Final = 10.0
"""A phase that could not have so many seconds is not begun."""


class Refused(Exception):
    """The command cannot do what it was asked; the message says why."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        chosen = _chosen(arguments.only)
        if arguments.plan:
            print(plan(chosen, arguments.budget))
            return DONE
        if not arguments.rehearse and (missing := no_gpu()) is not None:
            raise Refused(missing)
        return _run(arguments, chosen, shlex.join(["python", "-m", "benchmarks", "gpu", *_without_out(argv)]))
    except (Refused, ValueError, OSError) as refusal:
        print(f"error: {jobs.without_paths(str(refusal))}", file=sys.stderr)
        return NOT_DONE
    except KeyboardInterrupt:
        print("\ninterrupted; finished phases are kept: the same command goes on", file=sys.stderr)
        return NOT_DONE


def no_gpu() -> str | None:
    """What is missing for a GPU to be measured here, in a sentence; None where nothing is."""
    try:
        import torch
    except ImportError as error:
        return f"torch could not be imported ({error}): a CUDA build of torch >= 2.11 is needed"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA: a CUDA build of torch >= 2.11 is needed"
    if not torch.cuda.is_available():
        return "torch sees no CUDA device: an NVIDIA GPU, its driver, and leave to use them are needed"
    if os.environ.get("TRITON_INTERPRET", "0") == "1":
        return "TRITON_INTERPRET=1 makes Triton interpret its kernels: unset it to measure them"
    return None


# --- arguments ------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m benchmarks gpu",
        description="Check on an NVIDIA GPU that results are right, then measure; one record file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--plan", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="run every phase's programs on the CPU, at tiny sizes: it tries the code, and measures nothing",
    )
    parser.add_argument(
        "--budget", type=seconds_of, metavar="TIME", help="20m, 90s, 1.5h: end after about so long"
    )
    parser.add_argument("--only", nargs="+", metavar="PHASE", help="these phases alone; --plan lists them")
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew where an interrupted run could go on"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the record; default: in reports/data")
    return parser


def seconds_of(text: str) -> float:
    """``"90s"``, ``"20m"``, ``"1.5h"`` in seconds; a number alone is minutes.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600, "": 60}[found[2]] if found else 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"a time above 0 is needed, as 90s, 20m or 1.5h; got {text!r}")
    return seconds


def _without_out(argv: Sequence[str]) -> list[str]:
    """The arguments as a record keeps them: where it wrote is nobody else's business."""
    kept, words = [], iter(argv)
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out="):
            kept.append(word)
    return kept


def _chosen(names: Sequence[str] | None) -> tuple[Phase, ...]:
    known = {phase.name: phase for phase in PHASES}
    for name in names or ():
        if name not in known:
            raise Refused(unknown_name("phase", name, known))
    return tuple(phase for phase in PHASES if not names or phase.name in names)


# --- the run --------------------------------------------------------------------------------------------


def plan(chosen: Sequence[Phase], budget: float | None) -> str:
    """What would be done, a line a phase."""
    lines = []
    for number, phase in enumerate(chosen, start=1):
        limit = "" if budget is None else f"  at most {_duration(phase.share * budget)}"
        lines.append(f"{number:>2}. {phase.name:<12} {phase.what}{limit}")
    return "\n".join([*lines, "", no_gpu() or "A GPU is here: without --plan this would begin."])


def _run(arguments: argparse.Namespace, chosen: Sequence[Phase], command: str) -> int:
    run = Run(arguments.rehearse, command, arguments.out, arguments.fresh)
    if run.done:
        _say(f"going on with {_shown(run.target)}: {', '.join(sorted(run.done))} done")
    end = None if arguments.budget is None else time.monotonic() + arguments.budget
    work = REHEARSALS / f"{run.target.stem}.work"
    for number, phase in enumerate(chosen, start=1):
        if phase.name in run.done:
            continue
        limit = None
        if end is not None:
            limit = min(end - time.monotonic(), phase.share * arguments.budget)
            if limit < LEAST_S:
                run.left_out(phase.name, phase.what, "the budget was spent before its turn")
                _say(f"{phase.name}: not run, the budget is spent")
                continue
        device = "cpu" if arguments.rehearse else "cuda"
        sitting = Sitting(device, arguments.rehearse, work, tuple(sorted(run.header["wrong"])), limit)
        _say(f"{number}/{len(chosen)} {phase.name}: {phase.what}")
        run_phase(run, phase, sitting, _say)
    complete = {phase.name for phase in PHASES} <= run.done
    run.close(complete)
    shutil.rmtree(work, ignore_errors=True)
    return _verdict(run, arguments.rehearse)


def run_phase(run: Run, phase: Phase, sitting: Sitting, say: Callable[[str], None]) -> None:
    """Run the jobs of a phase and keep what came of them, whatever it is."""
    names = _implementations(sitting) if phase.each else [""]
    results = {name or "all": sitting.folder / f"{_file(phase.name, name)}.json" for name in names}
    sitting.folder.mkdir(parents=True, exist_ok=True)
    todo = [
        Job(
            name or "all",
            phase.command(sitting, name, results[name or "all"]),
            sitting.folder / f"{_file(phase.name, name)}.log",
            INTERPRETER if sitting.rehearsal else {},
            phase.proof,
        )
        for name in names
    ]
    started, began = now(), time.monotonic()

    def ended(outcome: Outcome) -> None:
        say(f"  {outcome.name}: {outcome.status} ({_duration(outcome.seconds)})")
        if outcome.status == FAILED and outcome.said:
            say("    " + outcome.said[-600:].replace("\n", "\n    "))

    at_once = max(1, cores() // CORES_A_JOB) if phase.judges else 1
    outcomes = jobs.run(todo, phase.accepted, sitting.seconds, ended, at_once)
    found = {name: _result(path) for name, path in results.items() if path.exists()}
    if phase.judges:
        for name, reason in wrong_ones(phase, outcomes, found).items():
            run.is_wrong(name, reason)
            say(f"  {name} will not be timed: {reason}")
    run.ends(phase.name, phase.what, started, time.monotonic() - began, outcomes, found)


def wrong_ones(phase: Phase, outcomes: Sequence[Outcome], results: dict[str, Any]) -> dict[str, str]:
    """Implementation -> why it must not be timed, by what a phase of correctness found."""
    found = {}
    for outcome in outcomes:
        if phase.each and outcome.status == FAILED:
            found[outcome.name] = f"it failed the phase {phase.name!r}"
        named = results.get(outcome.name)
        if isinstance(named, dict) and isinstance(named.get("wrong"), dict):
            found |= {str(name): str(reason) for name, reason in named["wrong"].items()}
    return found


def _implementations(sitting: Sitting) -> list[str]:
    """Those that a phase with a job for each has jobs for."""
    if sitting.rehearsal:
        return [name for name in REHEARSED if name in gem_impls.implementations()]
    return [
        name
        for name in gem_impls.implementations()
        if sitting.device in gem_impls.get(name).devices
        and gem_impls.get(name).unavailable(sitting.device) is None
    ]


def _file(phase: str, name: str) -> str:
    return "-".join(filter(None, [phase.replace(" ", "-"), name]))


def _result(path: Path) -> Any:
    """What a program wrote, or why that cannot be kept."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return {"unreadable": f"{type(error).__name__}: {jobs.without_paths(str(error))}"}


# --- what is said ---------------------------------------------------------------------------------------


def _say(text: str) -> None:
    print(text, flush=True)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(ROOT))
    except ValueError:
        return str(path)


def _verdict(run: Run, rehearsal: bool) -> int:
    _say("")
    for entry in run.phases.values():
        _say(
            f"{entry['phase']:<12} {entry['status']:<8} {_duration(entry['seconds'])} {entry['reason'] or ''}"
        )
    for name, reason in run.header["wrong"].items():
        _say(f"{name} was not timed: {reason}")
    where = _shown(run.target)
    if rehearsal:
        _say(f"A rehearsal: no figure in {where} means anything.")
    else:
        if not run.header["complete"]:
            _say("Not everything was done: the same command goes on with what is missing.")
        _say(
            f"Record: {where}\nTo keep it: git add {where}, and say in the commit what the machine was doing."
        )
    return DONE if all(entry["status"] == PASSED for entry in run.phases.values()) else FINDINGS
