"""Tasks that the engine's tests spread: functions that workers find by name."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def digest(task: dict[str, Any]) -> dict[str, Any]:
    """Some arithmetic with one right answer; leaves a line where it begins and one where it ends."""
    note(task, "start")
    time.sleep(task.get("sleep", 0.0))
    value = task["x"]
    for _ in range(1000):
        value = int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:6])
    note(task, "end")
    return {"x": task["x"], "value": value, "third": value / 3}


def note(task: dict[str, Any], what: str) -> None:
    """Append a line to the task's own file in its ``"notes"`` folder, if it has one."""
    if "notes" in task:
        with (Path(task["notes"]) / task["name"]).open("a", encoding="utf-8") as file:
            file.write(f"{what} {os.getpid()}\n")


def deadly(task: dict[str, Any]) -> dict[str, Any]:
    """Ends the worker that runs it, as the system does when memory runs out; or is a :func:`digest`."""
    if task.get("deadly"):
        note(task, "start")
        os.kill(os.getpid(), signal.SIGKILL)
    return digest(task)


def faulty(task: dict[str, Any]) -> dict[str, Any]:
    """Raises, or returns what is no result."""
    note(task, "start")
    if task["fault"] == "raises":
        raise ValueError("planted")
    results: dict[str, Any] = {"nan": {"loss": float("nan")}, "list": [1], "object": {"what": object()}}
    return results[task["fault"]]  # type: ignore[no-any-return]


def surroundings(task: dict[str, Any]) -> dict[str, Any]:
    """What a task finds where it runs."""
    time.sleep(task.get("sleep", 0.0))
    torch = sys.modules.get("torch")
    names = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "MALLOC_TRIM_THRESHOLD_")
    return {
        "pid": os.getpid(),
        "threads": torch.get_num_threads() if torch else None,
        **{name: os.environ.get(name) for name in names},
    }
