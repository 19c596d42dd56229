"""The one entry point: run a function on many tasks, and keep each result once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.engine import cluster
from benchmarks.engine.dispatch import Dispatch
from benchmarks.engine.ledger import Counts, Ledger
from benchmarks.engine.store import Result, Store
from benchmarks.engine.task import Function, answer, introduction, name_of, one_thread

DEVICES: Final = ("cpu", "cuda")


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        done: keys that have a result, from this run or an earlier one, in the order of the tasks.
        failed: key -> reason. A failure is not stored: the next run tries it again.
        ran: how many tasks came to an end in this run.
        lost: how many workers ended while they had a task.
        machines: the processors or cards that this run's tasks were given to.
        seconds: wall time.
    """

    done: tuple[str, ...]
    failed: Mapping[str, str]
    ran: int
    lost: int
    machines: tuple[str, ...]
    seconds: float


def spread(
    function: Function,
    tasks: Mapping[str, Mapping[str, Any]],
    store: Store,
    *,
    workers: int | None = None,
    address: str | None = None,
    device: str = "cpu",
    retries: int = 2,
    said: Callable[[str], None],
    progress: Counts | None = None,
    on_result: Callable[[str, Result], None] | None = None,
) -> Outcome:
    """Run ``function`` on each of ``tasks`` that has no result in ``store`` yet.

    Each worker is a process with one thread and runs one task at a time; on ``"cuda"`` it sees one card, its
    own. A task whose worker is lost (killed, out of memory) is tried again; one that raises is not, since
    the same input would raise again. Interrupting it ends the workers; what is stored stays, and the same
    call goes on.

    Args:
        function: takes a task and returns its result, both dicts that are JSON. It is found by its name in
            every process, so it is a module's own.
        tasks: key -> task; a key names everything that the result depends on, see
            :func:`benchmarks.engine.store.key_of`. A task's ``"name"``, if it has one, is what readers see.
        store: where results are and go. Only this process writes to it; workers need no shared disk.
        workers: processes to start here: None for one a processor or card, or for this very process where
            distributed is not installed; 0 for this process.
        address: of a cluster's scheduler, ``tcp://HOST:PORT``, instead of starting any. Its workers need
            this very code and the same versions of Python, torch and NumPy, which is checked.
        device: ``"cpu"`` or ``"cuda"``; handed to no task: it decides what workers have.
        retries: how often a task is tried again whose worker was lost.
        said: told, in sentences, what a reader should know.
        progress: told what begins and ends; the caller closes it.
        on_result: called with each key and result of this run, after it was stored.

    Raises:
        ValueError: an argument is of no use; nothing was run.
        NoCluster: there is nothing to run on, or no longer.
        OSError: the store cannot be written to.
    """
    name = name_of(function)
    _check(workers, address, device, retries)
    start = time.monotonic()
    ledger = Ledger(tasks, store, said, progress, on_result)
    left = ledger.left()
    if left:
        if address is None and workers is None and not cluster.installed():
            said("distributed is not installed: everything runs in this process")
            workers = 0
        if address is None and workers == 0:
            _here(name, tasks, left, ledger, device)
        else:
            _spread(name, tasks, left, ledger, workers, address, device, retries)
    return Outcome(
        tuple(key for key in tasks if key not in ledger.failed),
        dict(ledger.failed),
        ledger.ran,
        ledger.lost,
        tuple(sorted(ledger.machines)),
        time.monotonic() - start,
    )


def _check(workers: int | None, address: str | None, device: str, retries: int) -> None:
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}; got {device!r}")
    if workers is not None and workers < 0:
        raise ValueError(f"workers must be at least 0 (0: in this process); got {workers}")
    if retries < 0:
        raise ValueError(f"retries must be at least 0; got {retries}")
    if address is not None:
        cluster.check_address(address)
        if workers is not None:
            raise ValueError(
                f"workers are those of the address; got workers={workers} and address={address!r}"
            )


def _here(
    function: str, tasks: Mapping[str, Mapping[str, Any]], left: list[str], ledger: Ledger, device: str
) -> None:
    ledger.machines.add(introduction(device)["machine"])
    with one_thread():
        for key in left:
            ledger.starts(key)
            ledger.ends(key, answer(function, tasks[key]))


def _spread(
    function: str,
    tasks: Mapping[str, Mapping[str, Any]],
    left: list[str],
    ledger: Ledger,
    workers: int | None,
    address: str | None,
    device: str,
    retries: int,
) -> None:
    with ExitStack() as stack:
        if address is None:
            places = cluster.places(workers, device)
            address = stack.enter_context(cluster.embedded(places[: len(left)]))
        client = stack.enter_context(cluster.connected(address))
        found = cluster.introduced(client, device, ledger.said)
        ledger.machines.update(str(said["machine"]) for said in found.values())
        Dispatch(client, function, tasks, ledger, device=device, retries=retries, fit=found).run(left)
