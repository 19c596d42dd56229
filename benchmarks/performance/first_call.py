"""A program for a fresh process: how long the first call of an implementation takes, phase by phase.

    python -m benchmarks.performance.first_call NAME DEVICE torch|numpy

prints a line of JSON, phase -> seconds. Nothing is imported before the clock runs but the interpreter's own
modules: what a user's program pays, this pays.
"""

import importlib
import json
import sys
import time
from typing import Any

FRAMEWORK, PACKAGE, BUILD = "import framework", "import gem_impls", "build"
FIRST, TRAINING, SECOND = "first call", "first forward+backward", "second call"
PHASES = (FRAMEWORK, PACKAGE, BUILD, FIRST, TRAINING, SECOND)
"""In order. NumPy has no forward+backward. The second call shows what the first paid once."""

ELEMENTS = 1024


def main(name: str, device: str, arrays: str) -> dict[str, float]:
    """Phase -> seconds."""
    took: dict[str, float] = {}
    since = time.perf_counter()

    def ends(phase: str) -> None:
        nonlocal since
        if device == "cuda" and "torch" in sys.modules:
            sys.modules["torch"].cuda.synchronize()
        now = time.perf_counter()
        took[phase] = now - since
        since = time.perf_counter()

    framework = importlib.import_module(arrays)
    ends(FRAMEWORK)
    gem_impls = importlib.import_module("gem_impls")
    ends(PACKAGE)
    x = _input(framework, arrays, device)  # a user has data by now: not counted
    since = time.perf_counter()
    op = gem_impls.get(name).build(gem_impls.Spec("gem"))
    ends(BUILD)
    op.forward(x)
    ends(FIRST)
    op.forward(x)
    ends(SECOND)
    if arrays == "torch":
        leaf = x.clone().requires_grad_()
        since = time.perf_counter()
        gem_impls.gem(leaf, implementation=name).backward(x)
        ends(TRAINING)
    return took


def _input(framework: Any, arrays: str, device: str) -> Any:
    if arrays == "numpy":
        return framework.random.default_rng(0).standard_normal(ELEMENTS, dtype="float32")
    return framework.randn(ELEMENTS, generator=framework.Generator().manual_seed(0)).to(device)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4]), allow_nan=False))
