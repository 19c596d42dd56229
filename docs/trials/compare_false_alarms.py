"""How often is `compare` wrong? Identical commits, and planted faults, over and over.

    .venv/bin/python -m docs.trials.compare_false_alarms --file trial.jsonl                  # all of it
    .venv/bin/python -m docs.trials.compare_false_alarms --file trial.jsonl --table          # what it came to

Each trial compares two commits of a clone of this repository, of whatever is committed here. A line of the
file has one run: an interrupted trial goes on where it stopped. docs/comparing.md has the table of one.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.axes import BACKWARD, BOTH, FORWARD
from benchmarks.cases import Case
from benchmarks.compare import judge, plan
from benchmarks.compare.processes import Worker
from gem_impls import Spec

ROOT = Path(__file__).resolve().parents[2]

SLOWED = """

# --- planted: every call takes 10 % longer -----------------------------------------------------------------
import time as _time


def _slowed(method, waits):
    def slowed(op, *arguments):
        result = method(op, *arguments)
        end = _time.perf_counter() + waits.get((arguments[0].nbytes, len(arguments)), 0.0)
        while _time.perf_counter() < end:
            pass
        return result

    return slowed


OP.forward, OP.backward = (_slowed(m, w) for m, w in zip((OP.forward, OP.backward), WAITS))
"""
"""WAITS: for forward and backward, (bytes of x, arguments given) -> seconds. They are measured beforehand, in
other processes: calls that a process makes for calibration change how its memory lies, and with that its time
by more than what is planted."""

INEXACT = """

# --- planted: one ulp too much, in float32, between 1 and 2 ------------------------------------------------
_exact_forward = NumpyOp.forward


def _inexact_forward(self, x, out=None):
    y = _exact_forward(self, x, out)
    if y.dtype == np.float32:
        np.copyto(y, np.nextafter(y, np.float32(np.inf)), where=(x >= 1) & (x < 2))
    return y


NumpyOp.forward = _inexact_forward
"""

COPIED_NUMPY = """

# --- planted: a copy that is gone before the work begins ---------------------------------------------------
_forward_of, _backward_of = NumpyOp.forward, NumpyOp.backward


def _copying_forward(self, x, out=None):
    x.copy()
    return _forward_of(self, x, out)


def _copying_backward(self, grad_output, x, out=None):
    x.copy()
    return _backward_of(self, grad_output, x, out)


NumpyOp.forward, NumpyOp.backward = _copying_forward, _copying_backward
"""

COPIED_TORCH = COPIED_NUMPY.replace("NumpyOp", "TorchNaiveOp").replace("x.copy()", "x.clone()")

SAVED = """

# --- planted: one tensor more is kept for backward ---------------------------------------------------------
_differentiable = TorchNaiveOp.differentiable
TorchNaiveOp.differentiable = lambda self, x: _differentiable(self, x) * torch.ones_like(x)
"""


@dataclass(frozen=True)
class Trial:
    """What is planted in HEAD, and what must come of it.

    ``found`` says which verdicts ought to be ``verdict``; all the others must not be a regression. ``runs``
    is how often, ``keyword`` and ``budget`` are the command's.
    """

    name: str
    file: str
    planted: str
    verdict: str
    found: Callable[[dict[str, Any]], bool]
    keyword: str
    budget: str
    runs: int


def timed(row: dict[str, Any]) -> bool:
    """Every time."""
    return bool(row["what"] == "time")


NUMPY, NAIVE = "gem_impls/impls/numpy_cpu.py", "gem_impls/impls/torch_naive.py"
CHEAP = "numpy_cpu or torch_naive"

TRIALS = (
    Trial("identical", "", "", "", lambda _: False, CHEAP, "60s", 20),
    Trial("identical, torch_compile", "", "", "", lambda _: False, "torch_compile", "90s", 6),
    Trial("identical, cpp_fused", "", "", "", lambda _: False, "cpp_fused", "90s", 6),
    Trial(
        "10 % slower, numpy_cpu",
        NUMPY,
        SLOWED.replace("OP", "NumpyOp"),
        "slower",
        timed,
        "numpy_cpu and not error and not backward-out",
        "60s",
        12,
    ),
    Trial(
        "10 % slower, numpy_cpu, 5 minutes",
        NUMPY,
        SLOWED.replace("OP", "NumpyOp"),
        "slower",
        timed,
        "numpy_cpu and not error and not backward-out",
        "300s",
        8,
    ),
    Trial(
        "1 ulp worse, numpy_cpu",
        NUMPY,
        INEXACT,
        "less exact",
        lambda row: row["id"].endswith("numpy_cpu-float32-cpu"),
        "error and numpy_cpu",
        "10s",
        5,
    ),
    Trial(
        "a tensor more saved, torch_naive",
        NAIVE,
        SAVED,
        "more memory",
        lambda row: row["what"] == "memory",
        "torch_naive and forward+backward and 65536 and not se-gem",
        "10s",
        5,
    ),
    Trial(
        "a hidden copy, numpy_cpu",
        NUMPY,
        COPIED_NUMPY,
        "more memory",
        lambda row: row["what"] == "memory",
        "numpy_cpu and backward-out",
        "10s",
        5,
    ),
    Trial(
        "a hidden copy, torch_naive",
        NAIVE,
        COPIED_TORCH,
        "more memory",
        lambda row: row["what"] == "memory",
        "torch_naive and backward-out",
        "10s",
        5,
    ),
)

REGRESSIONS = ("slower", "less exact", "more memory", "could not measure")
ALARMS = (*REGRESSIONS, "faster", "more exact", "less memory")


def git(clone: Path, *arguments: str) -> str:
    """What git prints."""
    who = ("-c", "user.name=trial", "-c", "user.email=trial@localhost", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=clone, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def waits(clone: Path, implementation: str) -> str:
    """A tenth of what each pass takes, less what the planted function itself costs; see :data:`SLOWED`.

    Forward and backward without ``out`` run one after the other, which takes longer than either alone says:
    they share a tenth of what they take together.
    """
    cost = _cost_of_the_wrapper()
    found: list[dict[tuple[int, int], float]] = [{}, {}]

    def seconds(spec: Spec, shape: tuple[int, ...], direction: str, *, out: bool) -> float:
        case = Case(
            spec.variant, spec, implementation, shape, "float32", "cpu", "contiguous", direction, out, "wall"
        )
        return typical(clone, plan.case_entry(case))

    for spec, shape in {row[:2]: None for row in (*plan.ROWS, *plan.COUNTED_ROWS)}:
        size = 4 * math.prod(shape)
        if (size, 1) in found[0]:
            continue
        alone = [seconds(spec, shape, direction, out=False) for direction in (FORWARD, BACKWARD)]
        together = seconds(spec, shape, BOTH, out=False)
        for which, direction in enumerate((FORWARD, BACKWARD)):
            share = together * alone[which] / sum(alone)
            into = seconds(spec, shape, direction, out=True)
            found[which][size, 1 + which] = max(0.0, 0.1 * share - cost)
            found[which][size, 2 + which] = max(0.0, 0.1 * into - cost)
    return repr(found)


def typical(clone: Path, case: dict[str, Any]) -> float:
    """Seconds of a call, as ``compare`` takes them: the middle one of three processes."""
    times = []
    for _ in range(3):
        process = Worker([clone])
        try:
            calls = process.ask("prepare", case=case)["calls"]
            visits = [process.ask("sample", case=case["id"], calls=calls, count=4) for _ in range(12)]
        finally:
            process.kill()
        times.append(math.exp(judge.typical(visits)))
    return sorted(times)[1]


def _cost_of_the_wrapper() -> float:
    class Op:
        forward = backward = staticmethod(lambda *_: None)

    class X:
        nbytes = 0

    plain, names = Op.forward, {"Op": Op}
    exec(SLOWED.replace("OP", "Op").replace("WAITS", "({}, {})"), names)  # noqa: S102  # the text above
    found = []
    for _ in range(200):
        times = []
        for call in (Op.forward, plain):
            start = time.perf_counter()
            for _ in range(100):
                call(Op, X)
            times.append(time.perf_counter() - start)
        found.append((times[0] - times[1]) / 100)
    return sorted(found)[100]


def plant(clone: Path, trial: Trial, base: str) -> str:
    """The commit with the fault, on top of ``base``, which stays checked out."""
    git(clone, "checkout", "--quiet", "--detach", base)
    if trial.file:
        path = clone / trial.file
        planted = trial.planted
        if "WAITS" in planted:
            planted = planted.replace("WAITS", waits(clone, path.stem))
        path.write_text(path.read_text(encoding="utf-8") + planted, encoding="utf-8")
    git(clone, "commit", "--quiet", "--all", "--allow-empty", "-m", trial.name)
    head = git(clone, "rev-parse", "HEAD")
    git(clone, "checkout", "--quiet", "--detach", base)
    return head


def run(clone: Path, trial: Trial, base: str, head: str) -> dict[str, Any]:
    """One comparison, as the file has it."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        command = [sys.executable, "-m", "benchmarks", "compare", base, head, "--budget", trial.budget]
        command += ["-k", trial.keyword, "--json", str(record), "--out", folder]
        begun = time.monotonic()
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
        if not record.exists():
            raise SystemExit(f"{trial.name}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        verdicts = json.loads(record.read_text(encoding="utf-8"))["verdicts"]
    figures = ("id", "what", "verdict", "ratio", "low", "high", "detectable", "reason")
    return {
        "trial": trial.name,
        "seconds": round(time.monotonic() - begun),
        "load": load(),
        "exit": done.returncode,
        "verdicts": [{name: row[name] for name in figures} for row in verdicts],
    }


BUSY = """
import time
import numpy as np

x, end = np.ones(1 << 21), time.time() + 7200
while time.time() < end:
    np.sqrt(x, out=x)
    sum(range(200_000))
"""


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Other programs: they count, and go through 16 MiB of memory, in turn."""
    programs = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def load() -> float | None:
    """Programs that wanted a processor, on average over the last minute."""
    try:
        return float(Path("/proc/loadavg").read_text(encoding="utf-8").split()[0])
    except OSError:
        return None


def table(lines: Sequence[dict[str, Any]]) -> str:
    """What the runs came to, as Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    for trial in TRIALS:
        mine = [line for line in lines if line["trial"] == trial.name]
        if not mine:
            continue
        verdicts = [row for line in mine for row in line["verdicts"]]
        wanted = [row for row in verdicts if trial.found(row)]
        able = [row for row in wanted if row["detectable"] is None or row["detectable"] <= 1.1]
        others = [row for row in verdicts if not trial.found(row) and not _costs_time(trial, row)]
        times = [row for row in others if timed(row)]
        loads = sorted(line["load"] for line in mine if line["load"] is not None) or [0.0]
        cells = (
            trial.name,
            len(mine),
            f"{loads[0]:.0f} to {loads[-1]:.0f}",
            share(wanted, (trial.verdict,)),
            share(able, (trial.verdict,)),
            share(times, ("ambiguous",)),
            share(times, ALARMS),
            share([row for row in others if not timed(row)], ALARMS),
        )
        rows.append(tuple(map(str, cells)))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


COLUMNS = (
    *("planted in HEAD", "runs", "load", "found", "of rows that say they find it"),
    *("ambiguous times", "false alarms: times", "bytes and errors"),
)


def share(rows: Sequence[dict[str, Any]], verdicts: Sequence[str]) -> str:
    """How many of the rows have one of the verdicts."""
    if not rows:
        return ""
    hits = sum(row["verdict"] in verdicts for row in rows)
    return f"{hits} of {len(rows)} ({100 * hits / len(rows):.1f} %)"


def _costs_time(trial: Trial, row: dict[str, Any]) -> bool:
    """Whether the row is a time that the fault really changes: no alarm about it is false."""
    return trial.verdict == "more memory" and timed(row)


def read(file: Path) -> list[dict[str, Any]]:
    """The runs so far."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--only", default="", help="trials whose name has this in it")
    parser.add_argument(
        "--load", type=int, default=0, help="programs that keep the processors busy meanwhile"
    )
    parser.add_argument("--runs", type=int, help="of each; default: as the trial says")
    arguments = parser.parse_args()
    file = arguments.file.resolve()
    if not arguments.table:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            clone = Path(folder) / "clone"
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
            base = git(clone, "rev-parse", "HEAD")
            stack.enter_context(busy(arguments.load))
            for trial in (t for t in TRIALS if arguments.only in t.name):
                head = plant(clone, trial, base)
                done = sum(line["trial"] == trial.name for line in read(file))
                for _ in range(done, arguments.runs or trial.runs):
                    line = json.dumps(run(clone, trial, base, head))
                    with file.open("a", encoding="utf-8") as lines:
                        lines.write(line + "\n")
    print(table(read(file)))


if __name__ == "__main__":
    main()
