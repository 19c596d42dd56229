"""Runs a module as ``python -m`` does, in a process in which some implementations do not exist.

``python -m benchmarks.gpu.without NAME[,NAME...] MODULE [ARGUMENT...]``: what is known to be wrong is not
timed, by whatever program. A module of this project's folders or any other.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterable
from typing import Any

from gem_impls import registry


def hide(names: Iterable[str]) -> None:
    """Make the registry of this process forget them."""
    hidden = frozenset(names)
    own, others = registry._own, registry._entry_points
    registry._own = _filtered(lambda: [name for name in own() if name not in hidden])
    registry._entry_points = _filtered(lambda: {n: e for n, e in others().items() if n not in hidden})
    registry._get.cache_clear()


def _filtered(listing: Callable[[], Any]) -> Callable[[], Any]:
    return listing


def main() -> None:
    """Hide, then run."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    _, names, module, *arguments = sys.argv
    hide(names.split(","))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
