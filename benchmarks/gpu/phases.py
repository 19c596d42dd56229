"""What is done on a machine with a GPU: one row a phase, in the order of importance.

Correctness comes first: an implementation that fails there is left out of what is timed. A phase runs one
job, or one for each implementation; a job is a process of its own, so that nothing that goes wrong in one
takes another along.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PYTHON: Final = sys.executable

WORKERS: Final = 3
"""Processes that test one implementation, where pytest-xdist is there to make them."""

INTERPRETER: Final = {"TRITON_INTERPRET": "1"}
"""What a rehearsal tells triton, which cannot compile for a CPU."""


@dataclass(frozen=True)
class Sitting:
    """What a phase may know of the run that it is part of.

    Attributes:
        device: ``"cuda"``; ``"cpu"`` in a rehearsal.
        rehearsal: the same programs, at sizes that take seconds.
        folder: where jobs write.
        wrong: implementations that failed a phase of correctness.
        seconds: how long the phase may take; None for as long as it needs.
    """

    device: str
    rehearsal: bool
    folder: Path
    wrong: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Phase:
    """One row.

    Attributes:
        name: what ``--only`` selects by, and the record's key.
        what: what it answers.
        command: (the sitting, the implementation or "", the file for the result) -> the program and its
            arguments.
        each: a job for every implementation that serves the device, rather than one.
        judges: a failure is a wrong result: it takes the implementation, or all that the result names, out
            of what is timed.
        accepted: exit codes with which the program has done its work.
        proof: what the last line of its output must have: where all tests are skipped, pytest succeeds.
        share: the part of a ``--budget`` that it may take.
    """

    name: str
    what: str
    command: Callable[[Sitting, str, Path], list[str]]
    each: bool = False
    judges: bool = False
    accepted: tuple[int, ...] = (0,)
    proof: str = ""
    share: float = 1.0


def _module(*words: str) -> list[str]:
    return [PYTHON, "-m", *words]


def _timed(sitting: Sitting, *words: str) -> list[str]:
    """The module, in a process that does not know the implementations that are wrong."""
    if not sitting.wrong:
        return _module(*words)
    return _module("benchmarks.gpu.without", ",".join(sitting.wrong), *words)


# --- commands -------------------------------------------------------------------------------------------


def _device(sitting: Sitting, _: str, target: Path) -> list[str]:
    return _module("benchmarks.gpu.device", "--device", sitting.device, "--out", str(target))


def _conformance(sitting: Sitting, implementation: str, _: Path) -> list[str]:
    chosen = ["-m", "gpu"]
    if sitting.rehearsal:
        chosen = ["-m", "not gpu", "--deselect", "tests/conformance/test_checks.py"]
    words = f"{implementation} and float32 and test_nan" if sitting.rehearsal else implementation
    workers = ["-n", str(WORKERS)] if find_spec("xdist") and not sitting.rehearsal else []
    return _pytest("tests/conformance", *chosen, "-k", words, *workers)


def _own_tests(sitting: Sitting, _: str, __: Path) -> list[str]:
    if sitting.rehearsal:
        return _pytest("tests/test_spec.py")
    return _pytest("tests", "--ignore=tests/conformance", "-m", "gpu")


def _pytest(*words: str) -> list[str]:
    quiet = ["-q", "-p", "no:cacheprovider", "--benchmark-disable", "--no-header", "--tb=short", "-rfE"]
    return _module("pytest", *words, *quiet)


def _every_input(sitting: Sitting, _: str, target: Path) -> list[str]:
    words = ["--device", sitting.device, "--out", str(target)]
    few = ["--step", "65536", "--implementation", "torch_naive"] if sitting.rehearsal else []
    return _module("benchmarks.gpu.every_input", *words, *few)


def _sweep(size: str) -> Callable[[Sitting, str, Path], list[str]]:
    def command(sitting: Sitting, _: str, target: Path) -> list[str]:
        words = ["benchmarks", "--benchmark-only", "--sweep", size, f"--benchmark-json={target}"]
        if not sitting.rehearsal:
            return _timed(sitting, "pytest", *words, "-m", "gpu", "-q")
        which = "gem-n1-torch_naive-1024-float32-cpu-forward"
        return _timed(sitting, "pytest", *words, "-m", "cpu", "-q", "-k", which)

    return command


def _performance(sitting: Sitting, _: str, target: Path) -> list[str]:
    words = ["performance", "--device", sitting.device, "--out", str(target)]
    if sitting.rehearsal:
        return _timed(sitting, "benchmarks", *words, "--quick", "--only", "numpy-maximum")
    minutes = [] if sitting.seconds is None else ["--minutes", f"{sitting.seconds / 60:.1f}"]
    return _timed(sitting, "benchmarks", *words, *minutes)


def _profile(sitting: Sitting, _: str, target: Path) -> list[str]:
    words = ["--device", sitting.device, "--out", str(target), *(["--brief"] if sitting.rehearsal else [])]
    return _timed(sitting, "benchmarks.gpu.profile", *words)


def _fingerprint(sitting: Sitting, _: str, target: Path) -> list[str]:
    quick = ["--quick"] if sitting.rehearsal else []
    return _module("benchmarks", "fingerprint", "--json", str(target), *quick)


def _error(sitting: Sitting, implementation: str, target: Path) -> list[str]:
    words = ["error", "--device", sitting.device, "--implementation", implementation, "--out", str(target)]
    if sitting.rehearsal:
        few = ["--variant", "gem", "--n", "1", "--points", "1000", "--dtype", "bfloat16"]
        return _module("benchmarks", *words, *few)
    return _module("benchmarks", *words, "--dtype", "float16", "bfloat16", "float32")


PHASES: Final[tuple[Phase, ...]] = (
    Phase("device", "which GPU, at which clocks, and how fast it copies", _device, share=0.05),
    Phase(
        "conformance",
        "every implementation against the oracle",
        _conformance,
        each=True,
        judges=True,
        proof=r"\d passed",
        share=0.2,
    ),
    Phase("gpu tests", "the other tests that need a GPU", _own_tests, proof=r"\d passed", share=0.05),
    Phase("every input", "all 2^32 float32 and all 16-bit inputs", _every_input, judges=True, share=0.1),
    Phase("quick sweep", "time, memory and error at the usual sizes", _sweep("quick"), share=0.25),
    Phase(
        "performance", "the stated targets, layers and cold starts", _performance, accepted=(0, 1), share=0.25
    ),
    Phase("profile", "where a call's time on the host goes", _profile, share=0.05),
    Phase("fingerprint", "what the kernels compile to", _fingerprint, accepted=(0, 1), share=0.05),
    Phase("error", "maps of the error, as the report shows them", _error, True, accepted=(0, 1), share=0.3),
    Phase("full sweep", "all sizes, dtypes and layouts", _sweep("full")),
)
"""The phases; up to the last two the shares add up to 1. Where an exit code of 1 is accepted it is a finding,
and in the result."""
