"""Interrupted runs go on where they stopped, and end with the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.error import checkpoint, command, laboratory, sweep
from benchmarks.error.checkpoint import Checkpoint
from benchmarks.error.subjects import Family

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["--implementation", "numpy_cpu", "--variant", "se-gem", "--n", "1", "2", "--eps", "1e-4", "1"]
OPTIONS += ["--negative-slope", "0.01"]


def figures_of(record: dict[str, Any]) -> dict[str, Any]:
    """All but times."""
    kept = {key: value for key, value in record.items() if key != "gem_impls_error"}
    header = record["gem_impls_error"]
    return {**kept, "verdict": (header["within_bounds"], header["complaints"], header["not_measured"])}


def run(*options: str, cache: Path, out: Path) -> int:
    return command.main([*OPTIONS, *options, "--cache", str(cache), "--out", str(out)])


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_run_that_is_killed_goes_on(tmp_path: Path) -> None:
    options = ["--dtype", "float16", "float32", "--points", "2e6"]
    out, cache = tmp_path / "record.json", tmp_path / "cache"
    line = [sys.executable, "-m", "benchmarks", "error", *OPTIONS, *options]
    line += ["--cache", str(cache), "--out", str(out)]
    process = subprocess.Popen(
        line, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE
    )
    pieces = 0
    deadline = time.monotonic() + 60
    while pieces < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
        journals = list((cache / "runs").glob("*.jsonl")) if (cache / "runs").exists() else []
        pieces = journals[0].read_bytes().count(b"\n") if journals else 0
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not out.exists()

    (journal,) = (cache / "runs").glob("*.jsonl")
    kept = journal.read_bytes().count(b"\n")
    assert kept >= 3
    assert run(*options, cache=cache, out=out) == 0
    assert list((cache / "runs").iterdir()) == []  # nothing is left to go on with

    assert run(*options, cache=tmp_path / "other", out=tmp_path / "whole.json") == 0
    assert figures_of(read(out)) == figures_of(read(tmp_path / "whole.json"))


def test_a_long_sweep_goes_on_in_the_middle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweep, "CHUNK", 4000)
    monkeypatch.setattr(sweep, "BLOCK", 1000)
    monkeypatch.setattr(checkpoint, "STATE_EVERY_S", 0.0)
    options = ["--dtype", "float32", "--points", "20000"]
    calls = 0
    evaluate = Family.evaluate

    def interrupted(self: Family, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return evaluate(self, *arguments, **named)

    out = tmp_path / "record.json"
    with monkeypatch.context() as patched:
        patched.setattr(Family, "evaluate", interrupted)
        assert run(*options, cache=tmp_path / "cache", out=out) == 2
    assert "the same command goes on" in capsys.readouterr().err
    assert not out.exists()
    assert list((tmp_path / "cache" / "runs").glob("*.state"))

    assert run(*options, cache=tmp_path / "cache", out=out) == 0
    said = capsys.readouterr().err
    assert "going on after" in said
    assert run(*options, cache=tmp_path / "other", out=tmp_path / "whole.json") == 0
    assert figures_of(read(out)) == figures_of(read(tmp_path / "whole.json"))


def test_a_changed_implementation_starts_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = []
    for version in ("one", "two"):
        monkeypatch.setattr(laboratory, "sources", lambda _, version=version: version)
        request = laboratory.Request(
            Family("numpy_cpu", command.subjects.gem_impls.get("numpy_cpu"), "cpu"),
            ("float16",), command.Grid(), 1000, False, "",
        )  # fmt: skip
        keys.append(request.key())
    assert keys[0] != keys[1]


def test_damaged_lines_are_left_out_with_a_word(tmp_path: Path) -> None:
    said: list[str] = []
    kept = Checkpoint(tmp_path, "key", said.append)
    kept.finish("one", {"x": 1.5})
    kept.finish("two", {"x": 2.5})
    (journal,) = tmp_path.glob("*.jsonl")
    content = journal.read_bytes()
    journal.write_bytes(content.replace(b"2.5", b"3.5") + b'00000000 {"piece": "thr')
    again = Checkpoint(tmp_path, "key", said.append)
    assert again.finished == {"one": {"x": 1.5}}
    assert len(said) == 1
    assert "2 damaged line(s)" in said[0]
    again.finish("three", {"x": 4.5})
    assert Checkpoint(tmp_path, "key", lambda _: None).finished == {"one": {"x": 1.5}, "three": {"x": 4.5}}


def test_a_damaged_state_is_left_out_with_a_word(tmp_path: Path) -> None:
    said: list[str] = []
    kept = Checkpoint(tmp_path, "key", said.append)
    assert kept.state("one") is None
    kept.keep_state("one", lambda: {"done": 7})
    assert kept.state("one") == {"done": 7}
    assert kept.state("two") is None
    (state,) = tmp_path.glob("*.state")
    state.write_bytes(state.read_bytes()[:-1])
    assert kept.state("one") is None
    assert "starts anew" in said[0]
    kept.remove()
    assert list(tmp_path.iterdir()) == []


def test_states_are_kept_now_and_then(tmp_path: Path) -> None:
    now = 100.0
    kept = Checkpoint(tmp_path, "key", print, clock=lambda: now)
    written: list[int] = []
    for second in range(12):
        now = 100.0 + second
        kept.keep_state("one", lambda second=second: written.append(second))
    assert written == [0, 5, 10]
