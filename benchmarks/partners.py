"""What a case is measured against, in the same rounds: a ceiling, and the activations it would replace.

The ceiling moves the bytes that the pass must move and does nothing else: ``copy_`` (two tensors) forward,
``torch.add(out=)`` (three) backward, both in turn for forward+backward. All of them write to memory that
exists; a case without ``out=`` also pays for its own.

Partners of NumPy arrays are torch's too, on the same memory: the ceiling is the machine's, so fractions of
it compare between implementations. Where torch is missing the ceilings are ``numpy.copyto`` and
``numpy.add(out=)``, and there are no activations to compare with.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks import peers
from benchmarks.axes import BACKWARD, BOTH, FORWARD
from benchmarks.cases import BASIC_PEERS
from benchmarks.work import Arrays, Call, Work, bind


@dataclass(frozen=True)
class Partner:
    """One partner's callables, one a set of arrays, and the bytes that a call declares."""

    calls: list[Call]
    bytes: int


def partners(work: Work) -> dict[str, Partner]:
    """Name -> partner, the ceiling first."""
    name, bind_ceiling = CEILINGS[work.case.direction]
    has_torch = peers.TORCH.unavailable(work.case.device) is None
    sets = [_tensors(arrays) if has_torch else _arrays(arrays) for arrays in work.sets]
    found = {name: Partner([bind_ceiling(*views) for views in sets], work.case.bytes)}
    if has_torch:
        for peer in BASIC_PEERS:
            case = replace(work.case, function=peer, spec=None, implementation=peers.TORCH.name)
            op = peers.TORCH.build(peer)
            calls = [bind(op, case, _as_torch(arrays)) for arrays in work.sets]
            found[peer] = Partner(calls, case.bytes)
    return found


def ceiling_of(direction: str) -> str:
    """The name of the partner that moves the bytes of that pass and does nothing else."""
    return CEILINGS[direction][0]


# --- ceilings: (copy, add, x, grad_output, out) -> callable -----------------------------------------------


Move = Callable[..., Any]


def _copy(copy: Move, add: Move, x: Any, grad_output: Any, out: Any) -> Call:  # noqa: ARG001  # one signature
    return functools.partial(copy, out, x)


def _add(copy: Move, add: Move, x: Any, grad_output: Any, out: Any) -> Call:  # noqa: ARG001  # one signature
    return functools.partial(add, grad_output, x, out=out)


def _both(copy: Move, add: Move, x: Any, grad_output: Any, out: Any) -> Call:
    def in_turn() -> None:
        copy(out, x)
        add(grad_output, x, out=out)

    return in_turn


CEILINGS: Final[dict[str, tuple[str, Callable[..., Call]]]] = {
    FORWARD: ("copy_", _copy),
    BACKWARD: ("add", _add),
    BOTH: ("copy_+add", _both),
}
"""pass -> (name in the record, how to bind it)."""


def _tensors(arrays: Arrays) -> tuple[Any, ...]:
    import torch

    a = _as_torch(arrays)
    return torch.Tensor.copy_, torch.add, a.x.view, a.grad_output.view, a.result.view


def _arrays(arrays: Arrays) -> tuple[Any, ...]:
    return np.copyto, np.add, arrays.x.view, arrays.grad_output.view, arrays.result.view


@dataclass(frozen=True)
class _View:
    """A tensor where :func:`benchmarks.work.bind` expects a buffer."""

    view: Any


def _as_torch(arrays: Arrays) -> Any:
    """The same memory as torch sees it."""
    if arrays.leaf is not None:
        return arrays
    import torch

    x, grad_output, result = (
        torch.from_numpy(buffer.view) for buffer in (arrays.x, arrays.grad_output, arrays.result)
    )
    return Arrays(_View(x), _View(grad_output), _View(result), x.detach().requires_grad_())  # type: ignore[arg-type]
