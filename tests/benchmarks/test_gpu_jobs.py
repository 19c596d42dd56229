"""Programs that end in every way: by themselves, for lack of time, badly, or with whoever started them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu import jobs
from benchmarks.gpu.jobs import FAILED, PASSED, STOPPED, Job, Outcome

ROOT = Path(__file__).parents[2]

WAITS = "import time; time.sleep(60)"
WRITES_WHEN_INTERRUPTED = """
import sys, pathlib, time
try:
    print("waiting", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1]).write_text('{"kept": true}')
    sys.exit(3)
"""
IGNORES_INTERRUPTS = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"


def python(text: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", text, *arguments]


def job(tmp_path: Path, text: str, *arguments: str, name: str = "job") -> Job:
    return Job(name, python(text, *arguments), tmp_path / f"{name}.log", {})


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [("pass", PASSED, 0), ("raise SystemExit(1)", PASSED, 1), ("raise SystemExit(2)", FAILED, 2)],
)
def test_the_exit_code_says_what_came_of_a_job(tmp_path: Path, text: str, status: str, code: int) -> None:
    (outcome,) = jobs.run([job(tmp_path, text)], accepted=(0, 1), limit_s=None)
    assert (outcome.status, outcome.code) == (status, code)


def test_a_job_that_crashes_is_a_failure_and_its_last_words_are_kept(tmp_path: Path) -> None:
    text = "import os, sys; print('before the end', flush=True); os.abort()"
    (outcome,) = jobs.run([job(tmp_path, text)], accepted=(0,), limit_s=None)
    assert outcome.status == FAILED
    assert outcome.code is not None
    assert outcome.code < 0
    assert outcome.said.startswith("before the end")


def test_a_job_without_time_left_is_interrupted_and_may_write_what_it_has(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    (outcome,) = jobs.run([job(tmp_path, WRITES_WHEN_INTERRUPTED, str(target))], (0,), limit_s=1.5)
    assert (outcome.status, outcome.code) == (STOPPED, 3)
    assert target.read_text() == '{"kept": true}'


def test_a_job_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GRACE_S", 0.3)
    (outcome,) = jobs.run([job(tmp_path, IGNORES_INTERRUPTS)], (0,), limit_s=0.7)
    assert (outcome.status, outcome.code) == (STOPPED, -9)


def test_jobs_run_at_once_and_those_that_never_began_are_said(tmp_path: Path) -> None:
    three = [job(tmp_path, "import time; time.sleep(1)", name=name) for name in "abc"]
    began = time.monotonic()
    outcomes = jobs.run(three, (0,), None, at_once=3)
    assert {o.name for o in outcomes if o.status == PASSED} == {"a", "b", "c"}
    assert time.monotonic() - began < 2.9
    waiting = [job(tmp_path, WAITS, name=name) for name in "ab"]
    stopped = jobs.run(waiting, (0,), limit_s=0.5, at_once=1)
    assert [(o.name, o.status) for o in stopped] == [("a", STOPPED), ("b", STOPPED)]
    assert stopped[1].code is None
    assert "no time left" in stopped[1].said


def test_whatever_ends_this_process_ends_its_jobs(tmp_path: Path) -> None:
    shows = f"import os, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); {WAITS}"
    quick = job(tmp_path, "import time; time.sleep(1)", name="quick")

    def interrupted(_: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.run([job(tmp_path, shows, str(tmp_path / "pid")), quick], (0,), None, interrupted, at_once=2)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_no_folder_of_this_machine_is_kept() -> None:
    text = f'File "{ROOT}/benchmarks/gpu/jobs.py", line 3\n/home/someone/venv/lib/torch/x.so: no; a/b and 3/4'
    assert jobs.without_paths(text) == 'File "benchmarks/gpu/jobs.py", line 3\n<path>/x.so: no; a/b and 3/4'


@pytest.mark.parametrize(("says", "status"), [("3 passed, 1 skipped", PASSED), ("4 skipped in 1 s", FAILED)])
def test_success_that_proves_nothing_is_a_failure(tmp_path: Path, says: str, status: str) -> None:
    silent = Job("job", python(f"print('first'); print('{says}')"), tmp_path / "log", {}, proof=r"\d passed")
    (outcome,) = jobs.run([silent], (0,), None)
    assert (outcome.status, outcome.code) == (status, 0)
    assert outcome.said == (says if status == PASSED else f"first\n{says}")
