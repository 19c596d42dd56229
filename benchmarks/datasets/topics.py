"""A text that is there wherever Python is: the reference topics behind ``help()``, some 460,000 characters.

``pydoc_data.topics`` is prose and code by Python's documenters, under Python's own licence, read from the
user's interpreter. A generated grammar would be the same everywhere, but what a small model learns of it says
little about text. The topics differ a little between versions of Python, so records hold the hash.
"""

from __future__ import annotations

import functools
import string
import sys
from typing import Final

import numpy as np

from benchmarks.datasets.files import DataError
from benchmarks.datasets.sets import Text

SYMBOLS: Final = "\n" + " " + string.digits + string.ascii_letters + string.punctuation
"""The characters that are told apart; all others are one symbol, the last."""

FEWEST: Final = 100_000
"""Characters below which the installation's text is not the one that is meant."""

TRAIN_SHARE, VAL_SHARE = 0.8, 0.1


@functools.cache
def characters() -> Text:
    """The topics in alphabetical order, one symbol a character: the first 80 % to train, then 10 %, 10 %.

    Raises:
        DataError: this Python has no such text.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            f"this Python ({sys.version.split()[0]}) has no pydoc_data.topics, which holds the text of the "
            "character model: install Python with its standard library whole"
        ) from None
    text = "\n".join(f"{name}\n{topics[name]}" for name in sorted(topics))
    if len(text) < FEWEST:
        raise DataError(
            f"pydoc_data.topics has {len(text)} characters; at least {FEWEST} were expected: it is not whole"
        )
    index = {character: number for number, character in enumerate(SYMBOLS)}
    symbols = np.array([index.get(character, len(SYMBOLS)) for character in text], np.uint8)
    first, second = int(TRAIN_SHARE * len(symbols)), int((TRAIN_SHARE + VAL_SHARE) * len(symbols))
    return Text(
        name="Python's help topics",
        source=f"pydoc_data.topics of Python {sys.version_info.major}.{sys.version_info.minor}",
        vocabulary=len(SYMBOLS) + 1,
        train=symbols[:first],
        val=symbols[first:second],
        test=symbols[second:],
    )
