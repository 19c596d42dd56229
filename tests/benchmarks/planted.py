"""Implementations with one fault each, and a clock that replays known times. None is registered."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.measure import Settings
from gem_impls import Implementation, Op, Spec, get
from gem_impls.interface import EVERYWHERE

RIGHT = get("numpy_cpu")

BRIEF = Settings(sample_s=2e-4, budget_s=0.02, min_rounds=5, max_rounds=7, warm_s=0)
"""Settings for tests: enough rounds for quartiles, and no more."""


def case(**changes: Any) -> Case:
    """A small forward case of ``planted``; ``changes`` are fields of Case."""
    usual: dict[str, Any] = {
        "function": "gem",
        "spec": Spec("gem"),
        "implementation": "planted",
        "shape": (4096,),
        "dtype": "float32",
        "device": "cpu",
        "layout": "contiguous",
        "direction": "forward",
        "out": False,
        "clock": "wall",
    }
    return Case(**{**usual, **changes})


class PlantedOp(Op):
    """numpy_cpu's operation, with ``fault(function, x, out)`` in the place of every call."""

    def __init__(self, spec: Spec, fault: Callable[..., Any]) -> None:
        self.spec = spec
        self._right = RIGHT.build(spec)
        self._fault = fault

    def forward(self, x: Any, out: Any = None) -> Any:
        return self._fault(self._right.forward, x, out)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        return self._fault(lambda a, into=None: self._right.backward(grad_output, a, into), x, out)


class Planted(Implementation):
    """numpy_cpu with one fault."""

    name = "planted"
    summary = "numpy_cpu with a fault"
    dtypes = RIGHT.dtypes
    devices = ("cpu",)
    arrays = "numpy"
    saves_only_input = True

    def __init__(self, fault: Callable[..., Any]) -> None:
        self._fault = fault

    def unavailable(self, device: str = "cpu") -> str | None:
        return RIGHT.unavailable(device)

    def build(self, spec: Spec) -> Op:
        return PlantedOp(spec, self._fault)

    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Any:
        return RIGHT.from_numpy(a, dtype, device)

    def to_numpy(self, t: Any) -> Any:
        return RIGHT.to_numpy(t)

    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        return EVERYWHERE

    def synchronize(self, device: str) -> None:
        RIGHT.synchronize(device)


# --- faults: made anew for each test, since some remember ------------------------------------------------


def none() -> Callable[..., Any]:
    return lambda f, x, out: f(x, out)


def slightly_wrong() -> Callable[..., Any]:
    return lambda f, x, out: np.multiply(f(x, out), 1 + 1e-6, out=out, dtype=x.dtype)


def wrong_at_the_last_element() -> Callable[..., Any]:
    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        y = f(x, out)
        y.reshape(-1)[-1] += 1
        return y

    return fault


def gives_nan() -> Callable[..., Any]:
    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        y = f(x, out)
        y.reshape(-1)[y.size // 2] = np.nan
        return y

    return fault


def keeps_its_first_result() -> Callable[..., Any]:
    kept: list[Any] = []

    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        if not kept:
            kept.append(f(x, None).copy())
        if out is None:
            return kept[0].copy()
        np.copyto(out, kept[0])
        return out

    return fault


def writes_nothing() -> Callable[..., Any]:
    return lambda f, x, out: out


def leaves_a_block_unwritten() -> Callable[..., Any]:
    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        cut = x.size - 7
        f(x[:cut], out[:cut])
        return out

    return fault


def goes_wrong_later(after: int) -> Callable[..., Any]:
    calls = itertools.count()
    return lambda f, x, out: f(x, out) + (1 if next(calls) >= after else 0)


def writes_to_its_input() -> Callable[..., Any]:
    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        y = f(x, out)
        x[0] += 1
        return y

    return fault


def gives_another_dtype() -> Callable[..., Any]:
    return lambda f, x, out: f(x, out).astype(np.float64)


def runs_out_of_memory() -> Callable[..., Any]:
    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        raise MemoryError("unable to allocate 9.00 TiB")

    return fault


def raises_with_a_path() -> Callable[..., Any]:
    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        raise RuntimeError("could not load /home/someone/kernels/libfast.so\nfor this device")

    return fault


def remembers_the_answer() -> Callable[..., Any]:
    """Right on fresh inputs, and idle on inputs that it has seen: too fast to be true."""
    seen: list[float] = []

    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        if seen != [x[0]]:
            seen[:] = [x[0]]
            f(x, out)
        return out

    return fault


def recycles_its_result() -> Callable[..., Any]:
    """Right, but every result is the same memory: it saves the allocation that others pay for."""
    kept: list[Any] = []

    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        if not kept:
            kept.append(np.empty_like(x))
        return f(x, kept[0])

    return fault


def allocates(count: int) -> Callable[..., Any]:
    """Right, with ``count`` bytes of scratch that live during the call only."""

    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        scratch = np.empty(count, dtype=np.uint8)
        y = f(x, out)
        del scratch
        return y

    return fault


def sleeps(seconds: float) -> Callable[..., Any]:
    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        time.sleep(seconds)
        return f(x, out)

    return fault


def interrupts_the_first_round() -> Callable[..., Any]:
    """Ctrl-C at the worst moment: while the harness holds a benchmark that has no sample yet."""

    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        if any(frame.name == "pedantic" for frame in traceback.extract_stack()):
            raise KeyboardInterrupt
        return f(x, out)

    return fault


# What tests install through entry points, as another package would.
BROKEN = Planted(wrong_at_the_last_element())
INTERRUPTING = Planted(interrupts_the_first_round())


# --- a clock that replays -------------------------------------------------------------------------------


class FakeClock:
    """Time passes only when a :class:`Timed` call is made."""

    name = "wall"

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def batch(self, calls: Sequence[Callable[[], Any]], count: int) -> Callable[[], None]:
        def run() -> None:
            for call in itertools.islice(itertools.cycle(calls), count):
                call()

        return run


class Timed:
    """A call that takes the next of the given seconds, by the fake clock; the last one for ever after."""

    def __init__(self, clock: FakeClock, seconds: Iterable[float]) -> None:
        self._clock = clock
        self._seconds = list(seconds)
        self.calls = 0

    def __call__(self) -> None:
        self._clock.time += self._seconds[min(self.calls, len(self._seconds) - 1)]
        self.calls += 1
