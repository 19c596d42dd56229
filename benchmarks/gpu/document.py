"""Brings the tables of docs/gpu.md up to date: ``python -m benchmarks.gpu.document docs/gpu.md``.

Each stands between marks, ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``, and is made from the table in
the code that it shows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.gpu.phases import PHASES


def phases() -> str:
    """What is done, in order."""
    lines = ["| phase | what it answers | at most, of a budget |", "| --- | --- | ---: |"]
    lines += [f"| {phase.name} | {phase.what} | {phase.share:.0%} |" for phase in PHASES]
    return "\n".join(lines)


def targets() -> str:
    """What is promised of GPUs, and awaits one."""
    from benchmarks.performance.targets import TARGETS

    lines = ["| target | where | what | goal |", "| --- | --- | --- | --- |"]
    lines += [f"| `{t.id}` | {t.where} | {t.case} | {t.goal} |" for t in TARGETS if t.device == "cuda"]
    return "\n".join(lines)


def rows() -> str:
    """How many cases of the sweeps are for a GPU."""
    from benchmarks import cases

    lines = ["| sweep | cases | wall clock | device clock, hot cache | device clock, cold cache |"]
    lines += ["| --- | ---: | ---: | ---: | ---: |"]
    for sweep in ("quick", "full"):
        clocks = [p.case.clock for p in cases.generate(sweep) if p.case.device == "cuda"]
        counts = [clocks.count(clock) for clock in ("wall", "device-hot", "device-cold")]
        lines.append(f"| {sweep} | {len(clocks)} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def prediction() -> str:
    """What would limit each kernel; compiles them all."""
    from benchmarks.fingerprint import command
    from benchmarks.fingerprint.table import fingerprint

    return command.prediction(fingerprint())


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "phases": phases,
    "targets": targets,
    "rows": rows,
    "prediction": prediction,
}
"""Mark -> what stands there."""


def updated(text: str) -> str:
    """``text`` with every marked table made anew."""
    for name, make in BLOCKS.items():
        pattern = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
        if re.search(pattern, text, re.DOTALL):
            table = make()
            text = re.sub(pattern, lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.DOTALL)  # noqa: B023
    return text


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(updated(document.read_text(encoding="utf-8")), encoding="utf-8")
