"""What an embedded worker does before its first task: leave Ctrl-C to the process that started it."""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(worker: Any) -> None:  # noqa: ARG001  # its interface
    """Called by distributed, in the worker's main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
