"""gem_impls.numpy_blocks: every element once, in blocks, over the arrays themselves where they allow it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gem_impls import numpy_blocks

FLOAT32 = np.dtype("float32")


class Sum:
    """A kernel that adds its inputs, and notes what it was given."""

    def __init__(self, needs_spare: bool = False) -> None:
        self.needs_spare = needs_spare
        self.lengths: list[int] = []
        self.views: list[bool] = []

    def run(self, inputs: tuple[Any, ...], out: Any, arithmetic: np.dtype[Any] = FLOAT32) -> None:
        self.arrays = (*inputs, out)
        numpy_blocks.run(self, inputs, out, arithmetic, self.needs_spare)

    def __call__(self, inputs: Any, out: Any, work: Any, spare: Any) -> None:
        blocks = (*inputs, out)
        assert all(a.ndim == 1 and a.size == out.size and a.dtype == out.dtype for a in (*blocks, work))
        assert spare.size == (out.size if self.needs_spare else 0)
        self.lengths.append(out.size)
        self.views += [
            np.shares_memory(block, array) for block, array in zip(blocks, self.arrays, strict=True)
        ]
        work[:] = np.nan  # it may be written before the inputs are read
        spare[:] = np.nan
        total = np.sum(inputs, axis=0)
        assert not np.isnan(total).any(), "neither work nor spare is an input"
        out[:] = total


def numbered(*shape: int, dtype: str = "float32") -> Any:
    return (np.arange(np.prod(shape)) % 1000).astype(dtype).reshape(shape)


def test_blocks_cover_everything_once_in_order() -> None:
    size = 3 * numpy_blocks.BLOCK // 4 + 17
    x, out = numbered(size), np.full(size, -1, dtype="float32")
    kernel = Sum()
    kernel.run((x,), out)
    np.testing.assert_array_equal(out, x)
    assert kernel.lengths == [numpy_blocks.BLOCK // 4] * 3 + [17]
    assert all(kernel.views)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (1, 1, 5)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    x, out = numbered(*shape), np.full(shape, -1, dtype="float32")
    kernel = Sum(needs_spare=True)
    kernel.run((x, x), out)
    np.testing.assert_array_equal(out, 2 * x)
    assert sum(kernel.lengths) == x.size


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("rows", lambda a: a),
        ("columns", lambda a: a.transpose(2, 1, 0)),
        ("channels last", lambda a: a.transpose(2, 0, 1)),
    ],
)
def test_dense_arrays_are_not_copied(name: str, view: Any) -> None:
    a, b, out = (view(numbered(8, 50, 20)) for _ in range(3))
    kernel = Sum()
    kernel.run((a, b), out)
    np.testing.assert_array_equal(out, 2 * a)
    assert all(kernel.views), name


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_arrays_that_differ_in_layout_or_have_gaps_are_met_element_by_element(dtype: str) -> None:
    a = numbered(60, 400, dtype=dtype)[:, ::2]
    b = np.asfortranarray(numbered(60, 200, dtype=dtype))
    c = numbered(60, 200, dtype=dtype)[::-1]
    out = np.zeros((200, 60), dtype=dtype).T
    kernel = Sum(needs_spare=True)
    kernel.run((a, b, c), out)
    np.testing.assert_array_equal(out, a + b + c)
    assert max(kernel.lengths) * 5 * FLOAT32.itemsize <= numpy_blocks.SCRATCH


def test_a_wider_arithmetic_sees_the_numbers_unrounded() -> None:
    a = np.full(5000, 2049.0, dtype="float32")
    kernel = Sum()
    kernel.run((a, a), out := np.empty_like(a), np.dtype("float64"))
    np.testing.assert_array_equal(out, 4098.0)
    assert not any(kernel.views)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_out_may_be_an_input_or_overlap_one(dtype: str) -> None:
    """The kernel's work is then not an input, and nothing is read after it was written."""
    size = 100_000
    memory = numbered(size + 1, dtype=dtype)
    expected = 2 * memory
    for x_at, out_at in (
        (slice(0, size), slice(0, size)),
        (slice(0, size), slice(1, size + 1)),
        (slice(1, size + 1), slice(0, size)),
        (slice(None, None, -1), slice(None)),
    ):
        here = memory.copy()
        x, out = here[x_at], here[out_at]
        Sum(needs_spare=True).run((x, x.copy()), out)
        np.testing.assert_array_equal(out, expected[x_at])


def test_the_callers_error_state_is_kept() -> None:
    x = np.array([np.inf, -np.inf, 1e38], dtype="float32")

    def overflows(inputs: Any, out: Any, work: Any, spare: Any) -> None:
        np.multiply(inputs[0], inputs[0], out=out)

    with np.errstate(all="raise"):
        before = np.geterr()
        numpy_blocks.run(overflows, (x,), np.empty_like(x), FLOAT32, False)
        assert np.geterr() == before
