"""Files in a folder that the user names: found, of the right size, or an error that says what is expected."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final


class DataError(ValueError):
    """A data folder is missing, incomplete or of the wrong kind; the message names file and expectation."""


MOST_NAMED: Final = 6
"""Files of a folder that an error lists."""


def folder(path: Path, what: str, wanted: Sequence[str]) -> Path:
    """``path``, where it is a folder.

    Raises:
        DataError: it is not; says that ``what`` needs the files ``wanted`` in it.
    """
    needs = f"{what} needs a folder with {', '.join(wanted)}"
    if not path.exists():
        raise DataError(f"--data {path}: there is no such folder; {needs}")
    if not path.is_dir():
        raise DataError(f"--data {path}: it is a file; {needs}")
    return path


def find(where: Path, what: str, names: Sequence[str]) -> Path:
    """The first of ``names`` that is in the folder ``where``.

    Raises:
        DataError: none is; says what is there instead.
    """
    for name in names:
        if (where / name).is_file():
            return where / name
    present = sorted(p.name + ("/" if p.is_dir() else "") for p in where.iterdir())
    listed = ", ".join(present[:MOST_NAMED]) + (" …" if len(present) > MOST_NAMED else "")
    raise DataError(
        f"--data {where}: {what} needs the file {' or '.join(names)} there; it has {listed or 'no file'}"
    )


def content(path: Path) -> bytes:
    """The bytes of ``path``, unpacked where its name ends with ``.gz``.

    Raises:
        DataError: it cannot be read or unpacked.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                return packed.read()
        return path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: it cannot be read: {error}") from None
