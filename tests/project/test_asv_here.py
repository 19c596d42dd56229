"""``make history-here``: HEAD in the Python at hand, suite by suite."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="history is tested where asv is installed")

from benchmarks import asv_history
from reports.history.results import load_history
from tests.project.history import Commit, stored


def test_here_refuses_a_package_that_is_not_heads(
    repository: Path, commit: Commit, capsys: pytest.CaptureFixture[str]
) -> None:
    commit("one", "x = 1")
    (repository / "gem_impls" / "__init__.py").write_text("x = 2")
    assert asv_history.main(["--here"]) == 2
    assert "gem_impls differs from HEAD" in capsys.readouterr().err


def test_here_measures_head_and_keeps_no_path_of_the_machine(
    repository: Path, commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = commit("one", "x = 1")
    folder = tmp_path / "asv" / "bench"
    calls: list[list[str]] = []

    def run(command: Sequence[str]) -> int:
        calls.append(list(command))
        stored(folder, name, environment="existing-py_home_somebody_bin_python")
        return 0

    monkeypatch.setattr(asv_history, "_asv", run)
    monkeypatch.setattr(asv_history.shutil, "which", lambda _: None)
    assert asv_history.main(["--here"]) == 0
    assert calls[0][:4] == ["run", "--python=same", "--set-commit-hash", name]
    (path,) = folder.glob("*-*.json")
    assert "somebody" not in path.name + path.read_text()
    (series, *_) = load_history(tmp_path / "asv").series
    assert series.environment.startswith("Python 3.")
    assert "numpy" in series.environment


def test_here_goes_on_with_the_suites_that_an_interruption_left(
    repository: Path, commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = commit("one", "x = 1")
    folder = tmp_path / "asv" / "bench"
    own = "existing-py_home_somebody_bin_python"
    asked: list[str] = []

    def run(command: Sequence[str], *, until: str) -> int:
        suite = command[command.index("--bench") + 1].removeprefix("^")
        asked.append(suite)
        if suite == until:
            raise KeyboardInterrupt
        path = folder / f"{name[:8]}-{own}.json"
        before = json.loads(path.read_text())["results"] if path.exists() else {}  # asv adds to its file
        content = json.loads(stored(folder, name, environment=own).read_text())
        content["results"] = before | {f"{suite}.X.track_y": [[1.0], [["a"]]]}
        path.write_text(json.dumps(content))
        return 0

    monkeypatch.setattr(asv_history.shutil, "which", lambda _: None)
    monkeypatch.setattr(asv_history, "_asv", lambda command: run(command, until="asv_code"))
    assert asv_history.main(["--here"]) == 130
    monkeypatch.setattr(asv_history, "_asv", lambda command: run(command, until=""))
    assert asv_history.main(["--here"]) == 0
    assert asked == ["asv_cpu", "asv_code", "asv_code", "asv_shape"]
    (path,) = folder.glob("*-*.json")
    measured = set(json.loads(path.read_text())["results"])
    assert measured == {f"{suite}.X.track_y" for suite in ("asv_cpu", "asv_code", "asv_shape")}
    assert asv_history.main(["--here"]) == 0
    assert len(asked) == 4, "now it is complete"


def test_here_leaves_the_results_of_another_python_alone(tmp_path: Path) -> None:
    theirs = stored(tmp_path, "a" * 40, environment="existing-py3.99-numpy9.9")
    ours = tmp_path / f"aaaaaaaa-{asv_history.environment_name()}.json"
    before = theirs.read_bytes()
    asv_history.adopt(tmp_path, ours)
    assert theirs.read_bytes() == before
    assert not ours.exists()


def test_a_damaged_result_of_here_is_named(
    repository: Path, commit: Commit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = commit("one", "x = 1")
    path = tmp_path / "asv" / "bench" / f"{name[:8]}-{asv_history.environment_name()}.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert asv_history.main(["--here"]) == 2
    assert f"{path} cannot be read" in capsys.readouterr().err
