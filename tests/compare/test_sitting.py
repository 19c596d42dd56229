"""Who measures what, and when: with workers of known times, and no processes."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import sitting, store
from benchmarks.compare.processes import Failed, Lost
from benchmarks.compare.sitting import Broken, Settings, Sitting, share


class Machine:
    """What fake workers share: a log, times, faults, and a clock that each sample moves on."""

    def __init__(self) -> None:
        self.log: list[tuple[int, str, str]] = []
        self.now = 0.0
        self.fault: Callable[[FakeWorker, str, str], None] = lambda *_: None
        self.noise: Callable[[str, int], float] = lambda _name, _number: 0.0
        self.launched = itertools.count()
        self.killed: list[int] = []


class FakeWorker:
    machine: Machine

    def __init__(self, path: Any, threads: int, timeout_s: float) -> None:
        self.path, self.number = path, next(self.machine.launched)
        self.side = path[0].parent.name
        self._told: list[tuple[str, dict[str, Any]]] = []
        self.prepared: set[str] = set()

    def tell(self, do: str, **arguments: Any) -> None:
        self._told.append((do, arguments))

    def hear(self) -> Any:
        do, arguments = self._told.pop(0)
        name = _name(arguments)
        self.machine.fault(self, do, name)
        return getattr(self, do)(name, **{k: v for k, v in arguments.items() if k in ("calls", "count")})

    def kill(self) -> None:
        self.machine.killed.append(self.number)

    def hello(self, _: str) -> dict[str, str]:
        self.machine.now += 1.0
        return {"package": str(self.path[0] / "gem_impls")}

    def prepare(self, name: str) -> dict[str, Any]:
        self.prepared.add(name)
        return {"calls": 100, "estimate": 1e-5}

    def sample(self, name: str, calls: int, count: int) -> list[float]:
        assert name in self.prepared, "sampled before it was made ready"
        self.machine.log.append((self.number, self.side, name))
        self.machine.now += calls * count * 1e-5
        return [1e-5 * math.exp(self.machine.noise(name, self.number))] * count

    def finish(self, name: str) -> None:
        self.prepared.remove(name)

    def memory(self, _: str) -> dict[str, Any]:
        return {"arrays": "torch", "peak_bytes": 0, "allocated_bytes": 0, "saved_bytes": 0}


def _name(arguments: dict[str, Any]) -> str:
    case = arguments.get("case", "")
    return case["id"] if isinstance(case, dict) else case


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = FakeWorker.machine = Machine()
    monkeypatch.setattr(sitting, "Worker", FakeWorker)
    monkeypatch.setattr(sitting.time, "monotonic", lambda: made.now)
    return made


def sit(tmp_path: Path, names: str, budget_s: float = 60.0, seed: int = 1) -> dict[str, Any]:
    rows = [{"id": name, "case": {"id": name}, "wanted": ["time", "memory"]} for name in names]
    journal = store.Journal(tmp_path / f"compare-{seed}.json", say=pytest.fail)
    paths = {side: [tmp_path / side / "site"] for side in store.SIDES}
    Sitting(rows, paths, tmp_path, Settings(budget_s, seed), journal, say=lambda _: None).run()
    header = {"rows": rows, "effect": 0.05}
    return store.assemble([{"header": header}, *journal.events])


def rounds(record: dict[str, Any]) -> dict[str, int]:
    return {row["id"]: len(row["rounds"]) for row in record["rows"]}


def test_four_fresh_processes_take_turns_at_every_visit(machine: Machine, tmp_path: Path) -> None:
    record = sit(tmp_path, "abc")
    assert rounds(record) == {"a": 3, "b": 3, "c": 3}
    assert Counter(row["verdict"] for row in record["verdicts"]) == {"same": 6}
    assert next(machine.launched) == 12
    assert sorted(set(machine.killed)) == list(range(12))
    visits = [machine.log[i : i + 4] for i in range(0, len(machine.log), 4)]
    for visit in visits:
        assert len({number for number, _, _ in visit}) == 4
        assert Counter(side for _, side, _ in visit) == {"base": 2, "head": 2}
        assert len({name for _, _, name in visit}) == 1
    assert len({tuple(side for _, side, _ in visit) for visit in visits}) == 6, "every order of the sides"
    order = [name for name, _ in itertools.groupby(visit[0][2] for visit in visits)]
    assert len({tuple(order[i : i + 3]) for i in range(0, len(order) - 2, 3)}) > 1, "rows in changing order"


def test_the_seed_decides_the_order(machine: Machine, tmp_path: Path) -> None:
    logs = []
    for seed in (1, 1, 2):
        machine.log.clear()
        machine.now, machine.launched = 0.0, itertools.count()
        sit(tmp_path, "abc", seed=seed)
        logs.append(list(machine.log))
    assert logs[0] == logs[1] != logs[2]


def test_rounds_go_where_the_interval_is_widest(machine: Machine, tmp_path: Path) -> None:
    spread = {"a": 0.001, "b": 0.10, "c": 0.001}
    machine.noise = lambda name, number: spread[name] * ((-1) ** number)
    record = sit(tmp_path, "abc", budget_s=120.0)
    found = rounds(record)
    assert found["a"] == found["c"] == sitting.FIRST_ROUNDS
    assert found["b"] > sitting.FIRST_ROUNDS


def test_time_is_shared_in_proportion_to_the_width(machine: Machine, tmp_path: Path) -> None:
    """Over the later rounds, a row with an interval three times as wide gets three times the visits."""
    spread = {"a": 0.1, "b": 0.3}
    machine.noise = lambda name, number: spread[name] * ((-1) ** number)
    record = sit(tmp_path, "ab", budget_s=300.0)
    assert min(rounds(record).values()) > sitting.FIRST_ROUNDS + 3

    def ratio(first: int, last: int) -> float:
        visits = [sum(len(r["base"][0]) for r in row["rounds"][first:last]) for row in record["rows"]]
        return visits[1] / visits[0]

    assert ratio(0, sitting.FIRST_ROUNDS) == pytest.approx(1, rel=0.05), "even, as long as no width is known"
    both = min(rounds(record).values())
    assert ratio(sitting.FIRST_ROUNDS, both) == pytest.approx(3, rel=0.05)


def test_the_budget_ends_it(machine: Machine, tmp_path: Path) -> None:
    machine.noise = lambda _, number: 0.5 * ((-1) ** number)
    record = sit(tmp_path, "ab", budget_s=60.0)
    assert sitting.FIRST_ROUNDS < rounds(record)["a"] < sitting.MOST_ROUNDS
    assert machine.now < 66.0
    assert {row["verdict"] for row in record["verdicts"] if row["what"] == "time"} == {"ambiguous"}


def test_the_first_rounds_are_measured_whatever_the_budget(machine: Machine, tmp_path: Path) -> None:
    assert rounds(sit(tmp_path, "ab", budget_s=0.1)) == dict.fromkeys("ab", sitting.FIRST_ROUNDS)


@pytest.mark.parametrize("do", ["memory", "prepare", "sample", "finish"])
@pytest.mark.parametrize("error", [Lost("no answer within 120 s"), Failed("wrong value", lacks=False)])
def test_a_row_that_fails_is_out_and_the_rest_is_judged(
    machine: Machine, tmp_path: Path, do: str, error: Exception
) -> None:
    def fault(worker: FakeWorker, asked: str, name: str) -> None:
        if (worker.side, asked, name) == ("head", do, "b"):
            raise error

    machine.fault = fault
    record = sit(tmp_path, "abc")
    verdicts = {row["id"]: row for row in record["verdicts"] if row["what"] == "time"}
    assert {name: row["verdict"] for name, row in verdicts.items()} == {
        "a": "same",
        "b": "could not measure",
        "c": "same",
    }
    assert verdicts["b"]["reason"] == f"head: {error}"
    (memory,) = (row["verdict"] for row in record["verdicts"] if (row["what"], row["id"]) == ("memory", "b"))
    assert memory == ("could not measure" if do == "memory" else "same"), "what was counted before stands"
    assert set(machine.killed) == set(range(next(machine.launched))), "none is left running"


def test_a_package_that_is_not_the_revisions_stops_everything(machine: Machine, tmp_path: Path) -> None:
    FakeWorker.machine = machine
    machine.fault = lambda worker, do, _: setattr(worker, "path", [tmp_path / "elsewhere"])
    with pytest.raises(Broken, match="another gem_impls is imported"):
        sit(tmp_path, "a")
    assert set(machine.killed) == set(range(next(machine.launched)))


@pytest.mark.parametrize(
    ("left", "overhead", "needed", "seconds"),
    [(300, 0, 3, 30), (300, 20, 2, 20), (30, 20, 2, 0), (60, 20, -1, 20), (25, 20, 0, 5), (-5, 20, 1, 0)],
)
def test_how_long_a_round_samples(left: float, overhead: float, needed: int, seconds: float) -> None:
    assert share(left, overhead, needed) == pytest.approx(seconds)
