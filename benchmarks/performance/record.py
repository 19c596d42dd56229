"""The record of a run, schema 1, and how an interrupted run goes on.

One JSON object; every key but the first is a list of entries, see :mod:`benchmarks.performance.entries`::

    {"gem_impls_performance": {"schema": 1, "complete": true, "length": "full", "devices": ["cpu"],
                               "started": ..., "finished": ..., "environment": {...}, "sources": "...",
                               "command": "python -m benchmarks performance", "whole": true, "busy": 0.4,
                               "done": [...]},
     "races": [...], "counts": [...], "starts": [...], "failures": [...]}

``environment`` is that of :func:`benchmarks.record.environment`; ``sources`` is a hash of the code that the
figures depend on; ``whole`` says that no part was left out with ``--only``; ``busy`` is the load average over
the processors when the run started; ``done`` names the pieces that came to an end. The file is written anew,
whole, after each piece, so it is a record at any time. The same command on the same code and machine goes on
with a record that is not complete.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import gem_impls
from benchmarks.error.cache import write_whole
from benchmarks.performance.entries import KINDS, Entry, as_dict, kind_of
from benchmarks.record import STORE, cores, dumps, environment, now

SCHEMA: Final = 1
MARK: Final = "gem_impls_performance"
FOLDER: Final = STORE / "performance"

WANDERS: Final = ("time", "clock_mhz", "commit", "dirty")
"""What of an environment may differ between two parts of one run; the code's hash says the rest."""


class Run:
    """A record in the making.

    Args:
        length: ``"quick"`` or ``"full"``.
        devices: what is measured.
        command: what was typed.
        target: the file; None to go on with one that this very run left incomplete, or to begin a new one.

    Raises:
        ValueError: ``target`` exists and is not an incomplete record of the same run.
    """

    def __init__(self, length: str, devices: Iterable[str], command: str, target: Path | None) -> None:
        self.header: dict[str, Any] = {
            "schema": SCHEMA,
            "complete": False,
            "length": length,
            "devices": list(devices),
            "started": now(),
            "finished": None,
            "environment": environment(),
            "sources": sources(),
            "command": command,
            "whole": "--only" not in command,
            "busy": _busy(),
            "done": [],
        }
        self.entries: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        self.target = target or self._unfinished() or _free(self.header["started"], length)
        if self.target.exists():
            self._go_on()
        self.target.parent.mkdir(parents=True, exist_ok=True)

    @property
    def done(self) -> set[str]:
        """The pieces that came to an end, in this process or before it."""
        return set(self.header["done"])

    def ends(self, piece: str, entries: Iterable[Entry]) -> None:
        """Keep what a piece gave."""
        for entry in entries:
            self.entries[kind_of(entry)].append(as_dict(entry))
        self.header["done"].append(piece)
        self.write()

    def close(self) -> None:
        """All pieces have come to an end."""
        self.header["complete"], self.header["finished"] = True, now()
        self.write()

    def document(self) -> dict[str, Any]:
        """The record as it stands."""
        return {MARK: self.header, **self.entries}

    def write(self) -> None:
        """Put the record on disk, whole."""
        lines = [f"{dumps(MARK)}: {dumps(self.header)}"]
        lines += [f"{dumps(kind)}: {_listed(found)}" for kind, found in self.entries.items()]
        write_whole(self.target, ("{\n" + ",\n".join(lines) + "\n}\n").encode())

    def _unfinished(self) -> Path | None:
        candidates = sorted(FOLDER.glob("*.json"), reverse=True)
        return next((path for path in candidates if self._same(_read(path))), None)

    def _same(self, found: Any) -> bool:
        """Whether ``found`` is what an interrupted run of the same kind left."""
        header = found.get(MARK) if isinstance(found, dict) else None
        if not isinstance(header, dict) or header.get("complete") is not False:
            return False
        return all(_fixed(header).get(key) == value for key, value in _fixed(self.header).items())

    def _go_on(self) -> None:
        found = _read(self.target)
        if not self._same(found):
            raise ValueError(
                f"{self.target.name} exists and is not an incomplete record of this run, with this code on "
                "this machine: name another file with --out, or remove it"
            )
        self.header = {**found[MARK], "busy": max(found[MARK]["busy"], self.header["busy"])}
        self.entries = {kind: list(found[kind]) for kind in KINDS}


def _fixed(header: dict[str, Any]) -> dict[str, Any]:
    kept = {key: header.get(key) for key in ("schema", "length", "devices", "sources", "command")}
    where = header.get("environment") or {}
    return {**kept, **{key: value for key, value in where.items() if key not in WANDERS}}


def _listed(found: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(map(dumps, found)) + "\n]" if found else "[]"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _free(started: str, length: str) -> Path:
    stem = f"{started[:19].replace(':', '').replace('-', '')}Z-{length}"
    path, number = FOLDER / f"{stem}.json", 1
    while path.exists():
        number += 1
        path = FOLDER / f"{stem}-{number}.json"
    return path


def _busy() -> float:
    return round(os.getloadavg()[0] / cores(), 2) if hasattr(os, "getloadavg") else 0.0


def sources() -> str:
    """A short hash of the code that figures depend on: the package, and how it is measured."""
    package, ours = Path(gem_impls.__file__).parent, Path(__file__).parent
    files = [p for p in sorted(package.rglob("*")) if p.suffix in (".py", ".cpp", ".cu", ".h")]
    files += sorted(ours.glob("*.py")) + sorted(ours.parent.glob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.parent.name}/{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
