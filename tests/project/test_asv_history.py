"""``make history``: which commits are measured, what is written down of them, and what is refused at once."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
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
    monkeypatch.setattr(asv_machine, "register", lambda _: "bench")
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


@pytest.mark.parametrize(
    ("codes", "said"), [((1, 1, 1), 1), ((1, 2, 0), 1), ((-9, 0, 2), 137), ((2, 0, -15), 143), ((0, 3, 1), 3)]
)
def test_a_failed_or_killed_asv_is_a_failure_and_its_commits_are_remembered(
    codes: tuple[int, ...],
    said: int,
    repository: Path,
    commit: Commit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = [commit("one"), commit("two")]
    left = iter(codes)
    monkeypatch.setattr(asv_history, "_asv", lambda _: next(left))
    monkeypatch.setattr(asv_history.shutil, "which", lambda _: None)
    assert asv_history.main([]) == said
    assert list(left) == [], "a suite that fails does not keep the others from being tried"
    assert asv_history.unfinished(tmp_path / "unfinished" / "bench") == made[::-1]
    assert "asv did not finish asv_" in capsys.readouterr().err


def discovering(folder: Path, broken: Sequence[str], tip: str, asked: list[list[str]]) -> Callable[..., int]:
    """asv where some commits do not build: it begins only if one of its list, or the branch's tip, does."""

    def run(command: Sequence[str]) -> int:
        (listed,) = (c for c in command if c.startswith("HASHFILE:"))
        commits = Path(listed.removeprefix("HASHFILE:")).read_text().split()
        asked.append(commits)
        if not {*commits, tip} - set(broken):
            return 1
        for name in commits:
            stored(folder, name, [None] if name in broken else [1.0])
        return 2 if set(commits) & set(broken) else 0

    return run


def test_a_tip_that_does_not_build_is_marked_though_it_is_all_that_is_new(
    repository: Path,
    commit: Commit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, asked = tmp_path / "asv" / "bench", []
    older, good, bad = commit("older"), commit("good"), commit("does not build")
    for name in (good, older):
        stored(folder, name)
    stored(folder, "f" * 40)  # a commit that is gone
    monkeypatch.setattr(asv_history.shutil, "which", lambda _: None)
    monkeypatch.setattr(asv_history, "_asv", discovering(folder, [bad], bad, asked))
    assert asv_history.main([]) == 0
    assert asked[0] == [bad]
    assert asked[-1] == [bad, good], "the newest that could be imported stands behind it"
    assert asv_log.failed(folder) == [bad]
    assert f"Could not be measured: {bad[:8]}" in capsys.readouterr().out
    asked.clear()
    assert asv_history.main([]) == 0
    assert asked == [], "it is not tried again"


def test_where_nothing_ever_built_it_is_a_failure(
    repository: Path, commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = commit("does not build")
    run = discovering(tmp_path / "asv" / "bench", [bad], bad, [])
    monkeypatch.setattr(asv_history, "_asv", run)
    assert asv_history.main([]) == 1
    assert asv_history.unfinished(tmp_path / "unfinished" / "bench") == [bad]


# --- processes ----------------------------------------------------------------------------------------------

DRIVER = """
import sys
from pathlib import Path
from benchmarks import asv_history, asv_machine
root = Path(sys.argv[1])
asv_history.ROOT, asv_history.RESULTS = root, root.parent / "asv"
asv_history.UNFINISHED, asv_history.PATIENCE_S = root.parent / "unfinished", 3.0
asv_history.shutil.which = lambda _: None
asv_machine.register = lambda _: "bench"
sys.exit(asv_history.main(sys.argv[2:]))
"""

ASV = """
import os, signal, subprocess, sys, time
from pathlib import Path
at_end = sys.argv[sys.argv.index("--bench") + 1] == "^asv_cpu" and os.environ["ASV_ENDS"]
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
worker = subprocess.Popen(sleep, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
Path("new").write_text(f"{os.getpid()} {worker.pid}")
Path("new").replace("pids")
if at_end == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
try:
    time.sleep(60 if at_end else 0)
except KeyboardInterrupt:
    Path("cleaned").touch()
"""
"""Stands for asv: it has a worker in a session of its own, and cleans up when it is interrupted."""


@pytest.fixture
def driven(repository: Path, commit: Commit) -> Callable[[str], subprocess.Popen[str]]:
    """``make history`` in a process of its own, with an asv that waits or is killed."""
    commit("one")
    (repository / "asv.py").write_text(ASV)

    def start(ends: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(repository)],
            cwd=ROOT,
            env={**os.environ, "ASV_ENDS": ends},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def until_written(path: Path) -> list[int]:
    """The process ids that the file holds, as soon as it is there."""
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, "asv was not started"
        time.sleep(0.05)
    return [int(pid) for pid in path.read_text().split()]


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux")


@linux
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_every_process_and_the_commits_are_remembered(
    sent: signal.Signals, driven: Callable[[str], subprocess.Popen[str]], repository: Path, tmp_path: Path
) -> None:
    history = driven("waits")
    pids = until_written(repository / "pids")
    history.send_signal(sent)
    told, errors = history.communicate(timeout=30)
    assert history.returncode == 128 + sent, errors
    assert "Interrupted" in told
    assert not any(map(runs, pids)), "nothing goes on measuring"
    assert (repository / "cleaned").exists(), "asv is asked before it is killed"
    assert (tmp_path / "unfinished" / "bench").exists()


@linux
def test_a_killed_asv_leaves_no_worker_and_is_a_failure(
    driven: Callable[[str], subprocess.Popen[str]], repository: Path, tmp_path: Path
) -> None:
    history = driven("killed")
    _, errors = history.communicate(timeout=60)
    assert history.returncode == 137
    assert "asv did not finish asv_cpu: signal 9 ended it" in errors
    assert not any(map(runs, until_written(repository / "pids")))
    assert (tmp_path / "unfinished" / "bench").exists()


@linux
def test_asv_does_not_outlive_a_killed_history(
    driven: Callable[[str], subprocess.Popen[str]], repository: Path
) -> None:
    history = driven("waits")
    asv, worker = until_written(repository / "pids")
    history.kill()
    history.communicate(timeout=30)
    end = time.monotonic() + 10
    while runs(asv) and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    assert not runs(asv)
    assert (repository / "cleaned").exists(), "it ends its own workers as after Ctrl-C"


@linux
def test_what_is_ignored_stays_ignored() -> None:
    """``nohup make history`` goes on when its terminal is closed."""
    code = (
        "import os, signal; from benchmarks.lifetime import stoppable\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with stoppable(): os.kill(os.getpid(), signal.SIGHUP); print('goes on')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "goes on", run.stderr


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


def test_a_message_in_another_encoding_does_not_stop_the_log(
    repository: Path, commit: Commit, tmp_path: Path
) -> None:
    commit("one")
    git = ["git", "-C", str(repository)]
    whole = subprocess.run([*git, "cat-file", "commit", commit("Groesse")], capture_output=True, check=True)
    latin = whole.stdout.replace(b"Groesse", "Größe".encode("latin-1"))  # `git commit` would mend it
    made = subprocess.run(
        [*git, "hash-object", "-t", "commit", "-w", "--stdin"], input=latin, capture_output=True, check=True
    )
    name = made.stdout.decode().strip()
    folder = tmp_path / "asv" / "bench"
    stored(folder, name)
    assert [c.subject for c in asv_log.write(repository, folder)] == ["Gr\ufffd\ufffde"]
    assert [c.hash for c in load_history(tmp_path / "asv").log] == [name]


def test_a_bad_line_is_named_and_the_others_stay(
    repository: Path, commit: Commit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "asv" / "bench"
    stored(folder, commit("ours"))
    header, date = "commit,ancestors,date,package,subject", "2026-01-01T00:00:00+00:00"
    lines = [
        header,
        f"{'e' * 40},5,{date},p,theirs",
        f"{'d' * 40},many,{date},p,bad",
        f"{'c' * 40},6,{date},p,too",
    ]
    (folder / "commits.csv").write_text("\n".join(lines) + "\n")
    assert [c.subject for c in asv_log.write(repository, folder)] == ["ours", "theirs", "too"]
    assert "commits.csv, line 3, is damaged" in capsys.readouterr().out


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


# --- the machine --------------------------------------------------------------------------------------------

HERE = {
    "machine": "bench-2-threads",
    "os": "Linux",
    "arch": "x86_64",
    "cpu": "Bench",
    "num_cpu": "2",
    "ram": "24 GiB",
    "gpu": "none",
}


def known_as(results: Path, **change: str) -> str:
    """The name that a machine gets, which is then stored under it."""
    description = HERE | change
    name, _ = asv_machine.named(description, results)
    (results / name).mkdir(parents=True, exist_ok=True)
    (results / name / "machine.json").write_text(json.dumps({**description, "machine": name, "version": 1}))
    return name


def test_a_new_machine_has_its_memory_in_its_name(tmp_path: Path) -> None:
    assert known_as(tmp_path) == "bench-2-threads-24-gib"
    assert known_as(tmp_path) == "bench-2-threads-24-gib", "the same machine again"


def test_a_machine_that_is_stored_keeps_its_name_and_others_never_get_it(tmp_path: Path) -> None:
    stored_as = tmp_path / "bench-2-threads"
    stored_as.mkdir()
    (stored_as / "machine.json").write_text(json.dumps({**HERE, "version": 1}))
    assert known_as(tmp_path) == "bench-2-threads"
    assert known_as(tmp_path, ram="32 GiB") == "bench-2-threads-32-gib"
    other = known_as(tmp_path, arch="aarch64")
    assert other == "bench-2-threads-24-gib"
    third = known_as(tmp_path, os="Darwin")
    assert re.fullmatch(r"bench-2-threads-24-gib-[0-9a-f]{8}", third)
    names = [known_as(tmp_path, **c) for c in ({}, {"ram": "32 GiB"}, {"arch": "aarch64"}, {"os": "Darwin"})]
    assert names == ["bench-2-threads", "bench-2-threads-32-gib", other, third]


@pytest.mark.parametrize("content", ["", "[]", "{}", None])
def test_results_of_nobody_knows_which_machine_are_not_joined(tmp_path: Path, content: str | None) -> None:
    stored(tmp_path / "bench-2-threads", "a" * 40)
    if content is not None:
        (tmp_path / "bench-2-threads" / "machine.json").write_text(content)
    assert known_as(tmp_path) == "bench-2-threads-24-gib"


def test_another_machine_of_the_name_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from asv.machine import MachineCollection

    saved: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(MachineCollection, "save", lambda name, found: saved.update({name: found}))
    monkeypatch.setattr(asv_machine, "describe", lambda: dict(HERE))
    (tmp_path / "bench-2-threads").mkdir()
    (tmp_path / "bench-2-threads" / "machine.json").write_text(json.dumps(HERE | {"ram": "32 GiB"}))
    assert asv_machine.register(tmp_path) == "bench-2-threads-24-gib"
    assert "bench-2-threads is another machine (ram 32 GiB, here 24 GiB)" in capsys.readouterr().err
    assert saved == {"bench-2-threads-24-gib": HERE | {"machine": "bench-2-threads-24-gib"}}


@pytest.mark.parametrize("module", ["asv_history", "asv_machine"])
def test_a_package_that_cannot_be_imported_is_a_sentence(tmp_path: Path, module: str) -> None:
    package = tmp_path / "gem_impls"
    package.mkdir()
    (package / "__init__.py").write_text("1 +")
    code = (
        f"import sys; sys.path.insert(0, sys.argv.pop()); from benchmarks import {module} as module\n"
        "sys.exit(module.main())"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode in (1, 2)
    assert "the working tree's gem_impls cannot be imported (SyntaxError" in run.stderr
    assert "Traceback" not in run.stderr
