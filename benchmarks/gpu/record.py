"""The one file that a run leaves, schema 1, and how an interrupted run goes on with it.

::

    {"gem_impls_gpu": {"schema": 1, "rehearsal": false, "complete": true, "started": ..., "finished": ...,
                       "environment": {...}, "sources": "...", "command": "python -m benchmarks gpu",
                       "wrong": {implementation: why its times were not taken}},
     "phases": [{"phase": ..., "what": ..., "status": "passed" | "failed" | "stopped" | "not run",
                 "reason": null | "...", "started": ..., "seconds": ...,
                 "jobs": [{"job", "status", "exit_code", "seconds", "said"}],
                 "results": {job: what its program wrote, as it wrote it}}]}

``environment`` is that of :func:`benchmarks.record.environment`. A result is a record of its own kind (a
sweep, ``gem_impls_error``, ``gem_impls_performance``, a fingerprint), whole, so that whatever reads those
can read these. The file is written anew, whole, after each phase. A rehearsal's figures are of a CPU and of
tiny sizes: its file says so and goes where no report looks.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import gem_impls
from benchmarks.error.cache import write_whole
from benchmarks.gpu.jobs import FAILED, PASSED, STOPPED, Outcome
from benchmarks.record import ROOT, dumps, environment, now

SCHEMA: Final = 1
MARK: Final = "gem_impls_gpu"

STORE: Final = ROOT / "reports" / "data"
REHEARSALS: Final = ROOT / "build" / "gpu"
"""Where a rehearsal goes; git ignores it, and no report reads it."""

NOT_RUN: Final = "not run"

WANDERS: Final = ("time", "clock_mhz", "commit", "dirty", "threads", "machine")
"""What of an environment may differ between two parts of one run; the code's hash says the rest."""


class Run:
    """A record in the making.

    Args:
        rehearsal: whether nothing in it is a figure.
        command: what was typed.
        target: the file; None to go on with one that this very run left incomplete, or to begin a new one.
        fresh: do not go on with anything.

    Raises:
        ValueError: ``target`` exists and is not an incomplete record of the same run.
    """

    def __init__(self, rehearsal: bool, command: str, target: Path | None, fresh: bool = False) -> None:
        self.header: dict[str, Any] = {
            "schema": SCHEMA,
            "rehearsal": rehearsal,
            "complete": False,
            "started": now(),
            "finished": None,
            "environment": environment(),
            "sources": sources(),
            "command": command,
            "wrong": {},
        }
        self.phases: dict[str, dict[str, Any]] = {}
        folder = REHEARSALS if rehearsal else STORE
        unfinished = None if fresh or target else self._unfinished(folder)
        self.target = target or unfinished or _free(folder, self.header)
        if self.target.exists():
            self._go_on()
        self.target.parent.mkdir(parents=True, exist_ok=True)

    @property
    def done(self) -> set[str]:
        """The phases that came to an end, in this process or before it."""
        return {name for name, entry in self.phases.items() if entry["status"] in (PASSED, FAILED)}

    def ends(
        self, phase: str, what: str, started: str, seconds: float, outcomes: Iterable[Outcome], results: Any
    ) -> str:
        """Keep what came of a phase; returns its status."""
        jobs = list(outcomes)
        found = {outcome.status for outcome in jobs}
        status = next((s for s in (STOPPED, FAILED) if s in found), PASSED if jobs else NOT_RUN)
        self.phases[phase] = {
            "phase": phase,
            "what": what,
            "status": status,
            "reason": None if jobs else "nothing here to run it for",
            "started": started,
            "seconds": round(seconds, 1),
            "jobs": [outcome.as_dict() for outcome in jobs],
            "results": results,
        }
        self.write()
        return status

    def left_out(self, phase: str, what: str, reason: str) -> None:
        """Keep that a phase was not begun, and why; what an earlier run found of it stays."""
        if phase not in self.phases:
            entry = {"phase": phase, "what": what, "status": NOT_RUN, "reason": reason, "started": None}
            self.phases[phase] = {**entry, "seconds": 0.0, "jobs": [], "results": {}}
            self.write()

    def is_wrong(self, implementation: str, reason: str) -> None:
        """Keep that an implementation is not to be timed."""
        self.header["wrong"].setdefault(implementation, reason)
        self.write()

    def close(self, complete: bool) -> None:
        """The run is at its end."""
        self.header["complete"], self.header["finished"] = complete, now()
        self.write()

    def document(self) -> dict[str, Any]:
        """The record as it stands."""
        return {MARK: self.header, "phases": list(self.phases.values())}

    def write(self) -> None:
        """Put the record on disk, whole; a line for the header and one for each phase."""
        phases = ",\n".join(dumps(entry) for entry in self.phases.values())
        text = f"{{\n{dumps(MARK)}: {dumps(self.header)},\n{dumps('phases')}: [\n{phases}\n]\n}}\n"
        write_whole(self.target, text.encode())

    def _unfinished(self, folder: Path) -> Path | None:
        candidates = sorted(folder.glob("*-gpu-*.json"), reverse=True)
        return next((path for path in candidates if self._same(_read(path))), None)

    def _same(self, found: Any) -> bool:
        header = found.get(MARK) if isinstance(found, dict) else None
        if not isinstance(header, dict) or header.get("complete") is not False:
            return False
        return _fixed(header) == _fixed(self.header) and isinstance(found.get("phases"), list)

    def _go_on(self) -> None:
        found = _read(self.target)
        if not self._same(found):
            raise ValueError(
                f"{self.target.name} exists and is not an incomplete record of this code on this machine: "
                "name another file with --out, or remove it"
            )
        self.header = found[MARK]
        self.phases = {entry["phase"]: entry for entry in found["phases"]}


def sources() -> str:
    """A short hash of the code that the figures depend on: the package, and how it is measured."""
    digest = hashlib.sha256()
    for folder in (Path(gem_impls.__file__).parent, Path(__file__).parent.parent):
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".cpp", ".cu", ".h"):
                digest.update(f"{file.relative_to(folder.parent).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _fixed(header: dict[str, Any]) -> dict[str, Any]:
    where = header.get("environment") or {}
    kept = {key: header.get(key) for key in ("schema", "rehearsal", "sources")}
    return {**kept, **{key: value for key, value in where.items() if key not in WANDERS}}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _free(folder: Path, header: dict[str, Any]) -> Path:
    device = header["environment"]["gpu"] or header["environment"]["cpu"] or "unknown"
    slug = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    stem = f"{header['started'][:19].replace(':', '').replace('-', '')}Z-gpu-{slug}"
    path, number = folder / f"{stem}.json", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.json"
    return path
