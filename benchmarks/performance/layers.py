"""Where the time goes: nested entry points of one implementation, raced against one another.

A ladder is a list of rungs. Each rung does what the rung below it does and one thing more, so the difference
of two neighbours, round by round, is what that one thing costs. :data:`LADDERS` says what the rungs of each
implementation are; one without a row has the rungs that the interface gives:

==============================  ==========================================================================
launch and dispatch             ``op.forward(x, out)`` on 16 elements: all that does not depend on the size
device                          the same on all elements
allocation                      ``op.forward(x)``: a new result, page faults included
function call                   ``gem(x, implementation=...)`` without a gradient
autograd, forward               the same for an ``x`` that requires a gradient
backward                        and then ``op.backward(grad_output, x)``, called directly
autograd, backward              the same through autograd, as in training
==============================  ==========================================================================

Where the kernel itself can be had, ``launch`` and ``device`` are calls of the kernel, and two rungs follow:
for code from Inductor ``generated wrapper``, the Python that Inductor writes around its kernel, and
``compile guards and dispatch``, what Dynamo and ``op.forward(x, out)`` add; for others ``operator dispatch``.
On a GPU the wall clock is read: at sizes where the host is slower than the device the rungs are host time.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from benchmarks import gate, peers
from benchmarks.axes import BOTH
from benchmarks.clocks import Wall
from benchmarks.measure import Racer, Settings, reasons
from benchmarks.performance.contestants import available
from benchmarks.performance.entries import LAYERS, Race
from benchmarks.performance.races import cache_of, run
from benchmarks.performance.settings import Setting
from benchmarks.work import Arrays, Call, Work, differentiable, trained

FEW: Final = 16
"""Elements of a call whose time is all overhead: one vector register's worth."""

EXPONENTS: Final = {"full": (10, 14, 16, 20, 24), "quick": (10, 20)}
"""Length of a run -> the sizes, as powers of two, that layers are measured at."""

LAUNCH, BARE = "launch", "launch and dispatch"
DEVICE, WRAPPER = "device", "generated wrapper"
GUARDS, DISPATCH = "compile guards and dispatch", "operator dispatch"
ALLOCATION, CALL = "allocation", "function call"
RECORDING, BACKWARD_OPERATION, ENGINE = "autograd, forward", "backward", "autograd, backward"
WHOLE_BACKWARD = "backward, autograd included"

ARGUMENT: Final = re.compile(r"arg(\d+)_1")
"""What Inductor's wrappers call their arguments."""

Rung = tuple[str, Call]


@dataclass(frozen=True)
class Footing:
    """What a ladder stands on: the case, its operation, and arrays of all and of :data:`FEW` elements."""

    work: Work
    arrays: Arrays

    @property
    def op(self) -> Any:
        """The operation: of an implementation, or a peer's."""
        return self.work.op

    @property
    def all(self) -> tuple[Any, Any]:
        """Input and result."""
        return self.arrays.x.view, self.arrays.result.view

    @property
    def few(self) -> tuple[Any, Any]:
        """The first elements of both."""
        return self.arrays.x.view[:FEW], self.arrays.result.view[:FEW]


# --- kernels by themselves --------------------------------------------------------------------------------


def _from_interface(f: Footing) -> list[Rung]:
    forward = f.op.forward
    return [
        (BARE, functools.partial(forward, *f.few)),
        (DEVICE, functools.partial(forward, *f.all)),
    ]


def _from_formula(f: Footing) -> list[Rung]:
    """The literal formula is its own kernel: a dozen of torch's operators, each with a result of its own."""
    import torch

    from gem_impls.impls.torch_naive import literal

    formula = functools.partial(torch.no_grad()(literal), f.op.spec)
    return [
        (BARE, functools.partial(formula, f.few[0])),
        (DEVICE, functools.partial(formula, f.all[0])),
        (DISPATCH, functools.partial(f.op.forward, f.all[0])),
    ]


def _from_inductor(f: Footing) -> list[Rung]:
    """The kernel and the wrapper that Inductor generated, caught in the act of being called."""
    few, every = (_caught(functools.partial(f.op.forward, *arrays)) for arrays in (f.few, f.all))
    if few is None or every is None:
        return _from_interface(f)
    return [
        (LAUNCH, few.kernel),
        (DEVICE, every.kernel),
        (WRAPPER, every.wrapper),
        (GUARDS, functools.partial(f.op.forward, *f.all)),
    ]


def _from_extension(f: Footing) -> list[Rung]:
    """The compiled function, on flat tensors, before anything asks whether it may be called."""
    into = f.op._native.forward_into
    return [
        (LAUNCH, functools.partial(into, *f.few)),
        (DEVICE, functools.partial(into, *f.all)),
        (DISPATCH, functools.partial(f.op.forward, *f.all)),
    ]


def _from_peer(f: Footing) -> list[Rung]:
    into = f.op.forward_into
    return [
        (BARE, functools.partial(into, f.few[0], out=f.few[1])),
        (DEVICE, functools.partial(into, f.all[0], out=f.all[1])),
    ]


LADDERS: Final[dict[str, Callable[[Footing], list[Rung]]]] = {
    "cpp_fused": _from_extension,
    "torch_compile": _from_inductor,
    "torch_naive": _from_formula,
    "gelu": _from_peer,
}
"""Implementation (or peer) -> its lowest rungs, where the interface does not give them all."""


@dataclass(frozen=True)
class Caught:
    """A call into generated code, to be made again: the kernel alone, and the wrapper around it."""

    kernel: Call
    wrapper: Call


def _caught(call: Call) -> Caught | None:
    """What ``call`` runs of Inductor's C++; None where it runs none, or more than one kernel.

    Inductor's wrappers look their kernels up by name in their own module, so a stand-in under that name
    sees the arguments of the kernel and, one frame up, those of the wrapper.
    """
    try:
        from torch._inductor.codecache import PyCodeCache
    except ImportError:  # a private name, which another torch may not have
        return None
    call()  # compiled by now
    seen: list[Caught] = []
    replaced: list[tuple[Any, str, Any]] = []

    def stand_in(module: Any, kernel: Any) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            local = sys._getframe(1).f_locals
            numbered = {int(m[1]): value for n, value in local.items() if (m := ARGUMENT.fullmatch(n))}
            given = [numbered[i] for i in sorted(numbered)]
            seen.append(Caught(functools.partial(kernel, *arguments), lambda: module.call(list(given))))
            kernel(*arguments)

        return note

    for module in list(getattr(PyCodeCache, "modules", [])):
        for name, value in list(vars(module).items()):
            if name.startswith("cpp_fused"):
                replaced.append((module, name, value))
                setattr(module, name, stand_in(module, value))
    try:
        call()
    finally:
        for module, name, value in replaced:
            setattr(module, name, value)
    return seen[0] if len(seen) == 1 else None


# --- the ladder -------------------------------------------------------------------------------------------


def ladder(work: Work) -> list[Rung]:
    """The rungs of ``work``'s implementation, lowest first."""
    name = work.case.function if work.case.kind == "peer" else work.case.implementation
    footing = Footing(work, work.sets[0])
    arrays, op = footing.arrays, footing.op
    x, grad_output = arrays.x.view, arrays.grad_output.view
    rungs = LADDERS.get(name, _from_interface)(footing)
    function = differentiable(op, work.case)
    plain = op.plain_forward if work.case.kind == "peer" else op.forward
    if work.implementation.saves_only_input:  # the literal formula's results are new already
        rungs.append((ALLOCATION, functools.partial(plain, x)))
    if arrays.leaf is None:
        return rungs
    if work.case.kind == "gem":
        rungs.append((CALL, functools.partial(function, x)))
    rungs.append((RECORDING, functools.partial(function, arrays.leaf)))
    whole = functools.partial(trained, function, arrays.leaf, grad_output)
    if not work.implementation.saves_only_input:  # op.backward would compute once more what autograd kept
        return [*rungs, (WHOLE_BACKWARD, whole)]
    backward = op.plain_backward if work.case.kind == "peer" else op.backward
    directly = functools.partial(_and_backward, function, backward, arrays.leaf, x, grad_output)
    return [*rungs, (BACKWARD_OPERATION, directly), (ENGINE, whole)]


def _and_backward(
    function: Callable[[Any], Any], backward: Callable[..., Any], leaf: Any, x: Any, grad_output: Any
) -> tuple[Any, Any]:
    return function(leaf), backward(grad_output, x)


def subjects(device: str) -> list[str]:
    """Whose layers can be measured on ``device``: implementations, and gelu to compare with."""
    return [*available(Setting(device, 10, BOTH)), "gelu"]


def layers(subject: str, setting: Setting, length: Settings) -> Race:
    """Race the rungs of ``subject``.

    Raises:
        NotMeasured: it cannot be: a wrong result, out of memory, an error.
    """
    with reasons():
        work = _work(subject, setting)
        gate.check(work, draw=1)
        rungs = ladder(work)
        clock = Wall(work.synchronize)
        racers = {name: Racer(clock, [call], length) for name, call in rungs}
        samples = run(racers, length)
        gate.check(work, draw=2)
        return Race(
            purpose=LAYERS,
            subject=subject,
            function=str(setting.spec),
            device=setting.device,
            dtype=setting.dtype,
            numel=setting.numel,
            passes=setting.direction,
            out=False,
            clock=clock.name,
            cache=cache_of(setting),
            bytes=work.case.bytes,
            family=(),
            samples={name: tuple(samples[name]) for name, _ in rungs},
            calls={name: racer.calls for name, racer in racers.items()},
        )


def _work(subject: str, setting: Setting) -> Work:
    if subject in peers.PEERS:
        return Work(replace(setting.case(peers.TORCH.name), function=subject, spec=None))
    return Work(setting.case(subject))
