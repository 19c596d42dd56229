"""The command: what it refuses, what it finds, its exit codes, and what it leaves behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main as suite
from benchmarks.compare import command, scratch, sitting, store
from benchmarks.compare.processes import Worker
from tests.compare.conftest import NUMPY, git
from tests.compare.test_store import EVENTS, FINISHED
from tests.project.markdown import ROOT

Run = Callable[..., int]

FULL = f"[Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}: 'x'"


def copied(source: Path, wheels: Path, target: Path, unwanted: object = None) -> None:
    """In place of a build, for tests of anything else."""
    shutil.copytree(source / "gem_impls", target / "gem_impls")


@pytest.fixture
def run(planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in the planted repository, unbuilt, with a seed, and its record in ``out``."""
    monkeypatch.setattr(command, "install", copied)

    def call(*argv: str, repository: Path = planted) -> int:
        options = ["--out", str(tmp_path / "out"), "--seed", "1", "--budget", "1s"]
        return command.main([*argv, *options], repository)

    return call


def the_record(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("compare-*")
    assert path.suffix == ".json", "the journal has served"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def words(record: dict[str, Any]) -> dict[str, str]:
    return {f"{row['what']} {row['id']}": row["verdict"] for row in record["verdicts"]}


# --- bad use --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "BASE is missing"),
        (["nowhere"], "must be a commit, branch or tag .* got 'nowhere'"),
        (["base", "nowhere"], "got 'nowhere'"),
        (["base", "slow", "-k", "no_such"], "-k 'no_such' selects none"),
        (["base", "slow", "-k", "("], "-k takes names with and, or, not"),
        (["base", "--budget", "soon"], "--budget: a time is a number > 0 .* got 'soon'"),
        (["base", "--budget", "-1m"], "--budget"),
        (["base", "--budget", "infh"], "got 'infh'"),
        (["base", "--effect", "150%"], "a percentage between 0 and 100 is needed; got '150%'"),
        (["base", "--effect", "0"], "got '0'"),
        (["base", "--threads", "0"], "an integer >= 1 is needed; got '0'"),
        (["base", "--device", "tpu"], "invalid choice: 'tpu'"),
        (["base", "--cases", "all"], "invalid choice: 'all'"),
        (["base", "--fail-on", "uglier"], "verdicts are slower, .* got 'uglier'"),
        (["--from", "nothing.json"], "nothing.json cannot be read"),
    ],
)
def test_bad_use_is_named_before_any_work(
    argv: list[str], message: str, planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = command.main([*argv, "--out", str(tmp_path / "out")], planted)
    except SystemExit as stop:  # argparse's own way
        code = int(str(stop.code))
    assert code == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: ")
    assert pytest.RaisesExc(ValueError, match=message).matches(ValueError(said))
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("option", ["--out", "--json", "--markdown"])
def test_a_place_that_cannot_be_written_to_is_named(
    option: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], planted: Path
) -> None:
    (tmp_path / "blocked").write_text("")
    places = {"--out": str(tmp_path / "out"), option: str(tmp_path / "blocked" / "x")}
    argv = ["base", "slow", *(word for pair in places.items() for word in pair)]
    assert command.main(argv, planted) == 2
    assert f"name another with {option}" in capsys.readouterr().err


def test_the_suite_knows_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        suite(["compare", "--help"])
    assert stop.value.code == 0
    assert "exit code: the sum of 4 (something is slower)" in capsys.readouterr().out


# --- what is found --------------------------------------------------------------------------------------


def test_a_slowdown_is_found(run: Run, tmp_path: Path) -> None:
    assert run("base", "slow", "-k", "numpy_cpu and 1024 and forward-out") == 4
    (timed, memory) = the_record(tmp_path / "out")["verdicts"]
    assert (timed["what"], timed["verdict"]) == ("time", "slower")
    assert (
        1.2 < timed["low"] < timed["ratio"] < timed["high"] < 2.5
    )  # 1.5, and what the planting itself takes
    assert (memory["what"], memory["verdict"]) == ("memory", "same")


def test_one_ulp_is_found_in_what_is_really_built(
    planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyword = "error-gem-n1-numpy_cpu-float16 or error-gem-n1-numpy_cpu-float32"
    files = ["--json", str(tmp_path / "r.json"), "--markdown", str(tmp_path / "r.md")]
    argv = ["base", "inexact", "-k", keyword, *files, "--out", str(tmp_path / "out")]
    assert command.main(argv, planted) == 8
    record = the_record(tmp_path / "out")
    assert set(words(record).values()) == {"less exact"}
    assert record == json.loads((tmp_path / "r.json").read_text())
    header = record[store.KEY]
    assert header["command"] == f"python -m benchmarks compare base inexact -k '{keyword}'"
    assert header["complete"] is True
    comment = (tmp_path / "r.md").read_text()
    assert "&lt;script&gt;" in comment
    assert "<script" not in comment
    assert str(tmp_path) not in json.dumps(record)
    said = capsys.readouterr()
    assert "the largest error in ulp" in said.out
    assert command.main(["--from", str(tmp_path / "r.json")], planted) == 8
    assert capsys.readouterr().out == said.out


def test_one_ulp_of_one_variant_is_found_in_the_dtypes_that_have_it(run: Run, tmp_path: Path) -> None:
    assert run("base", "narrow", "-k", "error and numpy_cpu") == 8
    found = words(the_record(tmp_path / "out"))
    wanted = {f"error error-se-gem-n{n}-numpy_cpu-{d}-cpu" for n in (1, 2, 3) for d in ("float16", "float64")}
    assert {name for name, word in found.items() if word == "less exact"} == wanted
    assert {word for name, word in found.items() if name not in wanted} == {"same"}


@pytest.mark.parametrize(
    ("head", "keyword", "code", "reason"),
    [
        ("copying", "numpy_cpu and backward-out", 16, "bytes at the peak, beyond inputs and outputs"),
        (
            "crashing",
            "gem-n1-numpy_cpu and backward-out",
            32,
            "head: the measuring process was ended by SIGSEGV",
        ),
        (
            "unimportable",
            "error-gem-n1-numpy_cpu-float16",
            32,
            "head: its package cannot be imported: .*planted",
        ),
    ],
)
def test_what_a_head_may_be(
    head: str, keyword: str, code: int, reason: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("base", head, "-k", keyword) == code
    assert pytest.RaisesExc(ValueError, match=reason).matches(ValueError(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("base", "head", "word", "told"),
    [
        ("base", "lacking", "gone", "; head: this revision lacks the implementation"),
        ("lacking", "base", "new", "; base: this revision lacks the implementation"),
    ],
)
def test_what_one_side_has_is_measured_and_shown_and_counts_only_where_asked(
    base: str, head: str, word: str, told: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyword = "error-gem-n1-numpy_cpu-float16 or (numpy_cpu and 1024 and forward-out)"
    assert run(base, head, "-k", keyword) == 0
    said = capsys.readouterr()
    record = the_record(tmp_path / "out")
    assert set(words(record).values()) == {word}
    assert {what.split()[0] for what in words(record)} == {"time", "memory", "error"}
    after = said.out.split("Only one side has these:")[1]
    assert "value: the largest error in ulp 0.5" in after
    assert "bytes at the peak, beyond inputs and outputs" in after
    assert told in after
    (path,) = (tmp_path / "out").glob("*.json")
    assert command.main(["--from", str(path), "--fail-on", "slower,less-exact"]) == 0
    assert command.main(["--from", str(path), "--fail-on", word]) == 32


def test_a_base_that_does_not_build_says_why(
    planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["unbuildable", "base", "-k", "numpy_cpu and error", "--out", str(tmp_path / "out")]
    assert command.main(argv, planted) == 32
    record = the_record(tmp_path / "out")
    assert set(words(record).values()) == {"could not measure"}
    assert "no_such_builder" in record[store.KEY]["base"]["broken"]
    assert str(tmp_path) not in json.dumps(record)
    assert "base cannot be measured: it does not build" in capsys.readouterr().out
    assert command.main([*argv, "--fail-on", "slower,less-exact"], planted) == 0


def test_k_knows_what_either_revision_has(run: Run, repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "--quiet", "lacking")
    assert run("base", "lacking", "-k", "error-gem-n1-numpy_cpu-float16", repository=repository) == 0
    assert set(words(the_record(tmp_path / "out")).values()) == {"gone"}


def test_changes_that_are_not_committed_are_the_head_and_are_said(
    run: Run, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = repository / NUMPY
    path.write_text(path.read_text() + "\nNumpyOp.forward = lambda self, x, out=None: x.copy()\n")
    assert run("base", "-k", "error-gem-n1-numpy_cpu-float16", repository=repository) == 8
    said = capsys.readouterr().out
    assert "+ 1 uncommitted file" in said
    assert f"head is the working tree, with uncommitted changes: {NUMPY}." in said
    header = the_record(tmp_path / "out")[store.KEY]
    assert header["head"]["dirty"] is True
    assert header["base"]["dirty"] is False


# --- what is left behind --------------------------------------------------------------------------------


def test_a_disk_that_fills_up_costs_the_files_and_not_the_verdicts(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "write_whole", full)
    monkeypatch.setattr(command, "write_whole", full)
    keyword = "error-gem-n1-numpy_cpu-float16"
    assert run("base", "inexact", "-k", keyword, "--json", str(tmp_path / "r.json")) == 8 + 64
    said = capsys.readouterr()
    assert "1 less exact" in said.out
    assert "r.json could not be written (No space left on device)" in said.err
    (journal,) = (tmp_path / "out").glob("*.jsonl")
    assert words(store.assemble(store.read(journal))) == {
        "error error-gem-n1-numpy_cpu-float16-cpu": "less exact"
    }


def started(planted: Path, scratch: Path, *argv: str, build: str = "copied") -> subprocess.Popen[str]:
    """The command in a process of its own, whose scratch folder lies in ``scratch``."""
    scratch.mkdir(exist_ok=True)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from benchmarks.compare import command\n"
        "from benchmarks.compare.build import install\n"
        "from tests.compare.test_command import copied\n"
        f"command.install = {build}\n"
        f"sys.exit(command.main(sys.argv[1:], Path({str(planted)!r})))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *argv],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
        start_new_session=True,
    )


def wait_until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_an_end_from_outside_leaves_a_journal_that_can_be_judged_and_nothing_else(
    number: str, code: int, planted: Path, tmp_path: Path
) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    keyword = "numpy_cpu and (1024 or error-gem-n1-numpy_cpu-float16)"
    short = ("--budget", "30s")  # rounds are as long as the budget allows
    process = started(planted, scratch, "base", "inexact", "-k", keyword, "--out", str(out), *short)
    wait_until(lambda: any('"round"' in path.read_text() for path in out.glob("*.jsonl")), process)
    process.send_signal(getattr(signal, number))
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert not list(scratch.glob("gem-compare-*"))
    (journal,) = out.glob("*.jsonl")
    assert f"what was measured is in {journal.name}" in said
    assert command.main(["--from", str(journal)], planted) & 8
    record = store.assemble(store.read(journal))
    assert record[store.KEY]["complete"] is False
    assert words(record)["error error-gem-n1-numpy_cpu-float16-cpu"] == "less exact"


def test_ctrl_c_while_building_is_no_failed_build(planted: Path, tmp_path: Path) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    process = started(planted, scratch, "base", "slow", "--out", str(out), build="install")
    wait_until(lambda: bool(list(scratch.glob("pip-*"))), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to pip, too
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.endswith("building both\ninterrupted; nothing was measured yet\n")
    assert not list(scratch.glob("gem-compare-*"))
    assert not list(out.glob("*"))


def test_what_killed_runs_left_is_swept_and_what_is_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = (
        "import os, signal\n"
        "from benchmarks.compare import scratch\n"
        "with scratch.folder():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, env=environment)
    (left,) = tmp_path.glob("gem-compare-*")
    foreign = tmp_path / "gem-compare-foreign"
    foreign.mkdir()
    with scratch.folder() as first, scratch.folder() as second:
        assert not left.exists()
        assert set(tmp_path.iterdir()) == {first, second, foreign}
    assert set(tmp_path.iterdir()) == {foreign}


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def partly(*_: Any, **__: Any) -> Any:
    """As a copied folder says it."""
    raise shutil.Error([("a", "b", FULL)])


@pytest.mark.parametrize(
    ("owner", "name", "raised"),
    [
        (command.scratch.tempfile, "TemporaryDirectory", full),
        (command, "export", full),
        (command, "install", full),
        (command.shutil, "copytree", partly),
    ],
)
def test_no_room_to_build_is_refused(
    owner: Any,
    name: str,
    raised: Any,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(owner, name, raised)
    assert run("base", "slow", "-k", "error-gem-n1-numpy_cpu-float16") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: the revisions cannot be written out below ")
    assert "(No space left on device); name another folder with the variable TMPDIR" in said
    assert not list((tmp_path / "out").glob("*"))


def test_no_room_for_another_process_leaves_verdicts_on_what_there_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launched = []

    def launch(*arguments: Any) -> Worker:
        launched.append(None)
        return Worker(*arguments) if len(launched) <= 8 else full()

    monkeypatch.setattr(sitting, "Worker", launch)
    assert (
        run("base", "copying", "-k", "numpy_cpu and 1024 and forward-out or numpy_cpu and backward-out") == 48
    )
    said = capsys.readouterr().out
    assert "The run ended early:" in said
    assert "its measuring process cannot be started: No space left on device." in said
    record = the_record(tmp_path / "out")
    assert [len(row["rounds"]) for row in record["rows"] if "time" in row["wanted"]] == [2]
    assert "could not measure" not in words(record).values()
    assert record[store.KEY]["complete"] is False


def test_judging_again_says_what_could_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.json"
    path.write_text(store.text_of(store.assemble([*EVENTS, FINISHED])))
    (tmp_path / "blocked").write_text("")
    argv = ["--from", str(path), "--json", str(tmp_path / "blocked" / "r.json"), "--fail-on", ""]
    assert command.main(argv) == 64
    assert "r.json could not be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fail_on", "code"), [("slower,less-exact,more-memory,could-not-measure", 52), ("slower", 4), ("", 0)]
)
def test_the_exit_code_is_of_the_verdicts_that_count(fail_on: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(store.text_of(store.assemble([*EVENTS, FINISHED])))
    assert command.main(["--from", str(path), "--fail-on", fail_on]) == code
