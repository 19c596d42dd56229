"""Arrays that are dear to compute, kept on disk by content; the folder can be thrown away at any time.

A name is the hash of what the numbers depend on: parameters, and the source of the code that computes them.
So nothing is ever stale, and nothing needs to be invalidated. Each file carries a checksum; a damaged one is
reported and computed anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

SUFFIX: Final = ".npz"


class Unwritable(Exception):
    """A folder that is needed cannot be written to; the message says which and what helps."""


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/gem-impls/error``, by default below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gem-impls" / "error"


def require_writable(folder: Path, option: str) -> None:
    """Make ``folder``; raise :class:`Unwritable`, naming the command's ``option``, where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Unwritable(
            f"{folder} cannot be written to ({error.strerror or error}); name another with {option}"
        ) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whatever ends the process meanwhile."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".partial", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


class Cache:
    """Arrays by content in one folder.

    Args:
        folder: where; it exists and can be written to.
        say: told, in a sentence, when an entry was damaged.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say

    def remember(self, key: object, compute: Callable[[], Arrays]) -> Arrays:
        """The arrays of ``key``, which ``repr`` writes out in full; computed where they are not here yet."""
        path = self.folder / (hashlib.sha256(repr(key).encode()).hexdigest()[:32] + SUFFIX)
        if path.exists():
            found = self._read(path)
            if found is not None:
                return found
        arrays = compute()
        with tempfile.SpooledTemporaryFile(max_size=2**28) as buffer:
            np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # a file, to its stubs not quite
            buffer.seek(0)
            write_whole(path, buffer.read())
        return arrays

    def _read(self, path: Path) -> Arrays | None:
        try:
            # NumPy leaves a damaged file open that it opened itself
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            self._say(f"cache entry {path.name} is damaged ({error}); computed anew")
            return None
