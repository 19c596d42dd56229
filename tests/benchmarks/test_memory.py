from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import memory
from benchmarks.work import Work
from gem_impls import Spec
from tests.benchmarks import planted
from tests.benchmarks.planted import Planted, case

SIZE = 2**16
TENSOR = 4 * SIZE


def torch_case(function: str, direction: str = "forward", **changes: Any) -> Work:
    spec = Spec(function) if function == "gem" else None
    changes = {"implementation": "torch", "shape": (SIZE,), **changes}
    return Work(case(function=function, spec=spec, direction=direction, **changes))


@pytest.mark.parametrize("out", [False, True])
def test_torch_peaks_are_exact(out: bool) -> None:
    assert memory.measure(torch_case("relu", out=out))["peak_bytes"] == 0


def test_torch_scratch_is_counted_to_the_byte() -> None:
    work = torch_case("relu")
    work.calls = [lambda: torch.relu(work.sets[0].x.view + 1)]
    assert memory.measure(work)["peak_bytes"] == TENSOR, "x + 1, while the result is made of it"
    scratch = torch_case("relu", out=True)

    def call() -> Any:
        kept = torch.empty(12345, dtype=torch.uint8)
        result = torch.clamp_min(scratch.sets[0].x.view, 0, out=scratch.sets[0].result.view)
        del kept
        return result

    scratch.calls = [call]
    assert memory.measure(scratch)["peak_bytes"] == 12345


@pytest.mark.parametrize("arrays", ["torch", "numpy"])
def test_old_garbage_that_goes_meanwhile_hides_nothing(arrays: str) -> None:
    """Arrays in a cycle of an earlier count, whose end the allocator reports during the next one."""
    make = {"torch": lambda: torch.empty(SIZE), "numpy": lambda: np.empty(SIZE, np.float32)}[arrays]

    def leave_a_cycle() -> Any:
        cycle: list[Any] = [make() for _ in range(10)]
        return cycle.append(cycle) or cycle

    def call() -> Any:
        gc.collect()
        return make()

    gc.disable()  # not before its time
    try:
        memory.COUNTERS[arrays, "cpu"](leave_a_cycle)
        peak, _ = memory.peak_bytes(call, arrays, "cpu")
        assert TENSOR <= peak < TENSOR + 2_000
    finally:
        gc.enable()


def test_buffers_of_compiled_code_are_counted() -> None:
    x = torch.randn(64, 64)
    compiled = torch.compile(lambda a: (a @ a).relu().sum())
    compiled(x)
    peak, _ = memory._count_torch_cpu(lambda: compiled(x))
    assert peak >= 64 * 64 * 4


def test_numpy_scratch_is_counted() -> None:
    peaks = {}
    for count in (0, 1_000_000):
        work = Work(case(shape=(SIZE,)), Planted(planted.allocates(count)))
        peaks[count] = memory.measure(work)["peak_bytes"]
    assert peaks[1_000_000] - peaks[0] == pytest.approx(1_000_000, abs=2_000)
    assert 0 < peaks[0] < 200_000, "numpy_cpu's workspace, and no full-size temporary"


def test_counts_repeat() -> None:
    work = torch_case("gem", implementation="torch_naive")
    first = memory.measure(work)
    assert first == memory.measure(work)
    assert first["peak_bytes"] > TENSOR, "the literal formula has temporaries"


@pytest.mark.parametrize(
    ("function", "saved"),
    [("relu", 4.0), ("leaky_relu", 4.0), ("gelu", 4.0), ("silu", 4.0), ("mish", 4.0), ("softplus", 4.0)],
)
def test_peers_save_one_tensor(function: str, saved: float) -> None:
    assert memory.measure(torch_case(function, "forward+backward"))["saved_bytes_per_element"] == saved


def test_shared_memory_is_saved_once() -> None:
    work = torch_case("relu", "forward+backward")

    def square_twice(x: Any) -> Any:
        return x * x + x * x.view(-1)

    work.op.plain_forward, kept = square_twice, work.op.plain_forward
    try:
        assert memory.saved_bytes(work) == TENSOR
    finally:
        work.op.plain_forward = kept


def test_the_literal_formula_saves_more_than_its_input() -> None:
    work = torch_case("gem", "forward+backward", implementation="torch_naive")
    assert memory.measure(work)["saved_bytes_per_element"] > 4.0


def test_gaps_of_a_strided_input_are_not_counted_as_saved() -> None:
    work = torch_case("gelu", "forward+backward", layout="strided")
    assert memory.saved_bytes(work) == TENSOR


def test_numpy_saves_its_input() -> None:
    work = Work(case(direction="forward+backward", dtype="float64"), Planted(planted.none()))
    assert memory.measure(work)["saved_bytes_per_element"] == 8.0


def test_only_passes_that_keep_something_say_what() -> None:
    assert memory.measure(torch_case("relu"))["saved_bytes_per_element"] is None
