"""The one exception of our own, and how every error names what came and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Unavailable(RuntimeError):
    """A named implementation exists but cannot serve here; the message says why and what would help."""


def unknown_name(argument: str, value: object, allowed: Iterable[str]) -> str:
    """The message for a name that is not among ``allowed``, with the nearest one suggested."""
    names = sorted(allowed)
    near = difflib.get_close_matches(str(value).lower().replace("_", "-"), names, n=1, cutoff=0.5)
    near = near or difflib.get_close_matches(str(value).lower().replace("-", "_"), names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown {argument} {value!r}; one of {', '.join(names)}.{hint}"
