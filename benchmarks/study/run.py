"""The record of a run, and how an interrupted run goes on.

One JSON object. The key at its top is the study's mark, the others are its kinds of entries, each a list::

    {"gem_impls_flow": {"schema": 1, "complete": true, "started": ..., "finished": ..., "environment": {...},
                        "sources": "...", "command": "python -m benchmarks flow --quick", "busy": 0.4,
                        "done": [...], "length": "quick", ...},
     "layers": [...], "failures": [...]}

``environment`` is that of :func:`benchmarks.record.environment`; ``sources`` is a hash of the code that the
figures depend on; ``busy`` is :func:`benchmarks.load.load` when the run started; ``done`` names the pieces
that came to an end; what follows are the study's own settings. The file is written anew, whole, after each
piece, so it is a record at any time. The same command on the same code and machine goes on with a record that
is not complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.error.cache import write_whole
from benchmarks.load import load
from benchmarks.record import STORE, dumps, environment, now
from benchmarks.study.row import Study

WANDERS: Final = ("time", "clock_mhz", "commit", "dirty")
"""What of an environment may differ between two parts of one run; the code's hash says the rest."""


def folder_of(study: Study) -> Path:
    """Where this machine's own records of the study go."""
    return STORE / study.name


class Run:
    """A record in the making.

    Args:
        study: whose it is.
        settings: what was asked for, as JSON holds it; part of the header. ``"length"`` ("quick" or "full"),
            if it is there, names the file. A run goes on only with a record of equal settings.
        command: what was typed.
        target: the file; None to go on with one that this very run left incomplete, or to begin a new one.

    Raises:
        ValueError: ``target`` exists and is not an incomplete record of the same run.
    """

    def __init__(self, study: Study, settings: Mapping[str, Any], command: str, target: Path | None) -> None:
        self.study = study
        self._settings = tuple(settings)
        self.header: dict[str, Any] = {
            "schema": study.schema,
            "complete": False,
            "started": now(),
            "finished": None,
            "environment": environment(),
            "sources": study.sources(),
            "command": command,
            "busy": load(),
            "done": [],
            **json.loads(dumps(dict(settings))),
        }
        self.entries: dict[str, list[dict[str, Any]]] = {kind: [] for kind in study.kinds}
        self.target = target or self._unfinished() or self._free()
        if self.target.exists():
            self._go_on()
        self.target.parent.mkdir(parents=True, exist_ok=True)

    @property
    def done(self) -> set[str]:
        """The pieces that came to an end, in this process or before it."""
        return set(self.header["done"])

    def ends(self, piece: str, entries: Iterable[Any]) -> None:
        """Keep what a piece gave."""
        for entry in entries:
            self.entries[self.study.kind_of(entry)].append(asdict(entry))
        self.header["done"].append(piece)
        self.write()

    def close(self) -> None:
        """All pieces have come to an end."""
        self.header["complete"], self.header["finished"] = True, now()
        self.write()

    def document(self) -> dict[str, Any]:
        """The record as it stands."""
        return {self.study.mark: self.header, **self.entries}

    def write(self) -> None:
        """Put the record on disk, whole."""
        lines = [f"{dumps(self.study.mark)}: {dumps(self.header)}"]
        lines += [f"{dumps(kind)}: {_listed(found)}" for kind, found in self.entries.items()]
        write_whole(self.target, ("{\n" + ",\n".join(lines) + "\n}\n").encode())

    def _unfinished(self) -> Path | None:
        candidates = sorted(folder_of(self.study).glob("*.json"), reverse=True)
        return next((path for path in candidates if self._same(_read(path))), None)

    def _same(self, found: Any) -> bool:
        """Whether ``found`` is what an interrupted run of the same kind left."""
        header = found.get(self.study.mark) if isinstance(found, dict) else None
        if not isinstance(header, dict) or header.get("complete") is not False:
            return False
        return all(self._fixed(header).get(key) == value for key, value in self._fixed(self.header).items())

    def _fixed(self, header: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: header.get(key) for key in ("schema", "sources", "command", *self._settings)}
        where = header.get("environment") or {}
        return {**kept, **{key: value for key, value in where.items() if key not in WANDERS}}

    def _go_on(self) -> None:
        found = _read(self.target)
        if not self._same(found):
            raise ValueError(
                f"{self.target.name} exists and is not an incomplete record of this run, with this code and "
                "these data on this machine: name another file with --out, or remove it"
            )
        was = found[self.study.mark]
        self.header = {**was, "busy": max(was["busy"], self.header["busy"])}
        self.entries = {kind: list(found[kind]) for kind in self.study.kinds}

    def _free(self) -> Path:
        words = [f"{self.header['started'][:19].replace(':', '').replace('-', '')}Z"]
        words += [self.header["length"]] if "length" in self._settings else []
        stem = "-".join(words)
        path, number = folder_of(self.study) / f"{stem}.json", 1
        while path.exists():
            number += 1
            path = path.with_name(f"{stem}-{number}.json")
        return path


def _listed(found: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(map(dumps, found)) + "\n]" if found else "[]"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
