"""How far a sweep has come: one line, rewritten on a terminal, repeated every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 10.0
"""Seconds between lines where the output is not a terminal."""

WIDTH: Final = 110
"""Columns that a line fills."""


class Progress:
    """Counts cases and says how many are left, and about how long they take.

    Args:
        total: how many cases will be measured.
        write: writes text, without adding a line end.
        terminal: whether a line can be rewritten.
        clock: seconds.
    """

    def __init__(
        self,
        total: int,
        write: Callable[[str], None],
        terminal: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._write, self._terminal, self._clock = total, write, terminal, clock
        self._done = 0
        self._start = self._said = clock()

    def starts(self, name: str) -> None:
        """Case ``name`` is being measured."""
        due = self._clock() - self._said >= EVERY_S
        if not (self._terminal or due or self._done == 0):
            return
        self._said = self._clock()
        line = f"case {self._done + 1} of {self._total}, {self._percent()}{self._left()}: {name}"
        self._write(f"\r{line[:WIDTH]:<{WIDTH}}" if self._terminal else f"\n{line}")

    def ends(self) -> None:
        """A case is done."""
        self._done += 1

    def close(self) -> None:
        """No more cases come."""
        if self._done:
            took = self._clock() - self._start
            line = f"{self._done} of {self._total} cases measured in {_duration(took)}"
            self._write(f"\r{line:<{WIDTH}}\n" if self._terminal else f"\n{line}\n")

    def _percent(self) -> str:
        return f"{100 * self._done // self._total} %"

    def _left(self) -> str:
        if not self._done:
            return ""
        each = (self._clock() - self._start) / self._done
        return f", about {_duration(each * (self._total - self._done))} left"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
