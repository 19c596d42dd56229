"""NumPy arrays, block by block: what a formula of several ufuncs needs to stay in the cache.

Each ufunc is a pass over memory. :func:`run` hands a kernel one block of the arrays after another, so that
only the first pass over a block waits for memory. Where the arrays are dense and of the arithmetic's dtype,
blocks are views of them; elsewhere ``numpy.nditer`` gathers them in buffers.

Results are formed in ``out`` itself where it shares no memory with an input. A kernel that needs no further
workspace then allocates nothing, and gets long blocks, which have fewer calls to pay for; otherwise blocks
are as short as it takes to allocate no more than :data:`SCRATCH` bytes in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

Kernel = Callable[[Sequence[Floats], Floats, Floats, Floats], None]
"""``kernel(inputs, out, work, spare)``: one-dimensional, of one length. ``work`` is where it may compute: it
never is an input, and is ``out`` where that is none either. ``spare`` is a second such array, or empty if the
kernel was said not to need it."""

SCRATCH = 56 * 1024
"""Bytes of workspaces and buffers. With Python's own objects a call stays below 64 KiB."""

BLOCK = 256 * 1024
"""Bytes of a block that needs no scratch: two such are at home in a second-level cache."""


def run(
    kernel: Kernel, inputs: Sequence[Any], out: Any, arithmetic: np.dtype[Any], needs_spare: bool
) -> None:
    """``kernel`` on every block of ``inputs`` and ``out``, in the dtype ``arithmetic``.

    The arrays have one shape and one dtype, which may be narrower; ``out`` may be an input, or overlap one.
    """
    arrays = (*inputs, out)
    shared = any(np.may_share_memory(a, out) for a in inputs)
    flat = None if out.dtype != arithmetic or (shared and _shifted(inputs, out)) else _flat(arrays)
    workspaces = shared + needs_spare
    allocated = workspaces + (0 if flat else len(arrays))
    length = (SCRATCH // allocated if allocated else BLOCK) // arithmetic.itemsize
    rows = np.empty((workspaces, min(length, out.size)), dtype=arithmetic)
    with np.errstate(all="ignore"):
        for *block_in, block_out in _slices(flat, length) if flat else _buffers(arrays, length, arithmetic):
            work = rows[:, : block_out.size]
            kernel(
                block_in,
                block_out,
                work[0] if shared else block_out,
                work[-1] if needs_spare else block_out[:0],
            )


def _slices(flat: Sequence[Floats], length: int) -> Iterator[Sequence[Floats]]:
    for start in range(0, flat[0].size, length):
        yield [a[start : start + length] for a in flat]


def _buffers(arrays: Sequence[Any], length: int, arithmetic: np.dtype[Any]) -> Iterator[Sequence[Floats]]:
    """Blocks of any arrays, converted; the last is written. An input that overlaps it is copied first."""
    read, write = ["readonly", "overlap_assume_elementwise"], ["writeonly", "overlap_assume_elementwise"]
    iterator: Any = np.nditer(  # type: ignore[call-overload]  # NumPy's stubs want literal flags
        arrays,
        flags=["external_loop", "buffered", "zerosize_ok", "copy_if_overlap"],
        op_flags=[read] * (len(arrays) - 1) + [write],
        op_dtypes=[arithmetic] * len(arrays),
        casting="same_kind",
        order="K",
        buffersize=length,
    )
    with iterator:
        yield from iterator


def _flat(arrays: Sequence[Any]) -> list[Floats] | None:
    """One-dimensional views of ``arrays`` in the order of their memory; None unless all are dense alike."""
    *others, last = arrays
    if all(a.flags.c_contiguous for a in arrays):
        return [np.asarray(a).reshape(-1) for a in arrays]
    if any(a.strides != last.strides for a in others):
        return None
    axes = sorted(range(last.ndim), key=lambda axis: -last.strides[axis])
    if not last.transpose(axes).flags.c_contiguous:
        return None
    return [np.asarray(a).transpose(axes).reshape(-1) for a in arrays]


def _shifted(inputs: Sequence[Any], out: Any) -> bool:
    """Whether an input overlaps ``out`` other than element by element."""
    return any(
        np.may_share_memory(a, out) and (a.ctypes.data != out.ctypes.data or a.strides != out.strides)
        for a in inputs
    )
