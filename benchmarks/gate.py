"""Correct before fast: the very callable that is timed, on the very arrays, against the oracle.

A case passes before its timing and, with other inputs in the same arrays, after it. Before each check the
caller's result memory is filled with NaN, so what is left unwritten, or is left over, shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import accuracy
from benchmarks.axes import BACKWARD, BOTH, FORWARD
from benchmarks.work import Arrays, Call, Work
from gem_impls import oracle
from gem_impls.interface import Array

SAMPLE: Final = 16_384
"""Elements checked in ulp, drawn anew for every check, beside the first and last of the array.
*All* elements are checked for being finite."""

SAMPLE_EXACT: Final = 192
"""As SAMPLE, where every exact result is a fraction or 60 digits long: float64, and the peers."""

EDGE: Final = 0.125
"""The share of a sample that is taken from each end of the array, where block boundaries go wrong."""

PEER_TOLERANCE: Final = 8.0
"""Peers answer for their speed only: they may be wrong by so many ulp of max(|x|, |result|, 1)."""

OUTPUTS: Final = {
    FORWARD: ("value",),
    BACKWARD: ("gradient",),
    BOTH: ("value", "gradient"),
}
"""pass -> what its results are, in order."""


class NotMeasured(Exception):
    """A case has no time; the message is the reason, a sentence for the record."""


def check(work: Work, draw: int) -> None:
    """Run a timed callable of ``work`` once on fresh inputs and judge what it gives.

    Where there are several sets of arrays, the first and the last are judged.

    Args:
        work: the case, ready to run.
        draw: which inputs; another number gives others.

    Raises:
        NotMeasured: a result is wrong; or not where it belongs; or the input was written to.
    """
    work.refill(draw)
    for number in sorted({0, len(work.sets) - 1}):
        _check_one(work, work.calls[number], work.sets[number], draw)


def _check_one(work: Work, call: Call, arrays: Arrays, draw: int) -> None:
    library = _library(work)
    x, grad_output = (library.copy(buffer.view) for buffer in (arrays.x, arrays.grad_output))
    returned = call()
    work.synchronize()
    for name, before, buffer in (("x", x, arrays.x), ("grad_output", grad_output, arrays.grad_output)):
        if not library.equal(before, buffer.view):
            raise NotMeasured(f"the call wrote to its input {name}")
    results = returned if isinstance(returned, tuple) else (returned,)
    if work.case.out:
        results = (arrays.result.view,)  # the caller's memory, whatever was returned
    for what, result in zip(OUTPUTS[work.case.direction], results, strict=True):
        if tuple(result.shape) != tuple(arrays.x.view.shape) or result.dtype != arrays.x.view.dtype:
            raise NotMeasured(
                f"the {what} has shape {tuple(result.shape)} and dtype {result.dtype}; "
                f"x has {tuple(arrays.x.view.shape)} and {arrays.x.view.dtype}"
            )
        _judge(work, what, x, grad_output, result, draw)


def _judge(work: Work, what: str, x: Array, grad_output: Array, computed: Array, draw: int) -> None:
    library = _library(work)
    x, grad_output, computed = (library.flat(a) for a in (x, grad_output, computed))
    bad = ~library.isfinite(computed)
    if bool(bad.any()):
        _refuse_inside(work, what, library.places(bad), x, computed)
    chosen = _sample(work, len(x), draw)
    _judge_sample(
        work, what, chosen, *(work.numbers(library.take(a, chosen)) for a in (x, grad_output, computed))
    )


def _refuse_inside(work: Work, what: str, bad: NDArray[np.int64], x: Array, computed: Array) -> None:
    """Raise where elements at the places ``bad``, NaN or infinite, lie in the declared domain."""
    low, high = accuracy.domain(work.implementation, work.case, what)
    magnitudes = np.abs(work.numbers(_library(work).take(x, bad)))
    bad = bad[(magnitudes >= low) & (magnitudes <= high)]
    if bad.size:
        raise NotMeasured(
            f"{bad.size} of {len(x)} {what}s are NaN or infinite: stale, unwritten or wrong; "
            f"the first is element {bad[0]}, x = {float(x[bad[0]])!r}: {float(computed[bad[0]])!r}"
        )


def _judge_sample(
    work: Work,
    what: str,
    chosen: NDArray[np.int64],
    x: NDArray[Any],
    grad_output: NDArray[Any],
    computed: NDArray[Any],
) -> None:
    """In ulp. ``chosen`` says which elements they are."""
    low, high = accuracy.domain(work.implementation, work.case, what)
    inside = (np.abs(x) >= low) & (np.abs(x) <= high)
    if not inside.any():
        raise NotMeasured(f"no input lies in the declared domain, |x| from {low:.3g} to {high:.3g}")
    chosen, x, grad_output, computed = (a[inside] for a in (chosen, x, grad_output, computed))
    exact = accuracy.truth(work.case, x, what, grad_output)
    errors, limit = _errors(work, what, x, computed, exact)
    worst = int(np.argmax(errors))
    if not errors[worst] <= limit:
        raise NotMeasured(
            f"wrong {what}: {errors[worst]:.4g} ulp, {limit:.4g} permitted, at element {int(chosen[worst])}, "
            f"x = {float(x[worst])!r}: {float(computed[worst])!r} instead of {float(exact.rounded[worst])!r}"
        )


def _errors(
    work: Work, what: str, x: NDArray[Any], computed: NDArray[Any], exact: accuracy.Truth
) -> tuple[NDArray[np.float64], float]:
    case, spec = work.case, work.case.spec
    epsilon = 2.0 ** (1 - oracle.format_of(case.dtype).precision)
    if spec is None:
        scale = np.maximum(np.maximum(np.abs(x), np.abs(exact.rounded)), 1.0)
        return np.abs(computed - exact.rounded) / (scale * epsilon), PEER_TOLERANCE
    errors = exact.errors(computed, case.dtype)
    smallest = accuracy.floor(case.dtype)
    below = np.abs(exact.rounded) < smallest
    errors = np.where(below, np.where(np.abs(computed) <= 2 * smallest, 0.0, np.inf), errors)
    limit = accuracy.bound(work.implementation, spec, case.dtype, what)
    if what == "gradient" and case.dtype in accuracy.FINE:
        limit += 1  # the product with grad_output is one rounding more than the gradient itself
    return errors, limit


@dataclass(frozen=True)
class _Library:
    """What a check asks of whole arrays where they are: one of 2^28 elements is not moved to be looked at."""

    copy: Callable[[Array], Array]
    flat: Callable[[Array], Array]
    equal: Callable[[Array, Array], bool]
    isfinite: Callable[[Array], Array]
    places: Callable[[Array], NDArray[np.int64]]
    take: Callable[[Array, NDArray[np.int64]], Array]


def _library(work: Work) -> _Library:
    if work.implementation.arrays == "numpy":
        return _Library(np.copy, np.ravel, np.array_equal, np.isfinite, np.flatnonzero, lambda a, at: a[at])
    import torch

    return _Library(
        torch.clone,
        lambda t: t.detach().reshape(-1),
        torch.equal,
        torch.isfinite,
        lambda mask: mask.nonzero().reshape(-1).cpu().numpy(),
        lambda t, at: t[torch.from_numpy(at).to(t.device)],
    )


def _sample(work: Work, size: int, draw: int) -> NDArray[np.int64]:
    fast = work.case.spec is not None and work.case.dtype != "float64"
    count = SAMPLE if fast else SAMPLE_EXACT
    if size <= count:
        return np.arange(size)
    edge = int(EDGE * count)
    drawn = np.random.default_rng(draw).integers(0, size, count - 2 * edge)
    return np.unique(np.concatenate([np.arange(edge), drawn, np.arange(size - edge, size)]))
