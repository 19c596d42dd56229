"""What a run keeps and says: results into the store, failures with reasons, a line of progress."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from benchmarks.engine.store import Result, Store


class Counts(Protocol):
    """What a run tells about its progress; :class:`benchmarks.progress.Progress` is one."""

    def starts(self, name: str) -> None:
        """A task begins."""

    def ends(self) -> None:
        """A task came to an end."""


class Ledger:
    """The books of one run.

    Args:
        tasks: what there is to do, by key.
        store: where results go.
        said: told, in sentences, what a reader should know.
        progress: told what begins and ends, or None.
        on_result: called with each key and result, after it was stored, or None.

    Attributes:
        failed: key -> reason.
        ran: how many tasks came to an end in this run.
        lost: how many workers ended while they had a task.
        machines: where tasks ran.
    """

    def __init__(
        self,
        tasks: Mapping[str, Mapping[str, Any]],
        store: Store,
        said: Callable[[str], None],
        progress: Counts | None,
        on_result: Callable[[str, Result], None] | None,
    ) -> None:
        self.failed: dict[str, str] = {}
        self.ran = self.lost = 0
        self.machines: set[str] = set()
        self.said = said
        self._tasks, self._store, self._progress, self._on_result = tasks, store, progress, on_result

    def left(self) -> list[str]:
        """The keys without a result, in their order; says what was damaged."""
        found = [key for key in self._tasks if not self._store.has(key)]
        for name in self._store.set_aside:
            self.said(f"a damaged result was set aside as {name}; its task runs again")
        return found

    def name(self, key: str) -> str:
        """How a reader knows a task: its ``"name"``, or its key."""
        return str(self._tasks[key].get("name", key))

    def starts(self, key: str) -> None:
        """A task begins."""
        if self._progress:
            self._progress.starts(self.name(key))

    def ends(self, key: str, answer: str) -> None:
        """A task came to an end with what :func:`benchmarks.engine.task.answer` gives."""
        found = json.loads(answer)
        if "failed" in found:
            self.gives_up(key, found["failed"])
            return
        if not self._store.put(key, found["result"]):
            self.said(f"{self.name(key)}: another run had its result first; that one stays")
        if self._on_result:
            self._on_result(key, self._store.get(key))
        self._counted()

    def gives_up(self, key: str, reason: str) -> None:
        """A task failed, and is not tried again in this run."""
        self.failed[key] = reason
        self.said(f"failed: {self.name(key)}: {reason}")
        self._counted()

    def _counted(self) -> None:
        self.ran += 1
        if self._progress:
            self._progress.ends()
