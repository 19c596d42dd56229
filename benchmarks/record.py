"""The record of a sweep: pytest-benchmark's JSON with our keys, its environment, and the journal.

Schema 1. The top level is pytest-benchmark's own, plus ``"gem_impls"`` (see :meth:`Sweep.summary`); each
entry of ``"benchmarks"`` has raw seconds per call in ``stats.data`` and ours in ``extra_info`` (see
:func:`benchmarks.measure.measure`). Rates and fractions of the ceiling are derived by readers, never stored.

While a sweep runs, each finished case is a line of a journal: whatever ends the sweep, what was measured
is on disk. Nothing in a record names the host or a path.
"""

from __future__ import annotations

import functools
import json
import math
import os
import platform
import re
import subprocess
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from benchmarks.cases import Case
from benchmarks.measure import SCHEMA

ROOT: Final = Path(__file__).resolve().parent.parent
"""The repository."""

STORE: Final = ROOT / "reports" / "data" / "local"
"""Where this machine's own records go."""


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


# --- environment ----------------------------------------------------------------------------------------


def environment() -> dict[str, Any]:
    """What a figure depends on besides the code; see the schema. None where this machine does not say."""
    cpu, gpu, threads = cpu_name(), _gpu(), _threads()
    return {
        "cpu": cpu,
        "gpu": gpu,
        "threads": threads,
        "cores": cores(),
        "clock_mhz": _clock_mhz(),
        "driver": _driver() if gpu else None,
        "os": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "triton": version("triton"),
        "numpy": version("numpy"),
        "commit": commit()["id"],
        "dirty": commit()["dirty"],
        "time": now(),
        "machine": ", ".join(filter(None, [cpu, f"{threads} thread{'s' if threads > 1 else ''}", gpu])),
    }


@functools.cache
def commit() -> dict[str, Any]:
    """The commit that is checked out, as pytest-benchmark describes one; None where there is none."""
    sha = _output("git", "rev-parse", "--verify", "--quiet", "HEAD")
    status = _output("git", "status", "--porcelain")
    return {
        "id": sha,
        "time": _output("git", "show", "-s", "--format=%cI", "HEAD") if sha else None,
        "author_time": _output("git", "show", "-s", "--format=%aI", "HEAD") if sha else None,
        "dirty": None if status is None else bool(status),
        "project": "gem-impls",
        "branch": _output("git", "rev-parse", "--abbrev-ref", "HEAD") if sha else None,
    }


def cpu_name() -> str:
    """What the processor calls itself, without trademarks."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name = re.findall(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)[0]
    except (OSError, IndexError):
        name = (
            _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()
        )
    return " ".join(re.sub(r"\((?:R|TM)\)|\bCPU\b|@.*$", " ", name).split())


def cores() -> int:
    """Logical processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def version(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _torch() -> Any:
    """torch, or None where it cannot be imported."""
    try:
        import torch
    except ImportError:
        return None
    return torch


def _threads() -> int:
    """Threads that torch's operators use; 1 without torch, as NumPy's elementwise functions do."""
    torch = _torch()
    return int(torch.get_num_threads()) if torch else 1


def _gpu() -> str | None:
    torch = _torch()
    return str(torch.cuda.get_device_name(0)) if torch and torch.cuda.is_available() else None


def _driver() -> str | None:
    found = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return found.splitlines()[0] if found else None


def _clock_mhz() -> float | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None
    found = [float(mhz) for mhz in re.findall(r"^cpu MHz\s*:\s*([\d.]+)$", text, re.MULTILINE)]
    return round(max(found)) if found else None


def _output(*command: str) -> str | None:
    """What a command prints, stripped; None where it fails or does not exist. "" is an answer."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def machine_info() -> dict[str, Any]:
    """pytest-benchmark's description of the machine, without the host's name."""
    return {
        "node": environment()["machine"],
        "processor": platform.processor(),
        "machine": platform.machine(),
        "python_implementation": platform.python_implementation(),
        "python_implementation_version": platform.python_version(),
        "python_version": platform.python_version(),
        "system": platform.system(),
        "cpu": {"brand_raw": cpu_name(), "count": cores()},
    }


# --- a sweep --------------------------------------------------------------------------------------------


class Sweep:
    """One run over many cases: what could not be measured, and the journal of what was.

    Args:
        size: ``"quick"`` or ``"full"``.
        target: the JSON file to be; None to choose one in :data:`STORE`, named by time and size.

    Attributes:
        target: the JSON file, which exists once the sweep has been closed.
        journal: the file of lines beside it, which exists until then.
        touched: whether any case has come to an end, measured or not.
    """

    def __init__(self, size: str, target: Path | None = None) -> None:
        self.size = size
        self.started = now()
        self.finished: str | None = None
        self.complete = False
        self.not_measured: list[dict[str, Any]] = []
        self.environment = environment()
        self.target = target or _free(
            STORE / f"{self.started[:19].replace(':', '').replace('-', '')}Z-{size}.json"
        )
        self.journal = self.target.with_suffix(".jsonl")
        self.touched = False

    def summary(self) -> dict[str, Any]:
        """The record's ``"gem_impls"`` key."""
        return {
            "schema": SCHEMA,
            "sweep": self.size,
            "complete": self.complete,
            "started": self.started,
            "finished": self.finished,
            "environment": self.environment,
            "not_measured": self.not_measured,
        }

    def measured(self, benchmark: dict[str, Any]) -> None:
        """Journal an entry of ``"benchmarks"``."""
        self._write({"benchmark": benchmark})

    def left_out(self, case: Case, status: str, reason: str) -> None:
        """Record that a case was ``"skipped"`` or ``"failed"``, and why."""
        entry = {"case": case.as_dict(), "status": status, "reason": reason}
        self.not_measured.append(entry)
        self._write({"not_measured": entry})

    def close(self, record: dict[str, Any]) -> None:
        """Write the record, whole or not at all, and remove the journal."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        text = _pages(record)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self.target.parent, prefix=".", suffix=".partial", delete=False
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(self.target)
        self.journal.unlink(missing_ok=True)

    def _write(self, line: dict[str, Any]) -> None:
        if not self.touched:
            self.touched = True
            self.journal.parent.mkdir(parents=True, exist_ok=True)
            self.journal.unlink(missing_ok=True)
            summary = {**self.summary(), "not_measured": []}
            header = {"machine_info": machine_info(), "commit_info": commit(), "gem_impls": summary}
            self._write({"header": header})
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(dumps(line) + "\n")


def dumps(value: Any) -> str:
    """One line of JSON, without NaN or infinities, which are not JSON: they become null."""
    return json.dumps(_finite(value), allow_nan=False)


def _pages(record: dict[str, Any]) -> str:
    """The record with a line for each of its keys, and one for each benchmark."""
    lines = {key: dumps(value) for key, value in record.items()}
    lines["benchmarks"] = "[\n" + ",\n".join(map(dumps, record["benchmarks"])) + "\n]"
    return "{\n" + ",\n".join(f"{dumps(key)}: {text}" for key, text in lines.items()) + "\n}\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _free(path: Path) -> Path:
    """``path``, or the same name with a number where it is taken."""
    stem, number = path.stem, 1
    while path.exists() or path.with_suffix(".jsonl").exists():
        number += 1
        path = path.with_stem(f"{stem}-{number}")
    return path
