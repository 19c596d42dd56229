"""Whole sweeps in processes of their own: selection, the record, interruption, faults from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

SMALL = "numpy_cpu and 1024 and float32 and gem-n1"
"""A dozen cases, none of which needs a compiler."""

TEXTS = ("id", "kind", "function", "implementation", "dtype", "device", "layout", "pass")
CASE: dict[str, type] = {**dict.fromkeys(TEXTS, str), "shape": list, "numel": int, "out": bool}
OPTIONAL = ("n", "eps", "negative_slope", "conditions")
"""Null where they do not apply."""


def command(target: Path, *arguments: str) -> list[str]:
    own = [
        "-m",
        "pytest",
        "benchmarks",
        "--benchmark-only",
        f"--benchmark-json={target}",
        "-p",
        "no:cacheprovider",
    ]
    return [sys.executable, *own, *arguments]


def environment(**more: str) -> dict[str, str]:
    """As a user has it, not a test worker; one thread, so that a busy machine does not stall torch."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TRITON_INTERPRET"))}
    return {**kept, "OMP_NUM_THREADS": "1", **more}


def sweep(target: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(target, *arguments),
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    target = tmp_path_factory.mktemp("tiny") / "record.json"
    done = sweep(target, "-k", f"({SMALL}) or (triton_fused and 1024 and forward-out and gem-n1)")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [p.name for p in target.parent.iterdir()] == ["record.json"], "the journal is gone"
    return done, json.loads(target.read_text())


Tiny = tuple[subprocess.CompletedProcess[str], dict[str, Any]]


def test_the_record_follows_the_schema(tiny: Tiny) -> None:
    _, record = tiny
    assert {"machine_info", "commit_info", "benchmarks", "datetime", "version", "gem_impls"} <= set(record)
    ours = record["gem_impls"]
    assert (ours["schema"], ours["sweep"], ours["complete"]) == (1, "quick", True)
    assert ours["finished"] >= ours["started"]
    assert record["benchmarks"]
    for entry in record["benchmarks"]:
        follows_the_schema(entry)


def follows_the_schema(entry: dict[str, Any]) -> None:
    data, info = entry["stats"]["data"], entry["extra_info"]
    assert len(data) == entry["stats"]["rounds"] >= 5
    assert set(info) == {
        *("schema", "case", "clock", "cache", "calls_per_sample", "bytes", "partners", "ratios", "memory"),
        *("error", "inputs"),
    }
    for key, kind in CASE.items():
        assert isinstance(info["case"][key], kind), key
    assert set(info["case"]) == {*CASE, *OPTIONAL}
    assert info["case"]["id"] in entry["name"]
    assert info["clock"] == "wall"
    assert all(len(partner["samples"]) == len(data) for partner in info["partners"].values())
    for found in info["ratios"].values():
        assert found["q1"] <= found["median"] <= found["q3"]
        inside = found["q1"] <= 1 <= found["q3"]
        assert (found["verdict"] == "no difference") == inside
    assert info["memory"]["peak_bytes"] >= 0
    assert set(info["error"]["value"]) == {"max_ulp", "mean_ulp", "worst_x", "points"}
    assert 1e-7 < entry["stats"]["median"] < 1


def test_skips_carry_their_reason(tiny: Tiny) -> None:
    _, record = tiny
    left_out = record["gem_impls"]["not_measured"]
    assert left_out
    for entry in left_out:
        assert entry["status"] == "skipped"
        assert len(entry["reason"]) > 20
        assert set(entry["case"]) == {*CASE, *OPTIONAL}
    assert any("interpreter" in entry["reason"] for entry in left_out)


def test_no_host_and_no_path_is_in_the_record(tiny: Tiny) -> None:
    _, record = tiny
    text = json.dumps(record)
    assert str(ROOT) not in text
    assert str(Path.home()) not in text
    assert not re.search(r'"(?:[A-Z]:\\|/)(?:\w+[/\\])+', text)


def test_the_terminal_says_how_far_it_is_and_what_is_missing(tiny: Tiny) -> None:
    done, _ = tiny
    assert re.search(r"case 1 of \d+, 0 %: \w", done.stdout)
    assert re.search(r"\d+ of \d+ cases measured in \d+ s", done.stdout)
    assert "The quick sweep leaves this to --sweep full:" in done.stdout
    assert "Record: " in done.stdout


def test_markers_select(tmp_path: Path) -> None:
    listed = sweep(
        tmp_path / "r.json", "--collect-only", "-q", "-m", "peer and cpu and backward", "-k", "1024"
    )
    names = re.findall(r"test_case\[(.+)\]", listed.stdout)
    assert names
    assert all("-torch-" in name and "-cpu-backward" in name for name in names), names
    assert not list(tmp_path.iterdir()), "nothing was measured, nothing is recorded"


def test_an_id_selects_its_case(tmp_path: Path) -> None:
    name = "gem-n1-torch_compile-1048576-float32-cpu-forward+backward"
    listed = sweep(tmp_path / "r.json", "--collect-only", "-q", "-k", f"[{name}]")
    assert re.findall(r"test_case\[(.+)\]", listed.stdout) == [name]


def test_an_unknown_sweep_is_refused(tmp_path: Path) -> None:
    done = sweep(tmp_path / "r.json", "--sweep", "huge")
    assert done.returncode == 4
    assert "'quick', 'full'" in done.stderr or "quick, full" in done.stderr


def test_plain_pytest_does_not_benchmark() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert settings["testpaths"] == ["tests"]


def installed(folder: Path, name: str) -> dict[str, str]:
    """An environment in which another package offers ``planted``; and what it is."""
    package = folder / "site" / "someone_elses-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: someone-elses\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[gem_impls]\nplanted = tests.benchmarks.planted:{name}\n")
    return {"PYTHONPATH": os.pathsep.join([str(package.parent), str(ROOT)])}


OURS_AND_THEIRS = "(planted or numpy_cpu) and 1024 and forward-out and gem-n1"


def test_a_broken_implementation_from_elsewhere_fails_with_its_reason(tmp_path: Path) -> None:
    target = tmp_path / "out" / "r.json"
    done = sweep(target, "-k", OURS_AND_THEIRS, **installed(tmp_path, "BROKEN"))
    assert done.returncode == 1, done.stdout
    record = json.loads(target.read_text())
    failed = [entry for entry in record["gem_impls"]["not_measured"] if entry["status"] == "failed"]
    assert failed
    assert all(f["case"]["implementation"] == "planted" and "at element 1023" in f["reason"] for f in failed)
    measured = {entry["extra_info"]["case"]["implementation"] for entry in record["benchmarks"]}
    assert measured == {"numpy_cpu"}, "a failing case has no time"
    assert record["gem_impls"]["complete"] is True


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from benchmarks import cases, measure, record
from tests.benchmarks.planted import BRIEF
planned = [p for p in cases.generate("quick") if p.case.numel == 1024 and p.case.device == "cpu"]
assert {p.reason is None for p in planned if p.case.implementation == "numpy_cpu"} == {True}
assert all("torch" in p.reason for p in planned if p.case.implementation in ("torch", "torch_compile"))
for p in planned:
    if p.reason is None:
        ratios = measure.measure(p.case, BRIEF).extra_info["ratios"]
        assert list(ratios) in (["copy_"], ["add"], ["copy_+add"])
assert record.environment()["threads"] == 1
assert record.environment()["gpu"] is None
"""


def test_without_torch_numpy_is_measured_against_numpy() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, env=environment(), check=True, timeout=60)


IMPORTED = """
import sys
from benchmarks import axes, cases, gate, measure, memory, record
assert not {"torch", "triton", "pytest"} & set(sys.modules), "importing is cheap, and runs nothing of torch"
"""


def test_modules_load_without_torch_and_pytest() -> None:
    subprocess.run([sys.executable, "-c", IMPORTED], cwd=ROOT, env=environment(), check=True, timeout=60)


# --- interruption ---------------------------------------------------------------------------------------


def interrupted(tmp_path: Path, send: signal.Signals) -> tuple[Path, list[str]]:
    """Start a sweep, wait until three cases are journaled, send a signal; the target and their ids."""
    target = tmp_path / "r.json"
    running = subprocess.Popen(
        command(target, "-k", "numpy_cpu and float32"),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        seen = waited_for(lambda: ids(journal(target)), running)
        running.send_signal(send)
        running.wait(timeout=60)
    finally:
        running.kill()
        running.wait()
    return target, seen


def waited_for(found: Callable[[], list[str]], running: subprocess.Popen[bytes]) -> list[str]:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if len(names := found()) >= 3:
            return names
        assert running.poll() is None, "the sweep ended by itself"
        time.sleep(0.05)
    raise AssertionError("no three cases in 90 s")


def journal(target: Path) -> list[dict[str, Any]]:
    path = target.with_suffix(".jsonl")
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def ids(lines: list[dict[str, Any]]) -> list[str]:
    return [line["benchmark"]["extra_info"]["case"]["id"] for line in lines if "benchmark" in line]


def test_ctrl_c_writes_what_was_measured(tmp_path: Path) -> None:
    target, seen = interrupted(tmp_path, signal.SIGINT)
    record = json.loads(target.read_text())
    assert record["gem_impls"]["complete"] is False
    assert record["gem_impls"]["finished"] is None
    assert set(seen) <= {entry["extra_info"]["case"]["id"] for entry in record["benchmarks"]}
    for entry in record["benchmarks"]:
        follows_the_schema(entry)
    assert not target.with_suffix(".jsonl").exists()


def test_ctrl_c_before_the_first_sample_of_a_case(tmp_path: Path) -> None:
    target = tmp_path / "out" / "r.json"
    done = sweep(target, "-k", OURS_AND_THEIRS, **installed(tmp_path, "INTERRUPTING"))
    assert done.returncode == 2, done.stdout
    assert "interrupted; what it measured was kept" in done.stdout
    record = json.loads(target.read_text())
    assert record["gem_impls"]["complete"] is False
    assert {entry["extra_info"]["case"]["implementation"] for entry in record["benchmarks"]} == {"numpy_cpu"}


@pytest.mark.parametrize("send", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_sweep_leaves_its_journal(tmp_path: Path, send: signal.Signals) -> None:
    target, seen = interrupted(tmp_path, send)
    assert not target.exists()
    header, *lines = journal(target)
    assert header["header"]["gem_impls"]["complete"] is False
    assert set(seen) <= set(ids(lines))
    for line in lines:
        follows_the_schema(line["benchmark"])
