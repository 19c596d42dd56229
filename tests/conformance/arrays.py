"""NumPy arrays and torch tensors, as far as the checks must tell them apart; and the layouts to try."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kind:
    """What the checks do with an array, whichever library it is of."""

    permute: Callable[[Any, tuple[int, ...]], Any]
    expand: Callable[[Any, tuple[int, ...]], Any]
    windows: Callable[[Any, int], Any]  # overlapping windows of a 1-D array
    strides: Callable[[Any], tuple[int, ...]]  # in elements
    empty_like: Callable[[Any], Any]
    share_memory: Callable[[Any, Any], bool]
    copy: Callable[[Any], Any]
    bits: Callable[[Any], bytes]  # the elements in logical order; one NaN is as good as another


def kind(name: str) -> Kind:
    """The :class:`Kind` of an implementation's ``arrays``."""
    return {"numpy": _numpy, "torch": _torch}[name]()


def _numpy() -> Kind:
    return Kind(
        permute=np.transpose,
        expand=np.broadcast_to,
        windows=np.lib.stride_tricks.sliding_window_view,
        strides=lambda a: tuple(s // a.itemsize for s in a.strides),
        empty_like=np.empty_like,
        share_memory=np.shares_memory,
        copy=lambda a: a.copy(),
        bits=lambda a: np.where(np.isnan(a), a.dtype.type(np.nan), a).tobytes(),
    )


def _torch() -> Kind:
    import torch

    as_bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}

    def share_memory(a: torch.Tensor, b: torch.Tensor) -> bool:
        # by storage: two views of one are never asked about
        return a.numel() > 0 and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()

    def bits(t: torch.Tensor) -> bytes:
        t = torch.where(t.isnan(), torch.nan, t.detach()).contiguous().cpu()
        return t.view(as_bits[t.element_size()]).numpy().tobytes()

    return Kind(
        permute=torch.permute,
        expand=lambda t, shape: t.expand(shape),
        windows=lambda t, size: t.unfold(0, size, 1),
        strides=lambda t: tuple(t.stride()),
        empty_like=torch.empty_like,
        share_memory=share_memory,
        copy=lambda t: t.clone(),
        bits=bits,
    )


def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the elements fill one run of memory, each once, in whatever order of dimensions."""
    step = 1
    for size, stride in sorted(
        ((n, abs(s)) for n, s in zip(shape, strides, strict=True) if n != 1), key=lambda p: p[::-1]
    ):
        if stride != step:
            return False
        step *= size
    return True


def same_layout(shape: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two strides mean the same memory order; those of dimensions of size 1 mean nothing."""
    return math.prod(shape) == 0 or all(x == y for n, x, y in zip(shape, a, b, strict=True) if n > 1)


New = Callable[..., Any]
"""Makes a contiguous array of a shape, with numbers to compute on."""

LAYOUTS: dict[str, Callable[[Kind, New], Any]] = {
    "0-d": lambda k, new: new(),
    "empty": lambda k, new: new(0),
    "empty 3-d": lambda k, new: new(3, 0, 5),
    "one element": lambda k, new: new(1),
    "one element 3-d": lambda k, new: new(1, 1, 1),
    "odd length": lambda k, new: new(1021),
    "3-d": lambda k, new: new(5, 3, 7),
    "size-1 dimensions": lambda k, new: new(1, 37, 1),
    "offset": lambda k, new: new(1022)[1:],
    "strided": lambda k, new: new(2043)[::2],
    "columns": lambda k, new: new(33, 20)[:, 3:10],
    "strided 2-d": lambda k, new: new(34, 40)[1::3, 1::2],
    "transposed": lambda k, new: k.permute(new(17, 31), (1, 0)),
    "permuted": lambda k, new: k.permute(new(3, 5, 7), (2, 0, 1)),
    "channels-last": lambda k, new: k.permute(new(2, 5, 3, 4), (0, 3, 1, 2)),
    "transposed columns": lambda k, new: k.permute(new(17, 31)[:, 2:30], (1, 0)),
    "expanded": lambda k, new: k.expand(new(1, 19), (7, 19)),
    "expanded inside": lambda k, new: k.expand(new(7, 1), (7, 19)),
    "expanded 0-d": lambda k, new: k.expand(new(), (11,)),
    "overlapping": lambda k, new: k.windows(new(40), 9),
}
"""Layouts that both libraries have."""

NUMPY_LAYOUTS: dict[str, Callable[[Kind, New], Any]] = {
    "reversed": lambda k, new: new(1021)[::-1],
    "reversed 2-d": lambda k, new: new(33, 21)[::-1, ::-2],
    "reversed transposed": lambda k, new: new(33, 21)[:, ::-1].T,
}
"""Layouts with negative strides, which torch does not have."""


def layouts(arrays: str) -> dict[str, Callable[[Kind, New], Any]]:
    """The layouts that an implementation's arrays can have."""
    return LAYOUTS | NUMPY_LAYOUTS if arrays == "numpy" else LAYOUTS
