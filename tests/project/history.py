"""Results as asv stores them, and how commits are made: for the tests of ``make history``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

Commit = Callable[..., str]
"""Subject, text of the package, date -> hash."""


def stored(
    folder: Path, name: str, values: Sequence[float | None] = (1.0,), environment: str = "env"
) -> Path:
    """A result as asv stores it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name[:8]}-{environment}.json"
    content = {
        "commit_hash": name,
        "env_name": environment,
        "params": {"machine": "bench", "os": "Linux"},
        "python": "/home/somebody/python",
        "requirements": {},
        "date": 1_700_000_000_000,
        "result_columns": ["result", "params"],
        "results": {"asv_cpu.X.track_y": [list(values), [["a", "b"][: len(values)]]]},
        "version": 2,
    }
    path.write_text(json.dumps(content))
    return path
