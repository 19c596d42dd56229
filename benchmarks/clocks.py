"""Two clocks, never compared with one another.

*Wall*: what a caller waits, with the device synchronised at both ends and many calls between them.
*Device*: a GPU's own time between two events around a replayed graph of the calls; the host is excluded.

A clock has a ``name``, ``now()`` in seconds, and ``batch()``, which makes one callable of many calls.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

Call = Callable[[], Any]


class Clock(Protocol):
    """What measuring needs of a clock."""

    name: str

    def now(self) -> float:
        """Seconds; only differences of two readings mean anything."""

    def batch(self, calls: Sequence[Call], count: int) -> Call:
        """One callable that makes ``count`` calls, going round ``calls``."""


class Wall:
    """``time.perf_counter`` with all queued work finished before it is read.

    Args:
        synchronize: returns when all queued work is done.
    """

    name = "wall"

    def __init__(self, synchronize: Call) -> None:
        self._synchronize = synchronize

    def now(self) -> float:
        self._synchronize()
        return time.perf_counter()

    def batch(self, calls: Sequence[Call], count: int) -> Call:
        if len(calls) == 1:
            return _repeated(calls[0], count)
        return _in_rounds(calls, count)


class Device:
    """Time on a CUDA device, from events; batches are captured once in a graph and replayed."""

    name = "device"

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self._last = self._event()
        self._total = 0.0

    def now(self) -> float:
        # CUDA reports differences of events in float32 milliseconds: summing short ones keeps them exact.
        event = self._event()
        self._total += self._last.elapsed_time(event) * 1e-3
        self._last = event
        return self._total

    def batch(self, calls: Sequence[Call], count: int) -> Call:
        stream = self._torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(self._torch.cuda.current_stream())
        with self._torch.cuda.stream(stream):  # a graph is captured from warm code, on a side stream
            for call in calls:
                call()
        self._torch.cuda.current_stream().wait_stream(stream)
        graph = self._torch.cuda.CUDAGraph()
        with self._torch.cuda.graph(graph, stream=stream):
            _in_rounds(calls, count)()
        return graph.replay

    def _event(self) -> Any:
        event = self._torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        event.synchronize()
        return event


class BatchTimer:
    """A timer for harnesses that read one themselves: any clock, in seconds *per call* of a batch."""

    __name__ = "benchmarks.clocks"

    def __init__(self) -> None:
        self._clock: Clock | None = None
        self._calls = 1

    def use(self, clock: Clock, calls: int) -> None:
        """From now on read ``clock``, and divide by ``calls``."""
        self._clock, self._calls = clock, calls

    def __call__(self) -> float:
        assert self._clock is not None, "use() comes first"
        return self._clock.now() / self._calls


def _repeated(call: Call, count: int) -> Call:
    def run() -> None:
        for _ in itertools.repeat(None, count):
            call()

    return run


def _in_rounds(calls: Sequence[Call], count: int) -> Call:
    plan = list(itertools.islice(itertools.cycle(calls), count))

    def run() -> None:
        for call in plan:
            call()

    return run
