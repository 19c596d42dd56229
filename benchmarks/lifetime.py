"""Processes that end with the one that started them, however that ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

STUCK_S: Final = 10.0
"""Seconds after which a killed process that is still there (in the kernel, say) is left to itself."""


def die_with_parent(parent: int, sent: int = signal.SIGKILL) -> None:
    """Ask Linux to end this process when its parent ends; elsewhere, reading a closed pipe has to do it.

    Args:
        parent: the process id of the parent, asked for by itself.
        sent: the signal that ends it.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sent)
    if os.getppid() != parent:  # it ended before that could be asked
        os._exit(1)


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.strsignal(number))
        self.signal = number


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Within, ``kill`` and a closed terminal are interruptions, as Ctrl-C is; what is ignored stays ignored.

    Descendants that lose their parent become children of this process (Linux), so that
    :func:`end_descendants` finds them.
    """

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for other in heard:
            signal.signal(other, signal.SIG_IGN)  # once is enough; cleaning up is not interrupted
        raise Stopped(number)

    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    heard = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if sys.platform.startswith("linux"):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)


def end_descendants() -> None:
    """Kill whatever this process started and what that started, until none is left."""
    end = time.monotonic() + STUCK_S
    while (found := descendants()) and time.monotonic() < end:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
        for pid in found:
            with contextlib.suppress(ChildProcessError):  # another process's child
                os.waitpid(pid, os.WNOHANG)


def descendants() -> list[int]:
    """The processes below this one that run; those that ended and wait to be reaped are not among them."""
    children: dict[int, list[int]] = {}
    for pid, parent, state in _processes():
        if not state.startswith("Z"):
            children.setdefault(parent, []).append(pid)
    found: list[int] = []
    below = [os.getpid()]
    while below:
        new = children.get(below.pop(), [])
        found += new
        below += new
    return found


def _processes() -> Iterator[tuple[int, int, str]]:
    """Id, parent and state of every process."""
    if not sys.platform.startswith("linux"):
        with subprocess.Popen(
            ["ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True
        ) as listing:
            lines = [line.split() for line in listing.communicate()[0].splitlines()]
        yield from ((int(p), int(parent), s) for p, parent, s in lines if int(p) != listing.pid)
        return
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            if folder.name.isdigit():
                state, parent, *_ = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                yield int(folder.name), int(parent), state
