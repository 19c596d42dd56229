"""Spreading tasks over real processes: killed, interrupted, unreachable, and all results there once."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine import NoCluster, Store, cluster, spread
from tests.benchmarks.engine_driver import tasks
from tests.benchmarks.engine_tasks import deadly, digest, surroundings
from tests.project.markdown import ROOT

pytest.importorskip("distributed", reason="the engine's processes are distributed's; it is not installed")

DRIVER = "tests.benchmarks.engine_driver"


def silent(_: str) -> None:
    pass


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture(scope="module")
def two_workers() -> Iterator[str]:
    """The address of a cluster that several tests share."""
    with cluster.embedded(cluster.places(2, "cpu")) as address:
        yield address


def until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """The first true answer of ``condition``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


# --- side by side ---------------------------------------------------------------------------------------


def test_two_processes_find_what_one_finds(store: Store, tmp_path: Path) -> None:
    planned = tasks(10, 0.02)
    before, environment = set(Path.cwd().iterdir()), dict(os.environ)
    outcome = spread(digest, planned, store, workers=2, said=silent)
    assert (outcome.done, outcome.failed, outcome.ran, outcome.lost) == (tuple(planned), {}, 10, 0)
    alone = Store(tmp_path / "alone")
    spread(digest, planned, alone, workers=0, said=silent)
    for key in planned:
        name = f"{key}.json"
        assert (store.folder / name).read_bytes() == (alone.folder / name).read_bytes()
    assert set(Path.cwd().iterdir()) == before, "scratch files go elsewhere"
    assert dict(os.environ) == environment


def test_each_worker_has_a_thread_and_a_card_of_its_own(tmp_path: Path) -> None:
    store, planned = Store(tmp_path), {f"surroundings-{x}": {"sleep": 0.2} for x in range(4)}
    places = [
        {**place, "CUDA_VISIBLE_DEVICES": card}
        for place, card in zip(cluster.places(2, "cpu"), "35", strict=True)
    ]
    with cluster.embedded(places) as address:
        spread(surroundings, planned, store, address=address, said=silent)
    found = [result for _, result in store.results(planned)]
    assert len({result["pid"] for result in found} - {os.getpid()}) == 2
    assert {result["OMP_NUM_THREADS"] for result in found} == {"1"}
    cards = {result["pid"]: result["CUDA_VISIBLE_DEVICES"] for result in found}
    assert sorted(cards.values()) == ["3", "5"]
    assert {result["MALLOC_TRIM_THRESHOLD_"] for result in found} == {None}, "memory is kept between steps"


def test_the_embedded_default_listens_to_this_machine_only(two_workers: str) -> None:
    import psutil

    assert two_workers.startswith("tcp://127.0.0.1:")
    process = psutil.Process()
    for one in (process, *process.children(recursive=True)):
        listening = [c.laddr.ip for c in one.net_connections() if c.status == psutil.CONN_LISTEN]
        assert set(listening) <= {"127.0.0.1"}


def test_a_task_that_ends_its_workers_is_one_failure(store: Store, two_workers: str) -> None:
    planned = tasks(6, 0.02)
    killer = list(planned)[2]
    planned[killer]["deadly"] = True
    said: list[str] = []
    outcome = spread(deadly, planned, store, address=two_workers, said=said.append)
    assert list(outcome.failed) == [killer]
    assert "each of the 3 workers that ran it ended before it did" in outcome.failed[killer]
    assert outcome.lost == 3
    assert {key for key in planned if store.has(key)} == set(planned) - {killer}
    assert [text for text in said if text.startswith("a worker was lost")] == [
        f"a worker was lost while it ran task-2; tried again ({time} of 2)" for time in (1, 2)
    ]


# --- clusters that are none, or not ours ----------------------------------------------------------------


@contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """A port at which somebody answers everything with ``reply``."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(reply)
                    connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def test_an_address_where_nobody_is_is_an_error_soon(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster.CONNECT_S <= 10
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(
        NoCluster, match=rf"no scheduler of Dask answers at tcp://127.0.0.1:{port} .*Timed out"
    ):
        spread(digest, tasks(1, 0), store, address=f"tcp://127.0.0.1:{port}", said=silent)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("reply", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b""])
def test_an_address_where_somebody_else_is_is_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch, reply: bytes
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with answering(reply) as port, pytest.raises(NoCluster, match="no scheduler of Dask answers at"):
        spread(digest, tasks(1, 0), store, address=f"tcp://127.0.0.1:{port}", said=silent)


def test_a_scheduler_without_workers_is_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKERS_S", 0.3)
    with cluster.embedded([]) as address, pytest.raises(NoCluster, match=r"has no workers after 0\.3 s"):
        spread(digest, tasks(1, 0), store, address=address, said=silent)


@contextmanager
def stopped(count: int) -> Iterator[tuple[str, list[str]]]:
    """A cluster of two workers, ``count`` of which are stopped; its address, and theirs."""
    with cluster.embedded(cluster.places(2, "cpu")) as address:
        with cluster.connected(address) as client:
            client.wait_for_workers(2, timeout=60)
            found = client.run(os.getpid)
        frozen = dict(list(found.items())[:count])
        for pid in frozen.values():
            os.kill(pid, signal.SIGSTOP)
        try:
            yield address, list(frozen)
        finally:
            for pid in frozen.values():
                os.kill(pid, signal.SIGCONT)


def test_a_worker_that_is_silent_is_left_out_by_name(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_S", 3.0)
    said: list[str] = []
    planned = tasks(4, 0.02)
    with stopped(1) as (address, frozen):
        start = time.monotonic()
        assert cluster.fit_workers(address, "cpu", said.append) == 1
        outcome = spread(digest, planned, store, address=address, said=said.append)
        assert time.monotonic() - start < 30
    assert (outcome.done, outcome.failed) == (tuple(planned), {})
    assert said == [f"worker {frozen[0]} has not answered within 3 s: it gets no work until it does"] * 2


def test_workers_that_are_all_silent_are_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_S", 1.0)
    with stopped(2) as (address, frozen):
        with pytest.raises(NoCluster, match=r"no worker at tcp://.* has answered within 1 s: ") as refused:
            spread(digest, tasks(1, 0), store, address=address, said=silent)
        assert all(worker in str(refused.value) for worker in frozen)


@pytest.mark.parametrize(
    ("altered", "message"),
    [
        (True, "has another version of the project's code .sources."),
        (False, "cannot load this project.*benchmarks"),
    ],
)
def test_a_worker_with_other_code_is_refused(
    store: Store, tmp_path: Path, altered: bool, message: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if altered:
        for folder in ("gem_impls", "benchmarks"):
            shutil.copytree(ROOT / folder, elsewhere / folder, ignore=shutil.ignore_patterns("__pycache__"))
        with (elsewhere / "gem_impls" / "spec.py").open("a", encoding="utf-8") as file:
            file.write("# altered\n")
    with cluster.embedded([]) as address:
        command = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--no-nanny"]
        options = [
            "--local-directory",
            str(tmp_path),
            "--host",
            "127.0.0.1",
            "--dashboard-address",
            "127.0.0.1:0",
        ]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        worker = subprocess.Popen(
            [*command, *options],
            cwd=elsewhere,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with pytest.raises(NoCluster, match=f"worker tcp://127.0.0.1:.* {message}"):
                spread(digest, tasks(1, 0), store, address=address, said=silent)
        finally:
            worker.kill()
            worker.wait()


# --- ended from outside ---------------------------------------------------------------------------------


class Watched:
    """A driver in a process of its own, and the notes that its tasks leave."""

    def __init__(self, folder: Path, count: int, sleep: float) -> None:
        self.store, self.notes = Store(folder / "results"), folder / "notes"
        self.notes.mkdir()
        self.tasks = tasks(count, sleep)
        self.arguments = [str(self.store.folder), str(self.notes), str(count), str(sleep)]
        self.drivers: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        self.drivers.append(
            subprocess.Popen(
                [sys.executable, "-W", "error", "-m", DRIVER, *self.arguments],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(self.notes.parent)},  # one that is killed leaves its scratch
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return self.drivers[-1]

    def stored(self) -> set[str]:
        """Names of tasks that have a result."""
        return {f"task-{result['x']}" for _, result in self.store.results(self.tasks)}

    def events(self) -> list[tuple[str, str, int]]:
        """(task, "start" or "end", process) of everything that ran."""
        found = []
        for path in self.notes.iterdir():
            for line in path.read_text(encoding="utf-8").splitlines():
                what, pid = line.split()
                found.append((path.name, what, int(pid)))
        return found

    def running(self) -> list[tuple[str, int]]:
        """(task, process) of what began, has not ended, and whose process is alive."""
        events = self.events()
        return [
            (task, pid)
            for task, what, pid in events
            if what == "start" and (task, "end", pid) not in events and alive(pid)
        ]

    def workers(self) -> set[int]:
        return {pid for _, _, pid in self.events()}

    def until_stored(self, count: int) -> None:
        """Wait for results."""
        until(lambda: len(self.stored()) >= count, f"{count} results")

    def kill_in_the_middle(self) -> tuple[str, int]:
        """SIGKILL a worker that has begun a task and not ended it; which task, and which worker."""

        def stopped() -> tuple[str, int] | None:
            for task, pid in self.running():
                os.kill(pid, signal.SIGSTOP)
                if (task, "end", pid) not in self.events():
                    return task, pid
                os.kill(pid, signal.SIGCONT)  # it ended just now
            return None

        task, pid = until(stopped, "a worker in the middle of a task")
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid), "a dead worker")
        return task, pid

    def close(self) -> None:
        for driver in self.drivers:
            driver.kill()
            driver.communicate()


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[[int, float], Watched]]:
    made: list[Watched] = []

    def watch(count: int, sleep: float) -> Watched:
        made.append(Watched(tmp_path, count, sleep))
        return made[-1]

    yield watch
    for one in made:
        one.close()


def test_killed_workers_and_a_killed_driver_lose_nothing_and_count_nothing_twice(
    watched: Callable[[int, float], Watched], tmp_path: Path
) -> None:
    run = watched(20, 0.4)
    driver = run.start()
    run.until_stored(2)
    victims = [run.kill_in_the_middle()]
    run.until_stored(5)
    victims.append(run.kill_in_the_middle())
    until(lambda: len(run.workers()) >= 4, "two workers in the place of the two that were killed")
    run.until_stored(8)
    driver.kill()
    said, _ = driver.communicate()
    assert [line for line in said.splitlines() if line.startswith("a worker was lost")] == [
        f"a worker was lost while it ran {task}; tried again (1 of 2)" for task, _ in victims
    ]
    until(lambda: not any(map(alive, run.workers())), "workers that end with their driver")
    kept, before = run.stored(), run.events()
    assert len(kept) < 20, "the driver was killed in the middle"

    again = run.start()
    said, errors = again.communicate(timeout=90)
    assert (again.returncode, errors) == (0, "")
    assert f"ran {20 - len(kept)} lost 0" in said

    everything = {f"task-{x}" for x in range(20)}
    assert run.stored() == everything, "nothing is lost"
    events = run.events()
    afterwards = [event for event in events if event not in before]
    assert {task for task, _, _ in afterwards} == everything - kept, "what was kept did not run again"
    for task in everything:
        mine = [(what, pid) for name, what, pid in events if name == task]
        ended = [pid for what, pid in mine if what == "end"]
        killed = [pid for name, pid in victims if name == task]
        if task in kept:
            assert len(ended) == 1, "a result that was kept was made once"
            assert len(mine) == 2 + len(killed), "and the task was begun once more for each lost worker"
        else:
            assert len([1 for name, what, _ in afterwards if (name, what) == (task, "end")]) == 1
    assert sorted(path.name for path in run.store.folder.glob("*.json")) == sorted(
        f"{k}.json" for k in run.tasks
    )

    undisturbed = Store(tmp_path / "undisturbed")
    spread(digest, tasks(20, 0.0), undisturbed, workers=0, said=silent)
    assert dict(run.store.results(run.tasks)) == dict(undisturbed.results(run.tasks))


def test_ctrl_c_ends_the_workers_and_leaves_results_that_the_next_run_uses(
    watched: Callable[[int, float], Watched],
) -> None:
    run = watched(8, 0.5)
    driver = run.start()
    run.until_stored(2)
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    said, errors = driver.communicate(timeout=60)
    assert (driver.returncode, errors, said) == (2, "", "")
    assert not any(map(alive, run.workers()))
    kept = run.stored()
    assert 2 <= len(kept) < 8
    assert spread(digest, run.tasks, run.store, workers=0, said=silent).ran == 8 - len(kept)
