"""Spreading tasks, as far as that needs no other process: what is run, what is kept, and what is refused."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine import NoCluster, Store, cluster, key_of, spread
from benchmarks.engine.cluster import places, unfit
from benchmarks.engine.task import answer, introduction, name_of, one_thread
from tests.benchmarks.engine_driver import tasks
from tests.benchmarks.engine_tasks import digest, faulty, surroundings


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def silent(_: str) -> None:
    pass


class Counted:
    """Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def starts(self, name: str) -> None:
        self.told.append(name)

    def ends(self) -> None:
        self.told.append("end")


# --- what is run, and what is kept ----------------------------------------------------------------------


def test_results_are_what_the_function_returns(store: Store) -> None:
    planned, progress, heard = tasks(3, 0), Counted(), []
    outcome = spread(
        digest,
        planned,
        store,
        workers=0,
        said=silent,
        progress=progress,
        on_result=lambda key, result: heard.append((key, result)),
    )
    expected = {key: digest(dict(task)) for key, task in planned.items()}
    assert dict(store.results(planned)) == expected == dict(heard)
    assert outcome.done == tuple(planned)
    assert (outcome.failed, outcome.ran, outcome.lost) == ({}, 3, 0)
    assert outcome.machines == (introduction("cpu")["machine"],)
    assert progress.told == ["task-0", "end", "task-1", "end", "task-2", "end"]


def test_what_has_a_result_does_not_run_again(store: Store, tmp_path: Path) -> None:
    planned = tasks(4, 0, tmp_path)
    first = dict(list(planned.items())[:2])
    assert spread(digest, first, store, workers=0, said=silent).ran == 2
    again = spread(digest, planned, store, workers=0, said=silent)
    assert (again.ran, again.done) == (2, tuple(planned))
    assert spread(digest, planned, store, said=silent).ran == 0  # nothing left: no process is started
    for number in range(4):
        assert (tmp_path / f"task-{number}").read_text().count("start") == 1


def test_a_damaged_result_is_said_and_done_again(store: Store) -> None:
    planned, said = tasks(2, 0), []
    spread(digest, planned, store, workers=0, said=silent)
    key = next(iter(planned))
    path = store.folder / f"{key}.json"
    path.write_bytes(path.read_bytes()[:-20])
    assert spread(digest, planned, store, workers=0, said=said.append).ran == 1
    assert said == [f"a damaged result was set aside as {key}.damaged-1; its task runs again"]
    assert store.get(key) == digest(planned[key])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raises", r"ValueError: planted \(engine_tasks.py:\d+\)"),
        ("nan", "ValueError: not JSON: Out of range float values"),
        ("list", "TypeError: tests.benchmarks.engine_tasks:faulty returns a dict; this was list"),
        ("object", "ValueError: not JSON: Object of type object"),
    ],
)
def test_a_failure_has_a_reason_and_no_result(store: Store, tmp_path: Path, fault: str, reason: str) -> None:
    planned = {key_of({"fault": fault}): {"fault": fault, "name": "bad", "notes": str(tmp_path)}}
    said: list[str] = []
    outcome = spread(faulty, planned, store, workers=0, retries=2, said=said.append)
    (key,) = planned
    assert (outcome.done, outcome.ran, outcome.lost) == ((), 1, 0)
    assert re.match(reason, outcome.failed[key])
    assert said == [f"failed: bad: {outcome.failed[key]}"]
    assert not store.has(key)
    assert (tmp_path / "bad").read_text().count("start") == 1, (
        "what raises is not tried again in the same run"
    )
    spread(faulty, planned, store, workers=0, said=silent)
    assert (tmp_path / "bad").read_text().count("start") == 2, "but in the next"


def test_another_runs_result_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    planned, said = tasks(1, 0), []
    (key,) = planned
    put = Store.put

    def late(self: Store, key: str, result: dict[str, Any]) -> bool:
        put(self, key, {"from": "another run"})
        return put(self, key, result)

    monkeypatch.setattr(Store, "put", late)
    heard: list[Any] = []
    outcome = spread(
        digest, planned, store, workers=0, said=said.append, on_result=lambda _, result: heard.append(result)
    )
    assert outcome.done == (key,)
    assert heard == [store.get(key)] == [{"from": "another run"}]
    assert said == ["task-0: another run had its result first; that one stays"]


def test_a_task_here_computes_with_one_thread_and_leaves_no_trace(store: Store) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    environment = dict(os.environ)
    try:
        spread(surroundings, {"surroundings": {}}, store, workers=0, said=silent)
        assert torch.get_num_threads() == 2
        assert dict(os.environ) == environment
    finally:
        torch.set_num_threads(before)
    found = store.get("surroundings")
    assert (found["threads"], found["OMP_NUM_THREADS"], found["pid"]) == (1, "1", os.getpid())


def test_threads_are_as_before_after_an_error() -> None:
    environment = dict(os.environ)
    with pytest.raises(KeyboardInterrupt), one_thread():
        raise KeyboardInterrupt
    assert dict(os.environ) == environment


def test_an_interrupted_run_keeps_what_it_has(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = tasks(3, 0)
    keys = list(planned)

    def interrupt(key: str, _: object) -> None:
        if key == keys[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spread(digest, planned, store, workers=0, said=silent, on_result=interrupt)
    assert [store.has(key) for key in keys] == [True, True, False]
    assert spread(digest, planned, store, workers=0, said=silent).ran == 1


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu"}, "device must be one of cpu, cuda; got 'tpu'"),
        ({"workers": -1}, "workers must be at least 0 .* got -1"),
        ({"retries": -1}, "retries must be at least 0; got -1"),
        ({"address": "localhost:8786"}, "address must be tcp://HOST:PORT .* got 'localhost:8786'"),
        ({"address": "tcp://host"}, "address must be tcp://HOST:PORT"),
        ({"address": "http://host:80"}, "address must be tcp://HOST:PORT"),
        ({"address": "tcp://host:80/x"}, "address must be tcp://HOST:PORT"),
        ({"address": "tcp://host:80", "workers": 2}, "workers are those of the address; got workers=2"),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(
    store: Store, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spread(digest, tasks(1, 0, tmp_path), store, said=silent, **options)
    assert not (tmp_path / "task-0").exists()


def test_a_function_that_no_other_process_would_find_is_refused(store: Store) -> None:
    def nested(task: dict[str, Any]) -> dict[str, Any]:
        return task

    for function in (nested, lambda task: task, Store(store.folder).get):
        with pytest.raises(ValueError, match="function must be one that a module has under its name"):
            spread(function, tasks(1, 0), store, workers=0, said=silent)  # type: ignore[arg-type]
    assert name_of(digest) == "tests.benchmarks.engine_tasks:digest"


def test_a_function_that_is_not_there_is_an_answer_too() -> None:
    assert "ModuleNotFoundError" in json.loads(answer("benchmarks.no_such_module:run", {}))["failed"]
    assert "AttributeError" in json.loads(answer("benchmarks.engine.task:no_such", {}))["failed"]


def test_without_distributed_everything_runs_here(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "installed", lambda: False)
    said: list[str] = []
    assert spread(digest, tasks(2, 0), store, said=said.append).ran == 2
    assert said == ["distributed is not installed: everything runs in this process"]
    for wanted in ({"workers": 2}, {"address": "tcp://127.0.0.1:1"}):
        with pytest.raises(
            NoCluster, match=r"distributed is not installed: pip install 'gem-impls\[cluster\]'"
        ):
            spread(digest, tasks(3, 0), store, said=silent, **wanted)  # type: ignore[arg-type]


def test_importing_the_engine_imports_no_engine() -> None:
    import subprocess

    code = (
        "import sys, benchmarks.engine; sys.exit(bool({'distributed', 'dask', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- workers --------------------------------------------------------------------------------------------


def test_a_worker_must_be_of_one_mind_with_this_process() -> None:
    ours = introduction("cpu")
    assert unfit(dict(ours), ours, "cpu", {}) is None
    for what, name in [
        ("python", "python"),
        ("torch", "torch"),
        ("numpy", "numpy"),
        ("sources", r"the project's code"),
    ]:
        said = {**ours, what: "other"}
        assert re.match(
            f"has another version of {name}.*: other, here {ours[what]}", str(unfit(said, ours, "cpu", {}))
        )
    assert unfit(dict(ours), ours, "cuda", {}) == "sees no CUDA device"
    assert unfit({**ours, "gpu": "GPU-1"}, ours, "cuda", {}) is None
    others = {"tcp://a:1": {**ours, "gpu": "GPU-1"}, "tcp://b:1": {**ours, "gpu": "GPU-2"}}
    assert "shares a card with tcp://b:1;" in str(unfit({**ours, "gpu": "GPU-2"}, ours, "cuda", others))
    assert unfit({**ours, "gpu": "GPU-3"}, ours, "cuda", others) is None
    assert unfit(dict(ours), ours, "cpu", {"tcp://a:1": ours}) is None, "processors are shared"
    assert "python -m dask worker" in str(unfit(ModuleNotFoundError("benchmarks"), ours, "cpu", {}))


def test_sources_are_the_code_that_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.engine import task

    (tmp_path / "gem_impls").mkdir()
    (tmp_path / "benchmarks").mkdir()
    file = tmp_path / "benchmarks" / "a.py"
    monkeypatch.setattr(task, "ROOT", tmp_path)
    found = []
    for text in ("one = 1", "one = 2", "one = 1"):
        file.write_text(text)
        found.append(task.sources.__wrapped__())
    assert found[0] == found[2] != found[1]
    file.rename(tmp_path / "benchmarks" / "b.py")
    assert task.sources.__wrapped__() != found[0]


def test_a_processor_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "cores", lambda: 5)
    assert [len(places(workers, "cpu")) for workers in (None, 1, 7)] == [5, 1, 7]
    assert all(
        place["OMP_NUM_THREADS"] == "1" and "CUDA_VISIBLE_DEVICES" not in place
        for place in places(None, "cpu")
    )


@pytest.mark.parametrize(
    ("allowed", "workers", "cards"),
    [(None, None, ["0", "1", "2"]), (None, 2, ["0", "1"]), ("2,0,GPU-5f", None, ["2", "0", "GPU-5f"])],
)
def test_a_card_each(
    monkeypatch: pytest.MonkeyPatch, allowed: str | None, workers: int | None, cards: list[str]
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if allowed:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert [place["CUDA_VISIBLE_DEVICES"] for place in places(workers, "cuda")] == cards


@pytest.mark.parametrize(("here", "workers"), [(0, None), (0, 1), (2, 3)])
def test_more_workers_than_cards_are_refused(
    monkeypatch: pytest.MonkeyPatch, here: int, workers: int | None
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: here)
    with pytest.raises(ValueError, match=f"workers must be at most the number of cards, {here} here"):
        places(workers, "cuda")
