"""Who takes part in a race: implementations, the call as users make it, ceilings, peers and references.

All of them work on the same arrays (numpy_cpu on arrays of its own, of the same numbers), and whoever
computes the family or a peer's function is held to the oracle by :mod:`benchmarks.gate`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

import gem_impls
from benchmarks import peers
from benchmarks.axes import BACKWARD, BOTH, FORWARD
from benchmarks.cases import BASIC_PEERS, NOT_HERE, Case, implementation_of
from benchmarks.partners import ceiling_of, partners
from benchmarks.performance.settings import LITERAL, MAXIMUM, USER, Setting
from benchmarks.work import Arrays, Call, Work, trained
from gem_impls.choice import chosen

ALL_PEERS_UP_TO: Final = 2**22
"""Beyond so many elements only relu and gelu take part: the others have been seen, and take their time."""


@dataclass
class Contestant:
    """One that takes part.

    Attributes:
        name: in the record.
        calls: one callable a set of arrays.
        work: what the gate checks; None for ceilings and references, which answer for nothing.
        family: whether it is an implementation that takes torch tensors.
    """

    name: str
    calls: Sequence[Call]
    work: Work | None = None
    family: bool = False


class Sharing(Work):
    """A case on arrays that belong to another :class:`benchmarks.work.Work`."""

    def __init__(self, case: Case, other: Work) -> None:
        self.case = case
        self.implementation = implementation_of(case)
        self.op = self.implementation.build(case.spec or case.function)  # type: ignore[arg-type]  # a peer's name
        self.sets = other.sets
        self.calls = self.bound()


class AsUsed(Sharing):
    """The public function on each set of arrays, naming no implementation."""

    def __init__(self, case: Case, other: Work) -> None:
        super().__init__(case, other)
        self.calls = [_as_used(_public(case), case.direction, arrays) for arrays in self.sets]


PUBLIC: Final[dict[str, Callable[..., Any]]] = {
    "gem": gem_impls.gem,
    "e-gem": gem_impls.egem,
    "se-gem": gem_impls.segem,
}
"""Variant -> the public function. A variant without one has no :data:`USER` in its races."""


def _public(case: Case) -> Callable[..., Any]:
    """The public function with the parameters that are not its defaults."""
    spec = case.spec
    assert spec is not None, "only peers have none"
    usual = gem_impls.Spec(spec.variant)
    names = ("n", "eps", "negative_slope")
    given = {name: getattr(spec, name) for name in names if getattr(spec, name) != getattr(usual, name)}
    return functools.partial(PUBLIC[spec.variant], **given)


def _as_used(call: Callable[..., Any], direction: str, arrays: Arrays) -> Call:
    if direction == BOTH:
        return functools.partial(trained, call, arrays.leaf, arrays.grad_output.view)
    return functools.partial(call, arrays.x.view)


# --- gathering ------------------------------------------------------------------------------------------


def gather(setting: Setting, sets: int, left_out: dict[str, str]) -> tuple[Work, list[Contestant]]:
    """The shared work, and everybody who can take part; ``left_out`` is told who cannot, and why."""
    shared = Work(replace(setting.case(peers.TORCH.name), function="gelu", spec=None), sets=sets)
    found = [*_ceilings(shared), *_family(setting, shared, left_out)]
    as_used = not setting.out and setting.direction != BACKWARD and setting.clock == "wall"
    if as_used and setting.spec.variant in PUBLIC:
        default = chosen("torch", setting.device)
        found.append(_made(USER, lambda: AsUsed(setting.case(default), shared)))
    found += _peers(setting, shared)
    found += _numpy(setting, left_out)
    return shared, found


def _made(name: str, work: Callable[[], Work], *, family: bool = False) -> Contestant:
    made = work()
    return Contestant(name, made.calls, made, family)


def _ceilings(shared: Work) -> Iterator[Contestant]:
    name = ceiling_of(shared.case.direction)
    yield Contestant(name, partners(shared)[name].calls)


def _family(setting: Setting, shared: Work, left_out: dict[str, str]) -> Iterator[Contestant]:
    for name in gem_impls.implementations():
        why = absent(name, setting)
        if why:
            left_out[name] = why
        elif gem_impls.get(name).arrays == "torch":
            yield _made(name, functools.partial(Sharing, setting.case(name), shared), family=True)


def available(setting: Setting) -> list[str]:
    """The implementations that can be measured at ``setting``."""
    return [name for name in gem_impls.implementations() if not absent(name, setting)]


def absent(name: str, setting: Setting) -> str | None:
    """Why implementation ``name`` cannot be measured at ``setting``; None where it can."""
    implementation, case = gem_impls.get(name), setting.case(name)
    if setting.dtype not in implementation.dtypes:
        return f"its arrays lack {setting.dtype}"
    return next((why for rule in NOT_HERE if (why := rule(case, implementation))), None)


def _peers(setting: Setting, shared: Work) -> Iterator[Contestant]:
    for name in peers.PEERS if setting.numel <= ALL_PEERS_UP_TO else BASIC_PEERS:
        if setting.out and setting.direction == BACKWARD and peers.PEERS[name].backward_out is None:
            continue
        yield _made(name, functools.partial(Sharing, replace(shared.case, function=name), shared))


# --- NumPy ----------------------------------------------------------------------------------------------


def _numpy(setting: Setting, left_out: dict[str, str]) -> Iterator[Contestant]:
    """numpy_cpu, and what NumPy users have beside it; NumPy has no autograd."""
    if setting.device != "cpu" or setting.direction == BOTH or "numpy_cpu" in left_out:
        return
    work = Work(setting.case("numpy_cpu"))
    yield Contestant("numpy_cpu", work.calls, work)
    arrays = work.sets[0]
    x, out = arrays.x.view, arrays.result.view
    if setting.direction == FORWARD and setting.out:
        yield Contestant(MAXIMUM, [functools.partial(np.maximum, x, 0, out=out)])
    elif setting.direction == FORWARD:
        yield Contestant(LITERAL, [functools.partial(literal, setting.spec, x)])


def literal(spec: gem_impls.Spec, x: Any) -> Any:
    """The formula as one writes it first: ``x^(2n+1) / (eps + x^(2n))``, chosen by ``np.where``."""
    y = x ** (2 * spec.n + 1) / (spec.eps + x ** (2 * spec.n))
    return np.where(x > 0, y, spec.negative_slope * y)
