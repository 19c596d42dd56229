"""A folder for what a comparison builds, gone when it ends; and what earlier ones left that were killed.

A folder is somebody's as long as its process holds a lock on the file in it. Only a folder of the same user,
whose lock nobody holds, is removed: process numbers are used again, and differ between containers.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

if sys.platform != "win32":  # there, nothing is locked, and nothing is swept
    import fcntl

PREFIX: Final = "gem-compare-"
LOCK: Final = ".lock"


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is removed at the end, whatever that is but SIGKILL; the next to come removes it then.

    Raises:
        OSError: it cannot be made.
    """
    sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        made = Path(name)
        with (made / f"{LOCK}-new").open("w") as lock:
            if sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX)
            (made / f"{LOCK}-new").rename(made / LOCK)  # locked from its first moment under this name
            yield made


def sweep() -> None:
    """Remove the folders of comparisons of this user that are no longer running."""
    if sys.platform == "win32":
        return
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError):  # it is another's, still in use, or gone meanwhile
            if path.parent.lstat().st_uid != os.getuid() or path.parent.is_symlink():
                continue
            with path.open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
