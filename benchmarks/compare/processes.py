"""A worker as its parent sees it: launched with one revision's package, asked, and given up on.

A worker that crashes or does not answer in time is lost: it is killed, and what it was asked becomes a
reason. No worker outlives its parent, whatever ends that.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

MODULE: Final = "benchmarks.compare.worker"

TIMEOUT_S: Final = 120.0
"""Seconds that a worker may take to answer: the first call of a compiled kernel is the longest."""


class Failed(Exception):
    """A worker answered that something cannot be measured.

    Attributes:
        lacks: whether its revision or this machine has no such thing, rather than that it went wrong.
    """

    def __init__(self, reason: str, lacks: bool) -> None:
        super().__init__(reason)
        self.lacks = lacks


class Lost(Exception):
    """A worker is gone; the message says how."""


class Worker:
    """One process that measures one revision.

    Args:
        path: folders for its imports: the revision's package first.
        threads: how many torch and its compiled code may use.
        timeout_s: how long it may take to answer.

    Attributes:
        pid: of the process.
    """

    def __init__(self, path: Sequence[Path], threads: int = 1, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in kill()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(path, threads),
            start_new_session=True,  # Ctrl-C is the parent's business
        )
        self._buffer = b""
        self.pid = self._process.pid

    def ask(self, do: str, **arguments: Any) -> Any:
        """The figures that a command gives.

        Raises:
            Failed: it cannot be measured.
            Lost: the worker died, or did not answer in time and was killed.
        """
        self.tell(do, **arguments)
        return self.hear()

    def tell(self, do: str, **arguments: Any) -> None:
        """Send a command; :meth:`hear` has its answer."""
        line = json.dumps({"do": do, **arguments}) + "\n"
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except OSError:
            raise Lost(self._how_it_ended()) from None

    def hear(self) -> Any:
        """The answer to the oldest command that was not heard yet; raises as :meth:`ask` does."""
        answer = json.loads(self._line())
        if "failed" in answer:
            raise Failed(answer["failed"], answer["lacks"])
        return answer["figures"]

    def _line(self) -> bytes:
        assert self._process.stdout is not None, "it is a pipe"
        file, end = self._process.stdout.fileno(), time.monotonic() + self._timeout_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([file], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                self.kill()
                raise Lost(f"no answer within {self._timeout_s:g} s")
            chunk = os.read(file, 1 << 16)
            if not chunk:
                raise Lost(self._how_it_ended())
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _how_it_ended(self) -> str:
        """A sentence: by which signal, or the last line that it wrote."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            code = 0
        said = self._said()
        self.kill()
        if code < 0:
            return f"the measuring process was ended by {signal.Signals(-code).name}"
        return f"the measuring process ended ({said or f'exit code {code}'})"

    def _said(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def kill(self) -> None:
        """End it at once, and what it started; again does nothing."""
        if self._errors.closed:
            return
        end_group(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None, "both are pipes"
            with contextlib.suppress(OSError):  # a command that it never read
                pipe.close()
        self._errors.close()


def end_group(process: subprocess.Popen[Any]) -> None:
    """End a process that began a session of its own, and what it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody of its session is left
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def environment(path: Sequence[Path], threads: int) -> dict[str, str]:
    """The variables of a worker.

    Both sides' differ in one path only, of the same length: the size of the environment moves the stack, and
    that alone can change a time.
    """
    before = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*map(str, path), *([before] if before else [])]),
        "OMP_NUM_THREADS": str(threads),
        "KINETO_LOG_LEVEL": "99",
    }
