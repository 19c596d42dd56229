"""``make history``: which commits are measured, what is written down of them, and what is refused at once."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="history is tested where asv is installed")

from benchmarks import asv_history, asv_log, asv_machine
from reports.history.results import load_history
from tests.project.markdown import ROOT

Commit = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository whose results folder is beside it; asv_history takes it for the project."""
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    monkeypatch.setattr(asv_history, "ROOT", root)
    monkeypatch.setattr(asv_history, "RESULTS", tmp_path / "asv")
    monkeypatch.setattr(asv_history, "UNFINISHED", tmp_path / "unfinished")
    monkeypatch.setattr(asv_machine, "register", lambda: "bench")
    return root


@pytest.fixture
def commit(repository: Path) -> Commit:
    """Make a commit with this subject, and this text as the package; returns its hash."""
    dates = iter(range(100, 1000))

    def made(subject: str, package: str = "", date: str = "") -> str:
        folder = repository / "gem_impls"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text(package)
        moment = date or f"2026-01-02T03:04:05+00:00 {next(dates)}".split(" ")[0]
        who = {f"GIT_{role}_{part}": "a" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        when = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        git = ["git", "-C", str(repository)]
        subprocess.run([*git, "add", "-A"], check=True)
        message = ["commit", "-q", "--allow-empty", "-m", subject]
        subprocess.run([*git, *message], check=True, env={**os.environ, **who, **when})
        return subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()

    return made


def stored(
    folder: Path, name: str, values: Sequence[float | None] = (1.0,), environment: str = "env"
) -> Path:
    """A result as asv stores it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name[:8]}-{environment}.json"
    content = {
        "commit_hash": name,
        "env_name": environment,
        "params": {"machine": "bench", "os": "Linux"},
        "python": "/home/somebody/python",
        "requirements": {},
        "date": 1_700_000_000_000,
        "result_columns": ["result", "params"],
        "results": {"asv_cpu.X.track_y": [list(values), [["a", "b"][: len(values)]]]},
        "version": 2,
    }
    path.write_text(json.dumps(content))
    return path


# --- which commits ----------------------------------------------------------------------------------------


def test_at_first_the_newest_ten_then_what_is_new(repository: Path, commit: Commit, tmp_path: Path) -> None:
    made = [commit(f"number {i}") for i in range(12)]
    folder = tmp_path / "asv" / "bench"
    assert asv_history.chosen(folder, "") == made[:1:-1]
    stored(folder, made[9])
    assert asv_history.chosen(folder, "") == [made[11], made[10]]
    stored(folder, made[11])
    assert asv_history.chosen(folder, "") == []


def test_another_machines_commits_are_not_measured_here(
    repository: Path, commit: Commit, tmp_path: Path
) -> None:
    made = [commit(f"number {i}") for i in range(3)]
    stored(tmp_path / "asv" / "theirs", made[2])
    assert asv_history.chosen(tmp_path / "asv" / "bench", "") == made[::-1]


def test_results_of_commits_that_are_gone_do_not_stop_it(
    repository: Path, commit: Commit, tmp_path: Path
) -> None:
    made = [commit("one"), commit("two")]
    folder = tmp_path / "asv" / "bench"
    stored(folder, "f" * 40)
    stored(folder, made[0])
    assert asv_history.chosen(folder, "") == [made[1]]


def test_a_range_is_gits(repository: Path, commit: Commit, tmp_path: Path) -> None:
    made = [commit(f"number {i}") for i in range(4)]
    assert asv_history.chosen(tmp_path, f"{made[0]}..main") == made[:0:-1]
    assert asv_history.chosen(tmp_path, "-1 main") == [made[3]]


@pytest.mark.parametrize("wanted", ["no-such-branch", "v1..main", "--no-such-option"])
def test_an_unknown_range_is_refused(
    wanted: str, repository: Path, commit: Commit, capsys: pytest.CaptureFixture[str]
) -> None:
    commit("one")
    assert asv_history.main([f"--range={wanted}"]) == 2
    assert wanted in capsys.readouterr().err


def test_nothing_new_is_said(
    repository: Path, commit: Commit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(tmp_path / "asv" / "bench", commit("one"))
    assert asv_history.main([]) == 0
    assert capsys.readouterr().out.startswith("Nothing new")


# --- what can be known before a minute is spent -------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to_is_refused_first(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = repository / "file"
    in_the_way.write_text("")
    monkeypatch.setattr(asv_history, "RESULTS", in_the_way / "asv")
    assert asv_history.main([]) == 2
    assert "cannot be written to" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that even root cannot write to: Linux's /proc")
def test_a_read_only_folder_is_refused() -> None:
    with pytest.raises(asv_history.Cannot, match="cannot be written to"):
        asv_history.check_folder(Path("/proc/1"))


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 3 * 2**20})
    monkeypatch.setattr(asv_history.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(asv_history.Cannot, match=r"has 3 MiB left; results need 50 MiB"):
        asv_history.check_folder(tmp_path)


# --- the run ------------------------------------------------------------------------------------------------


@pytest.fixture
def asv(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run; nothing is."""
    calls: list[list[str]] = []
    monkeypatch.setattr(asv_history, "_asv", lambda command: calls.append(list(command)) or 0)
    monkeypatch.setattr(asv_history.shutil, "which", lambda _: None)
    return calls


def test_cpu_rows_fork_and_gpu_rows_spawn_where_there_is_a_gpu(
    repository: Path, commit: Commit, asv: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("one")
    assert asv_history.main([]) == 0
    monkeypatch.setattr(asv_history.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert asv_history.main([]) == 0
    started = [(c[c.index("--bench") + 1], c[c.index("--launch-method") + 1]) for c in asv]
    everywhere = [("^asv_cpu", "forkserver"), ("^asv_code", "forkserver"), ("^asv_shape", "forkserver")]
    assert started == [*everywhere, *everywhere, ("^asv_gpu", "spawn")]
    assert all("--skip-existing" in command for command in asv)


def test_steps_thin_a_range_evenly() -> None:
    commits = [str(i) for i in range(9)]
    assert asv_history.thinned(commits, 3) == ["0", "4", "8"]
    assert asv_history.thinned(commits, 0) == asv_history.thinned(commits, 20) == commits
    with pytest.raises(asv_history.Cannot, match="STEPS must be 0"):
        asv_history.thinned(commits, -1)


def test_an_interruption_keeps_what_is_stored_and_describes_it(
    repository: Path, commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = commit("the only one")

    def interrupted(_: object) -> int:
        stored(tmp_path / "asv" / "bench", name)
        raise KeyboardInterrupt

    monkeypatch.setattr(asv_history, "_asv", interrupted)
    assert asv_history.main([]) == 130
    assert [c.subject for c in asv_log.read(tmp_path / "asv" / "bench" / "commits.csv")] == ["the only one"]


def test_the_next_run_goes_on_where_one_was_interrupted(
    repository: Path, commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest commit is measured first, so its ancestors would otherwise count as done."""
    made = [commit("one"), commit("two"), commit("three")]
    asked: list[list[str]] = []

    def run(command: Sequence[str], *, interrupt: bool) -> int:
        (listed,) = (c for c in command if c.startswith("HASHFILE:"))
        asked.append(Path(listed.removeprefix("HASHFILE:")).read_text().split())
        stored(tmp_path / "asv" / "bench", made[2])
        if interrupt:
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(asv_history.shutil, "which", lambda _: None)
    monkeypatch.setattr(asv_history, "_asv", lambda command: run(command, interrupt=True))
    assert asv_history.main([]) == 130
    monkeypatch.setattr(asv_history, "_asv", lambda command: run(command, interrupt=False))
    assert asv_history.main([]) == 0
    assert set(made[:2]) <= set(asked[1])
    assert asv_history.unfinished(tmp_path / "unfinished" / "bench") == []


def test_a_commit_that_cannot_be_measured_is_named_and_not_fatal(
    repository: Path,
    commit: Commit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good, bad = commit("good"), commit("does not build")

    def run(_: object) -> int:
        stored(tmp_path / "asv" / "bench", good, [1.0, None])
        stored(tmp_path / "asv" / "bench", bad, [None, math.nan])  # failed, skipped
        return 2  # what asv says where anything failed

    monkeypatch.setattr(asv_history, "_asv", run)
    assert asv_history.main([]) == 0
    told = capsys.readouterr().out
    assert f"Could not be measured: {bad[:8]} does not build" in told
    assert good[:8] not in told


def test_asvs_own_failure_is_one(repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch) -> None:
    commit("one")
    monkeypatch.setattr(asv_history, "_asv", lambda _: 1)
    assert asv_history.main([]) == 1


# --- commits.csv --------------------------------------------------------------------------------------------


def test_the_log_says_what_git_knows_and_the_report_reads_it(
    repository: Path, commit: Commit, tmp_path: Path
) -> None:
    hostile = 'a "quoted", <b>bold</b> subject'
    one = commit("one", "x = 1")
    two = commit(hostile, "x = 1", date="2020-01-01T00:00:00+00:00")  # a clock that went back
    three = commit("three", "x = 2")
    folder = tmp_path / "asv" / "bench"
    for name in (three, one, two):
        stored(folder, name)
    asv_log.write(repository, folder)
    log = load_history(tmp_path / "asv").log
    assert [(c.hash, c.subject, c.ancestors) for c in log] == [
        (one, "one", 0),
        (two, hostile, 1),
        (three, "three", 2),
    ]
    assert log[0].package == log[1].package != log[2].package
    assert re.fullmatch(r"[0-9a-f]{40}", log[0].package)


def test_lines_of_commits_that_this_repository_lacks_stay(
    repository: Path, commit: Commit, tmp_path: Path
) -> None:
    folder = tmp_path / "asv" / "bench"
    stored(folder, commit("ours"))
    theirs = asv_log.Commit("e" * 40, 5, "2026-01-01T00:00:00+00:00", "p", "theirs")
    header = "commit,ancestors,date,package,subject"
    (folder / "commits.csv").write_text(f"{header}\n{theirs.commit},5,{theirs.date},p,theirs\n")
    assert {c.subject for c in asv_log.write(repository, folder)} == {"ours", "theirs"}
    assert theirs in asv_log.read(folder / "commits.csv")


@pytest.mark.parametrize("content", ["", "\0", "commit,ancestors\n", 'commit\n"', "commit,ancestors\nx,y,z"])
def test_a_damaged_log_is_written_anew(
    repository: Path, commit: Commit, tmp_path: Path, content: str
) -> None:
    folder = tmp_path / "asv" / "bench"
    stored(folder, commit("one"))
    (folder / "commits.csv").write_text(content)
    assert [c.subject for c in asv_log.write(repository, folder)] == ["one"]
    assert [c.subject for c in asv_log.read(folder / "commits.csv")] == ["one"]


def test_a_damaged_result_is_passed_over(repository: Path, commit: Commit, tmp_path: Path) -> None:
    folder = tmp_path / "asv" / "bench"
    stored(folder, commit("one"))
    for name, content in (("x-cut.json", '{"commit_'), ("x-list.json", "[1]"), ("x-odd.json", "{}")):
        (folder / name).write_text(content)
    assert len(asv_log.measured(folder)) == 1
    assert asv_log.failed(folder) == []


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    """A process that may write no more than a few bytes a file, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of file sizes are Unix's")
    assert resource
    (tmp_path / "commits.csv").write_text("as it was")
    code = (
        "import resource, sys; from pathlib import Path; from benchmarks import asv_log\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: asv_log.replace(Path(sys.argv[1]) / 'commits.csv', 'x' * 10_000)\n"
        "except OSError: print('refused')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "refused", run.stderr
    assert (tmp_path / "commits.csv").read_text() == "as it was"
    assert [p.name for p in tmp_path.iterdir()] == ["commits.csv"], "nothing half written is left"


# --- in the Python at hand ------------------------------------------------------------------------------


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
    assert asv_history.main(["--here"]) == 0
    assert [c for c in calls if "^asv_cpu" in c] == calls[:1], "what was measured is not measured again"
