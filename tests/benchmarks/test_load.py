"""How busy the machine is: of this moment, in threads a processor, from what the system says."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from benchmarks import load

STAT = "cpu  1 2 3\nctxt 99\nprocesses 7\nprocs_running {}\nprocs_blocked 5\n"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAUSE_S", 0.0)
    monkeypatch.setattr(load, "cores", lambda: 4)


@pytest.mark.parametrize(("running", "expected"), [(1, 0.0), (3, 0.5), (9, 2.0), (0, 0.0)])
def test_others_that_run_count_over_the_processors(
    running: int, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT.format(running), encoding="utf-8")
    monkeypatch.setattr(load, "STAT", stat)
    monkeypatch.setattr(os, "getloadavg", lambda: (40.0, 40.0, 40.0), raising=False)
    assert load.load() == expected, "not what was running minutes ago"


def test_it_is_the_mean_of_many_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = itertools.cycle([1, 1, 1, 1, 6])

    class Changing:
        def exists(self) -> bool:
            return True

        def read_text(self, encoding: str) -> str:
            assert encoding == "utf-8"
            return STAT.format(next(seen))

    monkeypatch.setattr(load, "STAT", Changing())
    assert load.load() == 0.25


def test_elsewhere_the_load_average_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "STAT", tmp_path / "none")
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 9.0, 9.0), raising=False)
    assert load.load() == 0.75
    monkeypatch.delattr(os, "getloadavg")
    assert load.load() == 0.0
