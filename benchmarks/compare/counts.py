"""What is the same every time, and judged exactly: bytes of a call, and errors over fixed inputs.

Bytes are :mod:`benchmarks.memory`'s, and one figure more: everything that a call allocates, freed meanwhile
or not, since a copy that lives shortly need not raise the peak. Errors are the error laboratory's: all 16-bit
inputs; in float32 and float64 some of every binade, dense around the junction, 0, subnormal and the largest
numbers; and NaN and infinities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks import gate
from benchmarks import memory as bytes_of
from benchmarks.cases import Case
from benchmarks.error import points, sweep
from benchmarks.error.cache import Cache
from benchmarks.error.subjects import Family
from benchmarks.error.tally import Tally
from benchmarks.work import Call, Work
from gem_impls import Implementation, Spec

POINTS: Final = {"float32": 60_000, "float64": 4_000}
"""dtype -> magnitudes at which errors are measured, each with both signs; 16-bit types have all of theirs."""

REPEATS: Final = {"numpy": 5, "torch": 1}
"""Kind of array -> memory is counted so often and the smallest count taken. NumPy's counter sees Python's own
objects too, which come and go."""

Figures = dict[str, Any]


def memory(case: Case) -> Figures:
    """Bytes of one call of ``case``.

    Returns:
        ``arrays``: their kind; ``peak_bytes``: at the peak, beyond inputs and outputs; ``allocated_bytes``:
        in all, freed meanwhile or not, None where they cannot be counted; ``saved_bytes``: kept for
        backward, None but for forward+backward.

    Raises:
        NotMeasured: the case's results are wrong.
    """
    work = Work(case)
    gate.check(work, draw=1)
    arrays = work.implementation.arrays
    found = [bytes_of.measure(work) for _ in range(REPEATS[arrays])]
    saved = found[0]["saved_bytes_per_element"]
    count = ALLOCATED.get((arrays, case.device))
    return {
        "arrays": arrays,
        "peak_bytes": min(f["peak_bytes"] for f in found),
        "allocated_bytes": count(work.calls[0]) if count else None,
        "saved_bytes": None if saved is None else round(saved * case.numel),
    }


def _allocated_cpu(call: Call) -> int:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        results = call()
    events = profiler.profiler.kineto_results.events()
    del results
    return sum(e.nbytes() for e in events if e.name() == "[memory]" and e.nbytes() > 0)


def _allocated_cuda(call: Call) -> int:
    import torch

    name = "requested_bytes.all.allocated"
    torch.cuda.synchronize()
    before = torch.cuda.memory_stats()[name]
    results = call()
    torch.cuda.synchronize()
    del results
    return int(torch.cuda.memory_stats()[name] - before)


ALLOCATED: Final[dict[tuple[str, str], Callable[[Call], int]]] = {
    ("torch", "cpu"): _allocated_cpu,
    ("torch", "cuda"): _allocated_cuda,
}
"""(kind of array, device) -> how everything that a call allocates is counted. NumPy does not say."""


def errors(implementation: Implementation, subject: dict[str, Any], folder: Path) -> dict[str, Figures]:
    """How wrong value and gradient are over fixed inputs, of one function in one dtype.

    Args:
        implementation: whose results.
        subject: of which function, in which dtype, on which device; see :mod:`benchmarks.compare.plan`.
        folder: where exact results are kept for the next who asks.

    Returns:
        Of ``"value"`` and ``"gradient"`` each: ``max_ulp`` and ``mean_ulp`` of the judged results,
        ``max_ulp_anywhere``, ``not_rounded`` (results that are not correctly rounded), ``not_finite`` (NaN
        and infinities that should be numbers), ``special_wrong`` (of NaN and +-inf), all of ``inputs``.
        Errors beyond all bounds are the string ``"inf"``.

    Raises:
        ValueError: the implementation lacks the dtype.
    """
    spec, dtype = Spec(subject["function"], subject["n"]), subject["dtype"]
    judged = Family(implementation.name, implementation, subject["device"])
    if reason := judged.refuses(spec, dtype):
        raise ValueError(reason)
    every = "all" if dtype in points.SIXTEEN_BIT else "stratified"
    found = {}
    with ThreadPoolExecutor(1) as threads:
        cache = Cache(folder, say=lambda _: None)
        for what in ("value", "gradient"):
            job = sweep.Job(spec, dtype, what, every, POINTS.get(dtype, 0))
            found[what] = _figures(sweep.run(judged, job, cache, threads))
    return found


def _figures(sides: sweep.Sides) -> Figures:
    halves: tuple[Tally, ...] = (sides.positive, sides.negative)
    judged = sum(half.judged for half in halves)
    wrong = len(sides.wrong_specials or ())
    return {
        "inputs": sum(half.inputs for half in halves) + sides.specials,
        "max_ulp": _largest(half.worst.ulp for half in halves if half.worst),
        "mean_ulp": sum(half.sum_ulp for half in halves) / judged if judged else 0.0,
        "max_ulp_anywhere": _largest(half.worst_anywhere.ulp for half in halves if half.worst_anywhere),
        "not_rounded": sum(half.inputs - half.correct for half in halves),
        "not_finite": sum(half.counts["nonfinite"] for half in halves),
        "special_wrong": wrong,
    }


def _largest(errors: Any) -> float | str:
    largest = max(errors, default=0.0)
    return largest if math.isfinite(largest) else "inf"
