"""numpy_cpu beside one ufunc and beside the formula as it is printed; its scratch; and what each pass costs.

    .venv/bin/python -m docs.trials.numpy_cpu

Ratios are medians of interleaved pairs with their quartiles; float32, one thread, into memory that exists.
The third table says why the first is not lower: every pass of the value's short form, on its own, over the
same blocks. The first pass waits for memory, as ``np.maximum`` does; the others stay in the cache.
"""

from __future__ import annotations

import functools
import os
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import gem_impls
from benchmarks.clocks import Wall
from benchmarks.measure import Race, Settings, ratio, sample_all
from gem_impls import Spec
from gem_impls.numpy_blocks import BLOCK

SPECS = tuple(Spec(variant, n) for n in (1, 2, 3) for variant in ("gem", "e-gem", "se-gem"))
SIZES = (2**10, 2**16, 2**20, 2**22)
TARGET_SIZE = 2**20
SETTINGS = Settings(sample_s=2e-3, budget_s=1.0, min_rounds=15, max_rounds=61, warm_s=10e-3)

Call = Callable[[], Any]


def normal(count: int, dtype: str = "float32") -> Any:
    return np.random.default_rng(0).standard_normal(count).astype(dtype)


def literal(spec: Spec, x: Any) -> Any:
    """The formula as it is printed, in NumPy."""
    power = 2 * spec.n
    return np.where(x > 0, 1, spec.negative_slope) * x ** (power + 1) / (spec.eps + x**power)


def race(case: Call, others: dict[str, Call]) -> tuple[list[float], dict[str, list[float]]]:
    lined_up = Race(Wall(lambda: None), [case], {name: [call] for name, call in others.items()}, SETTINGS)
    own = sample_all(lined_up)
    return own, lined_up.samples


def said(samples: list[float], partner: list[float]) -> str:
    r = ratio(samples, partner)
    return f"{r['median']:.2f} ({r['q1']:.2f}-{r['q3']:.2f})"


def ratios() -> None:
    print(f"{'function':40} {'elements':>9}  {'forward':20} {'backward':20} {'literal / forward':18}")
    for spec in SPECS:
        op = gem_impls.get("numpy_cpu").build(spec)
        for size in SIZES if spec.n == 1 else (TARGET_SIZE,):
            x, g = normal(size), normal(size)
            out, slopes = np.empty_like(x), np.empty_like(x)
            own, others = race(
                functools.partial(op.forward, x, out),
                {
                    "maximum": functools.partial(np.maximum, x, 0, out=out),
                    "backward": functools.partial(op.backward, g, x, slopes),
                    "literal": functools.partial(literal, spec, x),
                },
            )
            figures = [(own, "maximum"), (others["backward"], "maximum")]
            forward, backward = (said(samples, others[partner]) for samples, partner in figures)
            print(f"{spec!s:40} {size:9}  {forward:20} {backward:20} {said(others['literal'], own)}")


def scratch() -> None:
    columns_said = " ".join(f"{name:>9}" for name in ("forward", "in place", "backward", "strided"))
    print(f"\n{'bytes allocated during a call':40} {columns_said}")
    for dtype in gem_impls.get("numpy_cpu").dtypes:
        for spec in SPECS[:3]:
            op = gem_impls.get("numpy_cpu").build(spec)
            x, out = normal(TARGET_SIZE, dtype), normal(TARGET_SIZE, dtype)
            columns = x.reshape(-1, 1024)[:, ::2], out.reshape(-1, 1024)[:, ::2]
            calls = (
                functools.partial(op.forward, x, out),
                functools.partial(op.forward, x, x),
                functools.partial(op.backward, x, x, out),
                functools.partial(op.backward, columns[0], *columns),
            )
            print(f"{dtype + ', ' + str(spec):40} " + " ".join(f"{peak(call):9}" for call in calls))


def peak(call: Call) -> int:
    call()  # what is remembered from the first call on is not counted
    tracemalloc.start()
    call()
    bytes_allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return bytes_allocated


def passes() -> None:
    x = normal(TARGET_SIZE)
    out = np.empty_like(x)
    number = x.dtype.type
    zero, one, eps, infinity = number(0), number(1), number(1e-4), number(np.inf)
    in_cache: dict[str, Callable[[Any], Any]] = {
        "eps / out": lambda o: np.divide(eps, o, out=o),
        "out + 1": lambda o: np.add(o, one, out=o),
        "out / out": lambda o: np.divide(o, o, out=o),
        "out.clip(0, inf)": lambda o: o.clip(zero, infinity, out=o),
        "np.maximum(out, 0)": lambda o: np.maximum(o, zero, out=o),
        "out * out": lambda o: np.multiply(o, o, out=o),
    }
    length = BLOCK // x.itemsize
    block = np.abs(x[:length]) + 1  # one block over and over: in the cache, and a number whatever is done
    blocks = TARGET_SIZE // length
    others = {name: functools.partial(repeat, call, block, blocks) for name, call in in_cache.items()}
    others["x * x, out of memory"] = lambda: [np.square(a, out=o) for a, o in pairs(x, out, length)]
    own, samples = race(functools.partial(np.maximum, x, 0, out=out), others)
    print(
        f"\na pass over {TARGET_SIZE} elements in blocks of {length}, as a multiple of np.maximum(x, 0, out=)"
    )
    for name, taken in samples.items():
        print(f"{name:40} {said(taken, own)}")


def repeat(call: Callable[[Any], Any], block: Any, times: int) -> None:
    for _ in range(times):
        call(block)


def pairs(x: Any, out: Any, length: int) -> Iterator[tuple[Any, Any]]:
    for start in range(0, x.size, length):
        yield x[start : start + length], out[start : start + length]


def main() -> None:
    print(f"NumPy {np.__version__}, load {os.getloadavg()[0]:.1f}; multiples of np.maximum(x, 0, out=)")
    with np.errstate(all="ignore"):
        ratios()
        scratch()
        passes()


if __name__ == "__main__":
    main()
