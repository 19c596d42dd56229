"""Processes with a time limit: started together, told to stop before they are killed, their words kept."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.record import ROOT

PASSED, FAILED, STOPPED = "passed", "failed", "stopped"
"""What can come of a job: it did its work; it did not, or found what is wrong; its time was up."""

GRACE_S: Final = 60.0
"""Seconds between asking a job to stop, which lets it write what it has, and killing it."""

POLL_S: Final = 0.1

TAIL: Final = 4000
"""Characters of a job's output that the record keeps where something went wrong."""


@dataclass(frozen=True)
class Job:
    """A program to run: its name among its phase's jobs, its arguments, and where its output goes.

    ``proof``: a pattern that its last line must have, where success alone proves nothing.
    """

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    proof: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a job."""

    name: str
    status: str
    code: int | None
    seconds: float
    said: str

    def as_dict(self) -> dict[str, Any]:
        """As the record has it."""
        return {
            "job": self.name,
            "status": self.status,
            "exit_code": self.code,
            "seconds": round(self.seconds, 2),
            "said": self.said,
        }


def run(
    jobs: Sequence[Job],
    accepted: tuple[int, ...],
    limit_s: float | None,
    ended: Callable[[Outcome], None] = lambda _: None,
    at_once: int = 1,
) -> list[Outcome]:
    """Run them all, ``at_once`` at a time, for at most ``limit_s`` in all.

    A job that is still running then is interrupted, as by Ctrl-C, and killed if that does not end it. One
    that could not be begun is stopped after 0 s. Whatever ends this process interrupts the jobs as well.
    """
    waiting, outcomes = list(jobs), list[Outcome]()
    running: list[_Running] = []
    deadline = None if limit_s is None else time.monotonic() + limit_s
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(_Running(waiting.pop(0)))
            time.sleep(POLL_S)
            for one in [r for r in running if r.ended()]:
                running.remove(one)
                outcomes.append(one.outcome(accepted, stopped=False))
                ended(outcomes[-1])
            if deadline is not None and time.monotonic() > deadline:
                break
    finally:
        for one in running:
            one.interrupt()
        for one in running:
            one.end()
    for one in running:
        outcomes.append(one.outcome(accepted, stopped=True))
        ended(outcomes[-1])
    outcomes += [
        Outcome(job.name, STOPPED, None, 0.0, "there was no time left to begin it") for job in waiting
    ]
    return outcomes


class _Running:
    def __init__(self, job: Job) -> None:
        self.job, self._began = job, time.monotonic()
        job.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **job.environment}
        with job.log.open("wb") as log:
            self._process = subprocess.Popen(
                job.command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C reaches it from here alone, children included
            )

    def ended(self) -> bool:
        return self._process.poll() is not None

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def end(self) -> None:
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def outcome(self, accepted: tuple[int, ...], stopped: bool) -> Outcome:
        code = self._process.returncode
        status = STOPPED if stopped else PASSED if code in accepted else FAILED
        said = tail(self.job.log)
        last = said.rpartition("\n")[2][:200]
        if status == PASSED and not re.search(self.job.proof, last):
            status = FAILED  # and what it said is kept
        elif status == PASSED and code == 0:
            said = last
        return Outcome(self.job.name, status, code, time.monotonic() - self._began, said)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def tail(log: Path) -> str:
    """The end of a log, without the folders of this machine."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")
    return without_paths(text)[-TAIL:].strip()


def without_paths(text: str) -> str:
    """``text`` with absolute paths shortened: to what is below this repository, or to their last part."""
    text = text.replace(f"{ROOT}/", "")
    return re.sub(r"(?<![\w.])(?:/[\w.+-]+){2,}", lambda found: f"<path>/{found[0].rsplit('/', 1)[-1]}", text)
