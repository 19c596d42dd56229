"""How far a run has come and how long it still takes: a line, rewritten on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 10.0
"""Seconds between lines where the output is not a terminal."""
REWRITE_S: Final = 0.1
WIDTH: Final = 100


class Progress:
    """Adds up costs, in rough seconds, and scales what is left by how long the done part took.

    Args:
        total: cost of everything.
        write: writes text, without adding a line end.
        terminal: whether a line can be rewritten.
        clock: seconds.
    """

    def __init__(
        self,
        total: float,
        write: Callable[[str], None],
        terminal: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._write, self._terminal, self._clock = total, write, terminal, clock
        self._done = self._skipped = 0.0
        self._label, self._shown = "", False
        self._start = self._said = clock()

    def starts(self, label: str) -> None:
        """A piece begins."""
        self._label = label
        self._tell()

    def advance(self, cost: float) -> None:
        """So much has been done."""
        self._done += cost
        self._tell()

    def skip(self, cost: float) -> None:
        """So much was done before; it says nothing about speed."""
        self._skipped += cost

    def say(self, sentence: str) -> None:
        """A line of its own."""
        self._write(f"\r{sentence:<{WIDTH}}\n" if self._terminal and self._shown else f"{sentence}\n")

    def close(self) -> None:
        """Nothing more is measured."""
        if self._terminal and self._shown:
            self._write(f"\r{'':<{WIDTH}}\r")

    def line(self) -> str:
        """``42 %, about 1 min 05 s left: numpy_cpu gem(n=1) value float32``."""
        total = self._total or 1.0
        share = min(1.0, (self._done + self._skipped) / total)
        left = ""
        if self._done:
            rate = (self._clock() - self._start) / self._done
            left = f", about {duration(rate * max(0.0, total - self._done - self._skipped))} left"
        return f"{100 * share:3.0f} %{left}: {self._label}"

    def _tell(self) -> None:
        now = self._clock()
        if self._shown and now - self._said < (REWRITE_S if self._terminal else EVERY_S):
            return
        self._said, self._shown = now, True
        line = self.line()[:WIDTH]
        self._write(f"\r{line:<{WIDTH}}" if self._terminal else f"{line}\n")


def duration(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 07 s`` or ``12 s``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
