"""``make history`` and the processes of asv: none is left behind, whatever ends which."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="history is tested where asv is installed")

from tests.project.history import Commit
from tests.project.markdown import ROOT

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
