"""Whether torch.compile can work here: what it needs on each device."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil


@functools.cache
def no_compiler(device: str) -> str | None:
    """Why torch.compile cannot generate code for ``device``, or None: a C++ compiler, or triton."""
    if device == "cuda":
        if importlib.util.find_spec("triton") is None:
            return "torch.compile needs triton on CUDA devices: pip install 'gem-impls[triton]'"
        return None
    candidates = [os.environ.get("CXX"), "g++", "clang++", "c++", "cl"]
    if any(shutil.which(name) for name in candidates if name):
        return None
    return "torch.compile needs a C++ compiler on CPUs: install g++ or clang++, or set CXX to one"
