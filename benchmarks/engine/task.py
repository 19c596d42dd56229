"""One task on a worker: a function by name, a dict in, JSON out.

What a task raises is its answer, as text: the same input would raise again, so it is not tried again, and no
exception travels between processes that the other side could not load.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.engine.store import canonical
from benchmarks.record import ROOT, cpu_name, version

Function = Callable[[dict[str, Any]], dict[str, Any]]

THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What libraries read, when they are loaded, for how many threads to use."""


# --- functions by name ----------------------------------------------------------------------------------


def name_of(function: Function) -> str:
    """``"module:function"``, by which any process with the same code finds it.

    Raises:
        ValueError: it cannot be found by a name: a lambda, something nested, or of the script that runs.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__") or getattr(sys.modules.get(str(module)), name, None) is not function:
        raise ValueError(f"function must be one that a module has under its name; got {function!r}")
    return f"{module}:{name}"


def answer(function: str, task: Mapping[str, Any]) -> str:
    """JSON text: ``{"result": {...}}``, or ``{"failed": reason}`` where the function raised.

    Args:
        function: as :func:`name_of` names it.
        task: what it is called with.
    """
    try:
        module, _, name = function.partition(":")
        result = getattr(importlib.import_module(module), name)(json.loads(canonical(task)))
        if not isinstance(result, dict):
            raise TypeError(f"{function} returns a dict; this was {type(result).__name__}")
        return f'{{"result":{canonical(result)}}}'
    except Exception as error:
        return canonical({"failed": _reason(error)})


def _reason(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"


@contextmanager
def one_thread() -> Iterator[None]:
    """What runs here computes with one thread, as it does on a worker: sums then have the same order.

    torch that is loaded within stays at one thread.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        if torch:
            torch.set_num_threads(threads)


# --- who computes ---------------------------------------------------------------------------------------


def introduction(device: str) -> dict[str, Any]:
    """What a process says of itself before it gets work.

    ``python``, ``torch``, ``numpy`` and ``sources`` have to agree between all that compute for one run;
    ``machine`` names the hardware, and ``gpu`` the one card that is this process's own.
    """
    names = [cpu_name()]
    gpu = None
    if device == "cuda":
        import torch

        if torch.cuda.is_available():
            card = torch.cuda.get_device_properties(0)
            names, gpu = [card.name], str(getattr(card, "uuid", card.name))
        else:
            names = []
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "torch": _public(version("torch")),
        "numpy": version("numpy"),
        "sources": sources(),
        "machine": ", ".join(names),
        "gpu": gpu,
    }


AGREES: Final = ("python", "torch", "numpy", "sources")
"""What of an introduction must be the same everywhere."""


@functools.cache
def sources() -> str:
    """A short hash of the code: all of ``gem_impls`` and ``benchmarks``."""
    digest = hashlib.sha256()
    for folder in ("gem_impls", "benchmarks"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".py", ".cpp", ".cu", ".h"):
                digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _public(found: str | None) -> str | None:
    """A version without the part that names the build: ``2.13.0`` of ``2.13.0+cpu``."""
    return found.partition("+")[0] if found else None
