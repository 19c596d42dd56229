"""Standard normal numbers, seeded, and arrays of every layout to hold them. Nothing here is ever timed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.axes import Shape, numel
from gem_impls import Implementation

SEED: Final = 0
DISTRIBUTION: Final = "standard normal"
SLACK: Final = 65_537
"""How many more numbers than needed the pool holds: that many different sets can be cut from it."""


@functools.lru_cache(maxsize=2)
def _pool(count: int, dtype: str) -> NDArray[Any]:
    rng = np.random.default_rng(SEED)
    return rng.standard_normal(count + SLACK, dtype="float64" if dtype == "float64" else "float32")


def normals(count: int, dtype: str, draw: int) -> NDArray[Any]:
    """``count`` standard normal numbers, in float64 for float64 and in float32 for narrower dtypes.

    Different ``draw`` numbers give sets that differ at every position: windows of one seeded pool, so that
    fresh inputs cost a copy. Half of all numbers are negative.
    """
    start = (draw * 7_919) % SLACK
    return _pool(count, dtype)[start : start + count]


@dataclass(frozen=True)
class Layout:
    """How an array lies in memory: the shape of its dense base, and the view of it that is used."""

    base: Callable[[Shape], Shape]
    view: Callable[[Any], Any]


LAYOUTS: Final[dict[str, Layout]] = {
    "contiguous": Layout(lambda shape: shape, lambda base: base),
    "channels_last": Layout(
        lambda shape: (shape[0], *shape[2:], shape[1]), lambda base: _permuted(base, (0, 3, 1, 2))
    ),
    "transposed": Layout(lambda shape: shape[::-1], lambda base: _permuted(base, (1, 0))),
    "strided": Layout(lambda shape: (*shape[:-1], 2 * shape[-1]), lambda base: base[..., ::2]),
}
"""Layout name -> how to make one; the names of the axis ``layout``."""


def _permuted(array: Any, order: tuple[int, ...]) -> Any:
    return array.transpose(order) if isinstance(array, np.ndarray) else array.permute(order)


class Buffer:
    """An array of an implementation, in some layout, that can be filled again in place.

    Attributes:
        view: the array itself.
    """

    def __init__(
        self, implementation: Implementation, shape: Shape, dtype: str, device: str, layout: str
    ) -> None:
        row = LAYOUTS[layout]
        self._implementation, self._dtype, self._device = implementation, dtype, device
        self._shape = row.base(shape)
        self._base = implementation.from_numpy(np.zeros(self._shape, dtype=np.float32), dtype, device)
        self.view = row.view(self._base)

    def fill(self, draw: int) -> None:
        """Put the standard normal numbers of ``draw`` in."""
        numbers = normals(numel(self._shape), self._dtype, draw).reshape(self._shape)
        self._base[...] = self._implementation.from_numpy(numbers, self._dtype, self._device)

    def poison(self) -> None:
        """Put NaN everywhere, so that what a call leaves unwritten shows."""
        self._base[...] = float("nan")
