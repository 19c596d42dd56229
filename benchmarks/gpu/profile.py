"""Where a call's time on the host goes: ``python -m benchmarks.gpu.profile``.

For every implementation, and gelu beside it, at a size where the host is what is waited for:

- *wall*: what a caller waits for each of many calls, the device synchronised at both ends;
- *submit*: what the host needs to get a call on its way, the device left to itself; few calls at a time, so
  that its queue never fills;
- *device*: what the device works, from a replayed graph;
- *functions*: the Python functions in which the host spends it, by ``cProfile``, which slows them all down;
- *operators*: torch's own view, by ``torch.profiler``: operators, driver calls, and kernels.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import gem_impls
from benchmarks import gate
from benchmarks.axes import BOTH, FORWARD
from benchmarks.cases import Case
from benchmarks.clocks import Device
from benchmarks.measure import SETTINGS, Racer, clock_of, quartiles, reasons
from benchmarks.work import Call, Work
from gem_impls import Spec

ELEMENTS: Final = 2**10
BURST: Final = 100
"""Calls submitted before the device is waited for: far fewer than the some 1000 launches that are queued."""
SAMPLES: Final = 15
TOP: Final = 12
"""Functions and operators listed."""


def cases(device: str) -> Iterator[Case]:
    """Forward and training, every implementation that serves the device, and gelu."""
    names = [n for n in gem_impls.implementations() if gem_impls.get(n).unavailable(device) is None]
    for direction in (FORWARD, BOTH):
        for function, spec, name in (*(("gem", Spec("gem"), n) for n in names), ("gelu", None, "torch")):
            yield Case(
                function, spec, name, (ELEMENTS,), "float32", device, "contiguous", direction, False, "wall"
            )


def profiled(case: Case) -> dict[str, Any]:
    """All five views of one case, once it passed the gate. Raises :class:`~benchmarks.gate.NotMeasured`."""
    with reasons():
        work = Work(case)
        gate.check(work, draw=1)
        call = work.calls[0]
        wall = Racer(clock_of(work), [call], SETTINGS["quick"])
        found = {
            "case": case.as_dict(),
            "wall": [wall.sample() for _ in range(SAMPLES)],
            "submit": [_submit(work, call) for _ in range(SAMPLES)],
            "device": None,
            "functions": _functions(work, call),
            "operators": _operators(work, call),
        }
        if case.device == "cuda":
            device = Racer(Device(), [call], SETTINGS["quick"])
            found["device"] = [device.sample() for _ in range(SAMPLES)]
        gate.check(work, draw=2)
    return found


def _submit(work: Work, call: Call) -> float:
    work.synchronize()
    start = time.perf_counter()
    for _ in range(BURST):
        call()
    took = time.perf_counter() - start
    work.synchronize()
    return took / BURST


def _functions(work: Work, call: Call) -> list[dict[str, Any]]:
    """The functions with most time of their own: microseconds and calls, each for one call of the case."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(BURST):
        call()
    profiler.disable()
    work.synchronize()
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    longest = sorted(stats.items(), key=lambda item: -item[1][2])[:TOP]
    return [
        {
            "function": f"{Path(file).name}:{name}" if file != "~" else name,
            "own_us": own / BURST * 1e6,
            "calls": calls / BURST,
        }
        for (file, _, name), (_, calls, own, _, _) in longest
    ]


def _operators(work: Work, call: Call) -> list[dict[str, Any]]:
    """torch.profiler's rows with most time of their own on the host, and the kernels; for one call."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # its library announces each start and stop otherwise
    import torch
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available() and work.case.device == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        for _ in range(BURST):
            call()
        work.synchronize()
    rows = sorted(profiler.key_averages(), key=lambda row: -row.self_cpu_time_total)
    kernels = [row for row in rows if row.self_device_time_total > 0]
    chosen = {row.key: row for row in (*rows[:TOP], *kernels[:TOP])}
    return [
        {
            "operator": row.key[:200],
            "own_us": row.self_cpu_time_total / BURST,
            "device_us": row.self_device_time_total / BURST,
            "calls": row.count / BURST,
        }
        for row in chosen.values()
    ]


def main(argv: list[str]) -> None:
    """Write everything to ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.profile", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--brief", action="store_true", help="one implementation, forward")
    arguments = parser.parse_args(argv)
    found: dict[str, Any] = {"elements": ELEMENTS, "burst": BURST, "profiles": [], "not_measured": []}
    for case in cases(arguments.device):
        if arguments.brief and (case.implementation != "torch_naive" or case.direction != FORWARD):
            continue
        try:
            one = profiled(case)
        except gate.NotMeasured as reason:
            found["not_measured"].append({"case": case.as_dict(), "reason": str(reason)})
            print(f"{case.id}: {reason}")
        else:
            found["profiles"].append(one)
            views = [f"{name} {quartiles(one[name])[1] * 1e6:.1f} us" for name in VIEWS if one[name]]
            print(f"{case.id}: {', '.join(views)}", flush=True)
        arguments.out.write_text(json.dumps(found), encoding="utf-8")


VIEWS: Final = ("wall", "submit", "device")

if __name__ == "__main__":
    main(sys.argv[1:])
