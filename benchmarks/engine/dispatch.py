"""Who gets which task: each free worker the next one, and what was lost with a worker once more, elsewhere.

A worker holds one task at a time and the driver says which worker, so when one is gone it is known which
task it had: no other task is blamed, and one that ends every worker that takes it ends as a failure of its
own. Workers that join while a run lasts are asked who they are, and get work like any other.
"""

from __future__ import annotations

import itertools
import queue
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.engine.cluster import NoCluster, unfit
from benchmarks.engine.ledger import Ledger
from benchmarks.engine.task import answer, introduction

POLL_S: Final = 0.25
"""Seconds between looks at who is there."""

PATIENCE_S: Final = 60.0
"""Seconds without any worker after which a run gives up; an embedded one is back within a few."""

ANSWER_S: Final = 10.0
"""Seconds that an answer may take to come over once it is there."""

KILLED: Final = "KilledWorker"
"""The name of Dask's exception for a task whose workers came back under the same address and died again."""


@dataclass(frozen=True)
class Given:
    """What a worker was given.

    Attributes:
        future: Dask's.
        key: of the task; None for the question who it is.
    """

    future: Any
    key: str | None


class Dispatch:
    """One run over the workers of a cluster.

    Args:
        client: Dask's.
        function: by its name, see :func:`benchmarks.engine.task.name_of`.
        tasks: by key.
        ledger: the books.
        device: ``"cpu"`` or ``"cuda"``.
        retries: how often a task is tried again whose worker was lost.
        fit: workers that were found fit, and how they introduced themselves.
    """

    def __init__(
        self,
        client: Any,
        function: str,
        tasks: Mapping[str, Mapping[str, Any]],
        ledger: Ledger,
        *,
        device: str,
        retries: int,
        fit: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._client, self._function, self._tasks, self._ledger = client, function, tasks, ledger
        self._device, self._retries = device, retries
        self._fit = {worker: dict(said) for worker, said in fit.items()}
        self._unfit: set[str] = set()
        self._why = ""
        self._busy: dict[str, Given] = {}
        self._waiting: deque[str] = deque()
        self._losses: Counter[str] = Counter()
        self._ended: queue.SimpleQueue[tuple[str, Given]] = queue.SimpleQueue()
        self._names = (f"gem-impls-{uuid.uuid4().hex}-{number}" for number in itertools.count())

    def run(self, keys: Sequence[str]) -> None:
        """Run the tasks of ``keys``; returns when each has a result or a reason.

        Raises:
            NoCluster: the scheduler is gone, or no worker was there for :data:`PATIENCE_S`.
        """
        self._waiting.extend(keys)
        last_seen = time.monotonic()
        try:
            while self._waiting or any(given.key for given in self._busy.values()):
                here = self._workers()
                for worker in [worker for worker in self._busy if worker not in here]:
                    self._gone(worker, self._busy[worker])
                self._fit = {worker: said for worker, said in self._fit.items() if worker in here}
                for worker in here:
                    self._occupy(worker)
                now = time.monotonic()
                last_seen = now if any(given.key for given in self._busy.values()) else last_seen
                if now - last_seen > PATIENCE_S:
                    why = f" (the last that came {self._why})" if self._why else ""
                    raise NoCluster(f"no fit worker for {PATIENCE_S:g} s{why}; {self._left()}")
                self._collect()
        finally:
            with suppress(Exception):  # a scheduler that is gone has nothing to cancel
                self._client.cancel([given.future for given in self._busy.values()], force=True)

    def _workers(self) -> list[str]:
        """The addresses of all workers that are there."""
        if self._client.status != "running":
            raise NoCluster(f"the connection to the scheduler was lost; {self._left()}")
        try:
            return list(self._client.nthreads())
        except (OSError, TimeoutError) as error:
            raise NoCluster(f"the scheduler does not answer any more ({error}); {self._left()}") from None

    def _left(self) -> str:
        left = len(self._waiting) + sum(given.key is not None for given in self._busy.values())
        return f"tasks left: {left}; results so far are kept, and the same command goes on"

    # --- a worker and its task ------------------------------------------------------------------------

    def _occupy(self, worker: str) -> None:
        """Give ``worker`` something to do, if it is free and may have it."""
        if worker in self._busy or worker in self._unfit or not self._waiting:
            return
        if worker not in self._fit:
            self._give(worker, None, introduction, self._device)
        else:
            key = self._waiting.popleft()
            self._ledger.starts(key)
            self._give(worker, key, answer, self._function, dict(self._tasks[key]))

    def _give(self, worker: str, key: str | None, function: Any, *arguments: Any) -> None:
        future = self._client.submit(
            function,
            *arguments,
            key=next(self._names),
            workers=[worker],
            allow_other_workers=False,
            pure=False,
        )
        given = self._busy[worker] = Given(future, key)
        future.add_done_callback(lambda _: self._ended.put((worker, given)))

    def _collect(self) -> None:
        """Wait until something ended, or it is time to look who is there; see to all that ended."""
        with suppress(queue.Empty):
            ended = self._ended.get(timeout=POLL_S)
            while True:
                self._see_to(*ended)
                ended = self._ended.get_nowait()

    def _see_to(self, worker: str, given: Given) -> None:
        if self._busy.get(worker) is not given:
            return  # it was given up with its worker before this was heard
        try:
            result = given.future.result(timeout=ANSWER_S)
        except Exception as error:  # what a task raises is an answer: this is about the worker
            if given.future.status == "error" and type(error).__name__ != KILLED:
                result = error
            else:
                self._gone(worker, given)
                return
        del self._busy[worker]
        if given.key is None:
            self._meets(worker, result)
        elif isinstance(result, Exception):
            self._ledger.gives_up(given.key, f"worker {worker}: {type(result).__name__}: {result}")
        else:
            self._ledger.ends(given.key, result)

    def _meets(self, worker: str, said: Any) -> None:
        reason = unfit(said, introduction("cpu"), self._device, self._fit)
        if reason:
            self._unfit.add(worker)
            self._why = reason
            self._ledger.said(f"worker {worker} gets no work: it {reason}")
        else:
            self._fit[worker] = dict(said)
            self._ledger.machines.add(str(said["machine"]))

    def _gone(self, worker: str, given: Given) -> None:
        """``worker`` ended, and what it was doing has to be done again, or has ended too many workers."""
        del self._busy[worker]
        self._fit.pop(worker, None)
        given.future.cancel(force=True)
        if given.key is None:
            return
        self._ledger.lost += 1
        self._losses[given.key] += 1
        times, name = self._losses[given.key], self._ledger.name(given.key)
        if times > self._retries:
            self._ledger.gives_up(
                given.key,
                f"each of the {times} workers that ran it ended before it did (killed? out of memory?)",
            )
        else:
            self._ledger.said(
                f"a worker was lost while it ran {name}; tried again ({times} of {self._retries})"
            )
            self._waiting.append(given.key)
