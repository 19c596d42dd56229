"""Where workers come from: processes of this machine for as long as a run lasts, or a cluster's.

Dask's ``distributed`` starts, watches and restarts them, and carries tasks there and answers back. It is
imported when it is needed, so that a machine without it can still run everything in one process.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

from benchmarks.engine.task import AGREES, THREADS, introduction
from benchmarks.record import cores

ADDRESS: Final = re.compile(r"(tcp|tls)://[\w.-]+:\d{1,5}|(tcp|tls)://\[[0-9a-fA-F:]+\]:\d{1,5}")

LOOPBACK: Final = "127.0.0.1"

CONNECT_S: Final = 8.0
"""Seconds that an address may take to answer."""

WORKERS_S: Final = 30.0
"""Seconds that a cluster may take to show its first worker."""

ANSWER_S: Final = 30.0
"""Seconds that a worker may take to say who it is; it may have to load torch from a slow disk."""

SETTINGS: Final = {
    # By default a worker gives every freed 64 KiB back to the system and asks for it again, at every step of
    # a small network. Without: 0.7 times the time, for the small ResNet; and nothing is short of memory.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    # ... and looks a hundred times a second at what its thread is doing, for a dashboard that is not there.
    "distributed.worker.profile.enabled": False,
}
"""Of Dask, for embedded workers."""

SCHEDULER: Final = "python -m dask scheduler"
WORKER: Final = "python -m dask worker ADDRESS --nthreads 1"
"""How a cluster's parts are started; ``python -m`` lets them import from the folder they start in."""

INSTALL: Final = "pip install 'gem-impls[cluster]'"


class NoCluster(Exception):
    """Tasks cannot be spread, or no longer; the message says why and what helps. Results so far are kept."""


def installed() -> bool:
    """Whether distributed is here."""
    return importlib.util.find_spec("distributed") is not None


def check_address(address: str) -> str:
    """``address``; raises ValueError where it is none of a scheduler."""
    if not ADDRESS.fullmatch(address):
        raise ValueError(
            f"address must be tcp://HOST:PORT or tls://HOST:PORT, as a scheduler prints it; got {address!r}"
        )
    return address


# --- of this machine ------------------------------------------------------------------------------------


def places(workers: int | None, device: str) -> list[dict[str, str]]:
    """The environment of each embedded worker: one processor each, or one card each.

    Args:
        workers: how many; None for as many as there are processors or cards.
        device: ``"cpu"`` or ``"cuda"``.

    Raises:
        ValueError: there are fewer cards than ``workers``.
    """
    one_thread = dict.fromkeys(THREADS, "1")
    if device == "cpu":
        return [one_thread] * (cores() if workers is None else workers)
    cards = _cards()
    if not cards or (workers or 0) > len(cards):
        raise ValueError(
            f"workers must be at most the number of cards, {len(cards)} here, since each has one of its own; "
            f"got {workers}"
        )
    return [{**one_thread, "CUDA_VISIBLE_DEVICES": card} for card in cards[:workers]]


def _cards() -> list[str]:
    """The CUDA devices that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    count = torch.cuda.device_count()
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [card.strip() for card in allowed.split(",")][:count] if allowed else list(map(str, range(count)))


@contextmanager
def embedded(environments: list[dict[str, str]]) -> Iterator[str]:
    """Workers on this machine, one process for each of ``environments``; gives their scheduler's address.

    They listen on the loopback interface only, end with this process whatever ends it, and are started again
    by it where they die. Their scratch files go to a folder of their own, which is removed.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        stack.enter_context(_environment_kept())
        stack.enter_context(importlib.import_module("dask").config.set(SETTINGS))
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="gem-impls-", ignore_cleanup_errors=True)
        )
        common = {
            "nthreads": 1,
            "host": LOOPBACK,
            "memory_limit": 0,  # what a task may need is the machine's to say
            "local_directory": folder,
            "silence_logs": logging.CRITICAL,
            "preload": ["benchmarks.engine.preload"],
            "dashboard_address": f"{LOOPBACK}:0",
        }
        workers = {
            number: {"cls": distributed.Nanny, "options": {**common, "env": environment}}
            for number, environment in enumerate(environments)
        }
        scheduler = {
            "cls": distributed.Scheduler,
            "options": {
                "host": LOOPBACK,
                "port": 0,
                "dashboard": False,
                "dashboard_address": f"{LOOPBACK}:0",
            },
        }
        try:
            cluster = distributed.SpecCluster(
                workers=workers, scheduler=scheduler, silence_logs=logging.CRITICAL, name="gem-impls"
            )
        except Exception as error:  # of many kinds: no memory, no process, no port
            raise NoCluster(
                f"workers cannot be started here ({type(error).__name__}: {error}); "
                "with workers=0 everything runs in one process"
            ) from error
        try:
            yield str(cluster.scheduler_address)
        finally:
            with suppress(TimeoutError):
                cluster.close(timeout=10)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """This process's variables are afterwards what they were: nannies set some, for workers to inherit."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# --- of an address --------------------------------------------------------------------------------------


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at ``address``.

    Raises:
        NoCluster: distributed is not installed, or nothing answers there.
    """
    distributed = _distributed()
    try:
        found = asyncio.run(asyncio.wait_for(_identity(distributed, address), CONNECT_S + 1))
    except Exception as error:  # whatever it was that answered
        found = {"type": f"{type(error).__name__}: {error}".rstrip(": ")}
    if found.get("type") != "Scheduler":
        raise NoCluster(
            f"no scheduler of Dask answers at {address} ({found.get('type')}); start one with {SCHEDULER!r}, "
            "or leave the address out"
        )
    client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    try:
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=2)


async def _identity(distributed: Any, address: str) -> dict[str, Any]:
    """What is at ``address``: asked without a client, since one that fails to start cannot be closed."""
    security = distributed.Security().get_connection_args("client")
    comm = await distributed.comm.connect(address, timeout=CONNECT_S, **security)
    try:
        await comm.write({"op": "identity", "reply": True})
        return dict(await comm.read())
    finally:
        comm.abort()


def fit_workers(address: str, device: str, said: Callable[[str], None]) -> int:
    """How many workers the scheduler at ``address`` has for a run.

    Raises:
        ValueError: ``address`` is none.
        NoCluster: as :func:`connected` and :func:`introduced`.
    """
    with connected(check_address(address)) as client:
        return len(introduced(client, device, said))


def introduced(client: Any, device: str, said: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Worker -> what it says of itself, after all that answer were found fit for the same run.

    One that is silent (stopped, cut off, its disk hanging) is named to ``said`` and left out.

    Raises:
        NoCluster: there is no worker, none answers, or one cannot load the code, has other code or versions
            than this process, or does not have a card of its own where ``device`` is ``"cuda"``.
    """
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        raise NoCluster(
            f"the scheduler at {client.scheduler.address} has no workers after {WORKERS_S:g} s; "
            f"start some in a checkout of this version: {WORKER}"
        ) from None
    ours = introduction("cpu")
    found: dict[str, dict[str, Any]] = {}
    workers = list(client.nthreads())
    answers = client.sync(_answers, client, workers, device)
    for worker, answer in answers.items():
        if reason := unfit(answer, ours, device, found):
            raise NoCluster(f"worker {worker} {reason}")
        found[worker] = answer
    silent = [worker for worker in workers if worker not in answers]
    if not found:
        raise NoCluster(
            f"no worker at {client.scheduler.address} has answered within {ANSWER_S:g} s: {', '.join(silent)}"
        )
    for worker in silent:
        said(f"worker {worker} has not answered within {ANSWER_S:g} s: it gets no work until it does")
    return found


async def _answers(client: Any, workers: list[str], device: str) -> dict[str, Any]:
    """Worker -> its introduction, or what was raised instead, of those that answer in time.

    Each is asked for itself: one question to all has its answers together, or never.
    """

    async def ask(worker: str) -> Any:
        said = await client.run(introduction, device, workers=[worker], on_error="return")
        return said[worker]

    asked = {worker: asyncio.ensure_future(ask(worker)) for worker in workers}
    await asyncio.wait(asked.values(), timeout=ANSWER_S)
    late = [question for question in asked.values() if not question.done()]
    for question in late:
        question.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return {worker: question.result() for worker, question in asked.items() if question not in late}


def unfit(
    said: Any, ours: Mapping[str, Any], device: str, others: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Why a worker cannot take part, or None.

    Args:
        said: how it introduces itself, or the exception that came instead.
        ours: how this process does.
        device: ``"cpu"`` or ``"cuda"``.
        others: the workers that do take part, and how they introduced themselves.
    """
    if isinstance(said, BaseException):
        return f"cannot load this project ({said}); start it in a checkout of this version: {WORKER}"
    for what in AGREES:
        if said[what] != ours[what]:
            name = "the project's code (sources)" if what == "sources" else what
            return f"has another version of {name}: {said[what]}, here {ours[what]}; all must be the same"
    if device == "cpu":
        return None
    if said["gpu"] is None:
        return "sees no CUDA device"
    same = [worker for worker, other in others.items() if other["gpu"] == said["gpu"]]
    return f"shares a card with {same[0]}; give each its own with CUDA_VISIBLE_DEVICES" if same else None


def _distributed() -> Any:
    if not installed():
        raise NoCluster(f"distributed is not installed: {INSTALL}, or stay in one process with workers=0")
    return importlib.import_module("distributed")
