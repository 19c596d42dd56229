"""numpy_cpu: what it promises beyond the conformance of all implementations."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest

from gem_impls import Spec, get
from gem_impls.impls import numpy_cpu

SPECS = [Spec("gem", 2), Spec("se-gem", 1, 1e-4, 0.01)]
EVERYTHING = np.array(
    [0.0, -0.0, 1e-45, -1e-40, 1.0, 3e38, -3e38, np.inf, -np.inf, np.nan] * 7, dtype=np.float32
)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_never_warns_and_leaves_the_error_state_alone(spec: Spec) -> None:
    """Whatever the caller's settings, on numbers that overflow, underflow, and are not numbers."""
    op = get("numpy_cpu").build(spec)
    for dtype in ("float16", "float32", "float64"):
        with np.errstate(all="ignore"):
            x = EVERYTHING.astype(dtype)
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            before = np.geterr()
            op.forward(x)
            op.backward(x, x)
            op.forward(x[::2], out=np.empty_like(x[::2]))
            assert np.geterr() == before


@pytest.mark.parametrize("layout", ["contiguous", "strided", "transposed"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_no_temporary_has_the_size_of_the_input(dtype: str, layout: str) -> None:
    """With out given, blocks are all that is allocated: the same for one million elements as for two."""
    op = get("numpy_cpu").build(SPECS[1])
    peaks = []
    for rows in (1000, 2000):
        x = np.ones((rows, 2000), dtype=dtype)
        x = {"contiguous": x[:, :1000].copy(), "strided": x[:, ::2], "transposed": x[:, :1000].copy().T}[
            layout
        ]
        out = np.empty_like(x)
        for call in (lambda x=x, out=out: op.forward(x, out), lambda x=x, out=out: op.backward(x, x, out)):
            tracemalloc.start()
            call()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert max(peaks) < 8 * numpy_cpu.BLOCK * 8, "a few blocks of float64"
    assert max(peaks) < 1000 * 1000 * np.dtype(dtype).itemsize


def test_the_result_of_a_subclass_is_an_array() -> None:
    class Mine(np.ndarray):
        pass

    x = np.linspace(-2, 2, 9).view(Mine)
    assert type(get("numpy_cpu").build(SPECS[0]).forward(x)) is np.ndarray


def test_a_foreign_byte_order_is_refused() -> None:
    with pytest.raises(TypeError, match="native byte order"):
        get("numpy_cpu").build(SPECS[0]).forward(np.ones(3, dtype=np.dtype("f4").newbyteorder()))


def test_partly_overlapping_out() -> None:
    """out may be x shifted: the result is as if x had been copied first."""
    op = get("numpy_cpu").build(SPECS[1])
    memory = np.linspace(-2, 2, 30_001, dtype=np.float32)
    for x_at, out_at in ((slice(0, -1), slice(1, None)), (slice(1, None), slice(0, -1))):
        buffer = memory.copy()
        op.forward(buffer[x_at], out=buffer[out_at])
        np.testing.assert_array_equal(buffer[out_at], op.forward(memory[x_at].copy()))
    square = memory[:10_000].reshape(100, 100).copy()
    expected = op.forward(square.T.copy())
    op.forward(square.T, out=square)
    np.testing.assert_array_equal(square, expected)


def test_it_serves_the_cpu_alone() -> None:
    impl = get("numpy_cpu")
    assert impl.unavailable() is None
    assert "torch" in (impl.unavailable("cuda") or "")
