"""Which device, in what state, and what its memory does at best: ``python -m benchmarks.gpu.device``.

Before anything else is measured, so that a throttled or shared device is seen for what it is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.clocks import Clock, Device, Wall
from benchmarks.measure import SETTINGS, Race, quartiles, sample_all

ASKED: Final = (
    "name",
    "driver_version",
    "pstate",
    "clocks.sm",
    "clocks.mem",
    "clocks.max.sm",
    "clocks.max.mem",
    "power.limit",
    "temperature.gpu",
    "ecc.mode.current",
    "mig.mode.current",
    "compute_mode",
)
"""What nvidia-smi is asked for."""

ELEMENTS: Final = {"cuda": 2**28, "cpu": 2**16}


def properties() -> dict[str, Any]:
    """What torch says of the first device."""
    import torch

    p = torch.cuda.get_device_properties(0)
    return {
        "name": p.name,
        "compute_capability": f"{p.major}.{p.minor}",
        "multiprocessors": p.multi_processor_count,
        "memory_bytes": p.total_memory,
        "l2_bytes": p.L2_cache_size,
        "devices": torch.cuda.device_count(),
        "cuda": torch.version.cuda,
    }


def state() -> dict[str, str] | None:
    """What nvidia-smi says, field by field; None where it is not there or does not answer."""
    command = ["nvidia-smi", "--id=0", f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    values = [value.strip() for value in done.stdout.strip().split(",")]
    return dict(zip(ASKED, values, strict=True)) if len(values) == len(ASKED) else None


def ceilings(device: str) -> dict[str, Any]:
    """Seconds and rates of ``copy_`` and ``torch.add(out=)``, float32, interleaved; raw samples."""
    import torch

    numel = ELEMENTS[device]
    x, y, out = (torch.randn(numel, device=device) for _ in range(3))
    clock: Clock = Device() if device == "cuda" else Wall(lambda: None)
    add = [lambda: torch.add(x, y, out=out)]
    race = Race(clock, [lambda: out.copy_(x)], {"add": add}, SETTINGS["quick"])
    samples = {"copy_": sample_all(race), "add": race.samples["add"]}
    found = {}
    for name, tensors in (("copy_", 2), ("add", 3)):
        moved = tensors * numel * x.element_size()
        q1, median, q3 = quartiles(samples[name])
        found[name] = {
            "bytes": moved,
            "samples": samples[name],
            "gb_per_s": {"median": moved / median / 1e9, "q1": moved / q3 / 1e9, "q3": moved / q1 / 1e9},
        }
    return {"elements": numel, "clock": clock.name, **found}


def main(argv: list[str]) -> None:
    """Write everything to ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.device", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    cuda = arguments.device == "cuda"
    found = {
        "properties": properties() if cuda else None,
        "before": state() if cuda else None,
        "ceilings": ceilings(arguments.device),
        "after": state() if cuda else None,
    }
    arguments.out.write_text(json.dumps(found), encoding="utf-8")
    for name in ("copy_", "add"):
        print(f"{name}: {found['ceilings'][name]['gb_per_s']['median']:.0f} GB/s")  # type: ignore[index]


if __name__ == "__main__":
    main(sys.argv[1:])
