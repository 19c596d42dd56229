"""``make history``: which commits are measured, what is written down of them, and what is refused at once."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="history is tested where asv is installed")

from benchmarks import asv_history, asv_log
from reports.history.results import load_history
from tests.project.history import Commit, stored
from tests.project.markdown import ROOT

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
