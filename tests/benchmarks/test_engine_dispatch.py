"""Who gets which task, against a cluster that loses workers as the test says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine import NoCluster, Store, dispatch
from benchmarks.engine.dispatch import Dispatch
from benchmarks.engine.ledger import Ledger
from benchmarks.engine.task import introduction

KILLED = type(dispatch.KILLED, (Exception,), {})


class Future:
    """Ends when it is told how."""

    def __init__(self, worker: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.worker, self.function, self.arguments = worker, function, arguments
        self.status = "pending"
        self.cancelled = False
        self._callbacks: list[Callable[[Any], None]] = []
        self._outcome: Any = None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    def end(self, outcome: Any = None) -> None:
        self._outcome = outcome if outcome is not None else self.function(*self.arguments)
        self.status = "error" if isinstance(self._outcome, Exception) else "finished"
        for callback in self._callbacks:
            callback(self)

    def result(self, timeout: float) -> Any:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def cancel(self, force: bool) -> None:
        assert force
        self.cancelled = True


class Client:
    """A scheduler with ``workers``; ``step`` is called at each look at who is there."""

    status = "running"

    def __init__(self, workers: list[str], step: Callable[[Client], None]) -> None:
        self.workers, self._step = workers, step
        self.given: list[Future] = []
        self.looks = 0

    def nthreads(self) -> dict[str, int]:
        self.looks += 1
        self._step(self)
        return dict.fromkeys(self.workers, 1)

    def submit(self, function: Any, *arguments: Any, key: str, workers: list[str], **options: Any) -> Future:
        assert options == {"allow_other_workers": False, "pure": False}
        assert key not in {id(future) for future in self.given}
        (worker,) = workers
        assert worker in self.workers
        assert not any(
            f.worker == worker and f.status == "pending" and not f.cancelled for f in self.given
        ), "busy"
        self.given.append(Future(worker, function, arguments))
        return self.given[-1]

    def cancel(self, futures: list[Future], force: bool) -> None:
        for future in futures:
            future.cancel(force)

    @property
    def running(self) -> list[Future]:
        return [future for future in self.given if future.status == "pending" and not future.cancelled]


def finish_all(client: Client) -> None:
    for future in client.running:
        future.end()


class Run:
    """Six tasks over a planted cluster."""

    def __init__(
        self, folder: Path, client: Client, fit: list[str], retries: int = 2, device: str = "cpu"
    ) -> None:
        self.client, self.said = client, []  # type: Client, list[str]
        self.store = Store(folder)
        self.tasks = {f"task-key-{x}": {"name": f"task-{x}", "x": x} for x in range(6)}
        self.ledger = Ledger(self.tasks, self.store, self.said.append, None, None)
        self._dispatch = Dispatch(
            client,
            "tests.benchmarks.engine_tasks:digest",
            self.tasks,
            self.ledger,
            device=device,
            retries=retries,
            fit={worker: {**introduction("cpu"), "gpu": f"card of {worker}"} for worker in fit},
        )

    def __call__(self) -> Run:
        self._dispatch.run(list(self.tasks))
        return self

    @property
    def done(self) -> set[str]:
        return {key for key in self.tasks if self.store.has(key)}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "POLL_S", 0.001)
    monkeypatch.setattr(dispatch, "PATIENCE_S", 0.05)


def test_each_worker_has_one_task_at_a_time(tmp_path: Path) -> None:
    client = Client(["a", "b"], finish_all)
    run = Run(tmp_path, client, ["a", "b"])()
    assert run.done == set(run.tasks)
    assert len(client.given) == 6
    assert {future.worker for future in client.given} == {"a", "b"}
    assert run.said == []


def test_a_worker_that_never_says_who_it_is_does_not_make_a_run_wait(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        client.workers[:] = ["silent"] if client.looks > 1 else ["a"]
        assert client.looks < 1000, "it waits for ever"

    client = Client(["a"], step)
    with pytest.raises(NoCluster, match=r"no fit worker for 0\.05 s"):
        Run(tmp_path, client, ["a"])()
    assert client.given[-1].function is introduction


def test_only_the_task_of_the_lost_worker_is_tried_again(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        if client.looks == 2:
            client.workers.remove("a")  # and with it, what it was doing
        elif client.looks == 3:
            client.workers.append("c")
        if client.looks > 2:
            finish_all(client)

    client = Client(["a", "b"], step)
    run = Run(tmp_path, client, ["a", "b"])()
    assert run.done == set(run.tasks)
    assert (run.ledger.lost, run.ledger.failed, run.ledger.ran) == (1, {}, 6)
    assert client.given[0].worker == "a"
    assert client.given[0].cancelled
    assert run.said == ["a worker was lost while it ran task-0; tried again (1 of 2)"]
    names = [f.arguments[1]["name"] for f in client.given if f.function is not introduction]
    assert sorted(names) == ["task-0", *sorted(f"task-{x}" for x in range(6))]


@pytest.mark.parametrize("retries", [0, 2])
def test_a_task_that_ends_its_workers_fails_alone(tmp_path: Path, retries: int) -> None:
    def step(client: Client) -> None:
        for future in client.running:
            if future.function is not introduction and future.arguments[1]["x"] == 3:
                client.workers.remove(future.worker)
                client.workers.append(f"{future.worker}'")
            else:
                future.end()

    run = Run(tmp_path, Client(["a", "b"], step), ["a", "b"], retries)()
    assert run.done == set(run.tasks) - {"task-key-3"}
    assert list(run.ledger.failed) == ["task-key-3"]
    assert f"each of the {retries + 1} workers that ran it ended" in run.ledger.failed["task-key-3"]
    assert run.ledger.lost == retries + 1


def test_a_worker_that_comes_back_under_its_old_address_was_lost_all_the_same(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        for future in client.running:
            future.end(KILLED("task") if len(client.given) == 1 else None)

    run = Run(tmp_path, Client(["a"], step), ["a"])()
    assert run.done == set(run.tasks)
    assert run.ledger.lost == 1


def test_what_cannot_reach_a_worker_fails_with_the_reason(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        for future in client.running:
            future.end(RuntimeError("cannot be unpacked") if future.arguments[1]["x"] == 0 else None)

    run = Run(tmp_path, Client(["a"], step), ["a"])()
    assert run.ledger.failed == {"task-key-0": "worker a: RuntimeError: cannot be unpacked"}
    assert (len(run.done), run.ledger.lost) == (5, 0)


def test_a_worker_that_joins_is_asked_who_it_is(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        if client.looks == 1:
            client.workers += ["new", "stranger", "broken"]
        for future in client.running:
            if future.worker == "stranger":
                future.end({**introduction("cpu"), "sources": "0000"})
            elif future.worker == "broken":
                future.end(ModuleNotFoundError("No module named 'benchmarks'"))
            elif future.function is introduction or "new" in {
                f.worker for f in client.given if f.status == "finished"
            }:
                future.end()

    client = Client(["a"], step)
    run = Run(tmp_path, client, ["a"])()
    assert run.done == set(run.tasks)
    by = {
        worker: [f.function is introduction for f in client.given if f.worker == worker]
        for worker in client.workers
    }
    assert by["stranger"] == by["broken"] == [True]
    assert by["new"][:2] == [True, False]
    assert by["a"][0] is False
    assert len(run.said) == 2
    assert any(
        "worker stranger gets no work: it has another version of the project's code" in s for s in run.said
    )
    assert any("worker broken gets no work: it cannot load this project" in s for s in run.said)


def test_a_card_is_one_workers_until_that_is_gone(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        if client.looks == 1:
            client.workers += ["b", "c"]
        if client.looks == 4:
            client.workers[:] = ["d"]  # in the place of "a", on its card
        for future in client.running:
            if future.function is introduction:
                card = {"b": "card of b", "c": "card of a", "d": "card of a"}[future.worker]
                future.end({**introduction("cpu"), "machine": card, "gpu": card})
            elif client.looks > 4:
                future.end()

    client = Client(["a"], step)
    run = Run(tmp_path, client, ["a"], device="cuda")()
    assert run.done == set(run.tasks)
    worked = {future.worker for future in client.given if future.function is not introduction}
    assert worked == {"a", "b", "d"}
    assert "worker c gets no work: it shares a card with a; give each its own" in run.said[0]
    assert run.ledger.machines == {"card of b", "card of a"}


def test_a_worker_lost_while_it_introduces_itself_costs_nobody_a_try(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        if client.looks == 2:
            client.workers[:] = ["second"]
        elif client.looks > 2:
            finish_all(client)

    run = Run(tmp_path, Client(["first"], step), [])()
    assert run.done == set(run.tasks)
    assert (run.ledger.lost, run.said) == (0, [])


def test_without_workers_the_run_ends_and_keeps_what_it_has(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        finish_all(client)
        if client.looks == 3:
            client.workers.clear()

    run = Run(tmp_path, Client(["a"], step), ["a"])
    with pytest.raises(NoCluster, match=r"no fit worker for 0.05 s; tasks left: 5; results so far are kept"):
        run()
    assert len(run.done) == 1, "the second answer went with the worker that had it"


def test_a_run_that_strangers_alone_are_left_for_says_why(tmp_path: Path) -> None:
    def step(client: Client) -> None:
        for future in client.running:
            future.end({**introduction("cpu"), "numpy": "0.1"})

    run = Run(tmp_path, Client(["stranger"], step), [])
    with pytest.raises(
        NoCluster, match=r"no fit worker .*has another version of numpy: 0\.1, here .*left: 6"
    ):
        run()
    assert len(run.client.given) == 1, "asked once"


def test_a_scheduler_that_goes_ends_the_run(tmp_path: Path) -> None:
    def closes(client: Client) -> None:
        client.status = "closed"

    def breaks(client: Client) -> None:
        if client.looks == 2:
            raise OSError("stream closed")

    for number, (step, message) in enumerate(
        [
            (closes, "the connection to the scheduler was lost"),
            (breaks, "does not answer any more .stream closed."),
        ]
    ):
        run = Run(tmp_path / str(number), Client(["a"], step), ["a"])
        with pytest.raises(NoCluster, match=f"{message}.*; tasks left: 6; results so far are kept"):
            run()
        assert all(future.cancelled for future in run.client.given)
