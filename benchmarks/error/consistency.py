"""The same input gives the same bits: whatever the position, length, stride, thread count, or way of calling.

Each check computes a sample in one call, then again in another way, and counts the elements that differ. NaNs
are equal to each other; zeros of opposite sign differ.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import gem_impls
from benchmarks.error.grid import described
from benchmarks.error.points import BITS, infinity, numbers
from benchmarks.error.subjects import Subject
from gem_impls import Spec

SIZE: Final = 2 * 8192 + 2 * 1024 + 37
"""Elements of the sample: several blocks of any implementation, and a tail."""

LENGTHS: Final = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257, 1023, 1024, 1025, 8193)
OFFSETS: Final = (1, 2, 3, 5, 8, 13, 16, 31, 64, 1000)


@dataclass(frozen=True)
class Sample:
    """One subject, function and dtype, the inputs, and how results are computed."""

    subject: Subject
    spec: Spec
    dtype: str
    what: str
    x: NDArray[Any]

    def call(self, own: Any, out: Any = None) -> Any:
        """The results for an array of the subject's own."""
        op = self.subject.implementation.build(self.spec)
        if self.what == "value":
            return op.forward(own, out=out)
        return op.backward(self.ones(own), own, out=out)

    def ones(self, own: Any) -> Any:
        """grad_output for ``own``."""
        return self.array(np.ones(tuple(own.shape), np.float32))

    def array(self, x: NDArray[Any]) -> Any:
        """An array of the subject's own."""
        return self.subject.array(x, self.dtype)

    def numbers(self, own: Any) -> NDArray[np.float64]:
        """What is in an array of the subject's own."""
        return self.subject.numbers(own)


Again = Iterator[tuple[Any, Any]]
"""Pairs of results: computed another way, and which elements of the sample they stand for."""


def _repeated(s: Sample) -> Again:
    yield s.numbers(s.call(s.array(s.x))), slice(None)


def _out(s: Sample) -> Again:
    own = s.array(s.x)
    out = s.array(np.full(s.x.shape, np.nan, np.float32))
    s.call(own, out=out)
    yield s.numbers(out), slice(None)


def _in_place(s: Sample) -> Again:
    own = s.array(s.x)
    s.call(own, out=own)
    yield s.numbers(own), slice(None)


def _lengths(s: Sample) -> Again:
    for length in LENGTHS:
        yield s.numbers(s.call(s.array(s.x[:length]))), slice(length)


def _offsets(s: Sample) -> Again:
    own = s.array(s.x)
    for offset in OFFSETS:
        yield s.numbers(s.call(own[offset:])), slice(offset, None)


def _order(s: Sample) -> Again:
    order = np.random.default_rng(0).permutation(s.x.size)
    yield s.numbers(s.call(s.array(s.x[order]))), order


def _strided(s: Sample) -> Again:
    for step in (2, 3):
        yield s.numbers(s.call(s.array(np.repeat(s.x, step))[::step])), slice(None)


def _transposed(s: Sample) -> Again:
    rows = s.x[: s.x.size // 7 * 7].reshape(7, -1)
    yield s.numbers(s.call(s.array(rows).T)).T.ravel(), slice(rows.size)


def _threads(s: Sample) -> Again:
    if s.subject.implementation.arrays != "torch":
        return
    import torch

    with contextlib.ExitStack() as stack:
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            yield s.numbers(s.call(s.array(s.x))), slice(None)


def _autograd(s: Sample) -> Again:
    name = s.subject.name
    registered = name in gem_impls.implementations() and gem_impls.get(name) is s.subject.implementation
    if s.subject.implementation.arrays != "torch" or not registered:
        return
    from gem_impls.torch_autograd import apply_to_tensor

    leaf = s.array(s.x).requires_grad_()
    y = apply_to_tensor(s.spec, leaf, name)
    if s.what == "value":
        yield s.numbers(y), slice(None)
    else:
        y.backward(s.ones(leaf))  # type: ignore[no-untyped-call]  # torch's
        yield s.numbers(leaf.grad), slice(None)


CHECKS: Final[dict[str, Callable[[Sample], Again]]] = {
    "repeated": _repeated,
    "out=": _out,
    "in place": _in_place,
    "lengths": _lengths,
    "offsets": _offsets,
    "order": _order,
    "strided": _strided,
    "transposed": _transposed,
    "threads": _threads,
    "autograd": _autograd,
}
"""Name -> how to compute again. A check that does not apply gives nothing."""

FORWARD_ONLY: Final = ("in place",)
"""Checks of what only forward promises."""


def check(subject: Subject, spec: Spec, dtype: str, what: str) -> list[dict[str, Any]]:
    """The entries of ``"consistency"`` for the value or the gradient."""
    x = subject.numbers(subject.array(sample(spec, dtype), dtype)).astype(
        np.float64 if dtype == "float64" else np.float32
    )  # rounded to the dtype, so that the inputs named below are those that were used
    first = Sample(subject, spec, dtype, what, x)
    base = first.numbers(first.call(first.array(x)))
    entries = []
    for name, again in CHECKS.items():
        if name in FORWARD_ONLY and what != "value":
            continue
        elements, different, at = 0, 0, None
        for result, where in again(first):
            expected = base[where]
            differs = np.flatnonzero(_differ(result.ravel(), expected))
            elements += expected.size
            different += differs.size
            if differs.size and at is None:
                at = float(x[where][differs[0]]).hex()
        if elements:
            entries.append(
                {
                    **described(spec),
                    "dtype": dtype,
                    "what": what,
                    "check": name,
                    "elements": elements,
                    "different": different,
                    "first": at,
                }
            )
    return entries


def sample(spec: Spec, dtype: str) -> NDArray[Any]:
    """Finite numbers of both signs, of every binade, half near the junction; always the same."""
    rng = np.random.default_rng(7)
    count = SIZE // 2
    patterns = rng.integers(0, infinity(dtype), count).astype(BITS[dtype].unsigned)
    anywhere = numbers(patterns, dtype)
    near = spec.eps ** (1 / (2 * spec.n)) * np.exp2(rng.normal(0, 2, SIZE - count))
    with np.errstate(all="ignore"):
        near = near.clip(0, float(np.finfo(np.float16 if dtype == "float16" else np.float32).max))
    x = np.concatenate([anywhere, near.astype(anywhere.dtype)])
    return rng.permutation(x * np.where(rng.random(SIZE) < 0.5, -1, 1).astype(x.dtype))


def _differ(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(~(same | (np.isnan(a) & np.isnan(b))))
