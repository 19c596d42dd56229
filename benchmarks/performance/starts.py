"""Cold start: first calls in fresh processes, with the disk caches of compiled code warm, and empty."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import gem_impls
from benchmarks.gate import NotMeasured
from benchmarks.measure import reasons
from benchmarks.performance.entries import Start
from benchmarks.performance.first_call import PHASES
from benchmarks.record import ROOT

PROCESSES: Final = {"full": 5, "quick": 3}
"""Length of a run -> fresh processes of each implementation."""

COLD, WARM = "cold", "warm"

CACHES: Final = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "TORCH_EXTENSIONS_DIR", "XDG_CACHE_HOME")
"""Variables that say where compiled code is kept. A cold start has an empty folder for each."""

LONGEST_S: Final = 300
"""What a first call may take before it is given up."""

NOTHING_TO_COMPILE: Final = ("torch_naive", "numpy_cpu")
"""Implementations that compile nothing: there is no cache to be cold."""


def has_cache(implementation: str) -> bool:
    """Whether cold caches make a difference."""
    return implementation not in NOTHING_TO_COMPILE


def start(implementation: str, device: str, caches: str, processes: int) -> Start:
    """First calls of one implementation in so many fresh processes, one after the other.

    With warm caches one more process goes first, unrecorded, to warm them.

    Raises:
        NotMeasured: a process failed; the message is its last line.
    """
    arrays = gem_impls.get(implementation).arrays
    runs: list[dict[str, float]] = []
    with reasons():
        if caches == WARM:
            _fresh(implementation, device, arrays, {})
        for _ in range(processes):
            with _folders(caches) as variables:
                runs.append(_fresh(implementation, device, arrays, variables))
    names = [phase for phase in PHASES if phase in runs[0]]
    phases = {name: tuple(run[name] for run in runs) for name in names}
    return Start(implementation, device, caches, phases)


@contextmanager
def _folders(caches: str) -> Iterator[dict[str, str]]:
    if caches == WARM:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="gem-impls-cold-") as folder:
        yield {name: os.path.join(folder, name.lower()) for name in CACHES}  # noqa: PTH118  # for an environment


def _fresh(implementation: str, device: str, arrays: str, variables: Mapping[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.performance.first_call", implementation, device, arrays]
    environment = {**os.environ, **variables}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"the first call was not back after {LONGEST_S} s") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise RuntimeError(said[-1])
    phases: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return phases
