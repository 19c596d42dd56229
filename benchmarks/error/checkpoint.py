"""What an interrupted run leaves behind, so that the same command goes on where it stopped.

A journal holds one line for each finished piece of work, and one file beside it the state of a long sweep.
Both are named by a hash of everything the figures depend on: the code, the parameters, the versions and the
device; a changed implementation starts anew. Each line carries a checksum. What ends the process may be
anything: a line is whole or is not counted, a state file is replaced whole.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.error.cache import write_whole

STATE_EVERY_S: Final = 5.0
"""Seconds between two states of a long sweep; what an interruption can cost."""


class Checkpoint:
    """The finished pieces of one run.

    Args:
        folder: where; it exists and can be written to.
        key: what the figures depend on; its repr is hashed.
        say: told, in a sentence, what was found damaged.
        clock: seconds.

    Attributes:
        finished: name of a piece -> its result, from an earlier run or this one.
    """

    def __init__(
        self,
        folder: Path,
        key: object,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
        self.finished: dict[str, Any] = {}
        self._journal = folder / f"{name}.jsonl"
        self._state = folder / f"{name}.state"
        self._say, self._clock, self._saved = say, clock, -STATE_EVERY_S
        self._load()

    def finish(self, piece: str, result: Any) -> None:
        """Keep the result of a piece."""
        self.finished[piece] = result
        with self._journal.open("ab") as file:
            file.write(_sealed({"piece": piece, "result": result}) + b"\n")

    def state(self, piece: str) -> Any:
        """The last state that was kept of an unfinished piece, or None."""
        try:
            content = self._state.read_bytes()
        except OSError:
            return None
        found = _unsealed(content)
        if found is None:
            self._say(f"checkpoint {self._state.name} is damaged; that sweep starts anew")
            return None
        return found["state"] if found["piece"] == piece else None

    def keep_state(self, piece: str, state: Callable[[], Any]) -> None:
        """Keep the state of an unfinished piece, if it is time."""
        if self._clock() - self._saved >= STATE_EVERY_S:
            write_whole(self._state, _sealed({"piece": piece, "state": state()}))
            self._saved = self._clock()

    def remove(self) -> None:
        """The run is complete: nothing needs to be kept."""
        self._journal.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def _load(self) -> None:
        try:
            lines = self._journal.read_bytes().split(b"\n")
        except OSError:
            return
        damaged = 0
        for line in filter(None, lines):
            found = _unsealed(line)
            if found is None:
                damaged += 1
            else:
                self.finished[found["piece"]] = found["result"]
        if lines[-1]:  # cut in the middle of a line: end it, so that the next one begins on its own
            with self._journal.open("ab") as file:
                file.write(b"\n")
        if damaged:
            self._say(f"checkpoint {self._journal.name}: {damaged} damaged line(s) left out, measured anew")


def _sealed(content: Any) -> bytes:
    text = json.dumps(content, allow_nan=False).encode()
    return b"%08x %s" % (zlib.crc32(text), text)


def _unsealed(line: bytes) -> Any:
    checksum, _, text = line.partition(b" ")
    try:
        return json.loads(text) if int(checksum, 16) == zlib.crc32(text) else None
    except ValueError:
        return None
