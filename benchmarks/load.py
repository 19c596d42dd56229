"""How busy the machine is with other things, now: what a record says, and what a reader is warned of."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Final

from benchmarks.record import cores

BUSY: Final = 0.5
"""Load a processor from which on times are doubtful."""

STAT: Final = Path("/proc/stat")

LOOKS: Final = 10
"""How often the system is asked, 0.2 s in all: every run begins with it."""

PAUSE_S: Final = 0.02


def load() -> float:
    """Threads that run or wait for a processor, other than this one, over the processors.

    Of a fifth of a second on Linux. The load average, which stands in for it elsewhere, is of minutes: after
    one measurement it takes the machine for busy with the next. 0 where the system tells neither.
    """
    found = _running() / cores() if STAT.exists() else _average()
    return round(found, 2)


def _running() -> float:
    """The mean number of other threads that can run."""
    seen = []
    for _ in range(LOOKS):
        time.sleep(PAUSE_S)
        seen.append(_others(STAT.read_text(encoding="utf-8")))
    return sum(seen) / len(seen)


def _others(stat: str) -> int:
    """Of the text of ``/proc/stat``; this thread runs while it reads it."""
    found = re.search(r"^procs_running (\d+)$", stat, re.MULTILINE)
    return max(0, int(found[1]) - 1) if found else 0


def _average() -> float:
    return os.getloadavg()[0] / cores() if hasattr(os, "getloadavg") else 0.0
