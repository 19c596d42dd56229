"""Bytes, counted and not sampled: what a call allocates at its peak, and what it keeps for backward.

- NumPy: ``tracemalloc``, which NumPy reports its arrays to. Counts Python objects too: some hundred bytes.
- torch on CPUs: the allocator's own reports, as ``torch.profiler`` records them. They come from below the
  dispatcher, so buffers of compiled code are seen; a ``TorchDispatchMode`` would miss those. Memory that a
  kernel takes from ``malloc`` or the stack by itself is not seen.
- CUDA: the requested bytes in ``torch.cuda.memory_stats``, before rounding to the allocator's blocks.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, Final

from benchmarks.axes import BOTH
from benchmarks.gate import NotMeasured
from benchmarks.work import Call, Work, differentiable

Memory = dict[str, Any]


def measure(work: Work) -> Memory:
    """Peak bytes beyond inputs and outputs, and bytes saved for backward per element, as the record has them.

    Raises:
        NotMeasured: fewer bytes were allocated than the call's own results take: they share memory with
            an earlier result or with the input, so the timings left out work that users pay for.
    """
    if work.case.numel == 0:
        return {"peak_bytes": None, "saved_bytes_per_element": None, "reason": "empty arrays"}
    call = work.calls[0]
    call()  # what is allocated at the first call only (compilation, caches) is not counted
    peak, results = peak_bytes(call, *_counter(work))
    fresh = sum(_nbytes(r) for r in (results if isinstance(results, tuple) else (results,)))
    fresh = 0 if work.case.out else fresh
    beyond = peak - fresh
    if beyond < 0:
        raise NotMeasured(
            f"implausible memory: {peak} bytes allocated at the peak, but the results take {fresh}: "
            "they are not new memory"
        )
    saved = saved_bytes(work) / work.case.numel if work.case.direction == BOTH else None
    return {"peak_bytes": beyond, "saved_bytes_per_element": saved, "reason": None}


def peak_bytes(call: Call, arrays: str, device: str) -> tuple[int, Any]:
    """Most bytes allocated at any time of a call, beyond what there was before it; and the call's results."""
    with _no_collection():
        return COUNTERS[arrays, device](call)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Old garbage goes before, and none during: memory that is given back meanwhile hides what is taken."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def saved_bytes(work: Work) -> int:
    """Bytes kept from forward until backward, each piece of memory once; the caller's own x is counted.

    NumPy has no autograd: by the interface, backward takes x and nothing else.
    """
    leaf = work.sets[0].leaf
    if leaf is None:
        return int(work.sets[0].x.view.nbytes)
    import torch

    seen: dict[int, int] = {}

    def note(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        is_input = storage.data_ptr() == leaf.untyped_storage().data_ptr()
        # The gaps in a strided input are the caller's, whatever is kept.
        seen[storage.data_ptr()] = _nbytes(leaf) if is_input else storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = differentiable(work.op, work.case)(leaf)
    del result
    return sum(seen.values())


# --- counters: call -> (peak bytes allocated during it, its results) ----------------------------------------


def _count_numpy(call: Call) -> tuple[int, Any]:
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        results = call()
        _, peak = tracemalloc.get_traced_memory()
        return peak - before, results
    finally:
        if not already:
            tracemalloc.stop()


def _count_torch_cpu(call: Call) -> tuple[int, Any]:
    # The profiler's library announces each start and stop on the terminal unless it is told not to.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        results = call()
    events = profiler.profiler.kineto_results.events()
    reports = sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns())
    return max(itertools.accumulate((e.nbytes() for e in reports), initial=0)), results


def _count_cuda(call: Call) -> tuple[int, Any]:
    import torch

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_stats()["requested_bytes.all.current"]
    results = call()
    torch.cuda.synchronize()
    return torch.cuda.memory_stats()["requested_bytes.all.peak"] - before, results


COUNTERS: Final[dict[tuple[str, str], Callable[[Call], tuple[int, Any]]]] = {
    ("numpy", "cpu"): _count_numpy,
    ("torch", "cpu"): _count_torch_cpu,
    ("torch", "cuda"): _count_cuda,
}
"""(kind of array, device) -> how allocations are counted."""


def _counter(work: Work) -> tuple[str, str]:
    return work.implementation.arrays, work.case.device


def _nbytes(array: Any) -> int:
    """Bytes of an array's elements."""
    return int(array.nbytes)
