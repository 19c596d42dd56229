from __future__ import annotations

import json
import math
import platform
from pathlib import Path

import pytest

from benchmarks import record
from benchmarks.progress import Progress
from benchmarks.record import Sweep
from tests.benchmarks.planted import case


def test_the_environment_has_the_schemas_keys_and_no_secrets() -> None:
    found = record.environment()
    assert list(found) == [
        *(
            "cpu",
            "gpu",
            "threads",
            "cores",
            "clock_mhz",
            "driver",
            "os",
            "python",
            "torch",
            "triton",
            "numpy",
        ),
        *("commit", "dirty", "time", "machine"),
    ]
    text = json.dumps([found, record.machine_info(), record.commit()])
    assert str(Path.home()) not in text
    assert str(record.ROOT) not in text
    if len(platform.node()) > 3:
        assert platform.node() not in text


def test_the_environment_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_output", lambda *command: None)
    record.commit.cache_clear()
    try:
        assert record.environment()["commit"] is None
        assert record.environment()["dirty"] is None
    finally:
        record.commit.cache_clear()


def test_a_sweep_journals_as_it_goes(tmp_path: Path) -> None:
    sweep = Sweep("quick", tmp_path / "r.json")
    assert not sweep.touched
    sweep.left_out(case(), "skipped", "no such machine")
    sweep.measured({"name": "one", "stats": {"data": [1e-6, math.nan]}})
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert lines[0]["header"]["gem_impls"]["complete"] is False
    assert lines[0]["header"]["gem_impls"]["not_measured"] == []
    assert lines[0]["header"]["machine_info"]["node"] == record.environment()["machine"]
    assert lines[1]["not_measured"]["reason"] == "no such machine"
    assert lines[1]["not_measured"]["case"] == case().as_dict()
    assert lines[2]["benchmark"]["stats"]["data"] == [1e-6, None]


def test_closing_writes_the_record_and_removes_the_journal(tmp_path: Path) -> None:
    sweep = Sweep("full", tmp_path / "deep" / "r.json")
    sweep.left_out(case(), "failed", "wrong value")
    sweep.close({"benchmarks": [{"name": "a"}, {"name": "b"}], "gem_impls": sweep.summary()})
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["r.json"]
    found = json.loads(sweep.target.read_text())
    assert [b["name"] for b in found["benchmarks"]] == ["a", "b"]
    assert found["gem_impls"]["sweep"] == "full"
    assert found["gem_impls"]["not_measured"][0]["status"] == "failed"


def test_a_record_that_cannot_be_written_leaves_the_old_one_and_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "r.json"
    target.write_text("old")
    sweep = Sweep("quick", target)
    sweep.left_out(case(), "failed", "wrong value")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(record.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        sweep.close({"benchmarks": []})
    assert target.read_text() == "old"
    assert sweep.journal.exists()


def test_names_are_not_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "STORE", tmp_path)
    monkeypatch.setattr(record, "now", lambda: "2026-01-02T03:04:05+00:00")
    first = Sweep("quick")
    assert first.target.name == "20260102T030405Z-quick.json"
    first.left_out(case(), "failed", "so that its journal exists")
    assert Sweep("quick").target.name == "20260102T030405Z-quick-2.json"


# --- progress -------------------------------------------------------------------------------------------


class Ticking:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_terminals_line_is_rewritten() -> None:
    clock, text = Ticking(), []
    progress = Progress(4, text.append, terminal=True, clock=clock)
    progress.starts("first")
    clock.time = 30.0
    progress.ends()
    progress.starts("second")
    assert all(line.startswith("\r") and "\n" not in line for line in text)
    assert text[0].strip() == "case 1 of 4, 0 %: first"
    assert text[1].strip() == "case 2 of 4, 25 %, about 1 min 30 s left: second"


def test_elsewhere_a_line_comes_now_and_then() -> None:
    clock, text = Ticking(), []
    progress = Progress(100, text.append, terminal=False, clock=clock)
    for number in range(100):
        progress.starts(f"case-{number}")
        clock.time += 0.5
        progress.ends()
    progress.close()
    assert 5 <= len(text) <= 8, "50 seconds, a line every ten"
    assert all("\r" not in line for line in text)
    assert "100 of 100 cases measured in 50 s" in text[-1]


def test_a_long_name_does_not_wrap() -> None:
    text: list[str] = []
    Progress(1, text.append, terminal=True).starts("x" * 500)
    assert len(text[0]) < 120
