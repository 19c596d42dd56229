"""Results by content: a folder with one file for each finished task, written whole and only once.

A file is named by the key of its task, a hash of everything that the result depends on, so a result is never
stale: what depends on more or other things has another key. A file has one JSON object::

    {"key": "3f0c...", "sum": SHA-256 of the result as canonical JSON, "result": {...}}

One that is cut short or altered is set aside under another name, and its task counts as not done. Any number
of processes may use one folder: of several results for a key, the first stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

KEY: Final = re.compile(r"[0-9a-z][0-9a-z_-]{7,127}")
"""What a key looks like: a file name on every system, and no way out of the folder."""

Result = dict[str, Any]


def key_of(task: Mapping[str, Any]) -> str:
    """The key of a task: 32 hexadecimal digits, the same wherever and whenever ``task`` is the same.

    Raises:
        ValueError: ``task`` is not JSON (NaN and the infinities are not).
    """
    return hashlib.sha256(canonical(task).encode()).hexdigest()[:32]


def canonical(value: Any) -> str:
    """``value`` as JSON, the one text of all that mean the same. Raises ValueError where it is not JSON."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"not JSON: {error}") from None


class Store:
    """Results in one folder, which is made where it is missing.

    Args:
        folder: where.

    Attributes:
        folder: where.
        set_aside: names of damaged files that this store came upon and renamed.

    Raises:
        OSError: the folder cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.set_aside: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass

    def has(self, key: str) -> bool:
        """Whether there is a sound result of ``key``."""
        return self._read(key) is not None

    def get(self, key: str) -> Result:
        """The result of ``key``; raises KeyError where there is none."""
        found = self._read(key)
        if found is None:
            raise KeyError(key)
        return found

    def put(self, key: str, result: Mapping[str, Any]) -> bool:
        """Keep the result of ``key``; False where there was one already, which then stays.

        Raises:
            ValueError: ``key`` is none, or ``result`` is not JSON.
            OSError: it cannot be written; nothing of it stays.
        """
        path, text = self._path(key), canonical(result)
        content = f'{{"key":"{key}","sum":"{_sum(text)}","result":{text}}}\n'
        with tempfile.NamedTemporaryFile(
            dir=self.folder, prefix=".", suffix=".partial", delete=False
        ) as file:
            partial = Path(file.name)
            try:
                file.write(content.encode())
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                partial.unlink()
                raise
        partial.chmod(0o644)
        return _first(partial, path)

    def results(self, keys: Iterable[str]) -> Iterator[tuple[str, Result]]:
        """(key, result) of those ``keys`` that have one, in their order."""
        for key in keys:
            found = self._read(key)
            if found is not None:
                yield key, found

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError(
                f"a key has 8 to 128 of 0-9, a-z, - and _, and begins with one of the first; got {key!r}"
            )
        return self.folder / f"{key}.json"

    def _read(self, key: str) -> Result | None:
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        result = _sound(key, content)
        if result is None:
            self._put_aside(path)
        return result

    def _put_aside(self, path: Path) -> None:
        number = 1
        while (aside := path.with_suffix(f".damaged-{number}")).exists():
            number += 1
        with contextlib.suppress(FileNotFoundError):  # another process was first
            path.rename(aside)
            self.set_aside.append(aside.name)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sound(key: str, content: bytes) -> Result | None:
    """The result in a file, or None where the file is not what :meth:`Store.put` wrote."""
    try:
        found = json.loads(content)
        sound = found["key"] == key and found["sum"] == _sum(canonical(found["result"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found["result"] if sound and isinstance(found["result"], dict) else None


def _first(partial: Path, path: Path) -> bool:
    """Give ``partial`` the name ``path`` unless that is taken: a link is made by one process only."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        return False
    except OSError:  # a file system without links: two that finish in the same instant are not told apart
        if path.exists():
            return False
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return True
