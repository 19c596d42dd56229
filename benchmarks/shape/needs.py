"""mpmath, imported when it is first needed: not everybody who has the suite has it."""

from __future__ import annotations

import importlib
from typing import Any


def mpmath() -> Any:
    """The module.

    Raises:
        ModuleNotFoundError: it is not installed; the message says what to install.
    """
    try:
        return importlib.import_module("mpmath")
    except ImportError:
        raise ModuleNotFoundError(
            "the shape of the family is computed with mpmath, which is not installed: "
            "pip install 'gem-impls[bench]'"
        ) from None
