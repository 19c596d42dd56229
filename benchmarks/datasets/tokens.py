"""Tokenised text from a folder: ``train.bin`` and ``val.bin`` of uint16, and how many tokens there are.

Written little-endian, one token after another, as is customary for GPT-2's 50,257 tokens. ``meta.json`` says
``{"vocab_size": 50257}``; where it is missing that number is taken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets.files import DataError, content, find, folder
from benchmarks.datasets.sets import Text

GPT2_VOCABULARY: Final = 50257
LARGEST_VOCABULARY: Final = 65536
FILES: Final = ("train.bin", "val.bin")
META: Final = "meta.json"


def tokens(path: Path) -> Text:
    """The text in folder ``path``. The first half of ``val.bin`` is to choose by, the second half to test on.

    Raises:
        DataError: the folder or a file is missing, a file is cut within a token, a token is not below the
            vocabulary size, or that is not in 2 … 65536.
    """
    where = folder(path, "a tokenised text", [*FILES, f"{META} (optional)"])
    train, val = (_read(find(where, "a tokenised text", (name,))) for name in FILES)
    size = _vocabulary(where / META)
    for name, found in zip(FILES, (train, val), strict=True):
        if found.max() >= size:
            place = int(np.argmax(found >= size))
            raise DataError(
                f"{where / name}: token {place} is {found[place]}; they must be below {size}, the vocabulary "
                f"size (which {META} may state as vocab_size)"
            )
    half = len(val) // 2
    return Text("tokens", "the user's files", size, train, val[:half], val[half:])


def _read(path: Path) -> NDArray[np.uint16]:
    """Mapped, not loaded: a training text may be larger than memory."""
    size = path.stat().st_size
    if size % 2 or size < 4:
        raise DataError(
            f"{path}: it has {size:,} bytes; uint16 tokens take 2 each, and at least two tokens are needed"
        )
    return np.memmap(path, np.dtype("<u2"), "r")


def _vocabulary(path: Path) -> int:
    if not path.is_file():
        return GPT2_VOCABULARY
    try:
        said = json.loads(content(path))
    except ValueError as error:
        raise DataError(f"{path}: it is not JSON: {error}") from None
    except RecursionError:
        raise DataError(f"{path}: it is nested too deeply; only vocab_size is read of it") from None
    size = said.get("vocab_size") if isinstance(said, dict) else None
    if isinstance(size, bool) or not isinstance(size, int) or not 2 <= size <= LARGEST_VOCABULARY:
        raise DataError(f"{path}: vocab_size must be an integer in 2 … {LARGEST_VOCABULARY}; got {size!r}")
    return size
